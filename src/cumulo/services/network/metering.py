"""What rules of metering mean for a router: prefixes outside, each told apart from the others by a mark.

A packet has one mark, though several labels may count it. Prefixes either hold each other or are apart, so
the longest one that a packet's address is in says all: the labels of its rules, and of those around it.
"""

import hashlib
import ipaddress
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

Net = ipaddress.IPv4Network | ipaddress.IPv6Network
_MARKS = 2**31 - 1  # the highest bit of a packet's mark is the switch's own


class Rule(Protocol):
    """A rule of a label."""

    label_id: str
    direction: str
    remote_ip_prefix: str
    excluded: bool


class Portion(NamedTuple):
    """Traffic of a router that is counted together: of a direction, with an address outside in `prefix`."""

    ingress: bool
    prefix: str


def portions(rules: Collection[Rule]) -> Mapping[Portion, frozenset[str]]:
    """Return the portions that rules tell apart, each with the labels that count it."""
    found: dict[Portion, frozenset[str]] = {}
    for direction in ("ingress", "egress"):
        mine = [(ipaddress.ip_network(r.remote_ip_prefix), r) for r in rules if r.direction == direction]
        for net in {net for net, _ in mine}:
            around = [rule for other, rule in mine if _holds(other, net)]
            counted = {rule.label_id for rule in around if not rule.excluded}
            spared = {rule.label_id for rule in around if rule.excluded}
            found[Portion(direction == "ingress", str(net))] = frozenset(counted - spared)
    return found


def _holds(outer: Net, inner: Net) -> bool:
    return (
        outer.version == inner.version
        and outer.prefixlen <= inner.prefixlen
        and int(outer.network_address) <= int(inner.network_address) <= int(outer.broadcast_address)
    )


def mark(router_id: str, portion: Portion) -> int:
    """Return the mark of a router's portion: the same every time, and hardly ever another's."""
    text = f"{router_id} {portion.ingress} {portion.prefix}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % _MARKS + 1


def marks(router_id: str, portions_: Iterable[Portion]) -> dict[int, Portion]:
    """Return a router's portions by their marks."""
    return {mark(router_id, portion): portion for portion in portions_}
