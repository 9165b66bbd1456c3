"""Rows to specs: what the data plane should be, loaded for many resources of one kind at a time."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

import sqlalchemy

from cumulo.core.db import Reader
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.drivers import dhcp_options
from cumulo.services.network.drivers.specs import (
    FloatingIpSpec,
    GatewaySpec,
    InterfaceSpec,
    Kind,
    NetworkSpec,
    PortSpec,
    RouterSpec,
    RuleSpec,
    SecurityGroupSpec,
    Spec,
    SubnetSpec,
    Use,
)
from cumulo.services.network.model import (
    FixedIp,
    FloatingIp,
    Network,
    Owner,
    Port,
    PortSecurityGroup,
    Router,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
)

_NOT_PORTS = (Owner.ROUTER_INTERFACE, Owner.ROUTER_GATEWAY, Owner.FLOATING_IP)
_V4 = 4


async def load(db: Reader, settings: NetworkSettings, kind: Kind, ids: Collection[str]) -> dict[str, Spec]:
    """Return the specs of those resources that should be in the data plane, by id."""
    specs = await _LOADERS[kind](db, settings, list(ids)) if ids else []
    return {spec.id: spec for spec in specs}


async def every(db: Reader, kind: Kind) -> list[str]:
    """Return the ids of all resources of a kind that should be in the data plane."""
    match kind:
        case Kind.PORT:
            where = Port.c.device_owner.not_in([owner.value for owner in _NOT_PORTS])
            statement = sqlalchemy.select(Port.c.id).where(where)
        case Kind.FLOATING_IP:
            statement = sqlalchemy.select(FloatingIp.c.id).where(FloatingIp.c.port_id.is_not(None))
        case _:
            statement = sqlalchemy.select(_MODELS[kind].c.id)
    return [row[0] for row in await db.rows(statement)]


_MODELS: Mapping[Kind, Any] = {
    Kind.NETWORK: Network,
    Kind.SUBNET: Subnet,
    Kind.SECURITY_GROUP: SecurityGroup,
    Kind.ROUTER: Router,
}


async def _by_id(db: Reader, model: Any, ids: Collection[str]) -> dict[str, Any]:
    rows = await db.all(model, model.c.id.in_(list(ids))) if ids else []
    return {row.id: row for row in rows}


async def _networks(db: Reader, settings: NetworkSettings, ids: Sequence[str]) -> list[Spec]:
    del settings
    return [
        NetworkSpec(
            id=row.id,
            name=row.name,
            mtu=row.mtu,
            physical_network=row.physical_network,
            vlan=row.segmentation_id if row.provider_type == "vlan" else None,
        )
        for row in await db.all(Network, Network.c.id.in_(ids))
    ]


async def _subnets(db: Reader, settings: NetworkSettings, ids: Sequence[str]) -> list[Spec]:
    rows = await db.all(Subnet, Subnet.c.id.in_(ids))
    networks = await _by_id(db, Network, {row.network_id for row in rows})
    held = sqlalchemy.select(FixedIp.c.subnet_id, FixedIp.c.address)
    held = held.join(Port.table, Port.c.id == FixedIp.c.port_id)
    held = held.where(FixedIp.c.subnet_id.in_(ids), Port.c.device_owner == Owner.METADATA.value)
    metadata: dict[str, str] = {row[0]: row[1] for row in await db.rows(held)}
    return [
        SubnetSpec(
            id=row.id,
            network_id=row.network_id,
            version=row.ip_version,
            cidr=row.cidr,
            mtu=networks[row.network_id].mtu,
            dhcp=row.enable_dhcp and (row.ip_version == _V4 or _asks_dhcp(row)),
            gateway=row.gateway_ip,
            dns=tuple(row.dns_nameservers or _fitting(settings.dns, row.ip_version)),
            routes=tuple((route["destination"], route["nexthop"]) for route in row.host_routes),
            metadata_address=metadata.get(row.id),
            ra_mode=row.ipv6_ra_mode,
        )
        for row in rows
    ]


def _fitting(servers: Sequence[str], version: int) -> list[str]:
    return [server for server in servers if (":" in server) == (version != _V4)]


def _asks_dhcp(subnet: Subnet) -> bool:
    """Say whether guests of an IPv6 subnet ask DHCPv6 for anything."""
    return (subnet.ipv6_address_mode or "").startswith("dhcpv6")


async def _groups(db: Reader, settings: NetworkSettings, ids: Sequence[str]) -> list[Spec]:
    del settings
    rows = await db.all(SecurityGroup, SecurityGroup.c.id.in_(ids))
    rules: dict[str, list[RuleSpec]] = defaultdict(list)
    where = SecurityGroupRule.c.security_group_id.in_(ids)
    for rule in await db.all(SecurityGroupRule, where, order_by=[SecurityGroupRule.c.id]):
        spec = RuleSpec(
            id=rule.id,
            ingress=rule.direction == "ingress",
            version=4 if rule.ethertype == "IPv4" else 6,
            protocol=rule.protocol,
            first=rule.port_range_min,
            last=rule.port_range_max,
            remote_cidr=rule.remote_ip_prefix,
            remote_group=rule.remote_group_id,
        )
        rules[rule.security_group_id].append(spec)
    return [SecurityGroupSpec(id=row.id, name=row.name, rules=tuple(rules[row.id])) for row in rows]


async def _ports(db: Reader, settings: NetworkSettings, ids: Sequence[str]) -> list[Spec]:
    del settings
    rows = await db.all(Port, Port.c.id.in_(ids))
    rows = [row for row in rows if row.device_owner not in _NOT_PORTS]
    held = await _addresses(db, ids)
    subnets = await _by_id(db, Subnet, {ip.subnet_id for ips in held.values() for ip in ips})
    groups: dict[str, list[str]] = defaultdict(list)
    member = PortSecurityGroup
    for row in await db.all(member, member.c.port_id.in_(ids)):
        groups[row.port_id].append(row.security_group_id)
    return [_port(row, held[row.id], subnets, groups[row.id]) for row in rows]


async def _addresses(db: Reader, port_ids: Collection[str]) -> dict[str, list[FixedIp]]:
    held: dict[str, list[FixedIp]] = defaultdict(list)
    where = FixedIp.c.port_id.in_(list(port_ids))
    for ip in await db.all(FixedIp, where, order_by=[FixedIp.c.position]) if port_ids else []:
        held[ip.port_id].append(ip)
    return held


def _port(
    row: Port, held: Sequence[FixedIp], subnets: Mapping[str, Subnet], groups: Sequence[str]
) -> PortSpec:
    own = [subnets[ip.subnet_id] for ip in held]
    served = [subnet for subnet in own if subnet.enable_dhcp]
    metadata = row.device_owner == Owner.METADATA
    v4 = [subnet.id for subnet in served if subnet.ip_version == _V4]
    v6 = [subnet.id for subnet in served if subnet.ip_version != _V4 and _asks_dhcp(subnet)]
    return PortSpec(
        id=row.id,
        network_id=row.network_id,
        mac=row.mac_address,
        addresses=tuple((ip.subnet_id, ip.address) for ip in held),
        use=Use.METADATA if metadata else Use.GUEST,
        enabled=row.admin_state_up,
        port_security=row.port_security_enabled,
        pairs=tuple((p["mac_address"], p["ip_address"]) for p in row.allowed_address_pairs),
        security_groups=tuple(sorted(groups)),
        dhcp_subnet_v4=v4[0] if v4 and not metadata else None,
        dhcp_subnet_v6=v6[0] if v6 and not metadata else None,
        dhcp_options_v4=_options(row, 4),
        dhcp_options_v6=_options(row, 6),
        host=row.host,
    )


def _options(row: Port, version: int) -> tuple[tuple[str, str], ...]:
    """Return what DHCP tells this port alone, by the names that the driver knows."""
    mine = [entry for entry in row.extra_dhcp_opts if entry["ip_version"] == version]
    named = ((dhcp_options.ovn_name(entry["opt_name"], version), entry["opt_value"]) for entry in mine)
    return tuple((name, value) for name, value in named if name is not None)


async def _routers(db: Reader, settings: NetworkSettings, ids: Sequence[str]) -> list[Spec]:
    del settings
    routers = await db.all(Router, Router.c.id.in_(ids))
    owners = [Owner.ROUTER_INTERFACE.value, Owner.ROUTER_GATEWAY.value]
    ports = await db.all(
        Port,
        Port.c.device_id.in_(ids),
        Port.c.device_owner.in_(owners),
        order_by=[Port.c.created_at, Port.c.id],
    )
    held = await _addresses(db, [port.id for port in ports])
    subnets = await _by_id(db, Subnet, {ip.subnet_id for ips in held.values() for ip in ips})
    networks = await _by_id(db, Network, {port.network_id for port in ports})
    return [
        _router(row, [p for p in ports if p.device_id == row.id], held, subnets, networks) for row in routers
    ]


def _router(
    row: Router,
    ports: Sequence[Port],
    held: Mapping[str, Sequence[FixedIp]],
    subnets: Mapping[str, Subnet],
    networks: Mapping[str, Network],
) -> RouterSpec:
    inside = [port for port in ports if port.id != row.gateway_port_id and held[port.id]]
    outside = next((port for port in ports if port.id == row.gateway_port_id), None)
    gateway = None
    if outside is not None and held[outside.id]:
        behind = [subnets[ip.subnet_id] for port in inside for ip in held[port.id]]
        interface = _interface(outside, held[outside.id], subnets, networks)
        gateway = _gateway(row, interface, held[outside.id], subnets, behind)
    return RouterSpec(
        id=row.id,
        name=row.name,
        enabled=row.admin_state_up,
        interfaces=tuple(_interface(p, held[p.id], subnets, networks) for p in inside),
        gateway=gateway,
        routes=tuple((route["destination"], route["nexthop"]) for route in row.routes),
    )


def _interface(
    port: Port,
    held: Sequence[FixedIp],
    subnets: Mapping[str, Subnet],
    networks: Mapping[str, Network],
) -> InterfaceSpec:
    own = [subnets[ip.subnet_id] for ip in held]
    modes = [subnet.ipv6_ra_mode for subnet in own if subnet.ipv6_ra_mode]
    lengths = [subnet.cidr.partition("/")[2] for subnet in own]
    networks_of = (f"{ip.address}/{bits}" for ip, bits in zip(held, lengths, strict=True))
    return InterfaceSpec(
        port_id=port.id,
        network_id=port.network_id,
        mac=port.mac_address,
        networks=tuple(networks_of),
        mtu=networks[port.network_id].mtu,
        ra_mode=modes[0] if modes else None,
    )


def _gateway(
    row: Router,
    interface: InterfaceSpec,
    held: Sequence[FixedIp],
    subnets: Mapping[str, Subnet],
    behind: Sequence[Subnet],
) -> GatewaySpec:
    hops = [subnets[ip.subnet_id].gateway_ip for ip in held]
    v4 = [ip.address for ip in held if ":" not in ip.address]
    hidden = [subnet.cidr for subnet in behind if subnet.ip_version == _V4]
    snat = v4[0] if v4 and row.enable_snat else None
    return GatewaySpec(
        interface=interface,
        next_hops=tuple(hop for hop in hops if hop is not None),
        snat_address=snat,
        snat_cidrs=tuple(hidden),
    )


async def _floating(db: Reader, settings: NetworkSettings, ids: Sequence[str]) -> list[Spec]:
    del settings
    rows = await db.all(FloatingIp, FloatingIp.c.id.in_(ids), FloatingIp.c.port_id.is_not(None))
    return [
        FloatingIpSpec(
            id=row.id,
            router_id=row.router_id or "",
            address=row.floating_ip_address,
            fixed_address=row.fixed_ip_address or "",
        )
        for row in rows
    ]


Loader = Callable[[Reader, NetworkSettings, Sequence[str]], Awaitable[list[Spec]]]
_LOADERS: Mapping[Kind, Loader] = {
    Kind.NETWORK: _networks,
    Kind.SUBNET: _subnets,
    Kind.SECURITY_GROUP: _groups,
    Kind.PORT: _ports,
    Kind.ROUTER: _routers,
    Kind.FLOATING_IP: _floating,
}
