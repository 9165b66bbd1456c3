"""Routers and floating IPs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cumulo.core.db import Reader
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.drivers.specs import (
    FloatingIpSpec,
    ForwardSpec,
    GatewaySpec,
    InterfaceSpec,
    MeterSpec,
    RouterSpec,
    Spec,
)
from cumulo.services.network.metering import marks, portions
from cumulo.services.network.model import (
    FixedIp,
    FloatingIp,
    MeteringLabel,
    MeteringRule,
    NdpProxy,
    Network,
    Owner,
    Port,
    PortForwarding,
    QosRule,
    Router,
    Subnet,
    SubnetPool,
)
from cumulo.services.network.tasks.desired import qos
from cumulo.services.network.tasks.desired.rows import addresses, by_id
from cumulo.services.network.tasks.hosts import kept_free

_V4 = 4


class _Around(NamedTuple):
    """What routers' ports stand on, by id; and the hosts that gateways are kept away from."""

    held: Mapping[str, Sequence[FixedIp]]
    subnets: Mapping[str, Subnet]
    networks: Mapping[str, Network]
    avoid: tuple[str, ...]
    scopes: Mapping[str | None, str | None]  # of subnets' pools
    rules: Mapping[str | None, Sequence[QosRule]]  # of QoS policies
    proxied: Mapping[str, tuple[str, ...]]  # addresses that routers answer for, by router
    labels: Sequence[tuple[MeteringLabel, Sequence[MeteringRule]]]


async def routers(db: Reader, settings: NetworkSettings, ids: Sequence[str]) -> list[Spec]:
    """Return routers with their ports and ways out."""
    del settings
    rows = await db.all(Router, Router.c.id.in_(ids))
    owners = [Owner.ROUTER_INTERFACE.value, Owner.ROUTER_GATEWAY.value]
    ports = await db.all(
        Port,
        Port.c.device_id.in_(ids),
        Port.c.device_owner.in_(owners),
        order_by=[Port.c.created_at, Port.c.id],
    )
    held = await addresses(db, [port.id for port in ports])
    subnets = await by_id(db, Subnet, {ip.subnet_id for ips in held.values() for ip in ips})
    pools = await by_id(db, SubnetPool, {s.subnetpool_id for s in subnets.values() if s.subnetpool_id})
    networks = await by_id(db, Network, {port.network_id for port in ports})
    policies = {row.qos_policy_id for row in rows} | {row.qos_policy_id for row in networks.values()}
    around = _Around(
        held=held,
        subnets=subnets,
        rules=await qos.rules_of(db, policies),
        labels=await _labels(db),
        proxied=await _proxied(db, [row.id for row in rows if row.enable_ndp_proxy]),
        scopes={id_: pool.address_scope_id for id_, pool in pools.items()},
        networks=networks,
        avoid=tuple(sorted(row[0] for row in await db.rows(kept_free()))),
    )
    return [_router(row, [port for port in ports if port.device_id == row.id], around) for row in rows]


async def _labels(db: Reader) -> list[tuple[MeteringLabel, list[MeteringRule]]]:
    """Return the metering labels, each with its rules."""
    labels = await db.all(MeteringLabel)
    rules = await db.all(MeteringRule) if labels else []
    return [(label, [rule for rule in rules if rule.label_id == label.id]) for label in labels]


def _meters(
    row: Router, labels: Sequence[tuple[MeteringLabel, Sequence[MeteringRule]]]
) -> tuple[MeterSpec, ...]:
    """Return what of a router's traffic is counted."""
    mine = [rules for label, rules in labels if label.shared or label.project_id == row.project_id]
    told = marks(row.id, portions([rule for rules in mine for rule in rules]))
    return tuple(
        MeterSpec(mark=mark, ingress=portion.ingress, prefix=portion.prefix)
        for mark, portion in sorted(told.items())
    )


