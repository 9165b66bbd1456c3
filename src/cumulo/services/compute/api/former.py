"""What compute's API had until its hosts were hypervisors: hosts, and since when they run; bare metal."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.declined import HostPowerless, NoBareMetal, NodesElsewhere
from cumulo.services.compute.domain import former as domain
from cumulo.services.compute.domain.hosts import find_host
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


async def power(ctx: Ctx, host_name: str) -> Any:
    """Turn a host on or off, which no hypervisor here does."""
    await find_host(ctx.db, host_name)
    raise HostPowerless(host=host_name)


for _verb, _rule in (
    ("reboot", policy.HOSTS_REBOOT),
    ("shutdown", policy.HOSTS_SHUTDOWN),
    ("startup", policy.HOSTS_START),
):
    routes.route("GET", f"/os-hosts/{{host_name}}/{_verb}", policy=_rule, until=LAST)(power)


async def nodes(ctx: Ctx) -> Any:
    """Ask the bare metal service for its nodes, if there were one."""
    del ctx
    raise NoBareMetal


async def change_nodes(ctx: Ctx) -> Any:
    """Refuse to change nodes, which was never a proxy's to do."""
    del ctx
    raise NodesElsewhere


_NODE = "/os-baremetal-nodes/{node_id}"
for _method, _path, _rule, _handler in (
    ("GET", "/os-baremetal-nodes", policy.BAREMETAL_LIST, nodes),
    ("GET", _NODE, policy.BAREMETAL_SHOW, nodes),
    ("POST", "/os-baremetal-nodes", policy.BAREMETAL_LIST, change_nodes),
    ("DELETE", _NODE, policy.BAREMETAL_SHOW, change_nodes),
    ("POST", f"{_NODE}/action", policy.BAREMETAL_SHOW, change_nodes),
):
    routes.route(_method, _path, policy=_rule, until="2.35")(_handler)


@routes.route("GET", "/os-hypervisors/{hypervisor_id}/uptime", policy=policy.HYPERVISORS_UPTIME, until="2.87")
async def show_uptime(ctx: Ctx, hypervisor_id: str) -> Any:
    """Say since when a hypervisor runs."""
    return await domain.uptime(ctx, hypervisor_id)
