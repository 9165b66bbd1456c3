"""Port forwarding of floating IPs."""

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from cumulo.core.http import Ctx
from cumulo.core.resource import PROJECT, Body, Computed, Filterable, Sortable, View
from cumulo.services.network import policy
from cumulo.services.network.api.floating_ips import floating_ips, port_of
from cumulo.services.network.api.ownership import columns
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.domain import port_forwardings as domain
from cumulo.services.network.errors import BadRequest, FloatingIPNotFound, PortForwardingNotFound
from cumulo.services.network.model import FloatingIp, Port, PortForwarding
from cumulo.services.network.schema.routing import forwarded_ports
from cumulo.services.network.schema.standard import Name

RANGES = ("external_port", "external_port_range", "internal_port", "internal_port_range")


def spread(side: str) -> tuple[Computed, Computed]:
    """Return what shows one side's port, absent where it is several, and its range."""
    return (
        Computed(lambda row, _: forwarded_ports(row, side)[0], optional=True),
        Computed(lambda row, _: forwarded_ports(row, side)[1]),
    )


_OUTER, _INNER = spread("external"), spread("internal")


class PortForwardingView(View, model=PortForwarding):
    """A port forwarding as clients see it."""

    id: Annotated[str, Filterable, Sortable]
    internal_port_id: Annotated[str, Filterable, Sortable]
    internal_ip_address: Annotated[str, Filterable]
    external_port: Annotated[int, _OUTER[0]]
    external_port_range: Annotated[str, _OUTER[1]]
    internal_port: Annotated[int, _INNER[0]]
    internal_port_range: Annotated[str, _INNER[1]]
    protocol: Annotated[str, Filterable, Sortable]
    description: Annotated[str, Filterable]
    revision_number: Annotated[int, Filterable]


class PortForwardingUpdate(Body):
    """A changed port forwarding."""

    internal_port_id: str | UnsetType = UNSET
    internal_ip_address: str | UnsetType = UNSET
    external_port: int | UnsetType | None = UNSET
    external_port_range: str | UnsetType | None = UNSET
    internal_port: int | UnsetType | None = UNSET
    internal_port_range: str | UnsetType | None = UNSET
    protocol: str | UnsetType = UNSET
    description: Name | UnsetType = UNSET


class PortForwardingCreate(PortForwardingUpdate, kw_only=True):
    """A new port forwarding."""

    internal_port_id: str
    protocol: str


def of_floating_ip(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: the forwardings of the floating IP in the path."""
    return (model.c.floatingip_id == ctx.params["floatingip_id"], *PROJECT(ctx, model))


async def floating_ip(ctx: Ctx) -> FloatingIp:
    """Return the floating IP in the path. FloatingIPNotFound."""
    id_ = ctx.params["floatingip_id"]
    row = await ctx.db.one(FloatingIp, FloatingIp.c.id == id_, *PROJECT(ctx, FloatingIp))
    if row is None:
        raise FloatingIPNotFound(id=id_)
    return row


async def exists(ctx: Ctx) -> None:
    """Have the floating IP there before its forwardings are listed."""
    await floating_ip(ctx)


forwardings = StandardResource(
    "port_forwarding",
    f"{floating_ips.item}/port_forwardings",
    model=PortForwarding,
    view=PortForwardingView,
    scope=of_floating_ip,
    missing=PortForwardingNotFound,
)
forwardings.list(policy=policy.GET_PF, before=exists)
forwardings.show(policy=policy.GET_PF)


@forwardings.filter("external_port")
def by_external_port(ctx: Ctx, value: str) -> Any:
    """Find what forwards a port."""
    del ctx
    ports = domain.read_ports("external_port", None, value)
    first, last = PortForwarding.c.external_first, PortForwarding.c.external_last
    return None if ports is None else (first <= ports.first) & (last >= ports.last)


@forwardings.create(policy=policy.CREATE_PF)
async def create(ctx: Ctx, body: PortForwardingCreate) -> PortForwarding:
    """Lead ports of a floating IP to ports of an internal address."""
    floating = await floating_ip(ctx)
    values = given(body)
    for side in ("external", "internal"):
        if f"{side}_first" not in values:
            raise BadRequest(resource="port_forwarding", reason=f"{side}_port or its range must be given")
    values.setdefault("internal_ip_address", "")
    row = PortForwarding(project_id=floating.project_id, floatingip_id=floating.id, **values)
    return await domain.create(ctx, floating, row, await port_of(ctx, body.internal_port_id))


@forwardings.update(policy=policy.UPDATE_PF)
async def update(ctx: Ctx, row: PortForwarding, body: PortForwardingUpdate) -> PortForwarding:
    """Change where ports of a floating IP lead."""
    port: Port | None = None
    values = given(body)
    if body.internal_port_id is not UNSET:
        port = await port_of(ctx, body.internal_port_id)
        values.setdefault("internal_ip_address", "")
    return await domain.update(ctx, row, values, port)


@forwardings.delete(policy=policy.DELETE_PF)
async def delete(ctx: Ctx, row: PortForwarding) -> None:
    """Lead these ports nowhere."""
    await domain.delete(ctx, row)


def given(body: PortForwardingUpdate) -> dict[str, Any]:
    """Return what a body says, its ports as the first and the last of each side."""
    values = columns(body, *RANGES)
    for side in ("external", "internal"):
        number, text = (getattr(body, f"{side}_port{ending}") or None for ending in ("", "_range"))
        ports = domain.read_ports(f"{side}_port", number, text)
        if ports is not None:
            values |= {f"{side}_first": ports.first, f"{side}_last": ports.last}
    return values
