"""Views of networks, subnets, ports, routers, floating IPs, security groups and their rules."""

from collections import defaultdict
from collections.abc import Collection, Sequence
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
    FloatingIp,
    Network,
    Port,
    PortForwarding,
    PortSecurityGroup,
    Router,
    RouterGateway,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    SubnetPool,
    Subport,
    Trunk,
    names,
)
from cumulo.services.network.prefixes import normalized
from cumulo.services.network.schema.standard import NamedView, SharedView, StandardView, TaggedView, shared_of


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
    found: dict[str, list[Any]] = defaultdict(list)
    for key, *values in await ctx.db.rows(statement):
        found[key].append(values[0] if len(values) == 1 else tuple(values))
    return found


async def network_policies(ctx: Ctx, network_ids: Collection[str]) -> dict[str, str | None]:
    """Return networks' QoS policies, by network."""
    policies = sqlalchemy.select(Network.c.id, Network.c.qos_policy_id)
    return {row[0]: row[1] for row in await ctx.db.rows(policies.where(Network.c.id.in_(list(network_ids))))}


class NetworkView(NamedView, model=Network):
    """A network as clients see it."""

    admin_state_up: Annotated[bool, Filterable, Sortable]
    status: Annotated[str, Filterable, Sortable]
    mtu: Annotated[int, Filterable, Sortable]
    shared: Annotated[bool, Computed(lambda row, page: row.id in page.extra[1])]
    external: Annotated[bool, Wire("router:external"), Filterable]
    dns_domain: Annotated[str, Filterable]
    l2_adjacency: Annotated[bool, Computed(yes)]
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
        str, Wire("provider:network_type"), VisibleTo(policy.GET_NETWORK_PROVIDER), Filterable
    ]
    physical_network: Annotated[
        str | None, Wire("provider:physical_network"), VisibleTo(policy.GET_NETWORK_PROVIDER), Filterable
    ]
    segmentation_id: Annotated[
        int | None, Wire("provider:segmentation_id"), VisibleTo(policy.GET_NETWORK_PROVIDER), Filterable
    ]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch the ids of all subnets, which networks are shared, and in which address scopes they are."""
        ids = [row.id for row in rows]
        columns = (Subnet.c.network_id, Subnet.c.id)
        where = Subnet.c.network_id.in_(ids)
        subnets = sqlalchemy.select(*columns).where(where).order_by(Subnet.c.created_at)
        scope = SubnetPool.c.address_scope_id
        scoped = sqlalchemy.select(Subnet.c.network_id, Subnet.c.ip_version, scope)
        scoped = scoped.join(SubnetPool.table, SubnetPool.c.id == Subnet.c.subnetpool_id)
        scopes = await ctx.db.rows(scoped.where(where, scope.is_not(None)))
        found = {(network, version): id_ for network, version, id_ in scopes}
        return await grouped(ctx, subnets), await shared_of(ctx, rows), found


class SubnetPoolView(SharedView, model=SubnetPool):
    """A subnet pool as clients see it."""

    prefixes: list[str]
    ip_version: Annotated[int, Filterable]
    default_prefixlen: Annotated[int, Filterable, Sortable]
    min_prefixlen: Annotated[int, Filterable, Sortable]
    max_prefixlen: Annotated[int, Filterable, Sortable]
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


def dns_assignment(row: Port, page: PageContext) -> list[dict[str, str]]:
    """Show the name of each of a port's addresses."""
    domain = page.extra[4].get(row.network_id) or page.ctx.use(NetworkSettings).dns_domain
    return [
        {
            "ip_address": address,
            "hostname": names.label(row.dns_name, address),
            "fqdn": names.full(row.dns_name, domain, address),
        }
        for _, address in page.extra[0][row.id]
    ]


