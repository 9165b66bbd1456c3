"""Mirrors: what a port is sent and sends goes to another address as well, in a tunnel for each direction."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from cumulo.core.work import Work
from cumulo.services.network.domain.changes import touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import InvalidInput
from cumulo.services.network.errors.mirrors import TapMirrorTunnelConflict
from cumulo.services.network.model import Port, TapMirror

MOST = {"gre": 2**32 - 1, "erspanv1": 2**10 - 1}
"""The kinds of tunnels, and the largest number of one: GRE's key (RFC 2890), ERSPAN's session."""

DIRECTIONS = ("IN", "OUT")
_NOBODYS = "network:"  # what owners of ports begin with that are not for guests


async def create(work: Work, port: Port, project_id: str, values: dict[str, Any]) -> TapMirror:
    """Mirror a port. InvalidInput, TapMirrorTunnelConflict."""
    if port.device_owner.startswith(_NOBODYS):
        raise InvalidInput(reason=f"port {port.id} belongs to {port.device_owner}: only guests' are mirrored")
    row = TapMirror(
        project_id=project_id,
        port_id=port.id,
        remote_ip=_address(values.pop("remote_ip")),
        directions=_numbers(values["mirror_type"], values.pop("directions")),
        **values,
    )
    await _refuse_taken(work, row)
    await work.db.insert(row)
    await touch(work, Kind.MIRROR, row.id, new=True)
    return row


def _address(text: str) -> str:
    """Return an address that hosts may send to."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise InvalidInput(reason=f"'{text}' is not an IP address") from None
    if address.is_multicast or address.is_loopback or address.is_unspecified or address.is_link_local:
        raise InvalidInput(reason=f"'{text}' is no address that packets could be mirrored to")
    return str(address)


def _numbers(kind: str, directions: Mapping[str, int]) -> dict[str, int]:
    if kind not in MOST:
        raise InvalidInput(reason=f"mirror_type '{kind}' is none of {', '.join(sorted(MOST))}")
    if not directions or not directions.keys() <= set(DIRECTIONS):
        raise InvalidInput(reason=f"directions are {' and '.join(DIRECTIONS)}, or one of them")
    for number in directions.values():
        if not 0 <= number <= MOST[kind]:
            raise InvalidInput(reason=f"the tunnel {number} is not within 0 to {MOST[kind]}")
    if len(set(directions.values())) < len(directions):
        raise InvalidInput(reason="each direction needs a tunnel of its own")
    return dict(directions)


async def _refuse_taken(work: Work, row: TapMirror) -> None:
    """Refuse a tunnel that is there: a host has one of a number to an address."""
    c = TapMirror.c
    for other in await work.db.all(TapMirror, c.remote_ip == row.remote_ip, c.mirror_type == row.mirror_type):
        for number in set(other.directions.values()) & set(row.directions.values()):
            raise TapMirrorTunnelConflict(kind=row.mirror_type, number=number, address=row.remote_ip)


async def delete(work: Work, row: TapMirror) -> None:
    """Mirror a port no longer."""
    await work.db.delete(TapMirror, TapMirror.c.id == row.id)
    await touch(work, Kind.MIRROR, row.id)


async def drop_port(work: Work, port: Port) -> None:
    """Forget the mirrors of a port that goes."""
    for row in await work.db.all(TapMirror, TapMirror.c.port_id == port.id):
        await delete(work, row)
