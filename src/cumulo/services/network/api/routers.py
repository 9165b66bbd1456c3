"""Routers."""

from typing import Any

from msgspec import UNSET

from cumulo.core.http import Ctx
from cumulo.core.resource import PROJECT
from cumulo.services.network import policy
from cumulo.services.network.api.ownership import asked, check_policy, columns, owner
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.domain import agents, flavors, networks, ports, sharing
from cumulo.services.network.domain import gateways as gateway_domain
from cumulo.services.network.domain import routers as domain
from cumulo.services.network.errors import BadRequest, RouterNotFound, SubnetNotFound
from cumulo.services.network.model import Network, Router, Subnet
from cumulo.services.network.schema.bodies import (
    GatewayBody,
    GatewaysBody,
    RouterCreate,
    RouterInterface,
    RouterRoutes,
    RouterUpdate,
)
from cumulo.services.network.schema.routing import RouterView

APART = ("external_gateway_info",)

routers = StandardResource(
    "router",
    "/routers",
    model=Router,
    view=RouterView,
    scope=PROJECT,
    missing=RouterNotFound,
    quota={"router": 1},
)
routers.list(policy=policy.GET_ROUTER)
routers.show(policy=policy.GET_ROUTER)


@routers.create(policy=policy.CREATE_ROUTER)
async def create(ctx: Ctx, body: RouterCreate) -> Router:
    """Create a router, with a way out if asked."""
    await agents.check_zones(ctx.db, body.availability_zone_hints)
    info = body.external_gateway_info
    rules = (policy.CREATE_ROUTER_SNAT, policy.CREATE_ROUTER_FIXED)
    gateway = await gateway_of(ctx, info, rules) if info else None
    values = columns(body, *APART)
    if values.get("flavor_id") is not None:
        values = await flavors.routers_of(ctx.db, values["flavor_id"]) | values
    return await domain.create(ctx, owner(ctx, body), values, gateway)


@routers.update(policy=policy.UPDATE_ROUTER)
async def update(ctx: Ctx, router: Router, body: RouterUpdate) -> Router:
    """Change a router, its way out or its routes."""
    info = body.external_gateway_info
    if info is None or (info is not UNSET and info.network_id is None):
        await domain.clear_gateway(ctx, router)
    elif info is not UNSET:
        rules = (policy.UPDATE_ROUTER_SNAT, policy.UPDATE_ROUTER_FIXED)
        gateway = await gateway_of(ctx, info, rules, before=router.qos_policy_id)
        if gateway is not None:
            await domain.set_gateway(ctx, router, gateway)
    values = columns(body, *APART)
    if values.get("routes", ()) is None:
        values["routes"] = []
    return await domain.update(ctx, router, values)


@routers.delete(policy=policy.DELETE_ROUTER)
async def delete(ctx: Ctx, router: Router) -> None:
    """Delete a router that has no interfaces."""
    await domain.delete(ctx, router)


@routers.member("PUT", "/add_router_interface", policy=policy.ADD_INTERFACE)
async def add_interface(ctx: Ctx, router: Router, body: RouterInterface) -> Any:
    """Connect a router to a subnet, or by a port."""
    if (body.subnet_id is None) == (body.port_id is None):
        raise BadRequest(resource="router", reason="Either subnet_id or port_id must be specified")
    identity = ctx.identity
    if body.port_id is not None:
        port = await ports.find(
            ctx.db, body.port_id, project_id=identity.project_id, is_admin=identity.is_admin
        )
        return await domain.add_port(ctx, router, port)
    subnet = await visible_subnet(ctx, body.subnet_id or "")
    return await domain.add_subnet(ctx, router, subnet)


@routers.member("PUT", "/remove_router_interface", policy=policy.REMOVE_INTERFACE)
async def remove_interface(ctx: Ctx, router: Router, body: RouterInterface) -> Any:
    """Disconnect a router."""
    if body.subnet_id is None and body.port_id is None:
        raise BadRequest(resource="router", reason="Either subnet_id or port_id must be specified")
    return await domain.remove_interface(ctx, router, subnet_id=body.subnet_id, port_id=body.port_id)


