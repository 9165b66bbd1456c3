"""What ports ask of placement by their QoS policies, in placement's words.

A port asks for a group of resources for each kind of promise: of bandwidth where its network is a physical
one, of packet rates on any.
"""

import re
import uuid
from collections.abc import Iterable
from typing import Any

from cumulo.contracts.placement import Demand

MINIMUM, RATE = "minimum_bandwidth", "minimum_packet_rate"
KINDS = (MINIMUM, RATE)
"""The kinds of rules that placement counts."""

BANDWIDTH = {"egress": "NET_BW_EGR_KILOBIT_PER_SEC", "ingress": "NET_BW_IGR_KILOBIT_PER_SEC"}
PACKETS = {
    "any": "NET_PACKET_RATE_KILOPACKET_PER_SEC",
    "egress": "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC",
    "ingress": "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
}
"""Placement's classes, by the direction that a rule has."""

ALLOCATION = "allocation"  # in a port's binding profile, as upstream has it: group → provider
NOBODYS = "network:"  # what owners of ports begin with that are not for guests
Promise = tuple[str, str, int]  # a rule's kind and direction, and how much


def vnic_trait(kind: str) -> str:
    """Return the trait of providers that serve ports of a kind of card."""
    return f"CUSTOM_VNIC_TYPE_{_word(kind)}"


def physical_network_trait(name: str) -> str:
    """Return the trait of providers on a physical network."""
    return f"CUSTOM_PHYSNET_{_word(name)}"


def _word(text: str) -> str:
    return re.sub(r"[^A-Z0-9_]", "_", text.upper())


def group_id(port_id: str, kind: str) -> str:
    """Return the id of what a port asks for by rules of a kind: always the same."""
    return str(uuid.uuid5(uuid.UUID(port_id), kind))


def asked(
    port_id: str, vnic_type: str, physical_network: str | None, promises: Iterable[Promise]
) -> list[Demand]:
    """Return what a port asks of placement."""
    amounts: dict[str, dict[str, int]] = {}
    for kind, direction, amount in promises:
        if amount and (kind == RATE or physical_network):
            named = PACKETS if kind == RATE else BANDWIDTH
            amounts.setdefault(kind, {})[named[direction]] = amount
    network = frozenset({physical_network_trait(physical_network)} if physical_network else ())
    return [
        Demand(
            id=group_id(port_id, kind),
            resources=wanted,
            required=frozenset({vnic_trait(vnic_type)}) | (network if kind == MINIMUM else frozenset()),
            subtree=port_id,
        )
        for kind, wanted in sorted(amounts.items())
    ]


def policy_of(port: Any, of_network: str | None) -> str | None:
    """Return the policy that a port follows: its own, else its network's if it is a guest's."""
    own: str | None = port.qos_policy_id
    return own or (None if port.device_owner.startswith(NOBODYS) else of_network)


def served(port: Any) -> dict[str, str]:
    """Return which provider serves each group of a port."""
    found: Any = port.profile.get(ALLOCATION)
    return dict(found) if isinstance(found, dict) else {}
