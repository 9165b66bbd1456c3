"""Routers and floating IPs as rows."""

from collections.abc import Sequence
from typing import Any

from cumulo.services.network.drivers.ovn import places, qos
from cumulo.services.network.drivers.ovn.rows import Place, Slot, Wanted
from cumulo.services.network.drivers.specs import (
    FloatingIpSpec,
    GatewaySpec,
    InterfaceSpec,
    RouterSpec,
)

_BARRIER = 1000  # the priority of what keeps address scopes apart
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
    if spec.gateway is not None:
        wanted += _gateway(place, spec.gateway, chassis)
    for destination, hop in spec.routes:
        wanted.append(_route(place, destination, hop))
    wanted += [_barrier(place, *pair) for pair in spec.barred]
    return wanted


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


def _gateway(place: Place, spec: GatewaySpec, chassis: Sequence[str]) -> list[Wanted]:
    """Return the way out: its port bound to chassis, default routes, and SNAT of what is inside."""
    wanted = _interface(place, spec.interface, gateway=True)
    slot = Slot(_router_port(place, spec.interface.port_id), "gateway_chassis")
    name = places.router_port_name(spec.interface.port_id)
    for rank, host in enumerate(chassis):
        columns: dict[str, Any] = {
            "name": f"{name}_{host}",
            "chassis_name": host,
            "priority": len(chassis) - rank,
        }
        key = Place("Gateway_Chassis", f"{place.key}#{host}")
        wanted.append(Wanted(place=key, columns=columns, parent=slot))
    for hop in spec.next_hops:
        wanted.append(_route(place, "::/0" if ":" in hop else "0.0.0.0/0", hop, output_port=name))
    if spec.snat_address is not None:
        wanted += [
            _nat(place, f"{place.key}#snat-{cidr}", "snat", spec.snat_address, cidr)
            for cidr in spec.snat_cidrs
        ]
    return wanted


def _route(place: Place, destination: str, hop: str, *, output_port: str | None = None) -> Wanted:
    columns = {"ip_prefix": destination, "nexthop": hop, "output_port": output_port}
    key = Place("Logical_Router_Static_Route", f"{place.key}#{destination}-{hop}")
    return Wanted(place=key, columns=columns, parent=Slot(place, "static_routes"))


def _nat(place: Place, key: str, type_: str, external: str, inner: str) -> Wanted:
    columns = {"type": type_, "external_ip": external, "logical_ip": inner}
    return Wanted(place=Place("NAT", key), columns=columns, parent=Slot(place, "nat"))


def floating_ip(spec: FloatingIpSpec) -> list[Wanted]:
    """Return a NAT both ways, or a load balancer of one for each forwarding, on the router that leads in."""
    place = places.router(spec.router_id)
    key = f"{spec.kind}:{spec.id}"
    wanted = qos.of_floating_ip(spec)
    if spec.fixed_address is not None:
        wanted.append(_nat(place, key, "dnat_and_snat", spec.address, spec.fixed_address))
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
