"""A server's ports as compute tells of them; the network service owns them."""

from typing import Any

from cumulo.contracts.network import PortBinding, Ports
from cumulo.core.http import Ctx
from cumulo.services.compute import addresses
from cumulo.services.compute.domain.servers import check_lock, check_state
from cumulo.services.compute.errors import InterfaceNotFound, NetworkLabelNotFound
from cumulo.services.compute.model import Server, VmState
from cumulo.services.compute.schema.servers import Lines, plain_addresses

_GROUPED = frozenset({VmState.ACTIVE, VmState.STOPPED, VmState.PAUSED})


def addresses_on(server: Server, label: str) -> Lines:
    """Return a server's addresses on one network. NetworkLabelNotFound."""
    found = plain_addresses(server.addresses)
    if label not in found:
        raise NetworkLabelNotFound(label=label)
    return {label: found[label]}


async def interfaces(ctx: Ctx, server: Server) -> list[dict[str, Any]]:
    """Return a server's ports."""
    ports: Ports = ctx.use(Ports)
    bindings = await ports.bindings(ctx.db, server.id)
    active = {b.port_id: await ports.active(ctx.db, [b.port_id]) for b in bindings}
    return [interface_document(binding, active=active[binding.port_id]) for binding in bindings]


async def interface(ctx: Ctx, server: Server, port_id: str) -> dict[str, Any]:
    """Return one of a server's ports. InterfaceNotFound."""
    for document in await interfaces(ctx, server):
        if document["port_id"] == port_id:
            return document
    raise InterfaceNotFound(port_id=port_id, id=server.id)


def interface_document(binding: PortBinding, *, active: bool) -> dict[str, Any]:
    """Return a port as compute shows it."""
    return {
        "port_id": binding.port_id,
        "net_id": binding.network_id,
        "mac_addr": binding.mac,
        "port_state": "ACTIVE" if active else "DOWN",
        "fixed_ips": [{"subnet_id": ip.subnet_id, "ip_address": ip.address} for ip in binding.fixed_ips],
    }


async def change_group(ctx: Ctx, server: Server, name: str, *, present: bool) -> None:
    """Put a security group on a server's ports, or take it off."""
    check_lock(ctx, server)
    verb = "add" if present else "remove"
    check_state(server, f"{verb}_security_group", _GROUPED)
    ports: Ports = ctx.use(Ports)
    await ports.change_security_group(ctx, server.id, name, present=present)
    await addresses.refresh(ctx.db, ports, [server.id])
