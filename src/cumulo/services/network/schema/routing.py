"""Views of routers and floating IPs."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any

import sqlalchemy
from msgspec import UNSET

from cumulo.core.http import Ctx
from cumulo.core.resource import Computed, Filterable, PageContext, Sortable, Source, VisibleTo
from cumulo.services.network import policy
from cumulo.services.network.model import FixedIp, FloatingIp, Port, PortForwarding, Router, RouterGateway
from cumulo.services.network.schema.standard import NamedView, TaggedView
from cumulo.services.network.schema.views import grouped, network_policies


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
        shown |= {f"{side}_port_range": text} if number is UNSET else {f"{side}_port": number}
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
    distributed: Annotated[bool | None, VisibleTo(policy.GET_FIP_DISTRIBUTED), Filterable]
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
