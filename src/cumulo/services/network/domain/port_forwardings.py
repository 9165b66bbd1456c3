"""Port forwarding: single ports of a floating IP that lead to ports of an internal address."""

from typing import Any, NamedTuple

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.domain import floating_ips, ports
from cumulo.services.network.domain.changes import change, touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import (
    BadRequest,
    FloatingIpAssociated,
    FloatingIPNotFound,
    PortHasBindingFloatingIP,
)
from cumulo.services.network.model import FloatingIp, Port, PortForwarding, Status

PROTOCOLS = ("tcp", "udp", "sctp")
_LAST = 65535
_LONGEST = len("65535:65535")


class Ports(NamedTuple):
    """An inclusive range of port numbers."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}:{self.last}"


def read_ports(name: str, number: int | None, text: str | None) -> Ports | None:
    """Read `<name>` or `<name>_range`; None when neither was given. BadRequest."""
    if number is not None and text is not None:
        raise _bad(f"either {name} or {name}_range must be given, not both")
    if text is None:
        found = None if number is None else Ports(number, number)
    else:
        first, _, last = text.partition(":")
        if len(text) > _LONGEST or not (first.isdecimal() and (last or first).isdecimal()):
            raise _bad(f"{name}_range '{text}' is no range of port numbers such as 80:90")
        found = Ports(int(first), int(last or first))
    if found is not None and not 1 <= found.first <= found.last <= _LAST:
        raise _bad(f"{name} {found} is not within 1 to {_LAST}")
    return found


def _bad(reason: str) -> BadRequest:
    return BadRequest(resource="port_forwarding", reason=reason)


async def create(work: Work, floating: FloatingIp, row: PortForwarding, port: Port) -> PortForwarding:
    """Lead ports of a floating IP to a port's address."""
    await floating_ips.hold(work, floating)
    if floating.port_id is not None:
        raise FloatingIpAssociated(id=floating.id, port_id=floating.port_id)
    await _lead(work, floating, row, port)
    await work.db.insert(row)
    return row


async def update(
    work: Work, row: PortForwarding, values: dict[str, Any], port: Port | None
) -> PortForwarding:
    """Change where ports of a floating IP lead."""
    floating = await _floating(work.db, row)
    await floating_ips.hold(work, floating)
    trial = PortForwarding(**{name: getattr(row, name) for name in PortForwarding.__struct_fields__})
    for name, value in values.items():
        setattr(trial, name, value)
    port = port or await work.db.get(Port, row.internal_port_id)
    if port is None:
        raise _bad(f"port {row.internal_port_id} is gone")
    await _lead(work, floating, trial, port)
    changed = {name: getattr(trial, name) for name in (*values, "internal_ip_address")}
    return await change(work.db, row, changed)


async def _lead(work: Work, floating: FloatingIp, row: PortForwarding, port: Port) -> None:
    """Check a forwarding, find its router, and have the data plane follow."""
    _check_ranges(row)
    ip = await floating_ips.fixed_ip(work.db, port, row.internal_ip_address or None)
    row.internal_ip_address, row.internal_port_id = ip.address, port.id
    await floating_ips.alone(work, port)
    await _refuse_whole(work.db, port, ip.address)
    await _refuse_overlap(work.db, row)
    router_id = await floating_ips.router_to(work.db, floating, port, ip)
    if floating.router_id not in (None, router_id):
        raise _bad(f"port {port.id} is behind router {router_id}, the floating IP on {floating.router_id}")
    await change(work.db, floating, {"router_id": router_id, "status": Status.ACTIVE})
    await touch(work, Kind.FLOATING_IP, floating.id)


def _check_ranges(row: PortForwarding) -> None:
    if row.protocol not in PROTOCOLS:
        raise _bad(f"protocol '{row.protocol}' is none of {', '.join(PROTOCOLS)}")
    inner, outer = row.internal_last - row.internal_first, row.external_last - row.external_first
    if inner not in (0, outer):
        raise _bad("the internal range must be one port or as long as the external one")


async def _refuse_whole(db: Reader, port: Port, address: str) -> None:
    """Refuse an address that a floating IP leads to as a whole. PortHasBindingFloatingIP."""
    held = await db.one(FloatingIp, FloatingIp.c.port_id == port.id, FloatingIp.c.fixed_ip_address == address)
    if held is not None:
        raise PortHasBindingFloatingIP(id=held.id, port_id=port.id, fixed_ip=address)


async def _refuse_overlap(db: Reader, row: PortForwarding) -> None:
    """Refuse ports that are forwarded already, outside or, as in neutron, inside."""
    other = PortForwarding.c
    besides = (other.protocol == row.protocol, other.id != row.id)
    outside = (
        other.floatingip_id == row.floatingip_id,
        other.external_first <= row.external_last,
        other.external_last >= row.external_first,
    )
    held = await db.one(PortForwarding, *besides, *outside)
    if held is not None:
        ports = Ports(row.external_first, row.external_last)
        raise _bad(f"{row.protocol} ports of {ports} are forwarded already, by {held.id}")
    inside = (
        other.internal_port_id == row.internal_port_id,
        other.internal_ip_address == row.internal_ip_address,
        other.internal_first <= row.internal_last,
        other.internal_last >= row.internal_first,
    )
    held = await db.one(PortForwarding, *besides, *inside)
    if held is not None:
        ports = Ports(row.internal_first, row.internal_last)
        raise _bad(f"{row.protocol} ports {ports} inside are forwarded to already, by {held.id}")


async def _floating(db: Reader, row: PortForwarding) -> FloatingIp:
    floating = await db.get(FloatingIp, row.floatingip_id)
    if floating is None:
        raise FloatingIPNotFound(id=row.floatingip_id)
    return floating


async def delete(work: Work, row: PortForwarding) -> None:
    """Lead these ports nowhere; with the last of them the floating IP leaves its router."""
    await work.db.delete(PortForwarding, PortForwarding.c.id == row.id)
    await ports.leave_router(work, row.floatingip_id)
