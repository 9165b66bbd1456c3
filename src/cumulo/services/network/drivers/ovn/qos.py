"""QoS as rows of a logical switch: what is let through of one direction, and how it is marked."""

from collections.abc import Sequence
from typing import Any

from cumulo.services.network.drivers.ovn import places
from cumulo.services.network.drivers.ovn.rows import Place, Slot, Wanted
from cumulo.services.network.drivers.specs import FloatingIpSpec, GatewaySpec, PortSpec, QosSpec

_PRIORITY = 2002
_BURST = 0.8  # of the rate, where a rule says none: what TCP needs to come near the limit


def of_port(spec: PortSpec) -> list[Wanted]:
    """Return what holds for a port."""
    key = places.owner(spec.kind, spec.id)
    ends = {True: f'outport == "{spec.id}"', False: f'inport == "{spec.id}"'}
    return _rows(key, spec.network_id, spec.qos, ends)


def of_floating_ip(spec: FloatingIpSpec) -> list[Wanted]:
    """Return what holds for a floating IP, on the host that translates it."""
    key = places.owner(spec.kind, spec.id)
    there = spec.port_id or f"cr-{places.router_port_name(spec.gateway)}"
    here = f'is_chassis_resident("{there}")'
    ends = {
        True: f'outport == "{spec.gateway}" && ip4.dst == {spec.address} && {here}',
        False: f'inport == "{spec.gateway}" && ip4.src == {spec.address} && {here}',
    }
    return _rows(key, spec.network_id, spec.qos, ends)


def of_gateway(key: str, spec: GatewaySpec) -> list[Wanted]:
    """Return what holds for a router's own address outside, on the host that its gateway is on."""
    if spec.address is None:
        return []
    port = spec.interface.port_id
    here = f'is_chassis_resident("cr-{places.router_port_name(port)}")'
    ends = {
        True: f'outport == "{port}" && ip4.dst == {spec.address} && {here}',
        False: f'inport == "{port}" && ip4.src == {spec.address} && {here}',
    }
    return _rows(key, spec.interface.network_id, spec.qos, ends)


def _rows(key: str, network_id: str, specs: Sequence[QosSpec], ends: dict[bool, str]) -> list[Wanted]:
    parent = Slot(places.switch(network_id), "qos_rules")
    wanted = []
    for spec in specs:
        columns: dict[str, Any] = {
            "direction": "to-lport" if spec.ingress else "from-lport",
            "match": ends[spec.ingress],
            "priority": _PRIORITY,
            "bandwidth": _bandwidth(spec),
            "action": {} if spec.dscp is None else {"dscp": spec.dscp},
        }
        place = Place("QoS", f"{key}{'' if '#' in key else '#'}qos-{'in' if spec.ingress else 'out'}")
        wanted.append(Wanted(place=place, columns=columns, parent=parent))
    return wanted


def _bandwidth(spec: QosSpec) -> dict[str, int]:
    """Return OVN's rate and burst; a rate of nothing is no limit to OVN, so the least is 1 kbit/s."""
    if spec.rate is None:
        return {}
    rate = max(spec.rate, 1)
    return {"rate": rate, "burst": spec.burst or max(int(rate * _BURST), 1)}