async def _proxied(db: Reader, router_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the addresses that these routers answer for, by router."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in await db.all(NdpProxy, NdpProxy.c.router_id.in_(list(router_ids)), order_by=[NdpProxy.c.id]):
        found[row.router_id].append(row.ip_address)
    return {id_: tuple(addresses) for id_, addresses in found.items()}


def _router(row: Router, ports: Sequence[Port], around: _Around) -> RouterSpec:
    held = around.held
    inside = [port for port in ports if port.device_owner == Owner.ROUTER_INTERFACE and held[port.id]]
    ways = [port for port in ports if port.device_owner == Owner.ROUTER_GATEWAY and held[port.id]]
    outside = next((port for port in ways if port.id == row.gateway_port_id), None)
    behind = [around.subnets[ip.subnet_id] for port in inside for ip in held[port.id]]
    return RouterSpec(
        id=row.id,
        name=row.name,
        enabled=row.admin_state_up,
        interfaces=tuple(_interface(port, around) for port in inside),
        gateway=None if outside is None else _gateway(row, outside, behind, around),
        further_gateways=tuple(_gateway(row, port, behind, around) for port in ways if port is not outside),
        watched=row.enable_default_route_bfd,
        several=row.ha,
        proxied=around.proxied.get(row.id, ()),
        meters=_meters(row, around.labels),
        routes=tuple((route["destination"], route["nexthop"]) for route in row.routes),
        barred=tuple(_barred(behind, around)),
        zones=tuple(row.availability_zone_hints),
        avoid=around.avoid,
    )


def _barred(behind: Sequence[Subnet], around: _Around) -> list[tuple[str, str]]:
    """Return what may not pass: packets between subnets of different address scopes."""
    scoped = [(subnet, around.scopes.get(subnet.subnetpool_id)) for subnet in behind]
    return [
        (one.cidr, other.cidr)
        for one, its in scoped
        for other, others in scoped
        if its != others and one.ip_version == other.ip_version
    ]


def _interface(port: Port, around: _Around) -> InterfaceSpec:
    held = around.held[port.id]
    own = [around.subnets[ip.subnet_id] for ip in held]
    modes = [subnet.ipv6_ra_mode for subnet in own if subnet.ipv6_ra_mode]
    lengths = [subnet.cidr.partition("/")[2] for subnet in own]
    networks_of = (f"{ip.address}/{bits}" for ip, bits in zip(held, lengths, strict=True))
    return InterfaceSpec(
        port_id=port.id,
        network_id=port.network_id,
        mac=port.mac_address,
        networks=tuple(networks_of),
        mtu=around.networks[port.network_id].mtu,
        ra_mode=modes[0] if modes else None,
    )


def _gateway(row: Router, port: Port, behind: Sequence[Subnet], around: _Around) -> GatewaySpec:
    held = around.held[port.id]
    hops = [around.subnets[ip.subnet_id].gateway_ip for ip in held]
    v4 = [ip.address for ip in held if ":" not in ip.address]
    outer = [around.subnets[ip.subnet_id].subnetpool_id for ip in held if ":" not in ip.address]
    known = {around.scopes.get(pool) for pool in outer} - {None}  # whose addresses count outside as well
    inner = [subnet for subnet in behind if subnet.ip_version == _V4]
    hidden = [subnet.cidr for subnet in inner if around.scopes.get(subnet.subnetpool_id) not in known]
    leads = port.id == row.gateway_port_id or row.enable_default_route_ecmp
    policy = row.qos_policy_id or around.networks[port.network_id].qos_policy_id
    return GatewaySpec(
        interface=_interface(port, around),
        next_hops=tuple(hop for hop in hops if hop is not None and leads),
        snat_address=v4[0] if v4 and row.enable_snat else None,
        snat_cidrs=tuple(hidden),
        address=v4[0] if v4 else None,
        qos=qos.specs(around.rules[policy]),
    )


async def floating_ips(db: Reader, settings: NetworkSettings, ids: Sequence[str]) -> list[Spec]:
    """Return floating IPs that lead somewhere, as a whole or by single ports."""
    del settings
    rows = await db.all(FloatingIp, FloatingIp.c.id.in_(ids), FloatingIp.c.router_id.is_not(None))
    of_these = PortForwarding.c.floatingip_id.in_([row.id for row in rows])
    forwards: dict[str, list[ForwardSpec]] = defaultdict(list)
    for each in await db.all(PortForwarding, of_these, order_by=[PortForwarding.c.id]):
        forwards[each.floatingip_id].append(_forward(each))
    leading = await by_id(db, Router, {row.router_id for row in rows if row.router_id})
    ways = await _ways(db, list(leading))
    holders = await by_id(db, Port, {row.holder_port_id for row in rows})
    outside = await by_id(db, Network, {row.floating_network_id for row in rows})
    policies = [row.qos_policy_id or outside[row.floating_network_id].qos_policy_id for row in rows]
    rules = await qos.rules_of(db, policies)
    return [
        FloatingIpSpec(
            id=row.id,
            router_id=row.router_id or "",
            address=row.floating_ip_address,
            fixed_address=row.fixed_ip_address,
            forwards=tuple(forwards[row.id]),
            qos=qos.specs(rules[policy]),
            network_id=row.floating_network_id,
            gateway=_way_of(leading[row.router_id or ""], ways, row),
            chosen=len(ways[row.router_id or ""]) > 1,
            **_place_of(row, leading[row.router_id or ""], holders),
        )
        for row, policy in zip(rows, policies, strict=True)
    ]


async def _ways(db: Reader, router_ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Return the gateways of routers as (network, port), by router, oldest first."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    mine = (Port.c.device_id.in_(list(router_ids)), Port.c.device_owner == Owner.ROUTER_GATEWAY)
    for port in await db.all(Port, *mine, order_by=[Port.c.created_at, Port.c.id]):
        found[port.device_id].append((port.network_id, port.id))
    return found


def _way_of(router: Router, ways: Mapping[str, Sequence[tuple[str, str]]], row: FloatingIp) -> str:
    """Return the gateway port that a floating IP uses: of those on its network the router's first."""
    there = [port for network, port in ways[router.id] if network == row.floating_network_id]
    if router.gateway_port_id in there:
        return router.gateway_port_id or ""
    return there[0] if there else router.gateway_port_id or ""


def _place_of(row: FloatingIp, router: Router, holders: Mapping[str, Port]) -> dict[str, str]:
    """Return what says that a floating IP is translated on the host of its port; nothing: at the gateway."""
    distributed = router.distributed if row.distributed is None else row.distributed
    if not distributed or row.port_id is None:
        return {}
    return {"port_id": row.port_id, "mac": holders[row.holder_port_id].mac_address}


def _forward(row: PortForwarding) -> ForwardSpec:
    several = row.internal_last > row.internal_first
    outer = range(row.external_first, row.external_last + 1)
    inner = (row.internal_first + number if several else row.internal_first for number in range(len(outer)))
    return ForwardSpec(
        id=row.id,
        protocol=row.protocol,
        fixed_address=row.internal_ip_address,
        ports=tuple(zip(outer, inner, strict=True)),
    )
