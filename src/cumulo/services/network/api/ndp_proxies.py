"""NDP proxies: IPv6 addresses behind routers that these answer for outside."""

from typing import Annotated

from cumulo.core.http import Ctx
from cumulo.core.resource import PROJECT, Filterable, Sortable
from cumulo.services.network import policy
from cumulo.services.network.api.floating_ips import port_of
from cumulo.services.network.api.ownership import columns, owner
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.domain import ndp_proxies as domain
from cumulo.services.network.domain import routers
from cumulo.services.network.domain.changes import change
from cumulo.services.network.errors.extras import NDPProxyNotFound
from cumulo.services.network.model import NdpProxy
from cumulo.services.network.schema.standard import Described, Redescribed, StandardView


class NdpProxyView(StandardView, model=NdpProxy):
    """An NDP proxy as clients see it."""

    name: Annotated[str, Filterable, Sortable]
    router_id: Annotated[str, Filterable, Sortable]
    port_id: Annotated[str, Filterable, Sortable]
    ip_address: Annotated[str, Filterable, Sortable]


class NdpProxyCreate(Described, kw_only=True):
    """A new NDP proxy. `ip_address`: the port's only IPv6 address behind the router, unless named."""

    router_id: str
    port_id: str
    ip_address: str | None = None


proxies = StandardResource(
    "ndp_proxy",
    "/ndp_proxies",
    plural="ndp_proxies",
    model=NdpProxy,
    view=NdpProxyView,
    scope=PROJECT,
    missing=NDPProxyNotFound,
)
proxies.list(policy=policy.GET_NDP)
proxies.show(policy=policy.GET_NDP)


@proxies.create(policy=policy.CREATE_NDP)
async def create(ctx: Ctx, body: NdpProxyCreate) -> NdpProxy:
    """Have a router answer for an address of a port."""
    project_id, admin = ctx.identity.project_id, ctx.identity.is_admin
    router = await routers.find(ctx.db, body.router_id, project_id=project_id, is_admin=admin)
    port = await port_of(ctx, body.port_id)
    values = columns(body, "router_id", "port_id")
    return await domain.create(ctx, router, port, owner(ctx, body), values)


@proxies.update(policy=policy.UPDATE_NDP)
async def update(ctx: Ctx, row: NdpProxy, body: Redescribed) -> NdpProxy:
    """Rename or describe an NDP proxy."""
    return await change(ctx.db, row, columns(body))


@proxies.delete(policy=policy.DELETE_NDP)
async def delete(ctx: Ctx, row: NdpProxy) -> None:
    """Answer for an address no longer."""
    await domain.delete(ctx, row)
