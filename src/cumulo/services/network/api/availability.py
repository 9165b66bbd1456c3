"""How many addresses are left, for administrators."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.network import policy
from cumulo.services.network.domain import availability
from cumulo.services.network.errors import BadRequest, NetworkNotFound
from cumulo.services.network.model import Network

routes = RouteSet()
_COLUMNS = {
    "network_id": Network.c.id,
    "network_name": Network.c.name,
    "project_id": Network.c.project_id,
    "tenant_id": Network.c.project_id,
}


@routes.route("GET", "/network-ip-availabilities", policy=policy.GET_AVAILABILITY)
async def listed(ctx: Ctx) -> dict[str, Any]:
    """List networks with how many addresses they have and how many are taken."""
    query = ctx.request.query
    where = [column.in_(query[name]) for name, column in _COLUMNS.items() if name in query]
    asked = query.get("ip_version", ["4", "6"])
    if not set(asked) <= {"4", "6"}:
        raise BadRequest(resource="network_ip_availability", reason=f"{asked[0]} is no IP version")
    found = await availability.of_networks(ctx.db, *where, versions=[int(version) for version in asked])
    return {"network_ip_availabilities": found}


@routes.route("GET", "/network-ip-availabilities/{network_id}", policy=policy.GET_AVAILABILITY)
async def show(ctx: Ctx, network_id: str) -> dict[str, Any]:
    """Show how many addresses a network has and how many are taken."""
    found = await availability.of_networks(ctx.db, Network.c.id == network_id)
    if not found:
        raise NetworkNotFound(id=network_id)
    return {"network_ip_availability": found[0]}
