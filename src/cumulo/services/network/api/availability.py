"""How many addresses are left, for administrators."""

from typing import Any

from sqlalchemy import select

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.network import policy
from cumulo.services.network.api.ownership import visible_networks
from cumulo.services.network.domain import availability
from cumulo.services.network.errors import BadRequest, NetworkNotFound
from cumulo.services.network.model import Network, Subnet

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


@routes.route("GET", "/floatingip_pools", policy=policy.GET_FIP_POOLS)
async def pools(ctx: Ctx) -> dict[str, Any]:
    """List the subnets of external networks, which floating IPs come from."""
    seen = select(Network.c.id).where(Network.c.external, *visible_networks(ctx, Network))
    where = (Subnet.c.network_id.in_(seen), Subnet.c.ip_version == 4)  # noqa: PLR2004  IP's version numbers are their own names
    rows = await ctx.db.all(Subnet, *where, order_by=[Subnet.c.created_at, Subnet.c.id])
    shown = [
        {
            "network_id": row.network_id,
            "subnet_id": row.id,
            "subnet_name": row.name,
            "cidr": row.cidr,
            "project_id": row.project_id,
            "tenant_id": row.project_id,
        }
        for row in rows
    ]
    return {"floatingip_pools": shown}


@routes.route("GET", "/network-ip-availabilities/{network_id}", policy=policy.GET_AVAILABILITY)
async def show(ctx: Ctx, network_id: str) -> dict[str, Any]:
    """Show how many addresses a network has and how many are taken."""
    found = await availability.of_networks(ctx.db, Network.c.id == network_id)
    if not found:
        raise NetworkNotFound(id=network_id)
    return {"network_ip_availability": found[0]}
