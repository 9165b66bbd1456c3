"""What compute's API had until its hosts were hypervisors: hosts, and since when they run."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.domain import former as domain
from cumulo.services.compute.schema.bodies import HostChange

routes = RouteSet()
LAST = "2.42"


@routes.route("GET", "/os-hosts", policy=policy.HOSTS_LIST, until=LAST)
async def list_hosts(ctx: Ctx) -> Any:
    """List hosts."""
    return await domain.listed(ctx)


@routes.route("GET", "/os-hosts/{host_name}", policy=policy.HOSTS_SHOW, until=LAST)
async def show_host(ctx: Ctx, host_name: str) -> Any:
    """Show what a host has and what its servers take, in all and by project."""
    return await domain.shown(ctx, host_name)


@routes.route("PUT", "/os-hosts/{host_name}", policy=policy.HOSTS_UPDATE, until=LAST)
async def update_host(ctx: Ctx, host_name: str, body: HostChange) -> Any:
    """Enable or disable a host."""
    return await domain.change(ctx, host_name, body)


@routes.route("GET", "/os-hypervisors/{hypervisor_id}/uptime", policy=policy.HYPERVISORS_UPTIME, until="2.87")
async def show_uptime(ctx: Ctx, hypervisor_id: str) -> Any:
    """Say since when a hypervisor runs."""
    return await domain.uptime(ctx, hypervisor_id)