async def trunks_of(ctx: Ctx, port_ids: Sequence[str]) -> dict[str, Any]:
    """Return `trunk_details` of those ports that are trunks, by port."""
    trunks = await ctx.db.all(Trunk, Trunk.c.port_id.in_(port_ids))
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
        Computed(
            lambda row, page: [
                {"subnet_id": subnet, "ip_address": address} for subnet, address in page.extra[0][row.id]
            ]
        ),
    ]
    security_groups: Annotated[list[str], Computed(lambda row, page: page.extra[1][row.id])]
    allowed_address_pairs: list[dict[str, str]]
    extra_dhcp_opts: list[dict[str, Any]]
    port_security_enabled: Annotated[bool, Filterable]
    qos_policy_id: Annotated[str | None, Filterable]
    qos_network_policy_id: Annotated[
        str | None, Computed(lambda row, page: page.extra[2].get(row.network_id))
    ]
    dns_name: Annotated[str, Filterable]
    ip_allocation: Annotated[
        str, Computed(lambda row, page: "immediate" if page.extra[0][row.id] else "none")
    ]
    dns_assignment: Annotated[list[dict[str, str]], Computed(dns_assignment)]
    trunk_details: Annotated[Any, Computed(lambda row, page: page.extra[3].get(row.id, UNSET), optional=True)]
    vnic_type: Annotated[str, Wire("binding:vnic_type"), Filterable]
    host: Annotated[str, Wire("binding:host_id"), VisibleTo(policy.GET_PORT_BINDING), Filterable]
    profile: Annotated[Any, Wire("binding:profile"), VisibleTo(policy.GET_PORT_BINDING)]
    vif_type: Annotated[
        str,
        Wire("binding:vif_type"),
        VisibleTo(policy.GET_PORT_BINDING),
        Computed(lambda row, _: "ovs" if row.host else "unbound"),
    ]
    vif_details: Annotated[
        Any,
        Wire("binding:vif_details"),
        VisibleTo(policy.GET_PORT_BINDING),
        Computed(lambda row, _: {"port_filter": True, "connectivity": "l2"} if row.host else {}),
    ]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch addresses and groups, the networks' QoS policies, trunks, and the networks' domains."""
        ids = [row.id for row in rows]
        held = (
            sqlalchemy.select(FixedIp.c.port_id, FixedIp.c.subnet_id, FixedIp.c.address)
            .where(FixedIp.c.port_id.in_(ids))
            .order_by(FixedIp.c.position)
        )
        columns = (PortSecurityGroup.c.port_id, PortSecurityGroup.c.security_group_id)
        groups = sqlalchemy.select(*columns).where(PortSecurityGroup.c.port_id.in_(ids))
        on = Network.c.id.in_({row.network_id for row in rows})
        networks = sqlalchemy.select(Network.c.id, Network.c.qos_policy_id, Network.c.dns_domain).where(on)
        told = await ctx.db.rows(networks)
        policies, domains = {n: p for n, p, _ in told}, {n: d for n, _, d in told}
        trunks = await trunks_of(ctx, ids)
        return await grouped(ctx, held), await grouped(ctx, groups), policies, trunks, domains


def gateways(row: Router, page: PageContext) -> list[dict[str, Any]]:
    """Show a router's ways out."""
    if row.gateway_network_id is None:
        return []
    held, further = page.extra
    ways = [(row.gateway_network_id, row.gateway_port_id)]
    ways += [(way.network_id, way.port_id) for way in further[row.id]]
    return [
        {
            "network_id": network,
            "enable_snat": row.enable_snat,
            "external_fixed_ips": [{"subnet_id": s, "ip_address": a} for s, a in held.get(port, [])],
            "qos_policy_id": row.qos_policy_id,
        }
        for network, port in ways
    ]


class RouterView(NamedView, model=Router):
    """A router as clients see it."""

    admin_state_up: Annotated[bool, Filterable, Sortable]
    status: Annotated[str, Filterable, Sortable]
    external_gateway_info: Annotated[Any, Computed(lambda row, page: next(iter(gateways(row, page)), None))]
    external_gateways: Annotated[list[Any], Computed(gateways)]
    enable_snat: bool
    enable_default_route_ecmp: Annotated[bool, Filterable]
    enable_default_route_bfd: Annotated[bool, Filterable]
    enable_ndp_proxy: Annotated[bool, Filterable]
    routes: list[dict[str, str]]
    availability_zone_hints: list[str]
    availability_zones: Annotated[list[str], Source("availability_zone_hints")]
    flavor_id: Annotated[str | None, Filterable]
    ha: Annotated[bool, VisibleTo(policy.GET_ROUTER_HA), Filterable]
    distributed: Annotated[bool, VisibleTo(policy.GET_ROUTER_HA), Filterable]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch the further gateways, and the addresses of all."""
        ids = [row.gateway_port_id for row in rows if row.gateway_port_id]
        further: dict[str, list[RouterGateway]] = defaultdict(list)
        of_these = RouterGateway.c.router_id.in_([row.id for row in rows])
        order = [RouterGateway.c.created_at, RouterGateway.c.port_id]
        for way in await ctx.db.all(RouterGateway, of_these, order_by=order):
            further[way.router_id].append(way)
            ids.append(way.port_id)
        columns = (FixedIp.c.port_id, FixedIp.c.subnet_id, FixedIp.c.address)
        held = sqlalchemy.select(*columns).where(FixedIp.c.port_id.in_(ids)).order_by(FixedIp.c.position)
        return await grouped(ctx, held), further


def forwarded_ports(row: PortForwarding, side: str) -> tuple[Any, str]:
    """Show one side's port (absent where it is several) and its range."""
    first, last = getattr(row, f"{side}_first"), getattr(row, f"{side}_last")
    return (first if first == last else UNSET), f"{first}:{last}"


