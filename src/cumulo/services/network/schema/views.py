"""Views of networks, subnets, ports, routers, floating IPs, security groups and their rules."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from typing import Annotated, Any

import sqlalchemy
from msgspec import UNSET

from cumulo.core.http import Ctx
from cumulo.core.resource import (
    Computed,
    Filterable,
    PageContext,
    Sortable,
    Source,
    VisibleTo,
    Wire,
)
from cumulo.services.network import policy
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.model import (
    FixedIp,
    Network,
    Port,
    PortSecurityGroup,
    Segment,
    Subnet,
    SubnetPool,
    Subport,
    Trunk,
    names,
)
from cumulo.services.network.model.lookup import those
from cumulo.services.network.schema.promised import requests_of
from cumulo.services.network.schema.standard import NamedView, SharedView, shared_of


def nothing(row: Any, page: PageContext) -> None:
    """Show null: an attribute of neutron's that has no value here."""
    del row, page


def no(row: Any, page: PageContext) -> bool:
    """Show false."""
    del row, page
    return False


def yes(row: Any, page: PageContext) -> bool:
    """Show true."""
    del row, page
    return True


def empty(row: Any, page: PageContext) -> list[Any]:
    """Show an empty list."""
    del row, page
    return []


async def grouped(ctx: Ctx, statement: Any) -> dict[str, list[Any]]:
    """Run a select of (key, value, …) and gather the values by key; one value alone, more as a tuple."""
    return gathered(await ctx.db.rows(statement))


