"""Frames as they lie on the wire, built field by field, so that tests can send what no kernel would.

Addresses are text. Formats: RFC 826 (ARP), 791, 768, 792, 8200, 4443, 4861 (NDP), 2131 (DHCP), 8415 (DHCPv6).
"""

import ipaddress
import struct

BROADCAST = "ff:ff:ff:ff:ff:ff"
ALL_NODES = "ff02::1"
ARP, IPV4, IPV6, VLAN = 0x0806, 0x0800, 0x86DD, 0x8100
ICMP, UDP, ICMPV6 = 1, 17, 58
ECHO, ECHO_REPLY, ECHO_V6, ECHO_REPLY_V6 = 8, 0, 128, 129
ADVERTISES_ROUTER, ADVERTISES_NEIGHBOUR = 134, 136
_V4 = 4


def mac(text: str) -> bytes:
    """Return a MAC's 6 bytes."""
    return bytes.fromhex(text.replace(":", ""))


def packed(address: str) -> bytes:
    """Return an IP address' 4 or 16 bytes."""
    return ipaddress.ip_address(address).packed


def link_local(card: str) -> str:
    """Return the link-local address that a card makes of its MAC (RFC 4291, appendix A)."""
    octets = bytearray(mac(card))
    octets[0] ^= 2
    eui = bytes(octets[:3]) + b"\xff\xfe" + bytes(octets[3:])
    return str(ipaddress.IPv6Address(bytes.fromhex("fe80" + "00" * 6) + eui))


def many(address: str) -> str:
    """Return the MAC of an IPv6 multicast address."""
    return "33:33:" + packed(address)[-4:].hex(":")


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def ethernet(target: str, source: str, kind: int, payload: bytes, *, tag: int | None = None) -> bytes:
    """Return a frame; with a VLAN tag when one is given."""
    between = b"" if tag is None else struct.pack("!HH", VLAN, tag)
    return mac(target) + mac(source) + between + struct.pack("!H", kind) + payload


def arp(operation: int, sender: tuple[str, str], target: tuple[str, str]) -> bytes:
    """Return an ARP message (1 asks, 2 answers) between two pairs of MAC and address."""
    ends = b"".join(mac(card) + packed(address) for card, address in (sender, target))
    return struct.pack("!HHBBH", 1, IPV4, 6, 4, operation) + ends


def ip(source: str, target: str, protocol: int, payload: bytes, *, hops: int = 64) -> bytes:
    """Return a packet of the version that the addresses have."""
    ends = packed(source) + packed(target)
    if ":" in source:
        return struct.pack("!IHBB", 0x6 << 28, len(payload), protocol, hops) + ends + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, hops, protocol, 0) + ends
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def pseudo(source: str, target: str, protocol: int, size: int) -> bytes:
    """Return what checksums of transports cover besides their own bytes."""
    return packed(source) + packed(target) + struct.pack("!HH", protocol, size)


def udp(source: tuple[str, int], target: tuple[str, int], data: bytes) -> bytes:
    """Return a packet with a UDP datagram from one address and port to another."""
    size = 8 + len(data)
    head = struct.pack("!HHHH", source[1], target[1], size, 0)
    total = checksum(pseudo(source[0], target[0], UDP, size) + head + data) or 0xFFFF
    return ip(source[0], target[0], UDP, head[:6] + struct.pack("!H", total) + data)


def icmp(source: str, target: str, kind: int, body: bytes, *, hops: int = 64) -> bytes:
    """Return a packet with an ICMP message of the version that the addresses have, its code 0."""
    if ":" not in source:
        head = struct.pack("!BBH", kind, 0, 0)
        return ip(source, target, ICMP, struct.pack("!BBH", kind, 0, checksum(head + body)) + body, hops=hops)
    head = struct.pack("!BBH", kind, 0, 0)
    total = checksum(pseudo(source, target, ICMPV6, 4 + len(body)) + head + body)
    return ip(source, target, ICMPV6, struct.pack("!BBH", kind, 0, total) + body, hops=hops)


def echo(source: str, target: str, data: bytes) -> bytes:
    """Return the question of a ping with this content."""
    kind = ECHO_V6 if ":" in source else ECHO
    return icmp(source, target, kind, struct.pack("!HH", 7, 1) + data)


def neighbour(address: str, card: str, *, source: str) -> bytes:
    """Return an advertisement that an address is at a card, to all nodes, overriding what they knew."""
    body = struct.pack("!I", 0x20000000) + packed(address) + b"\x02\x01" + mac(card)
    return icmp(source, ALL_NODES, ADVERTISES_NEIGHBOUR, body, hops=255)


def router(prefix: str, card: str, *, source: str) -> bytes:
    """Return an advertisement of a default router with a prefix for addresses of one's own making."""
    net = ipaddress.IPv6Network(prefix)
    body = struct.pack("!BBHII", 64, 0, 1800, 0, 0) + b"\x01\x01" + mac(card)
    told = struct.pack("!BBBBIII", 3, 4, net.prefixlen, 0xC0, 3600, 3600, 0) + net.network_address.packed
    return icmp(source, ALL_NODES, ADVERTISES_ROUTER, body + told, hops=255)


def dhcp(operation: int, card: str, *, yours: str = "0.0.0.0", options: bytes) -> bytes:  # noqa: S104  no address, as RFC 2131 has it
    """Return a DHCP message (1: from a client, 2: from a server); `options` lack the mark and the end."""
    head = struct.pack("!4B4sHH", operation, 1, 6, 0, mac(card)[2:], 0, 0x8000)
    ends = bytes(4) + packed(yours) + bytes(8) + mac(card).ljust(16, b"\0")
    return head + ends + bytes(192) + bytes([99, 130, 83, 99]) + options + b"\xff"


def option(code: int, data: bytes) -> bytes:
    """Return an option of DHCP."""
    return bytes([code, len(data)]) + data


def option_v6(code: int, data: bytes) -> bytes:
    """Return an option of DHCPv6."""
    return struct.pack("!HH", code, len(data)) + data


def options_v6(data: bytes) -> dict[int, bytes]:
    """Return the options of a DHCPv6 message, or within one of its options."""
    found = {}
    while len(data) >= _V4:
        code, size = struct.unpack_from("!HH", data)
        found[code] = data[4 : 4 + size]
        data = data[4 + size :]
    return found


def content(frame: bytes) -> tuple[int | None, int, bytes]:
    """Return a frame's VLAN tag, the kind of what it carries, and that."""
    (kind,) = struct.unpack_from("!H", frame, 12)
    if kind != VLAN:
        return None, kind, frame[14:]
    tag, kind = struct.unpack_from("!HH", frame, 14)
    return tag & 0xFFF, kind, frame[18:]
