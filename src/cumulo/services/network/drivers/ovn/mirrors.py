"""Mirrors as OVN's: a row for each direction, which the port refers to."""

from cumulo.services.network.drivers.ovn import places
from cumulo.services.network.drivers.ovn.rows import Place, Slot, Wanted
from cumulo.services.network.drivers.specs import Kind, MirrorSpec

_DIGITS = 10  # of the id: `ovn-` and the name are a device's name in Open vSwitch, of 15 characters


def mirror(spec: MirrorSpec) -> list[Wanted]:
    """Return a mirror's rows. A port that is not there yet is waited for."""
    key, name = places.owner(spec.kind, spec.id), spec.id.replace("-", "")[:_DIGITS]
    port = Place("Logical_Switch_Port", places.owner(Kind.PORT, spec.port_id))
    ways = (("in", "to-lport", spec.inward), ("out", "from-lport", spec.outward))
    return [
        Wanted(
            place=Place("Mirror", f"{key}#{way}"),
            columns={
                "name": f"{way[0]}{name}",
                "filter": side,
                "sink": spec.sink,
                "type": spec.tunnel,
                "index": number,
            },
            sets=frozenset({Slot(port, "mirror_rules")}),
        )
        for way, side, number in ways
        if number is not None
    ]
