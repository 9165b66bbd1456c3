"""A server's ports as compute tells of them; the network service owns them."""

from typing import Any

from cumulo.contracts.network import NetworkRequest, PortBinding, Ports
from cumulo.core.errors import Conflict, NotFound
from cumulo.core.http import Ctx
from cumulo.services.compute import addresses, guests, hardware
from cumulo.services.compute.domain.servers import begin, check_lock, check_state, latest
from cumulo.services.compute.errors import (
    BadInterface,
    InterfaceNotFound,
    NetworkLabelNotFound,
    NoFloatingIp,
    PortBusy,
)
from cumulo.services.compute.model import Server, VmState
from cumulo.services.compute.schema.bodies import InterfaceBody
from cumulo.services.compute.schema.servers import Lines, plain_addresses
from cumulo.services.compute.tasks import AttachInterface, Card, DetachInterface

_GROUPED = frozenset({VmState.ACTIVE, VmState.STOPPED, VmState.PAUSED})
_WITH_PORTS = frozenset(VmState) - {VmState.BUILDING, VmState.DELETED}


def addresses_on(server: Server, label: str) -> Lines:
    """Return a server's addresses on one network. NetworkLabelNotFound."""
    found = plain_addresses(server.addresses)
    if label not in found:
        raise NetworkLabelNotFound(label=label)
    return {label: found[label]}


async def interfaces(ctx: Ctx, server: Server) -> list[dict[str, Any]]:
    """Return a server's ports."""
    bindings = await ctx.use(Ports).bindings(ctx.db, server.id)
    return [interface_document(ctx, binding) for binding in bindings]


async def interface(ctx: Ctx, server: Server, port_id: str) -> dict[str, Any]:
    """Return one of a server's ports. InterfaceNotFound."""
    for document in await interfaces(ctx, server):
        if document["port_id"] == port_id:
            return document
    raise InterfaceNotFound(port_id=port_id, id=server.id)


def interface_document(ctx: Ctx, binding: PortBinding) -> dict[str, Any]:
    """Return a port as compute shows it; its tag since 2.70."""
    tag = {"tag": binding.tag} if ctx.version is not None and ctx.version >= (2, 70) else {}
    return {
        **tag,
        "port_id": binding.port_id,
        "net_id": binding.network_id,
        "mac_addr": binding.mac,
        "port_state": "ACTIVE" if binding.active else "DOWN",
        "fixed_ips": [{"subnet_id": ip.subnet_id, "ip_address": ip.address} for ip in binding.fixed_ips],
    }


async def attach(ctx: Ctx, server: Server, body: InterfaceBody) -> dict[str, Any]:
    """Make a port for a server or give it one, and promise to plug it in; return it."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_state(server, "attach_interface", _GROUPED)
    wanted = _request(body)
    ports, identity = ctx.use(Ports), ctx.identity
    found, _ = await ports.check(
        ctx.db,
        None if wanted is None else [wanted],
        project_id=server.project_id,
        is_admin=identity.is_admin,
    )
    if not found:
        raise BadInterface(reason="there is no network that the server could be put on")
    binding = await ports.attach(
        ctx,
        server.id,
        found[0],
        project_id=server.project_id,
        host=server.host or "",
        zone=server.zone or "",
    )
    await ports.limit(ctx, server.id, hardware.card_limits(guests.flavor_of(server)))
    await addresses.refresh(ctx.db, ports, [server.id])
    saga = AttachInterface(
        server_id=server.id,
        action_id=await begin(ctx, server, "attach_interface"),
        card=Card(port_id=binding.port_id, mac=binding.mac, mtu=binding.mtu),
        port_id=binding.port_id,
    )
    await ctx.start(saga)
    return interface_document(ctx, binding)


def _request(body: InterfaceBody) -> NetworkRequest | None:
    """Return what is asked for; None where nothing is said. BadInterface."""
    network = body.net_id if isinstance(body.net_id, str) else None
    port = body.port_id if isinstance(body.port_id, str) else None
    fixed = body.fixed_ips[0].ip_address if isinstance(body.fixed_ips, list) else None
    if network is not None and port is not None:
        raise BadInterface(reason="Must not input both network_id and port_id")
    if fixed is not None and network is None:
        raise BadInterface(reason="Must input network_id when request IP address")
    if network is None and port is None:
        return None
    tag = body.tag if isinstance(body.tag, str) else None
    return NetworkRequest(network_id=network, port_id=port, fixed_ip=fixed, tag=tag)


async def detach(ctx: Ctx, server: Server, port_id: str) -> None:
    """Promise to take a port from a server. InterfaceNotFound."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_state(server, "detach_interface", _GROUPED)
    bindings = await ctx.use(Ports).bindings(ctx.db, server.id)
    binding = next((each for each in bindings if each.port_id == port_id), None)
    if binding is None:
        raise InterfaceNotFound(port_id=port_id, id=server.id)
    saga = DetachInterface(
        server_id=server.id,
        action_id=await begin(ctx, server, "detach_interface"),
        card=Card(port_id=port_id, mac=binding.mac, mtu=binding.mtu),
        port_id=port_id,
    )
    try:
        await ctx.start(saga)
    except Conflict as error:
        raise PortBusy(port_id=port_id) from error


async def change_fixed(ctx: Ctx, server: Server, *, network: str | None, address: str | None) -> None:
    """Give a server one more address on a network, or take an address from it (until 2.43)."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_state(server, "add_fixed_ip" if network else "remove_fixed_ip", _GROUPED)
    ports = ctx.use(Ports)
    try:
        if network is not None:
            await ports.add_address(ctx, server.id, network)
        else:
            await ports.remove_address(ctx, server.id, address or "")
    except NotFound as error:
        raise BadInterface(reason=error.message) from error
    await addresses.refresh(ctx.db, ports, [server.id])


async def change_floating(
    ctx: Ctx, server: Server, address: str, *, fixed: str | None, present: bool
) -> None:
    """Lead a floating address to a server, or no longer (until 2.43). NoFloatingIp."""
    check_lock(ctx, server)
    ports, owner = ctx.use(Ports), None if ctx.identity.is_admin else ctx.identity.project_id
    if not present:
        await ports.disassociate(ctx, server.id, address, project_id=owner)
        return
    try:
        await ports.associate(ctx, server.id, address, fixed_ip=fixed, project_id=owner)
    except Conflict as error:
        raise NoFloatingIp(address=address, id=server.id, reason=error.message) from error


async def change_group(ctx: Ctx, server: Server, name: str, *, present: bool) -> None:
    """Put a security group on a server's ports, or take it off."""
    check_lock(ctx, server)
    verb = "add" if present else "remove"
    check_state(server, f"{verb}_security_group", _WITH_PORTS)
    ports: Ports = ctx.use(Ports)
    await ports.change_security_group(ctx, server.id, name, present=present)
    await addresses.refresh(ctx.db, ports, [server.id])
