"""Floating IPs."""

from typing import Any

from cumulo.core import ids
from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.domain import addresses, gateways, ports
from cumulo.services.network.domain.addresses import Asked
from cumulo.services.network.domain.changes import change, tell_servers, touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import (
    BadRequest,
    ExternalGatewayForFloatingIPNotFound,
    FipInUseByPortForwarding,
    FloatingIPNotFound,
    FloatingIPPortAlreadyAssociated,
    PortHasPortForwarding,
)
from cumulo.services.network.model import (
    FixedIp,
    FloatingIp,
    Network,
    Owner,
    Port,
    PortForwarding,
    Router,
    Status,
    Subnet,
)


async def create(
    work: Work,
    network: Network,
    project_id: str,
    *,
    address: str | None = None,
    subnet_id: str | None = None,
    **values: Any,
) -> FloatingIp:
    """Take an address of an external network."""
    if not network.external:
        reason = f"network {network.id} is not a valid external network"
        raise BadRequest(resource="floatingip", reason=reason)
    id_ = ids.dashed()
    asked = [Asked(subnet_id, address)] if subnet_id or address else None
    holder = await ports.create(
        work,
        network,
        "",
        fixed_ips=asked,
        group_ids=(),
        device_id=id_,
        device_owner=Owner.FLOATING_IP.value,
        status=Status.NOT_APPLICABLE,
    )
    held = await work.db.all(FixedIp, FixedIp.c.port_id == holder.id)
    taken = [ip.address for ip in held if ":" not in ip.address]
    if not taken:
        reason = f"network {network.id} has no IPv4 subnet"
        raise BadRequest(resource="floatingip", reason=reason)
    row = FloatingIp(
        id=id_,
        project_id=project_id,
        **values,
        floating_network_id=network.id,
        floating_ip_address=taken[0],
        holder_port_id=holder.id,
    )
    await work.db.insert(row)
    return row


async def hold(work: Work, row: FloatingIp) -> None:
    """Bring a floating IP up to date; others that lead it or its ports somewhere wait for this one."""
    found = await work.db.one(FloatingIp, FloatingIp.c.id == row.id, for_update=True)
    if found is None:
        raise FloatingIPNotFound(id=row.id)
    for name in FloatingIp.__struct_fields__:
        setattr(row, name, getattr(found, name))


async def alone(work: Work, port: Port) -> None:
    """Have others wait that lead to this port: all of an address or its single ports."""
    await work.db.lock(f"network.led_to:{port.id}")


async def _refuse_forwarded(work: Work, row: FloatingIp, ip: FixedIp) -> None:
    """Refuse to lead all of an address somewhere to which single ports are forwarded."""
    mine = (
        PortForwarding.c.internal_port_id == ip.port_id,
        PortForwarding.c.internal_ip_address == ip.address,
    )
    held = await work.db.one(PortForwarding, *mine)
    if held is not None:
        facts = {"port_id": ip.port_id, "fixed_ip": ip.address, "other": held.id}
        raise PortHasPortForwarding(id=row.id, **facts)


async def refuse_forwarding(db: Reader, row: FloatingIp) -> None:
    """Refuse to give a floating IP up that forwards ports. FipInUseByPortForwarding."""
    if await db.exists(PortForwarding, PortForwarding.c.floatingip_id == row.id):
        raise FipInUseByPortForwarding(id=row.id)


async def associate(work: Work, row: FloatingIp, port: Port, fixed_address: str | None = None) -> FloatingIp:
    """Lead the floating IP to an IPv4 address of a port (its only one, unless named)."""
    await hold(work, row)
    await refuse_forwarding(work.db, row)
    ip = await fixed_ip(work.db, port, fixed_address)
    await alone(work, port)
    await _refuse_forwarded(work, row, ip)
    router_id = await router_to(work.db, row, port, ip)
    other = await work.db.one(
        FloatingIp,
        FloatingIp.c.port_id == port.id,
        FloatingIp.c.fixed_ip_address == ip.address,
        FloatingIp.c.id != row.id,
    )
    if other is not None:
        raise FloatingIPPortAlreadyAssociated(
            id=row.id, address=row.floating_ip_address, port_id=port.id, fixed_ip=ip.address
        )
    before = await _server_of(work.db, row)
    values: dict[str, Any] = {
        "port_id": port.id,
        "fixed_ip_address": ip.address,
        "router_id": router_id,
        "status": Status.ACTIVE,
    }
    await change(work.db, row, values)
    await touch(work, Kind.FLOATING_IP, row.id)
    await tell_servers(work, (before, _server(port)))
    return row


