"""Automatic networks: one call for whoever just wants to be connected."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.network import policy
from cumulo.services.network.api.quotas import of_project
from cumulo.services.network.domain import topology as domain
from cumulo.services.network.model import Topology

routes = RouteSet()
_PATH = "/auto-allocated-topology/{project_id}"
_OWN = ("null", "None")  # how clients write that they mean their own project


def whose(ctx: Ctx) -> dict[str, Any]:
    """Return the policy's target: the project in the path, or the caller's own."""
    return ctx.own() if ctx.params["project_id"] in _OWN else of_project(ctx)


@routes.route("GET", _PATH, policy=policy.GET_TOPOLOGY, target=whose, transaction=True)
async def show(ctx: Ctx, project_id: str) -> dict[str, Any]:
    """Return a project's automatic network, made now if need be; `fields=dry-run` only says if it could."""
    owner = whose(ctx)["project_id"] if project_id in _OWN else project_id
    if "dry-run" in ctx.request.query.get("fields", []):
        await domain.check(ctx.db)
        return shown("dry-run=pass", owner)
    if not await ctx.db.exists(Topology, Topology.c.project_id == owner):
        await ctx.claim({"network": 1, "router": 1}, project_id=owner)
    return shown((await domain.ensure(ctx, owner)).network_id, owner)


@routes.route("DELETE", _PATH, policy=policy.DELETE_TOPOLOGY, status=204, target=whose)
async def delete(ctx: Ctx, project_id: str) -> None:
    """Delete a project's automatic network with its router."""
    await domain.delete(ctx, whose(ctx)["project_id"] if project_id in _OWN else project_id)


def shown(id_: str, project_id: str) -> dict[str, Any]:
    """Return the answer: the network's id, and whose it is."""
    return {"auto_allocated_topology": {"id": id_, "tenant_id": project_id, "project_id": project_id}}
