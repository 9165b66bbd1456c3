"""Subnets, and each network's port for metadata."""

import ipaddress
import itertools
from collections.abc import Sequence
from typing import Any

import sqlalchemy

from cumulo.core.work import Work
from cumulo.services.network.domain import address_scopes, addresses, mtus, ports
from cumulo.services.network.domain.addresses import Asked
from cumulo.services.network.domain.changes import change, revise, touch
from cumulo.services.network.domain.router_ports import network_of
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import (
    BadRequest,
    GatewayConflictWithAllocationPools,
    GatewayIpInUse,
    InvalidAllocationPool,
    InvalidInput,
    OutOfBoundsAllocationPool,
    OverlappingAllocationPools,
    SubnetInUse,
)
from cumulo.services.network.errors.segments import (
    NetworkIdsDontMatch,
    SegmentNotFound,
    SubnetsNotAllAssociatedWithSegments,
)
from cumulo.services.network.model import FixedIp, Network, Owner, Port, Segment, Subnet
from cumulo.services.network.prefixes import unscoped

Pools = list[dict[str, str]]
_NONE: Any = object()
_EVERYBODY = ipaddress.ip_network("255.255.255.255")  # the limited broadcast address
IPV6_MODES = (None, "slaac", "dhcpv6-stateful", "dhcpv6-stateless")


async def create(work: Work, network: Network, project_id: str, values: dict[str, Any]) -> Subnet:
    """Create a subnet. `gateway_ip` absent: the first address; None: no gateway."""
    net = _read_cidr(values["cidr"], values["ip_version"])
    mtus.check(network.id, network.mtu, [net.version])
    await alone(work, network.id)
    await _refuse_overlap(work, network, net)
    await address_scopes.check_network(work.db, network, net.version, values.get("subnetpool_id"))
    _check_modes(values)
    await _check_segment(work, network, values.get("segment_id"))
    gateway = values.pop("gateway_ip", _NONE)
    pools = values.pop("allocation_pools", None)
    subnet = Subnet(project_id=project_id, network_id=network.id, **values | {"cidr": str(net)})
    subnet.gateway_ip = _default_gateway(net) if gateway is _NONE else gateway
    if subnet.gateway_ip is not None:
        subnet.gateway_ip = str(addresses.parse(subnet.gateway_ip))
        _check_gateway(net, subnet.gateway_ip)
    subnet.allocation_pools = (
        default_pools(net, subnet.gateway_ip) if pools is None else _checked(subnet, pools)
    )
    _check_lists(subnet)
    await work.db.insert(subnet)
    await touch(work, Kind.SUBNET, subnet.id)
    await revise(work.db, Network, network.id)
    await ensure_metadata_port(work, network)
    await _join_peers(work, network.id)
    return subnet


async def alone(work: Work, network_id: str) -> None:
    """Have other changes of this network's subnets wait: they overlap with none, and share one port.

    It comes before the rows of both, or two would wait for each other.
    """
    await work.db.lock(f"network.subnets:{network_id}")


async def _check_segment(
    work: Work, network: Network, segment_id: str | None, *, besides: str | None = None
) -> None:
    """Refuse another network's segment, and subnets of which some are on segments and others are not."""
    if segment_id is not None:
        segment = await work.db.get(Segment, segment_id)
        if segment is None:
            raise SegmentNotFound(id=segment_id)
        if segment.network_id != network.id:
            raise NetworkIdsDontMatch(id=segment_id, network_id=network.id)
    rest = await work.db.all(Subnet, Subnet.c.network_id == network.id)
    others = [subnet for subnet in rest if subnet.id != besides]
    if any((subnet.segment_id is None) != (segment_id is None) for subnet in others):
        raise SubnetsNotAllAssociatedWithSegments(id=network.id)


async def _join_peers(work: Work, network_id: str, *, gone: Sequence[str] = ()) -> None:
    """Have guests of each segment told of the others' subnets: by their own gateway.

    gone: CIDRs of subnets that no guest is to be told of any more.
    """
    rows = await work.db.all(Subnet, Subnet.c.network_id == network_id)
    if not any(row.segment_id for row in rows):
        return
    for row in rows:
        peers = [p for p in rows if p.segment_id != row.segment_id and p.ip_version == row.ip_version]
        known = {*(peer.cidr for peer in rows), *gone}
        kept = [route for route in row.host_routes if route["destination"] not in known]
        if row.gateway_ip is not None:
            kept += [{"destination": peer.cidr, "nexthop": row.gateway_ip} for peer in peers]
        if kept != row.host_routes:
            await change(work.db, row, {"host_routes": kept})
            await touch(work, Kind.SUBNET, row.id)


def _read_cidr(text: str, version: int) -> addresses.Net:
    try:
        net = ipaddress.ip_network(unscoped(text), strict=False)
    except ValueError:
        raise InvalidInput(reason=f"'{text}' is not a valid CIDR") from None
    if net.version != version:
        raise InvalidInput(reason=f"the CIDR {text} is not of IP version {version}")
    if net.prefixlen == 0 or net.is_multicast or net.is_loopback or net == _EVERYBODY:
        raise InvalidInput(reason=f"the CIDR {text} cannot be a subnet's")
    return net


