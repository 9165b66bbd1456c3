"""Routers and floating IPs as rows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from cumulo.services.network.drivers.ovn import places, qos
from cumulo.services.network.drivers.ovn.rows import Place, Slot, Wanted
from cumulo.services.network.drivers.specs import (
    FloatingIpSpec,
    GatewaySpec,
    InterfaceSpec,
    MeterSpec,
    RouterSpec,
)

_BARRIER = 1000  # the priority of what keeps address scopes apart
_CLOSED = 900  # and of what keeps others out
_METERS = 100  # and of what only counts, with the length of its prefix
_RA_MODES = {
    "slaac": "slaac",
    "dhcpv6-stateful": "dhcpv6_stateful",
    "dhcpv6-stateless": "dhcpv6_stateless",
}


def router(spec: RouterSpec, chassis: Sequence[str]) -> list[Wanted]:
    """Return a logical router, its ports, routes, SNAT; `chassis` are its gateways, best first."""
    place = places.router(spec.id)
    columns = {
        "name": f"cumulo-{spec.id}",
        "enabled": spec.enabled,
        # Ask for a neighbour's address when it is needed: no flows for each pair of routers.
        "options": {"always_learn_from_arp_request": "false", "dynamic_neigh_routers": "true"},
    }
    wanted = [Wanted(place=place, columns=columns, labels={"cumulo:name": spec.name})]
    for interface in spec.interfaces:
        wanted += _interface(place, interface)
    ways = [*([spec.gateway] if spec.gateway else []), *spec.further_gateways]
    for number, way in enumerate(ways):
        way_out = _Way(place, way, f"{way.interface.port_id}-" if number else "", chosen=len(ways) > 1)
        wanted += _gateway(way_out, chassis if spec.several else chassis[:1], watched=spec.watched)
    wanted += [_nat(place, _of(place, f"ndp-{one}"), "dnat_and_snat", (one, one)) for one in spec.proxied]
    gates = [places.router_port_name(way.interface.port_id) for way in ways]
    wanted += [_meter(place, meter, gate) for meter in spec.meters for gate in gates]
    for destination, hop in spec.routes:
        wanted.append(_route(place, destination, hop))
    wanted += [_barrier(place, *pair) for pair in spec.barred]
    return wanted


def _meter(place: Place, spec: MeterSpec, gate: str) -> Wanted:
    """Return the policy that marks what passes a gateway, so that the switch's flow for it counts that.

    The longest prefix comes first; what drops comes before all.
    """
    word = "ip6" if ":" in spec.prefix else "ip4"
    side, end = ("inport", "src") if spec.ingress else ("outport", "dst")
    columns = {
        "priority": _METERS + int(spec.prefix.partition("/")[2]),
        "match": f'{side} == "{gate}" && {word}.{end} == {spec.prefix}',
        "action": "allow",
        "options": {"pkt_mark": str(spec.mark)},
    }
    key = Place("Logical_Router_Policy", f"{place.key}#meter-{gate}-{spec.mark}")
    return Wanted(place=key, columns=columns, parent=Slot(place, "policies"))


def _barrier(place: Place, source: str, destination: str) -> Wanted:
    """Return the policy that drops what one subnet sends another."""
    word = "ip6" if ":" in source else "ip4"
    columns = {
        "priority": _BARRIER,
        "match": f"{word}.src == {source} && {word}.dst == {destination}",
        "action": "drop",
    }
    key = Place("Logical_Router_Policy", f"{place.key}#barred-{source}-{destination}")
    return Wanted(place=key, columns=columns, parent=Slot(place, "policies"))


def _interface(router_place: Place, spec: InterfaceSpec, *, gateway: bool = False) -> list[Wanted]:
    """Return a router port and the switch port that is its other end."""
    name = places.router_port_name(spec.port_id)
    columns: dict[str, Any] = {
        "name": name,
        "mac": spec.mac,
        "networks": frozenset(spec.networks),
        "ipv6_ra_configs": _advertisements(spec),
    }
    options = {"router-port": name}
    if gateway:
        options |= {"nat-addresses": "router", "exclude-lb-vips-from-garp": "true"}
    peer = {
        "name": spec.port_id,
        "type": "router",
        "addresses": frozenset({"router"}),
        "options": options,
    }
    return [
        Wanted(
            place=_router_port(router_place, spec.port_id),
            columns=columns,
            parent=Slot(router_place, "ports"),
        ),
        Wanted(
            place=Place("Logical_Switch_Port", f"{router_place.key}#{spec.port_id}"),
            columns=peer,
            parent=places.switch_ports(spec.network_id),
        ),
    ]


def _router_port(router_place: Place, port_id: str) -> Place:
    return Place("Logical_Router_Port", f"{router_place.key}#{port_id}")


def _advertisements(spec: InterfaceSpec) -> dict[str, str]:
    if spec.ra_mode is None:
        return {}
    return {
        "address_mode": _RA_MODES[spec.ra_mode],
        "send_periodic": "true",
        "mtu": str(spec.mtu),
    }


class _Way(NamedTuple):
    """A way out of a router. mark: what its rows' keys have; chosen: there are others."""

    place: Place
    spec: GatewaySpec
    mark: str
    chosen: bool

    @property
    def port(self) -> Place:
        """The router port that it is."""
        return _router_port(self.place, self.spec.interface.port_id)


