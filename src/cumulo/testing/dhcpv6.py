"""What a guest asks of its router and of DHCPv6, in frames of our own (RFC 4861, RFC 8415)."""

import ipaddress
import struct
from typing import NamedTuple

from cumulo.testing import frames
from cumulo.testing.spaces import Space

_SERVERS = "ff02::1:2"
_ROUTERS = "ff02::2"
_SOLICIT, _ADVERTISE, _REQUEST, _REPLY, _ASKS_ONLY = 1, 2, 3, 7, 11
_CLIENT, _SERVER, _FOR_ADDRESSES, _ADDRESS, _WANTED, _DNS = 1, 2, 3, 5, 6, 23
_XID = b"\x00\x00\x07"
_SOLICITS_ROUTER = 133


class Advertised(NamedTuple):
    """What a router says: addresses by DHCPv6 (M), the rest by DHCPv6 (O), prefixes for own addresses (A)."""

    managed: bool
    other: bool
    own: list[str]


class Told(NamedTuple):
    """What DHCPv6 says."""

    address: str | None
    dns: list[str]


def router_of(guest: Space) -> Advertised:
    """Ask for a router; return what it advertises."""
    own = frames.link_local(guest.mac)
    packet = frames.icmp(
        own, _ROUTERS, _SOLICITS_ROUTER, bytes(4) + b"\x01\x01" + frames.mac(guest.mac), hops=255
    )
    guest.wire.forget()
    guest.wire.send(frames.ethernet(frames.many(_ROUTERS), guest.mac, frames.IPV6, packet))
    heard = guest.wire.hears(
        lambda frame: frame[12:14] == b"\x86\xdd" and frame[54] == frames.ADVERTISES_ROUTER
    )
    if heard is None:
        raise TimeoutError(f"no router answers {guest.name}")
    flags, options, own_prefixes = heard[59], heard[70:], []
    while options:
        size = options[1] * 8
        if options[0] == 3 and options[3] & 0x40:  # a prefix, for addresses of one's own making
            own_prefixes.append(f"{ipaddress.IPv6Address(options[16:32])}/{options[2]}")
        options = options[size:]
    return Advertised(bool(flags & 0x80), bool(flags & 0x40), own_prefixes)


def lease(guest: Space) -> Told:
    """Ask for an address by a solicitation and a request."""
    identity = struct.pack("!III", 1, 0, 0)
    offered = _ask(guest, _SOLICIT, frames.option_v6(_FOR_ADDRESSES, identity))
    wanted = frames.option_v6(_SERVER, offered[_SERVER]) + frames.option_v6(
        _FOR_ADDRESSES, offered[_FOR_ADDRESSES]
    )
    return _told(_ask(guest, _REQUEST, wanted))


def information(guest: Space) -> Told:
    """Ask for everything but an address."""
    return _told(_ask(guest, _ASKS_ONLY, b""))


def _ask(guest: Space, kind: int, options: bytes) -> dict[int, bytes]:
    identity = frames.option_v6(_CLIENT, struct.pack("!HH", 3, 1) + frames.mac(guest.mac))
    message = bytes([kind]) + _XID + identity + options + frames.option_v6(_WANTED, struct.pack("!H", _DNS))
    packet = frames.udp((frames.link_local(guest.mac), 546), (_SERVERS, 547), message)
    guest.wire.forget()
    guest.wire.send(frames.ethernet(frames.many(_SERVERS), guest.mac, frames.IPV6, packet))
    ports = struct.pack("!HH", 547, 546)
    heard = guest.wire.hears(lambda frame: frame[54:58] == ports and frame[63:66] == _XID)
    if heard is None:
        raise TimeoutError(f"no DHCPv6 answers {guest.name}")
    return frames.options_v6(heard[66:])


def _told(options: dict[int, bytes]) -> Told:
    inside = frames.options_v6(options.get(_FOR_ADDRESSES, b"")[12:])
    address = str(ipaddress.IPv6Address(inside[_ADDRESS][:16])) if _ADDRESS in inside else None
    dns = options.get(_DNS, b"")
    return Told(address, [str(ipaddress.IPv6Address(dns[at : at + 16])) for at in range(0, len(dns), 16)])
