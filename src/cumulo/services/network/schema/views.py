"""Views of networks, subnets, ports, routers, floating IPs, security groups and their rules."""

from collections import defaultdict
from collections.abc import Sequence
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
from cumulo.services.network.model import (
    FixedIp,
    FloatingIp,
    Network,
    Port,
    PortSecurityGroup,
    Router,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    SubnetPool,
)
from cumulo.services.network.schema.standard import NamedView, SharedView, StandardView, TaggedView, shared_of


def nothing(row: Any, page: PageContext) -> None:
    """Show null: an attribute of neutron's that has no value here."""
    del row, page


def no(row: Any, page: PageContext) -> bool:
    """Show false."""
    del row, page
    return False


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


class NetworkView(NamedView, model=Network):
    """A network as clients see it."""

    admin_state_up: Annotated[bool, Filterable, Sortable]
    status: Annotated[str, Filterable, Sortable]
    mtu: Annotated[int, Filterable, Sortable]
    shared: Annotated[bool, Computed(lambda row, page: row.id in page.extra[1])]
    external: Annotated[bool, Wire("router:external"), Filterable]
    is_default: Annotated[
        bool, Computed(lambda row, _: row.is_default if row.external else UNSET, optional=True), Filterable
    ]
    port_security_enabled: bool
    subnets: Annotated[list[str], Computed(lambda row, page: page.extra[0][row.id])]
    availability_zone_hints: list[str]
    availability_zones: Annotated[list[str], Source("availability_zone_hints")]
    ipv4_address_scope: Annotated[None, Computed(nothing)]
    ipv6_address_scope: Annotated[None, Computed(nothing)]
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
        """Fetch the ids of all subnets, and which networks are shared."""
        ids = [row.id for row in rows]
        columns = (Subnet.c.network_id, Subnet.c.id)
        where = Subnet.c.network_id.in_(ids)
        subnets = sqlalchemy.select(*columns).where(where).order_by(Subnet.c.created_at)
        return await grouped(ctx, subnets), await shared_of(ctx, rows)


class SubnetPoolView(SharedView, model=SubnetPool):
    """A subnet pool as clients see it."""

    prefixes: list[str]
    ip_version: Annotated[int, Filterable]
    default_prefixlen: Annotated[int, Filterable, Sortable]
    min_prefixlen: Annotated[int, Filterable, Sortable]
    max_prefixlen: Annotated[int, Filterable, Sortable]
    default_quota: Annotated[int | None, Filterable]
    is_default: Annotated[bool, Filterable]
    address_scope_id: Annotated[None, Computed(nothing)]


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
    service_types: Annotated[list[str], Computed(empty)]


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
        """Fetch the addresses and groups of all ports."""
        ids = [row.id for row in rows]
        held = (
            sqlalchemy.select(FixedIp.c.port_id, FixedIp.c.subnet_id, FixedIp.c.address)
            .where(FixedIp.c.port_id.in_(ids))
            .order_by(FixedIp.c.position)
        )
        columns = (PortSecurityGroup.c.port_id, PortSecurityGroup.c.security_group_id)
        groups = sqlalchemy.select(*columns).where(PortSecurityGroup.c.port_id.in_(ids))
        return await grouped(ctx, held), await grouped(ctx, groups)


def gateway(row: Router, page: PageContext) -> dict[str, Any] | None:
    """Show a router's way out."""
    if row.gateway_network_id is None:
        return None
    held = page.extra.get(row.gateway_port_id, [])
    return {
        "network_id": row.gateway_network_id,
        "enable_snat": row.enable_snat,
        "external_fixed_ips": [{"subnet_id": s, "ip_address": a} for s, a in held],
    }


class RouterView(NamedView, model=Router):
    """A router as clients see it."""

    admin_state_up: Annotated[bool, Filterable, Sortable]
    status: Annotated[str, Filterable, Sortable]
    external_gateway_info: Annotated[Any, Computed(gateway)]
    routes: list[dict[str, str]]
    availability_zone_hints: list[str]
    availability_zones: Annotated[list[str], Source("availability_zone_hints")]
    flavor_id: Annotated[None, Computed(nothing)]
    ha: Annotated[bool, Computed(no), VisibleTo(policy.GET_ROUTER_HA)]
    distributed: Annotated[bool, Computed(no), VisibleTo(policy.GET_ROUTER_HA)]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch the addresses of all gateways."""
        ids = [row.gateway_port_id for row in rows if row.gateway_port_id]
        columns = (FixedIp.c.port_id, FixedIp.c.subnet_id, FixedIp.c.address)
        return await grouped(ctx, sqlalchemy.select(*columns).where(FixedIp.c.port_id.in_(ids)))


class FloatingIpView(TaggedView, model=FloatingIp):
    """A floating IP as clients see it."""

    status: Annotated[str, Filterable, Sortable]
    floating_network_id: Annotated[str, Filterable, Sortable]
    floating_ip_address: Annotated[str, Filterable, Sortable]
    fixed_ip_address: Annotated[str | None, Filterable, Sortable]
    port_id: Annotated[str | None, Filterable, Sortable]
    router_id: Annotated[str | None, Filterable, Sortable]


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
    normalized_cidr: Annotated[str | None, Source("remote_ip_prefix")]

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
