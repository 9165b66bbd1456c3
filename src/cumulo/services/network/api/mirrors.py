"""Tap mirrors: guests' ports whose packets are sent elsewhere, too, by GRE or ERSPAN."""

from typing import Annotated, Any

from cumulo.core.http import Ctx
from cumulo.core.resource import PROJECT, Filterable, Sortable
from cumulo.services.network import policy
from cumulo.services.network.api.floating_ips import port_of
from cumulo.services.network.api.ownership import columns, owner
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.domain import mirrors as domain
from cumulo.services.network.domain.changes import change
from cumulo.services.network.errors.mirrors import TapMirrorNotFound
from cumulo.services.network.model import TapMirror
from cumulo.services.network.schema.standard import Described, Name, Redescribed, StandardView


class TapMirrorView(StandardView, model=TapMirror):
    """A mirror as clients see it."""

    name: Annotated[str, Filterable, Sortable]
    port_id: Annotated[str, Filterable, Sortable]
    directions: dict[str, Any]
    remote_ip: Annotated[str, Filterable, Sortable]
    mirror_type: Annotated[str, Filterable, Sortable]


class TapMirrorCreate(Described, kw_only=True):
    """A new mirror. directions: the number of a tunnel for IN (what comes to the port), OUT, or both."""

    port_id: str
    directions: dict[str, int]
    remote_ip: Name
    mirror_type: Name


mirrors = StandardResource(
    "tap_mirror",
    "/taas/tap_mirrors",
    plural="tap_mirrors",
    model=TapMirror,
    view=TapMirrorView,
    scope=PROJECT,
    missing=TapMirrorNotFound,
)
mirrors.list(policy=policy.GET_MIRROR)
mirrors.show(policy=policy.GET_MIRROR)


@mirrors.create(policy=policy.CREATE_MIRROR)
async def create(ctx: Ctx, body: TapMirrorCreate) -> TapMirror:
    """Mirror a port."""
    port = await port_of(ctx, body.port_id)
    return await domain.create(ctx, port, owner(ctx, body), columns(body, "port_id"))


@mirrors.update(policy=policy.UPDATE_MIRROR)
async def update(ctx: Ctx, row: TapMirror, body: Redescribed) -> TapMirror:
    """Rename or describe a mirror."""
    return await change(ctx.db, row, columns(body))


@mirrors.delete(policy=policy.DELETE_MIRROR)
async def delete(ctx: Ctx, row: TapMirror) -> None:
    """Mirror a port no longer."""
    await domain.delete(ctx, row)