async def _refuse_overlap(work: Work, network: Network, net: addresses.Net) -> None:
    others = await work.db.all(Subnet, Subnet.c.network_id == network.id, Subnet.c.ip_version == net.version)
    for other in others:
        if addresses.net(other).overlaps(net):
            reason = f"the CIDR {net} overlaps with another subnet: {other.id} (CIDR: {other.cidr})"
            raise InvalidInput(reason=reason)


def _check_modes(values: dict[str, Any]) -> None:
    mode, announced = values.get("ipv6_address_mode"), values.get("ipv6_ra_mode")
    if mode not in IPV6_MODES or announced not in IPV6_MODES:
        raise InvalidInput(reason=f"IPv6 modes are {', '.join(filter(None, IPV6_MODES))}")
    if values["ip_version"] == 4 and (mode or announced):  # noqa: PLR2004  IP's version numbers are their own names
        raise InvalidInput(reason="IPv6 modes are not for IPv4 subnets")
    if mode and announced and mode != announced:
        raise InvalidInput(reason="ipv6_ra_mode and ipv6_address_mode differ")


def _default_gateway(net: addresses.Net) -> str:
    return str(net.network_address + 1)


def _check_gateway(net: addresses.Net, gateway: str) -> None:
    parsed = addresses.parse(gateway)
    if parsed.version != net.version:
        raise InvalidInput(reason=f"the gateway {gateway} is not of the subnet's IP version")
    if net.version == 4 and parsed in (net.network_address, net.broadcast_address):  # noqa: PLR2004  IP's version numbers are their own names
        raise InvalidInput(reason=f"the gateway {gateway} is not a host's address in {net}")


def _check_lists(subnet: Subnet) -> None:
    for server in subnet.dns_nameservers:
        addresses.parse(server)
    for route in subnet.host_routes:
        if route.keys() != {"destination", "nexthop"}:
            raise InvalidInput(reason="a host route has a destination and a nexthop")
        addresses.parse(route["nexthop"])
        try:
            ipaddress.ip_network(unscoped(route["destination"]))
        except ValueError:
            raise InvalidInput(reason=f"'{route['destination']}' is not a valid CIDR") from None


def default_pools(net: addresses.Net, gateway: str | None) -> Pools:
    """Return all of a subnet's addresses but network, broadcast and gateway, as one or two pools."""
    first, last = int(net.network_address), int(net.broadcast_address)
    small = 2 if net.version == 4 else 1  # noqa: PLR2004  IP's version numbers are their own names
    if net.num_addresses > small:
        first += 1
        last -= 1 if net.version == 4 else 0  # noqa: PLR2004  IP's version numbers are their own names
    make = ipaddress.IPv4Address if net.version == 4 else ipaddress.IPv6Address  # noqa: PLR2004  IP's version numbers are their own names
    way = int(ipaddress.ip_address(gateway)) if gateway else -1
    ranges = [(first, last)]
    if first <= way <= last:
        ranges = [(first, way - 1), (way + 1, last)]
    return [{"start": str(make(a)), "end": str(make(b))} for a, b in ranges if a <= b]


def _checked(subnet: Subnet, pools: Pools) -> Pools:
    """Return pools sorted; they must lie in the subnet, apart from each other and the gateway."""
    net = addresses.net(subnet)
    read = []
    for pool in pools:
        shown = f"{pool.get('start')}-{pool.get('end')}"
        if pool.keys() != {"start", "end"}:
            raise InvalidAllocationPool(pool=shown)
        start, end = addresses.parse(pool["start"]), addresses.parse(pool["end"])
        if int(start) > int(end) or start.version != net.version or end.version != net.version:
            raise InvalidAllocationPool(pool=shown)
        if start not in net or end not in net:
            raise OutOfBoundsAllocationPool(pool=shown, cidr=subnet.cidr)
        read.append((int(start), int(end), {"start": str(start), "end": str(end)}, shown))
    read.sort(key=lambda item: item[:2])
    for before, after in itertools.pairwise(read):
        if after[0] <= before[1]:
            raise OverlappingAllocationPools(pool_1=before[3], pool_2=after[3], cidr=subnet.cidr)
    if subnet.gateway_ip is not None:
        way = int(addresses.parse(subnet.gateway_ip))
        for start_number, end_number, _, shown in read:
            if start_number <= way <= end_number:
                raise GatewayConflictWithAllocationPools(address=subnet.gateway_ip, pool=shown)
    return [item[2] for item in read]