async def disassociate(work: Work, row: FloatingIp) -> FloatingIp:
    """Lead the floating IP nowhere."""
    if row.port_id is None:
        return row
    before = await _server_of(work.db, row)
    nothing = {"port_id": None, "fixed_ip_address": None, "router_id": None}
    await change(work.db, row, {**nothing, "status": Status.DOWN})
    await touch(work, Kind.FLOATING_IP, row.id)
    await tell_servers(work, (before,))
    return row


async def delete(work: Work, row: FloatingIp) -> None:
    """Give the address back."""
    await disassociate(work, row)
    await work.db.delete(PortForwarding, PortForwarding.c.floatingip_id == row.id)
    await touch(work, Kind.FLOATING_IP, row.id)
    await work.db.delete(FloatingIp, FloatingIp.c.id == row.id)
    holder = await work.db.get(Port, row.holder_port_id)
    if holder is not None:
        await ports.remove(work, holder)


async def update(work: Work, row: FloatingIp, values: dict[str, Any]) -> FloatingIp:
    """Describe a floating IP, or give it a QoS policy."""
    await change(work.db, row, values)
    if values.keys() & {"qos_policy_id", "distributed"}:
        await touch(work, Kind.FLOATING_IP, row.id)
    return row


async def _server_of(db: Reader, row: FloatingIp) -> str:
    port = await db.get(Port, row.port_id) if row.port_id else None
    return _server(port) if port else ""


def _server(port: Port) -> str:
    return port.device_id if port.device_owner.startswith("compute:") else ""


async def fixed_ip(db: Reader, port: Port, address: str | None) -> FixedIp:
    """Return an IPv4 address of a port: the one named, or its only one."""
    held = await db.all(FixedIp, FixedIp.c.port_id == port.id, order_by=[FixedIp.c.position])
    v4 = [ip for ip in held if ":" not in ip.address]
    if address is not None:
        wanted = str(addresses.parse(address))
        v4 = [ip for ip in v4 if ip.address == wanted]
    if not v4:
        shown = address or "IPv4 address"
        raise BadRequest(resource="floatingip", reason=f"port {port.id} has no {shown}")
    if len(v4) > 1:
        reason = f"port {port.id} has several IPv4 addresses; name one as fixed_ip_address"
        raise BadRequest(resource="floatingip", reason=reason)
    return v4[0]


async def router_to(db: Reader, row: FloatingIp, port: Port, ip: FixedIp) -> str:
    """Return the router between the port and the external network; the subnet's own gateway first."""
    interfaces = await db.all(
        Port,
        Port.c.network_id == port.network_id,
        Port.c.device_owner == Owner.ROUTER_INTERFACE,
    )
    ids_ = [interface.id for interface in interfaces]
    held = await db.all(FixedIp, FixedIp.c.port_id.in_(ids_)) if ids_ else []
    there = {other.port_id: other.address for other in held if other.subnet_id == ip.subnet_id}
    subnet = await db.get(Subnet, ip.subnet_id)
    gateway = subnet.gateway_ip if subnet else None
    routers = [(there[p.id] != gateway, p.device_id) for p in interfaces if p.id in there]
    for _, router_id in sorted(routers):
        router = await db.get(Router, router_id)
        if router is not None and row.floating_network_id in await gateways.networks_of(db, router):
            return router_id
    raise ExternalGatewayForFloatingIPNotFound(
        network_id=row.floating_network_id, subnet_id=ip.subnet_id, port_id=port.id
    )
