"""Networks, subnets and ports."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy

from cumulo.core.db import Reader
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.drivers import dhcp_options
from cumulo.services.network.drivers.specs import NetworkSpec, PortSpec, Spec, SubnetSpec, Use
from cumulo.services.network.model import (
    FixedIp,
    Network,
    Owner,
    Port,
    PortSecurityGroup,
    QosRule,
    Segment,
    Subnet,
    Subport,
    Trunk,
    names,
)
from cumulo.services.network.model.lookup import those
from cumulo.services.network.model.networks import EXPECTED
from cumulo.services.network.tasks.desired import qos
from cumulo.services.network.tasks.desired.rows import addresses, by_id

OF_OTHERS = (Owner.ROUTER_INTERFACE, Owner.ROUTER_GATEWAY, Owner.FLOATING_IP)
"""Ports that are part of something else in the data plane."""

_V4 = 4


async def networks(db: Reader, settings: NetworkSettings, ids: Sequence[str]) -> list[Spec]:
    """Return networks."""
    del settings
    further: dict[str, list[tuple[str, str, int | None]]] = defaultdict(list)
    order = [Segment.c.network_id, Segment.c.position]
    before = ""
    for each in await db.all(Segment, Segment.c.network_id.in_(ids), order_by=order):
        if each.network_id == before and each.physical_network is not None:
            further[each.network_id].append((each.id, each.physical_network, each.segmentation_id))
        before = each.network_id
    return [
        NetworkSpec(
            id=row.id,
            name=row.name,
            mtu=row.mtu,
            physical_network=row.physical_network,
            vlan=row.segmentation_id if row.provider_type == "vlan" else None,
            further=tuple(further[row.id]),
            transparent=bool(row.vlan_transparent),
            qinq=bool(row.qinq),
        )
        for row in await db.all(Network, Network.c.id.in_(ids))
    ]


async def subnets(db: Reader, settings: NetworkSettings, ids: Sequence[str]) -> list[Spec]:
    """Return subnets."""
    rows = await db.all(Subnet, Subnet.c.id.in_(ids))
    networks = await by_id(db, Network, {row.network_id for row in rows})
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
            dns=_servers(row, settings, networks[row.network_id], metadata.get(row.id)),
            domain=networks[row.network_id].dns_domain.rstrip("."),
            routes=tuple((route["destination"], route["nexthop"]) for route in row.host_routes),
            metadata_address=metadata.get(row.id),
            ra_mode=row.ipv6_ra_mode,
        )
        for row in rows
    ]


def _servers(
    row: Subnet, settings: NetworkSettings, network: Network, metadata: str | None
) -> tuple[str, ...]:
    """Return whom guests ask for names.

    Where nobody is named, and the network has names of its own: metadata's address, which every host
    reaches. OVN answers for it whenever it knows the name.
    """
    named = row.dns_nameservers or _fitting(settings.dns, row.ip_version)
    if named or not network.dns_domain or metadata is None:
        return tuple(named)
    return (metadata,)


def _fitting(servers: Sequence[str], version: int) -> list[str]:
    return [server for server in servers if (":" in server) == (version != _V4)]


def _asks_dhcp(subnet: Subnet) -> bool:
    """Say whether guests of an IPv6 subnet ask DHCPv6 for anything."""
    return (subnet.ipv6_address_mode or "").startswith("dhcpv6")


class _Around(NamedTuple):
    """What ports stand on, by id; QoS rules by policy; what carries them by VLAN, by port."""

    subnets: Mapping[str, Subnet]
    networks: Mapping[str, Network]
    rules: Mapping[str | None, Sequence[QosRule]]
    carried: Mapping[str, tuple[str, int, bool]]
    domain: str


async def ports(db: Reader, settings: NetworkSettings, ids: Sequence[str]) -> list[Spec]:
    """Return ports: guests' and those for metadata."""
    rows = [row for row in await those(db, Port, ids) if row.device_owner not in OF_OTHERS]
    held = await addresses(db, ids)
    groups: dict[str, list[str]] = defaultdict(list)
    for member in await those(db, PortSecurityGroup, ids, "port_id"):
        groups[member.port_id].append(member.security_group_id)
    networks = await by_id(db, Network, {row.network_id for row in rows})
    policies = {row.qos_policy_id for row in rows} | {row.qos_policy_id for row in networks.values()}
    around = _Around(
        subnets=await by_id(db, Subnet, {ip.subnet_id for ips in held.values() for ip in ips}),
        networks=networks,
        rules=await qos.rules_of(db, policies),
        carried=await _carried(db, ids),
        domain=settings.dns_domain,
    )
    return [_port(row, held[row.id], groups[row.id], around) for row in rows]