def forwarding_shown(row: PortForwarding) -> dict[str, Any]:
    """Show a forwarding within its floating IP."""
    shown: dict[str, Any] = {
        "id": row.id,
        "protocol": row.protocol,
        "internal_ip_address": row.internal_ip_address,
        "internal_port_id": row.internal_port_id,
    }
    for side in ("external", "internal"):
        number, text = forwarded_ports(row, side)
        shown[f"{side}_port_range"] = text
        if number is not UNSET:
            shown[f"{side}_port"] = number
    return shown


DETAILS = ("name", "network_id", "mac_address", "admin_state_up", "status", "device_id", "device_owner")


class FloatingIpView(TaggedView, model=FloatingIp):
    """A floating IP as clients see it."""

    status: Annotated[str, Filterable, Sortable]
    floating_network_id: Annotated[str, Filterable, Sortable]
    floating_ip_address: Annotated[str, Filterable, Sortable]
    fixed_ip_address: Annotated[str | None, Filterable, Sortable]
    port_id: Annotated[str | None, Filterable, Sortable]
    router_id: Annotated[str | None, Filterable, Sortable]
    dns_name: Annotated[str, Filterable]
    dns_domain: Annotated[str, Filterable]
    qos_policy_id: Annotated[str | None, Filterable]
    qos_network_policy_id: Annotated[
        str | None, Computed(lambda row, page: page.extra[2].get(row.floating_network_id))
    ]
    port_details: Annotated[Any, Computed(lambda row, page: page.extra[1].get(row.port_id))]
    port_forwardings: Annotated[list[Any], Computed(lambda row, page: page.extra[0].get(row.id, []))]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch forwardings, the ports that the floating IPs lead to, and their networks' QoS policies."""
        order = [PortForwarding.c.created_at, PortForwarding.c.id]
        of_these = PortForwarding.c.floatingip_id.in_([row.id for row in rows])
        forwardings: dict[str, list[Any]] = defaultdict(list)
        for each in await ctx.db.all(PortForwarding, of_these, order_by=order):
            forwardings[each.floatingip_id].append(forwarding_shown(each))
        ports = await ctx.db.all(Port, Port.c.id.in_([row.port_id for row in rows if row.port_id]))
        details = {port.id: {name: getattr(port, name) for name in DETAILS} for port in ports}
        return forwardings, details, await network_policies(ctx, {r.floating_network_id for r in rows})


class RuleView(StandardView, model=SecurityGroupRule):
    """A rule of a security group as clients see it."""

    security_group_id: Annotated[str, Filterable, Sortable]
    direction: Annotated[str, Filterable, Sortable]
    ethertype: Annotated[str, Filterable, Sortable]
    protocol: Annotated[str | None, Filterable, Sortable]
    port_range_min: Annotated[int | None, Filterable]
    port_range_max: Annotated[int | None, Filterable]
    remote_ip_prefix: Annotated[str | None, Filterable]
    remote_group_id: Annotated[str | None, Filterable]
    remote_address_group_id: Annotated[str | None, Filterable]
    belongs_to_default_sg: Annotated[bool, Computed(lambda row, page: row.security_group_id in page.extra)]
    normalized_cidr: Annotated[str | None, Computed(lambda row, _: normalized(row.remote_ip_prefix))]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch which of their groups are projects' default ones."""
        ids = {row.security_group_id for row in rows}
        where = (SecurityGroup.c.id.in_(ids), SecurityGroup.c.is_default)
        found = await ctx.db.rows(sqlalchemy.select(SecurityGroup.c.id).where(*where))
        return {row[0] for row in found}


class SecurityGroupView(NamedView, model=SecurityGroup):
    """A security group with its rules as clients see it."""

    stateful: Annotated[bool, Filterable]
    shared: Annotated[bool, Computed(lambda row, page: row.id in page.extra[1])]
    security_group_rules: Annotated[list[Any], Computed(lambda row, page: page.extra[0].get(row.id, []))]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch the rules of all groups, and which groups are shared."""
        wanted = SecurityGroupRule.c.security_group_id.in_([row.id for row in rows])
        order = [SecurityGroupRule.c.created_at, SecurityGroupRule.c.id]
        rules = await ctx.db.all(SecurityGroupRule, wanted, order_by=order)
        found: dict[str, list[Any]] = defaultdict(list)
        for shape in await RuleView.render(ctx, rules):
            found[shape["security_group_id"]].append(shape)
        return found, await shared_of(ctx, rows)