async def update(work: Work, subnet: Subnet, values: dict[str, Any]) -> Subnet:
    """Change a subnet, and the answers that its ports get."""
    await alone(work, subnet.network_id)
    trial = Subnet(**{name: getattr(subnet, name) for name in Subnet.__struct_fields__})
    for name, value in values.items():
        setattr(trial, name, value)
    if "gateway_ip" in values and trial.gateway_ip != subnet.gateway_ip:
        await _refuse_gateway_change(work, subnet)
        if trial.gateway_ip is not None:
            trial.gateway_ip = values["gateway_ip"] = str(addresses.parse(trial.gateway_ip))
            _check_gateway(addresses.net(subnet), trial.gateway_ip)
    if "allocation_pools" in values or "gateway_ip" in values:
        values["allocation_pools"] = _checked(trial, trial.allocation_pools)
    _check_lists(trial)
    network = await network_of(work.db, subnet.network_id)
    if trial.segment_id != subnet.segment_id:
        if subnet.segment_id is not None:
            raise InvalidInput(reason=f"subnet {subnet.id} is on segment {subnet.segment_id}")
        await _check_segment(work, network, trial.segment_id, besides=subnet.id)
    served = subnet.enable_dhcp
    await change(work.db, subnet, values)
    await revise(work.db, Network, network.id)
    await touch(work, Kind.SUBNET, subnet.id)
    await _join_peers(work, network.id)
    if subnet.enable_dhcp != served:
        await ensure_metadata_port(work, network)
        await _touch_ports(work, subnet)
    else:
        await _touch_ports(work, subnet, Port.c.extra_dhcp_opts != [])
    return subnet


async def _refuse_gateway_change(work: Work, subnet: Subnet) -> None:
    where = (FixedIp.c.subnet_id == subnet.id, FixedIp.c.address == subnet.gateway_ip)
    held = await work.db.one(FixedIp, *where)
    if held is not None:
        raise GatewayIpInUse(address=subnet.gateway_ip, port_id=held.port_id)


async def _touch_ports(work: Work, subnet: Subnet, *where: Any) -> None:
    """Have the subnet's ports realised again: those whose DHCP answers do not follow by themselves."""
    mine = sqlalchemy.select(FixedIp.c.port_id).where(FixedIp.c.subnet_id == subnet.id)
    rows = await work.db.rows(sqlalchemy.select(Port.c.id).where(Port.c.id.in_(mine), *where))
    await touch(work, Kind.PORT, *(row[0] for row in rows))


async def delete(work: Work, subnet: Subnet) -> None:
    """Delete a subnet of which no port but our own has an address, or that guests address by themselves."""
    await alone(work, subnet.network_id)
    held = await work.db.all(FixedIp, FixedIp.c.subnet_id == subnet.id)
    owners = await work.db.all(Port, Port.c.id.in_([ip.port_id for ip in held])) if held else []
    spared = {Owner.METADATA.value, Owner.DHCP.value}
    of_routers = {owner.value for owner in ports.OF_ROUTERS}
    for port in owners:
        leaves = addresses.by_itself(subnet) and port.device_owner not in of_routers
        if not leaves and port.device_owner not in spared:
            raise SubnetInUse(id=subnet.id)
    await work.db.delete(FixedIp, FixedIp.c.subnet_id == subnet.id)
    await work.db.delete(Subnet, Subnet.c.id == subnet.id)
    await revise(work.db, Network, subnet.network_id)
    await touch(work, Kind.SUBNET, subnet.id)
    await touch(work, Kind.PORT, *(port.id for port in owners if port.device_owner not in of_routers))
    await ensure_metadata_port(work, await network_of(work.db, subnet.network_id))
    await _join_peers(work, subnet.network_id, gone=[subnet.cidr])


async def ensure_metadata_port(work: Work, network: Network) -> None:
    """Have the port through which hosts serve metadata, with an address in each IPv4 subnet with DHCP."""
    subnets = await work.db.all(
        Subnet, Subnet.c.network_id == network.id, order_by=[Subnet.c.created_at, Subnet.c.id]
    )
    served = [s for s in subnets if s.enable_dhcp and s.ip_version == 4]  # noqa: PLR2004  IP's version numbers are their own names
    port = await work.db.one(Port, Port.c.network_id == network.id, Port.c.device_owner == Owner.METADATA)
    if not served:
        if port is not None:
            await ports.remove(work, port)
        return
    if port is None:
        port = Port(
            project_id="",
            network_id=network.id,
            mac_address=await addresses.mac(work.db, network.id),
            device_id=f"metadata-{network.id}",
            device_owner=Owner.METADATA.value,
            port_security_enabled=False,
        )
        await work.db.insert(port)
    held = await work.db.all(FixedIp, FixedIp.c.port_id == port.id)
    await addresses.assign(work.db, port, [Asked(s.id) for s in served], _roomy(served), held)
    await touch(work, Kind.PORT, port.id)
    await touch(work, Kind.SUBNET, *(subnet.id for subnet in served))


def _roomy(subnets: Sequence[Subnet]) -> Sequence[Subnet]:
    """Refuse subnets with DHCP that have no pool: metadata needs an address."""
    for subnet in subnets:
        if not subnet.allocation_pools:
            raise BadRequest(resource="subnet", reason="DHCP needs an allocation pool")
    return subnets
