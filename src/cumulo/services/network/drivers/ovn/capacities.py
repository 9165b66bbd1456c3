"""What a host says may be promised of its network, in the words that OpenStack has for it.

    ovn-cms-options=resource_provider_bandwidths=br-ex:1000000:1000000;br-b:,
        resource_provider_inventory_defaults=allocation_ratio:1.0;step_size:1000,
        resource_provider_packet_processing_without_direction=HOST:5000

Bandwidths are `bridge:egress:ingress` in kbit/s, either of them empty for nothing; they and the inventory's
defaults are upstream's for OVN. What a switch does is `host:thousand packets/s`, or, `..._with_direction`,
`host:egress:ingress`, as upstream has it for Open vSwitch. What cannot be read is left out: a slip of the pen
on one host must not stop the network of all.
"""

from collections.abc import Iterator

import structlog

from cumulo.ovsdb import Row
from cumulo.services.network.drivers.specs import Capacity, Link

log = structlog.get_logger()

_BANDWIDTHS = "resource_provider_bandwidths"
_DEFAULTS = "resource_provider_inventory_defaults"
_PACKETS = "resource_provider_packet_processing_without_direction"
_BY_DIRECTION = "resource_provider_packet_processing_with_direction"
_COUNTED = frozenset({"allocation_ratio", "min_unit", "max_unit", "reserved", "step_size"})


def mapped(row: Row) -> dict[str, str]:
    """Return the bridge to each physical network of a chassis: `ovn-bridge-mappings=name:bridge,…`."""
    mappings = row["other_config"].get("ovn-bridge-mappings", "").split(",")
    parts = (mapping.partition(":") for mapping in mappings if mapping)
    return {name: bridge for name, _, bridge in parts}


def of(row: Row) -> Capacity:
    """Return what a chassis promises."""
    said = dict(_said(row))
    bridges = mapped(row)
    links = [
        Link(
            bridge=words[0],
            physical_networks=tuple(name for name, bridge in bridges.items() if bridge == words[0]),
            egress=_number(row, words, 1),
            ingress=_number(row, words, 2),
        )
        for words in said.get(_BANDWIDTHS, [])
    ]
    packets: dict[str, int | None] = {}
    for words in said.get(_PACKETS, []):
        packets["any"] = _number(row, words, 1)
    for words in said.get(_BY_DIRECTION, []):
        packets |= {"egress": _number(row, words, 1), "ingress": _number(row, words, 2)}
    return Capacity(
        links=tuple(link for link in links if link.physical_networks),
        packets={name: number for name, number in packets.items() if number is not None},
        inventory=_defaults(row, said.get(_DEFAULTS, [])),
    )


def _said(row: Row) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield each option that has a value, with its entries' words."""
    for option in row["other_config"].get("ovn-cms-options", "").split(","):
        name, _, value = option.partition("=")
        yield name.strip(), [entry.strip().split(":") for entry in value.split(";") if entry.strip()]


def _number(row: Row, words: list[str], at: int) -> int | None:
    word = words[at].strip() if at < len(words) else ""
    if word.isascii() and word.isdecimal():
        return int(word)
    if word:
        log.warning("host.bad_capacity", chassis=row["name"], said=":".join(words))
    return None


def _defaults(row: Row, entries: list[list[str]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for words in entries:
        try:
            name, value = words
            found[name] = float(value) if name == "allocation_ratio" else int(value)
        except ValueError:
            log.warning("host.bad_capacity", chassis=row["name"], said=":".join(words))
    return {name: value for name, value in found.items() if name in _COUNTED and value >= 0}