def _gateway(way: _Way, chassis: Sequence[str], *, watched: bool) -> list[Wanted]:
    """Return the way out: its port bound to chassis, default routes, and SNAT of what is inside."""
    place, spec = way.place, way.spec
    wanted = _interface(place, spec.interface, gateway=True)
    slot = Slot(way.port, "gateway_chassis")
    name = places.router_port_name(spec.interface.port_id)
    for rank, host in enumerate(chassis):
        columns: dict[str, Any] = {
            "name": f"{name}_{host}",
            "chassis_name": host,
            "priority": len(chassis) - rank,
        }
        key = Place("Gateway_Chassis", f"{place.key}#{way.mark}{host}")
        wanted.append(Wanted(place=key, columns=columns, parent=slot))
    for hop in spec.next_hops:
        probe = Place("BFD", f"{place.key}#bfd-{way.mark}{hop}") if watched else None
        if probe is not None:
            wanted.append(Wanted(place=probe, columns={"logical_port": name, "dst_ip": hop}))
        wanted.append(_default_route(way, name, hop, probe))
    if spec.snat_address is not None:
        chosen, outer = way.port if way.chosen else None, spec.snat_address
        wanted += [
            _nat(place, _of(place, f"snat-{way.mark}{cidr}"), "snat", (outer, cidr), gateway_port=chosen)
            for cidr in spec.snat_cidrs
        ]
        wanted += [_closed(way, name, cidr) for cidr in spec.snat_cidrs]
    return wanted + qos.of_gateway(f"{place.key}#{way.mark}", spec)


def _default_route(way: _Way, port: str, hop: str, probe: Place | None) -> Wanted:
    """Return the route of all that is not known, through one way out; left out while a probe fails."""
    wanted = _route(way.place, "::/0" if ":" in hop else "0.0.0.0/0", hop, output_port=port, mark=way.mark)
    return msgspec.structs.replace(wanted, columns={**wanted.columns, "bfd": probe})


def _closed(way: _Way, name: str, cidr: str) -> Wanted:
    """Return the policy that drops what comes from outside to hidden addresses, and was not translated.

    Else whoever is on the external network, say another project's router, could send there by a route.
    """
    columns = {
        "priority": _CLOSED,
        "match": f'inport == "{name}" && ip4.dst == {cidr} && (!ct.trk || (!ct.snat && !ct.dnat))',
        "action": "drop",
    }
    key = Place("Logical_Router_Policy", f"{way.place.key}#closed-{way.mark}{cidr}")
    return Wanted(place=key, columns=columns, parent=Slot(way.place, "policies"))


def _route(
    place: Place, destination: str, hop: str, *, output_port: str | None = None, mark: str = ""
) -> Wanted:
    columns = {"ip_prefix": destination, "nexthop": hop, "output_port": output_port}
    key = Place("Logical_Router_Static_Route", f"{place.key}#{mark}{destination}-{hop}")
    return Wanted(place=key, columns=columns, parent=Slot(place, "static_routes"))


def _nat(place: Place, key: Place, type_: str, pair: tuple[str, str], **more: Any) -> Wanted:
    """Return a translation of a router: `pair` is the address outside, and that or those inside."""
    columns = {"type": type_, "external_ip": pair[0], "logical_ip": pair[1], "gateway_port": None} | more
    return Wanted(place=key, columns=columns, parent=Slot(place, "nat"))


def _of(router_place: Place, mark: str) -> Place:
    return Place("NAT", f"{router_place.key}#{mark}")


def floating_ip(spec: FloatingIpSpec) -> list[Wanted]:
    """Return a NAT both ways, or a load balancer of one for each forwarding, on the router that leads in."""
    place = places.router(spec.router_id)
    key = f"{spec.kind}:{spec.id}"
    wanted = qos.of_floating_ip(spec)
    if spec.fixed_address is not None:
        gateway = _router_port(place, spec.gateway) if spec.chosen else None
        where: dict[str, Any] = {"external_mac": spec.mac, "logical_port": spec.port_id}
        pair = (spec.address, spec.fixed_address)
        wanted.append(_nat(place, Place("NAT", key), "dnat_and_snat", pair, gateway_port=gateway, **where))
    for forward in spec.forwards:
        columns = {
            "name": f"cumulo-{forward.id}",
            "protocol": forward.protocol,
            "vips": {
                f"{spec.address}:{outer}": f"{forward.fixed_address}:{inner}"
                for outer, inner in forward.ports
            },
        }
        balancer = Place("Load_Balancer", f"{key}#{forward.id}")
        hung = frozenset({Slot(place, "load_balancer")})
        wanted.append(Wanted(place=balancer, columns=columns, sets=hung))
    return wanted
