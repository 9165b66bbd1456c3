"""Hosts as compute's API showed them until 2.42, and since when they run."""

from collections import defaultdict
from typing import Any

from cumulo.contracts.hypervisor import Hypervisor
from cumulo.core.bus import Bus, remote
from cumulo.core.drivers import DriverError
from cumulo.core.errors import Unavailable, Unsupported
from cumulo.core.http import Ctx
from cumulo.services.compute.domain.hosts import find_host, find_hypervisor, hypervisor_document
from cumulo.services.compute.domain.services import AnyService, change_service, control_services
from cumulo.services.compute.errors import HostSilent
from cumulo.services.compute.model import ComputeHost, Server
from cumulo.services.compute.schema.bodies import HostChange, ServiceChange

QUICK = 30.0  # seconds in which a host answers a mere question


async def listed(ctx: Ctx) -> dict[str, Any]:
    """Return the hosts, or those of a zone."""
    zone = ctx.request.first("zone") or None
    rows = await ctx.db.all(ComputeHost, order_by=(ComputeHost.c.host,))
    known: list[AnyService] = [*control_services(ctx), *rows]
    places = [(one.host, one.binary, one.zone) for one in known]
    return {
        "hosts": [
            {"host_name": host, "service": binary.removeprefix("nova-"), "zone": of}
            for host, binary, of in places
            if zone in (None, of)
        ]
    }


async def shown(ctx: Ctx, name: str) -> dict[str, Any]:
    """Return what a host has, and what its servers take. HostNotFound."""
    host = await find_host(ctx.db, name)
    here = (Server.c.host == name, Server.c.deleted_at.is_(None))
    by_project: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for server in await ctx.db.all(Server, *here):
        amounts = (server.vcpus, server.memory_mib, server.disk_gib)
        sums = by_project[server.project_id]
        by_project[server.project_id] = [a + b for a, b in zip(sums, amounts, strict=True)]
    total = [sum(column) for column in zip(*by_project.values(), strict=True)] or [0, 0, 0]
    lines = {
        "(total)": [host.vcpus, host.memory_mib, host.disk_gib],
        "(used_now)": total,
        "(used_max)": total,
        **by_project,
    }
    return {"host": [{"resource": _line(name, project, amounts)} for project, amounts in lines.items()]}


def _line(host: str, project: str, amounts: list[int]) -> dict[str, Any]:
    cpu, memory, disk = amounts
    return {"host": host, "project": project, "cpu": cpu, "memory_mb": memory, "disk_gb": disk}


async def change(ctx: Ctx, name: str, body: HostChange) -> dict[str, Any]:
    """Enable or disable a host. HostNotFound; Unsupported for maintenance, which no hypervisor here has."""
    host = await find_host(ctx.db, name)
    if isinstance(body.maintenance_mode, str):
        raise Unsupported("The hypervisors of this cloud have no maintenance mode.")
    if not isinstance(body.status, str):
        return {"host": name}
    wanted = f"{body.status.lower()}d"
    await change_service(ctx, host, ServiceChange(status="enabled" if wanted == "enabled" else "disabled"))
    return {"host": name, "status": wanted}


async def uptime(ctx: Ctx, hypervisor_id: str) -> dict[str, Any]:
    """Return since when a hypervisor runs. HostNotFound, HostSilent."""
    host = await find_hypervisor(ctx, hypervisor_id)
    try:
        text = await remote(ctx.use(Bus), host.host, Hypervisor, timeout=QUICK).uptime()
    except (DriverError, Unavailable) as error:
        raise HostSilent(host=host.host) from error
    return {"hypervisor": {**hypervisor_document(ctx, host, None), "uptime": text}}
