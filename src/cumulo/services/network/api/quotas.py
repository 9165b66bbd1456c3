"""Limits of projects, as neutron shows them."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.quota import STANDARD, UNLIMITED, Quota, QuotaLimit
from cumulo.services.network import policy
from cumulo.services.network.domain.quotas import NAME
from cumulo.services.network.errors import BadRequest

routes = RouteSet()
Values = dict[str, bool | int]
_FLAGS = ("force", "check_limit")
_MOST = 2**31 - 1


class QuotaBelowUsage(BadRequest):
    """Quota limit for {name} cannot be {limit}: {used} are in use."""


class QuotaOutOfRange(BadRequest):
    """Quota limit for {name} cannot be {limit}: it is within 0 and 2147483647, or -1 for no limit."""


def of_project(ctx: Ctx) -> dict[str, Any]:
    """Return the policy's target: the project in the path."""
    project_id = ctx.params.get("project_id", ctx.identity.project_id)
    return {"project_id": project_id, "tenant_id": project_id}


@routes.route("GET", "/quotas/{project_id}", policy=policy.GET_QUOTA, target=of_project)
async def show(ctx: Ctx, project_id: str) -> dict[str, Any]:
    """Show a project's limits."""
    return {"quota": await ctx.use(Quota).limits(ctx.db, NAME, project_id)}


@routes.route("GET", "/quotas/{project_id}/default", policy=policy.GET_QUOTA, target=of_project)
async def default(ctx: Ctx, project_id: str) -> dict[str, Any]:
    """Show the limits of a project that has none of its own."""
    del project_id
    return {"quota": ctx.use(Quota).defaults(NAME)}


@routes.route("GET", "/quotas", policy=policy.LIST_QUOTAS)
async def listed(ctx: Ctx) -> dict[str, Any]:
    """List the projects that have limits of their own, each with all its limits."""
    standard = await ctx.use(Quota).standard(ctx.db, NAME)
    limits: dict[str, dict[str, int]] = {}
    c = QuotaLimit.c
    for row in await ctx.db.all(
        QuotaLimit, c.service == NAME, c.project_id != STANDARD, order_by=[c.project_id]
    ):
        limits.setdefault(row.project_id, dict(standard))[row.resource] = row.value
    return {"quotas": [{"project_id": id_, "tenant_id": id_, **own} for id_, own in limits.items()]}


@routes.route("GET", "/quotas/{project_id}/details.json", policy=policy.GET_QUOTA, target=of_project)
@routes.route("GET", "/quotas/{project_id}/details", policy=policy.GET_QUOTA, target=of_project)
async def details(ctx: Ctx, project_id: str) -> dict[str, Any]:
    """Show a project's limits and what it holds."""
    standing = await ctx.use(Quota).standing(ctx.db, NAME, project_id)
    shown = {n: {"limit": s.limit, "used": s.used, "reserved": 0} for n, s in standing.items()}
    return {"quota": shown}


@routes.route("PUT", "/quotas/{project_id}", policy=policy.UPDATE_QUOTA, envelope="quota", target=of_project)
async def update(ctx: Ctx, project_id: str, body: Values) -> dict[str, Any]:
    """Set a project's limits; below what it holds only by `force`, or `check_limit` false."""
    limits = {name: int(value) for name, value in body.items() if name not in _FLAGS}
    for name, limit in limits.items():
        if not UNLIMITED <= limit <= _MOST:
            raise QuotaOutOfRange(name=name, limit=limit)
    if body.get("check_limit", True) and not body.get("force"):
        standing = await ctx.use(Quota).standing(ctx.db, NAME, project_id)
        for name, limit in limits.items():
            if name in standing and 0 <= limit < standing[name].used:
                raise QuotaBelowUsage(name=name, limit=limit, used=standing[name].used)
    await ctx.use(Quota).set(ctx.db, NAME, project_id, limits)
    return {"quota": await ctx.use(Quota).limits(ctx.db, NAME, project_id)}


@routes.route("DELETE", "/quotas/{project_id}", policy=policy.DELETE_QUOTA, status=204, target=of_project)
async def reset(ctx: Ctx, project_id: str) -> None:
    """Return a project to the default limits."""
    await ctx.use(Quota).reset(ctx.db, NAME, project_id)
