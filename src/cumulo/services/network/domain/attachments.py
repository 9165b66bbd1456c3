"""Ports and addresses that come to servers, or go, while these exist."""

from collections.abc import Mapping

import msgspec

from cumulo.contracts.network import CardLimit, NetworkRequest, PortBinding
from cumulo.core.db import Reader
from cumulo.core.errors import Conflict, NotFound
from cumulo.core.work import Work
from cumulo.services.network.domain import floating_ips, ports, promises, servers
from cumulo.services.network.domain.addresses import Asked
from cumulo.services.network.errors import PortNotFound
from cumulo.services.network.model import FixedIp, FloatingIp, Port
from cumulo.services.network.model.networks import EXPECTED


async def attach(
    work: Work, server_id: str, request: NetworkRequest, *, project_id: str, host: str, zone: str
) -> PortBinding:
    """Create or take one more port for a server, bound to `host`."""
    held = await work.db.all(Port, *servers.ports_of(server_id))
    values = {
        "device_id": server_id,
        "device_owner": f"{servers.OF_COMPUTE}{zone or 'nova'}",
        "host": host,
        "position": max((port.position for port in held), default=-1) + 1,
        "tag": request.tag,
    }
    port_id = request.port_id
    if port_id is not None:
        await servers.take(work, port_id, values)
    else:
        made = await servers.make(work, request, project_id, (), {**values, "made_for": server_id})
        port_id = made.id
    await _claim(work, port_id)
    found = {binding.port_id: binding for binding in await servers.bindings(work.db, server_id)}
    return found[port_id]


async def _claim(work: Work, port_id: str) -> None:
    """Claim what a port asks for on its server's host."""
    port = await work.db.get(Port, port_id)
    if port is not None:
        await promises.claim(work, port)


async def detach(work: Work, server_id: str, port_id: str) -> None:
    """Delete one of a server's ports, or let go of it. PortNotFound."""
    port = await work.db.one(Port, Port.c.id == port_id, *servers.ports_of(server_id))
    if port is None:
        raise PortNotFound(id=port_id)
    if port.made_for == server_id:
        await ports.remove(work, port)
    else:
        await ports.update(work, port, dict(servers.NOBODY))


async def move(work: Work, server_id: str, host: str) -> None:
    """Bind a server's ports to another host, and nowhere else."""
    for port in await work.db.all(Port, *servers.ports_of(server_id)):
        profile = {key: value for key, value in port.profile.items() if key != EXPECTED}
        if port.host != host or profile != port.profile:
            await ports.update(work, port, {"host": host, "profile": profile})


async def expect(work: Work, server_id: str, host: str | None) -> None:
    """Have a second host ready to take a server's ports over; None: none any longer."""
    for port in await work.db.all(Port, *servers.ports_of(server_id)):
        profile = {key: value for key, value in port.profile.items() if key != EXPECTED}
        if host is not None:
            profile[EXPECTED] = host
        if profile != port.profile:
            await ports.update(work, port, {"profile": profile})


async def settle(work: Work, server_id: str) -> None:
    """Have a server's ports say who keeps what they are promised, by the server's claim of now."""
    await promises.settle(work, server_id, await work.db.all(Port, *servers.ports_of(server_id)))


async def limit(work: Work, server_id: str, limits: Mapping[str, CardLimit]) -> None:
    """Have each of a server's cards do no more than this, by direction."""
    wanted = msgspec.to_builtins(dict(limits)) or None
    for port in await work.db.all(Port, *servers.ports_of(server_id)):
        if port.limits != wanted:
            await ports.update(work, port, {"limits": wanted})


async def add_address(work: Work, server_id: str, network_id: str) -> None:
    """Give a server's first port on a network one more address."""
    mine = servers.ports_of(server_id)
    there = (*mine, Port.c.network_id == network_id)
    port = next(iter(await work.db.all(Port, *there, order_by=[Port.c.position])), None)
    if port is None:
        raise NotFound(f"Server {server_id} has no port on network {network_id}.")
    held = await _held(work.db, port)
    subnets = [row.subnet_id for row in held] or [s.id for s in await ports.subnets_of(work.db, network_id)]
    wanted = [Asked(row.subnet_id, row.address) for row in held]
    await ports.update(work, port, {}, fixed_ips=[*wanted, Asked(subnets[0])])


async def remove_address(work: Work, server_id: str, address: str) -> None:
    """Take a fixed address from a server's ports."""
    for port in await work.db.all(Port, *servers.ports_of(server_id)):
        held = await _held(work.db, port)
        if any(row.address == address for row in held):
            kept = [Asked(row.subnet_id, row.address) for row in held if row.address != address]
            await ports.update(work, port, {}, fixed_ips=kept)
            return
    raise NotFound(f"Fixed address {address} is not one of server {server_id}.")


async def associate(
    work: Work, server_id: str, address: str, *, fixed_ip: str | None, project_id: str | None
) -> None:
    """Lead a floating address to one of a server's fixed addresses: the first IPv4 one unless named."""
    row = await _floating(work.db, address, project_id)
    for port in await work.db.all(Port, *servers.ports_of(server_id), order_by=[Port.c.position]):
        inside = [ip.address for ip in await _held(work.db, port) if ":" not in ip.address]
        if inside and fixed_ip in (None, *inside):
            await floating_ips.associate(work, row, port, fixed_ip or inside[0])
            return
    raise NotFound(f"Server {server_id} has no fixed address {fixed_ip or 'at all'}.")


async def disassociate(work: Work, server_id: str, address: str, *, project_id: str | None) -> None:
    """Lead a floating address to a server no longer; Conflict when it does not."""
    row = await _floating(work.db, address, project_id)
    mine = (Port.c.id == (row.port_id or ""), *servers.ports_of(server_id))
    if not await work.db.exists(Port, *mine):
        raise Conflict(f"Floating IP {address} is not associated with server {server_id}.")
    await floating_ips.disassociate(work, row)


async def _held(db: Reader, port: Port) -> list[FixedIp]:
    return await db.all(FixedIp, FixedIp.c.port_id == port.id, order_by=[FixedIp.c.position])


async def _floating(db: Reader, address: str, project_id: str | None) -> FloatingIp:
    own = () if project_id is None else (FloatingIp.c.project_id == project_id,)
    row = await db.one(FloatingIp, FloatingIp.c.floating_ip_address == address, *own)
    if row is None:
        raise NotFound(f"Floating IP {address} could not be found.")
    return row