async def _carried(db: Reader, ids: Sequence[str]) -> dict[str, tuple[str, int, bool]]:
    """Return the trunk's port, the tag, and whether the trunk is up, of those ports that are subports."""
    return {row[0]: (row[1], row[2], row[3]) for row in await db.answer(_carriers, ids=list(ids))}


def _carriers() -> Any:
    """Ask what carries subports."""
    ids = sqlalchemy.bindparam("ids", type_=Subport.c.port_id.type, expanding=True)
    columns = (Subport.c.port_id, Trunk.c.port_id, Subport.c.segmentation_id, Trunk.c.admin_state_up)
    statement = sqlalchemy.select(*columns).join(Trunk.table, Trunk.c.id == Subport.c.trunk_id)
    return statement.where(Subport.c.port_id.in_(ids))


def _port(row: Port, held: Sequence[FixedIp], groups: Sequence[str], around: _Around) -> PortSpec:
    own = [around.subnets[ip.subnet_id] for ip in held]
    served = [subnet for subnet in own if subnet.enable_dhcp]
    metadata = row.device_owner == Owner.METADATA
    v4 = [subnet.id for subnet in served if subnet.ip_version == _V4]
    v6 = [subnet.id for subnet in served if subnet.ip_version != _V4 and _asks_dhcp(subnet)]
    network = around.networks[row.network_id]
    rules = () if metadata else around.rules[row.qos_policy_id or network.qos_policy_id]
    parent, tag, carried = around.carried.get(row.id, (None, None, True))
    return PortSpec(
        id=row.id,
        network_id=row.network_id,
        mac=row.mac_address,
        addresses=tuple((ip.subnet_id, ip.address) for ip in held),
        use=Use.METADATA if metadata else Use.GUEST,
        enabled=row.admin_state_up and carried,
        port_security=row.port_security_enabled,
        pairs=tuple((p["mac_address"], p["ip_address"]) for p in row.allowed_address_pairs),
        security_groups=tuple(sorted(groups)),
        dhcp_subnet_v4=v4[0] if v4 and not metadata else None,
        dhcp_subnet_v6=v6[0] if v6 and not metadata else None,
        dhcp_options_v4=_options(row, 4),
        dhcp_options_v6=_options(row, 6),
        host=row.host,
        expected_at=str(row.profile.get(EXPECTED) or ""),
        qos=qos.specs(rules, row.limits),
        minimum_kbps=qos.minimum(rules) if network.physical_network else None,
        parent=parent,
        tag=tag,
        names=tuple(sorted(_names(row, held, row.dns_domain or network.dns_domain or around.domain).items())),
    )


def _names(row: Port, held: Sequence[FixedIp], domain: str) -> dict[str, str]:
    return names.records(row.dns_name, domain, [ip.address for ip in held])


def _options(row: Port, version: int) -> tuple[tuple[str, str], ...]:
    """Return what DHCP tells this port alone, by the names that the driver knows."""
    mine = [entry for entry in row.extra_dhcp_opts if entry["ip_version"] == version]
    named = ((dhcp_options.ovn_name(entry["opt_name"], version), entry["opt_value"]) for entry in mine)
    return tuple((name, value) for name, value in named if name is not None)