@routers.member("PUT", "/add_external_gateways", policy=policy.ADD_GATEWAYS, envelope="router")
async def add_gateways(ctx: Ctx, router: Router, body: GatewaysBody) -> Router:
    """Give a router more ways out."""
    await gateway_domain.add(ctx, router, await gateways_of(ctx, router, body))
    return router


@routers.member("PUT", "/update_external_gateways", policy=policy.UPDATE_GATEWAYS, envelope="router")
async def update_gateways(ctx: Ctx, router: Router, body: GatewaysBody) -> Router:
    """Change a router's ways out."""
    await gateway_domain.update(ctx, router, await gateways_of(ctx, router, body))
    return router


@routers.member("PUT", "/remove_external_gateways", policy=policy.REMOVE_GATEWAYS, envelope="router")
async def remove_gateways(ctx: Ctx, router: Router, body: GatewaysBody) -> Router:
    """Take ways out away from a router."""
    await gateway_domain.remove(ctx, router, await gateways_of(ctx, router, body, checked=False))
    return router


@routers.member("PUT", "/add_extraroutes", policy=policy.ADD_ROUTES, envelope="router")
async def add_routes(ctx: Ctx, router: Router, body: RouterRoutes) -> Router:
    """Add routes to those that the router has."""
    return await domain.add_routes(ctx, router, body.routes)


@routers.member("PUT", "/remove_extraroutes", policy=policy.REMOVE_ROUTES, envelope="router")
async def remove_routes(ctx: Ctx, router: Router, body: RouterRoutes) -> Router:
    """Take routes away."""
    return await domain.remove_routes(ctx, router, body.routes)


async def visible_subnet(ctx: Ctx, subnet_id: str) -> Subnet:
    """Return a subnet of a network that the caller sees. SubnetNotFound."""
    subnet = await ctx.db.get(Subnet, subnet_id)
    network = await ctx.db.get(Network, subnet.network_id) if subnet else None
    if subnet is None or network is None:
        raise SubnetNotFound(id=subnet_id)
    who, admin = ctx.identity.project_id, ctx.identity.is_admin
    if who == subnet.project_id or await sharing.may_use(ctx.db, network, project_id=who, is_admin=admin):
        return subnet
    raise SubnetNotFound(id=subnet_id)


async def gateways_of(
    ctx: Ctx, router: Router, body: GatewaysBody, *, checked: bool = True
) -> list[domain.Gateway]:
    """Return the ways out that a request names; unless `checked`, addresses only tell which are meant."""
    found: list[domain.Gateway] = []
    if isinstance(body.external_gateways, dict):
        return found
    for info in body.external_gateways:
        if info.network_id is None:
            raise BadRequest(resource="router", reason="an external gateway has a network_id")
        if checked:
            rules = (policy.UPDATE_ROUTER_SNAT, policy.UPDATE_ROUTER_FIXED)
            gateway = await gateway_of(ctx, info, rules, before=router.qos_policy_id)
        else:
            named = tuple(asked(info.external_fixed_ips) or ())
            gateway = domain.Gateway(network_id=info.network_id, fixed_ips=named)
        found += [gateway] if gateway is not None else []
    return found


async def gateway_of(
    ctx: Ctx, info: GatewayBody, rules: tuple[Any, Any], *, before: str | None = None
) -> domain.Gateway | None:
    """Return what a request says of the way out, when the caller may say it. `before`: the QoS policy."""
    if info.network_id is None:
        return None
    await check_policy(ctx, info, before)
    may_snat, may_choose = rules
    if info.enable_snat is not UNSET:
        ctx.authorise(may_snat, ctx.target)
    if info.external_fixed_ips is not UNSET:
        ctx.authorise(may_choose, ctx.target)
    identity = ctx.identity
    await networks.find(ctx.db, info.network_id, project_id=identity.project_id, is_admin=identity.is_admin)
    fixed = asked(info.external_fixed_ips)
    return domain.Gateway(
        network_id=info.network_id,
        enable_snat=None if info.enable_snat is UNSET else info.enable_snat,
        fixed_ips=None if fixed is None else tuple(fixed),
        policy=None if info.qos_policy_id is UNSET else (info.qos_policy_id,),
    )