def gathered(rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """Gather the values of rows (key, value, …) by key; one value alone, more as a tuple."""
    found: dict[str, list[Any]] = defaultdict(list)
    for key, *values in rows:
        found[key].append(values[0] if len(values) == 1 else tuple(values))
    return found


async def network_policies(ctx: Ctx, network_ids: Collection[str]) -> dict[str, str | None]:
    """Return networks' QoS policies, by network."""
    policies = sqlalchemy.select(Network.c.id, Network.c.qos_policy_id)
    return {row[0]: row[1] for row in await ctx.db.rows(policies.where(Network.c.id.in_(list(network_ids))))}


async def segments_of(ctx: Ctx, network_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the segments of those networks that have several, by network."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in await ctx.db.among(Segment, "network_id", network_ids, "network_id", "position"):
        shown = {
            "provider:network_type": each.network_type,
            "provider:physical_network": each.physical_network,
            "provider:segmentation_id": each.segmentation_id,
        }
        found[each.network_id].append(shown)
    return {id_: parts for id_, parts in found.items() if len(parts) > 1}


def _subnets() -> Any:
    """Ask for the subnets of networks: id, IP version, segment and address scope of each, by its network."""
    wanted = sqlalchemy.bindparam("ids", type_=Subnet.c.network_id.type, expanding=True)
    columns = (Subnet.c.network_id, Subnet.c.id, Subnet.c.ip_version, Subnet.c.segment_id)
    return (
        sqlalchemy.select(*columns, SubnetPool.c.address_scope_id)
        .outerjoin_from(Subnet.table, SubnetPool.table, SubnetPool.c.id == Subnet.c.subnetpool_id)
        .where(Subnet.c.network_id.in_(wanted))
        .order_by(Subnet.c.created_at)
    )


def alone(name: str) -> Callable[[Network, PageContext], Any]:
    """Show an attribute of a network that has one segment; several are shown as `segments`."""
    return lambda row, page: UNSET if row.id in page.extra[4] else getattr(row, name)


class NetworkView(NamedView, model=Network):
    """A network as clients see it."""

    admin_state_up: Annotated[bool, Filterable, Sortable]
    status: Annotated[str, Filterable, Sortable]
    mtu: Annotated[int, Filterable, Sortable]
    shared: Annotated[bool, Computed(lambda row, page: row.id in page.extra[1])]
    external: Annotated[bool, Wire("router:external"), Filterable]
    dns_domain: Annotated[str, Filterable]
    l2_adjacency: Annotated[bool, Computed(lambda row, page: row.id not in page.extra[3])]
    vlan_transparent: Annotated[bool | None, Filterable]
    qinq: Annotated[bool | None, Filterable]
    is_default: Annotated[
        bool, Computed(lambda row, _: row.is_default if row.external else UNSET, optional=True), Filterable
    ]
    port_security_enabled: bool
    qos_policy_id: Annotated[str | None, Filterable]
    subnets: Annotated[list[str], Computed(lambda row, page: page.extra[0][row.id])]
    availability_zone_hints: list[str]
    availability_zones: Annotated[list[str], Source("availability_zone_hints")]
    ipv4_address_scope: Annotated[str | None, Computed(lambda row, page: page.extra[2].get((row.id, 4)))]
    ipv6_address_scope: Annotated[str | None, Computed(lambda row, page: page.extra[2].get((row.id, 6)))]
    provider_type: Annotated[
        str,
        Wire("provider:network_type"),
        VisibleTo(policy.GET_NETWORK_PROVIDER),
        Filterable,
        Computed(alone("provider_type"), optional=True),
    ]
    physical_network: Annotated[
        str | None,
        Wire("provider:physical_network"),
        VisibleTo(policy.GET_NETWORK_PROVIDER),
        Filterable,
        Computed(alone("physical_network"), optional=True),
    ]
    segmentation_id: Annotated[
        int | None,
        Wire("provider:segmentation_id"),
        VisibleTo(policy.GET_NETWORK_PROVIDER),
        Filterable,
        Computed(alone("segmentation_id"), optional=True),
    ]
    segments: Annotated[
        list[Any],
        VisibleTo(policy.GET_NETWORK_SEGMENTS),
        Computed(lambda row, page: page.extra[4].get(row.id, UNSET), optional=True),
    ]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch the ids of all subnets, which networks are shared, and in which address scopes they are."""
        ids = [row.id for row in rows]
        lines = await ctx.db.answer(_subnets, ids=ids)
        subnets = gathered([(network, id_) for network, id_, *_ in lines])
        scopes = {(network, version): scope for network, _, version, _, scope in lines if scope is not None}
        routed = {network for network, _, _, segment, _ in lines if segment is not None}
        return subnets, await shared_of(ctx, rows), scopes, routed, await segments_of(ctx, ids)


class SubnetPoolView(SharedView, model=SubnetPool):
    """A subnet pool as clients see it."""

    prefixes: list[str]
    ip_version: Annotated[int, Filterable]
    # Numbers in strings, as neutron writes them.
    default_prefixlen: Annotated[
        str, Computed(lambda row, _: str(row.default_prefixlen)), Filterable, Sortable
    ]
    min_prefixlen: Annotated[str, Computed(lambda row, _: str(row.min_prefixlen)), Filterable, Sortable]
    max_prefixlen: Annotated[str, Computed(lambda row, _: str(row.max_prefixlen)), Filterable, Sortable]
    default_quota: Annotated[int | None, Filterable]
    is_default: Annotated[bool, Filterable]
    address_scope_id: Annotated[str | None, Filterable]


class SubnetView(NamedView, model=Subnet):
    """A subnet as clients see it."""

    network_id: Annotated[str, Filterable, Sortable]
    ip_version: Annotated[int, Filterable, Sortable]
    cidr: Annotated[str, Filterable, Sortable]
    gateway_ip: Annotated[str | None, Filterable, Sortable]
    enable_dhcp: Annotated[bool, Filterable, Sortable]
    allocation_pools: list[dict[str, str]]
    dns_nameservers: list[str]
    host_routes: list[dict[str, str]]
    ipv6_ra_mode: Annotated[str | None, Filterable]
    ipv6_address_mode: Annotated[str | None, Filterable]
    subnetpool_id: Annotated[str | None, Filterable]
    service_types: list[str]
    segment_id: Annotated[str | None, VisibleTo(policy.GET_SUBNET_SEGMENT), Filterable]
    external: Annotated[
        bool, Wire("router:external"), Computed(lambda row, page: row.network_id in page.extra)
    ]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> set[str]:
        """Fetch which of the networks are external."""
        found = await ctx.db.among(Network, "id", {row.network_id for row in rows})
        return {network.id for network in found if network.external}


def dns_assignment(row: Port, page: PageContext) -> list[dict[str, str]]:
    """Show the name of each of a port's addresses."""
    name, domain = row.dns_name, row.dns_domain
    domain, end = (domain, "") if domain else page.extra[4].get(row.network_id, ("", "."))
    if name or not end:
        end = names.end(name, domain)
    assigned = []
    for ip in page.extra[0][row.id]:
        address = ip["ip_address"]
        host = name or names.made_of(address)
        assigned.append({"ip_address": address, "hostname": host, "fqdn": host + end})
    return assigned


def allocation(row: Port, page: PageContext) -> str:
    """Show when a port gets its addresses: at once, with its host, or never."""
    if page.extra[0][row.id]:
        return "immediate"
    return "deferred" if row.network_id in page.extra[5] and not row.host else "none"


async def trunks_of(ctx: Ctx, port_ids: Sequence[str]) -> dict[str, Any]:
    """Return `trunk_details` of those ports that are trunks, by port."""
    trunks = await those(ctx.db, Trunk, port_ids, "port_id")
    if not trunks:
        return {}
    columns = (Subport.c.trunk_id, Subport.c.port_id, Subport.c.segmentation_id, Port.c.mac_address)
    statement = sqlalchemy.select(*columns).join(Port.table, Port.c.id == Subport.c.port_id)
    carried = await grouped(ctx, statement.where(Subport.c.trunk_id.in_([trunk.id for trunk in trunks])))
    return {
        trunk.port_id: {
            "trunk_id": trunk.id,
            "sub_ports": [
                {"port_id": port, "segmentation_type": "vlan", "segmentation_id": tag, "mac_address": mac}
                for port, tag, mac in carried[trunk.id]
            ],
        }
        for trunk in trunks
    }


_WIRED, _UNBOUND = {"port_filter": True, "connectivity": "l2"}, dict[str, Any]()


class PortView(NamedView, model=Port):
    """A port as clients see it."""

    network_id: Annotated[str, Filterable, Sortable]
    admin_state_up: Annotated[bool, Filterable, Sortable]
    status: Annotated[str, Filterable, Sortable]
    mac_address: Annotated[str, Filterable, Sortable]
    device_id: Annotated[str, Filterable, Sortable]
    device_owner: Annotated[str, Filterable, Sortable]
    fixed_ips: Annotated[
        list[dict[str, str]],
        Computed(lambda row, page: page.extra[0][row.id], reads=("id",)),
    ]
    security_groups: Annotated[list[str], Computed(lambda row, page: page.extra[1][row.id], reads=("id",))]
    allowed_address_pairs: list[dict[str, str]]
    extra_dhcp_opts: list[dict[str, Any]]
    port_security_enabled: Annotated[bool, Filterable]
    qos_policy_id: Annotated[str | None, Filterable]
    qos_network_policy_id: Annotated[
        str | None, Computed(lambda row, page: page.extra[2].get(row.network_id), reads=("network_id",))
    ]
    dns_name: Annotated[str, Filterable]
    dns_domain: Annotated[str, Filterable]
    data_plane_status: Annotated[str | None, Filterable]
    ip_allocation: Annotated[str, Computed(allocation, reads=("id", "network_id", "host"))]
    dns_assignment: Annotated[
        list[dict[str, str]],
        Computed(dns_assignment, reads=("id", "network_id", "dns_name", "dns_domain")),
    ]
    trunk_details: Annotated[
        Any, Computed(lambda row, page: page.extra[3].get(row.id, UNSET), optional=True, reads=("id",))
    ]
    resource_request: Annotated[
        Any,
        VisibleTo(policy.GET_PORT_DEMANDS),
        Computed(
            lambda row, page: page.extra[6].get(row.id),
            reads=("id", "network_id", "device_owner", "qos_policy_id", "vnic_type"),
        ),
    ]
    vnic_type: Annotated[str, Wire("binding:vnic_type"), Filterable]
    host: Annotated[str, Wire("binding:host_id"), VisibleTo(policy.GET_PORT_BINDING), Filterable]
    profile: Annotated[Any, Wire("binding:profile"), VisibleTo(policy.GET_PORT_BINDING)]
    vif_type: Annotated[
        str,
        Wire("binding:vif_type"),
        VisibleTo(policy.GET_PORT_BINDING),
        Computed(lambda row, _: "ovs" if row.host else "unbound", reads=("host",)),
    ]
    vif_details: Annotated[
        Any,
        Wire("binding:vif_details"),
        VisibleTo(policy.GET_PORT_BINDING),
        Computed(lambda row, _: _WIRED if row.host else _UNBOUND, reads=("host",)),
    ]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch addresses and groups, the networks' QoS policies, trunks, the networks' domains, requests."""
        ids = [row.id for row in rows]
        networks = sorted({row.network_id for row in rows})
        told = await ctx.db.answer(_networks, ids=networks)
        else_ = ctx.use(NetworkSettings).dns_domain
        policies = {n: p for n, p, _, _ in told}
        domains = {n: (d or else_, names.end("", d or else_)) for n, _, d, _ in told}
        trunks = await trunks_of(ctx, ids)
        late = {row[0] for row in await ctx.db.answer(_routed, ids=networks)}
        held: dict[str, list[Any]] = {id_: [] for id_ in ids}
        addresses = await ctx.db.answer(_addresses, ids=ids)
        for port, subnet, address, _ in sorted(addresses, key=itemgetter(3)):  # SQLite takes longer for that
            held[port].append({"subnet_id": subnet, "ip_address": address})
        groups: dict[str, list[str]] = {id_: [] for id_ in ids}
        for port, group in await ctx.db.answer(_groups, ids=ids):
            groups[port].append(group)
        requests = await requests_of(ctx, rows, policies, {n: p for n, _, _, p in told})
        return held, groups, policies, trunks, domains, late, requests


def _ids() -> Any:
    return sqlalchemy.bindparam("ids", type_=Port.c.id.type, expanding=True)


def _addresses() -> Any:
    """Ask for the addresses of ports, and the place of each among its port's."""
    c = FixedIp.c
    return sqlalchemy.select(c.port_id, c.subnet_id, c.address, c.position).where(c.port_id.in_(_ids()))


def _groups() -> Any:
    """Ask for the security groups of ports."""
    c = PortSecurityGroup.c
    return sqlalchemy.select(c.port_id, c.security_group_id).where(c.port_id.in_(_ids()))


def _networks() -> Any:
    """Ask for the QoS policies and domains of networks."""
    c = Network.c
    columns = (c.id, c.qos_policy_id, c.dns_domain, c.physical_network)
    return sqlalchemy.select(*columns).where(c.id.in_(_ids()))


def _routed() -> Any:
    """Ask which networks have subnets on segments."""
    c = Subnet.c
    return sqlalchemy.select(c.network_id).where(c.network_id.in_(_ids()), c.segment_id.is_not(None))
