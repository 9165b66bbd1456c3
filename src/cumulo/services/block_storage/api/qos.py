"""QoS specs."""

from collections.abc import Callable
from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.http.operation import Handler
from cumulo.core.resource import GLOBAL, PageContext, Resource, as_bool
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.domain import qos as domain
from cumulo.services.block_storage.errors import QosNotFound
from cumulo.services.block_storage.model import QosSpecs
from cumulo.services.block_storage.schema.links import links
from cumulo.services.block_storage.schema.types import KeysBody, QosBody, QosChange, QosView

specs = Resource(
    "qos_specs",
    "/qos-specs",
    plural="qos_specs",
    model=QosSpecs,
    view=QosView,
    scope=GLOBAL,
    parameter="qos_id",
    order=("created_at:desc", "id:desc"),
    missing=QosNotFound,
)
specs.list(policy=policy.QOS_LIST)


async def _shown(ctx: Ctx, row: QosSpecs) -> Any:
    shape = (await QosView.render(ctx, [row]))[0]
    return {"qos_specs": shape, "links": links("qos-specs", row.id, PageContext(ctx))}


@specs.member("GET", "", policy=policy.QOS_SHOW)
async def show(ctx: Ctx, row: QosSpecs) -> Any:
    """Show QoS specs."""
    return await _shown(ctx, row)


@specs.create(policy=policy.QOS_CREATE, status=200)
async def create(ctx: Ctx, body: QosBody) -> Any:
    """Create QoS specs."""
    return await _shown(ctx, await domain.create(ctx, body))


@specs.update(policy=policy.QOS_UPDATE)
async def update(ctx: Ctx, row: QosSpecs, body: QosChange) -> Any:
    """Set keys of QoS specs."""
    return {"qos_specs": await domain.update(ctx, row, body)}


@specs.member("PUT", "/delete_keys", policy=policy.QOS_UPDATE, status=202)
async def delete_keys(ctx: Ctx, row: QosSpecs, body: KeysBody) -> None:
    """Unset keys of QoS specs."""
    await domain.unset(ctx, row, body.keys)


@specs.delete(policy=policy.QOS_DELETE, status=202)
async def delete(ctx: Ctx, row: QosSpecs) -> None:
    """Delete QoS specs; those that types have only with `force`."""
    force = as_bool("force", ctx.request.first("force") or "false")
    await domain.delete(ctx, row, force=force)


@specs.member("GET", "/associations", policy=policy.QOS_LIST)
async def associations(ctx: Ctx, row: QosSpecs) -> Any:
    """List the types that have these QoS specs."""
    return {"qos_associations": await domain.associations(ctx, row)}


routes = RouteSet()


def _changing(verb: str) -> Callable[[Handler], Handler]:
    """Declare a change that upstream has at GET: it needs a transaction all the same."""
    return routes.route(
        "GET",
        f"/qos-specs/{{qos_id}}/{verb}",
        policy=policy.QOS_UPDATE,
        status=202,
        transaction=True,
        load=specs.load,
    )


@_changing("associate")
async def associate(ctx: Ctx, row: QosSpecs) -> None:
    """Give a type these QoS specs."""
    await domain.associate(ctx, row)


@_changing("disassociate")
async def disassociate(ctx: Ctx, row: QosSpecs) -> None:
    """Take these QoS specs from a type."""
    await domain.disassociate(ctx, row)


@_changing("disassociate_all")
async def disassociate_all(ctx: Ctx, row: QosSpecs) -> None:
    """Take these QoS specs from every type."""
    await domain.disassociate_all(ctx, row)
