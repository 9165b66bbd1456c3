"""Networks and floating IPs, which compute's API had until 2.35. Clients of today ask the network service."""

from typing import Any

from cumulo.contracts.network import FormerNetworkCalls
from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.schema.former import (
    FloatingIpOrder,
    floating_ip_document,
    network_document,
    project_network_document,
)

routes = RouteSet()
LAST = "2.35"


@routes.route("GET", "/os-networks", policy=policy.NETWORKS_LIST, until=LAST)
async def list_networks(ctx: Ctx) -> Any:
    """List the networks that the caller's project sees."""
    found = await ctx.use(FormerNetworkCalls).networks(ctx.db, project_id=_owner(ctx))
    return {"networks": [network_document(network, full=ctx.identity.is_admin) for network in found]}


@routes.route("GET", "/os-networks/{network_id}", policy=policy.NETWORKS_SHOW, until=LAST)
async def show_network(ctx: Ctx, network_id: str) -> Any:
    """Show a network."""
    found = await ctx.use(FormerNetworkCalls).network(ctx.db, network_id, project_id=_owner(ctx))
    return {"network": network_document(found, full=ctx.identity.is_admin)}


@routes.route("GET", "/os-tenant-networks", policy=policy.PROJECT_NETWORKS_LIST, until=LAST)
async def list_project_networks(ctx: Ctx) -> Any:
    """List the networks that the caller's project sees, in fewer words."""
    found = await ctx.use(FormerNetworkCalls).networks(ctx.db, project_id=_owner(ctx))
    return {"networks": [project_network_document(network) for network in found]}


@routes.route("GET", "/os-tenant-networks/{network_id}", policy=policy.PROJECT_NETWORKS_SHOW, until=LAST)
async def show_project_network(ctx: Ctx, network_id: str) -> Any:
    """Show a network in fewer words."""
    found = await ctx.use(FormerNetworkCalls).network(ctx.db, network_id, project_id=_owner(ctx))
    return {"network": project_network_document(found)}


@routes.route("GET", "/os-floating-ip-pools", policy=policy.FLOATING_IP_POOLS, until=LAST)
async def list_pools(ctx: Ctx) -> Any:
    """List the networks of which floating IPs may be taken."""
    found = await ctx.use(FormerNetworkCalls).pools(ctx.db, project_id=_owner(ctx))
    return {"floating_ip_pools": [{"name": pool.name or pool.id} for pool in found]}


@routes.route("GET", "/os-floating-ips", policy=policy.FLOATING_IPS_LIST, until=LAST)
async def list_floating_ips(ctx: Ctx) -> Any:
    """List the project's floating IPs."""
    calls, project_id = ctx.use(FormerNetworkCalls), ctx.identity.project_id or ""
    found = await calls.floating_ips(ctx.db, project_id=project_id)
    return {"floating_ips": [floating_ip_document(each) for each in found]}


@routes.route("POST", "/os-floating-ips", policy=policy.FLOATING_IPS_CREATE, until=LAST)
async def create_floating_ip(ctx: Ctx, body: FloatingIpOrder | None) -> Any:
    """Take a floating IP of a pool, or of the default one."""
    pool = body.pool if body is not None and isinstance(body.pool, str) else None
    identity = ctx.identity
    made = await ctx.use(FormerNetworkCalls).create_floating_ip(
        ctx, project_id=identity.project_id or "", is_admin=identity.is_admin, pool=pool
    )
    return {"floating_ip": floating_ip_document(made)}


@routes.route("GET", "/os-floating-ips/{floating_ip_id}", policy=policy.FLOATING_IPS_SHOW, until=LAST)
async def show_floating_ip(ctx: Ctx, floating_ip_id: str) -> Any:
    """Show a floating IP."""
    calls = ctx.use(FormerNetworkCalls)
    found = await calls.floating_ip(ctx.db, floating_ip_id, project_id=_owner(ctx))
    return {"floating_ip": floating_ip_document(found)}


@routes.route("DELETE", "/os-floating-ips/{floating_ip_id}", policy=policy.FLOATING_IPS_DELETE, until=LAST)
async def delete_floating_ip(ctx: Ctx, floating_ip_id: str) -> Response:
    """Give a floating IP back."""
    await ctx.use(FormerNetworkCalls).delete_floating_ip(ctx, floating_ip_id, project_id=_owner(ctx))
    return Response(202)


def _owner(ctx: Ctx) -> str | None:
    """Return the project whose networks the caller may see; None: all."""
    return None if ctx.identity.is_admin else ctx.identity.project_id or ""
