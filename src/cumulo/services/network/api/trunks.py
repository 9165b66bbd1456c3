"""Trunks and their subports."""

from collections.abc import Sequence
from typing import Annotated, Any

import sqlalchemy
from msgspec import UNSET, UnsetType

from cumulo.core.http import Ctx
from cumulo.core.resource import PROJECT, Body, Computed, Filterable, Sortable
from cumulo.services.network import policy
from cumulo.services.network.api.floating_ips import port_of
from cumulo.services.network.api.ownership import columns, owner
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.domain import trunks as domain
from cumulo.services.network.errors import BadRequest, TrunkNotFound
from cumulo.services.network.model import Port, Status, Subport, Trunk
from cumulo.services.network.schema.standard import Described, Id, NamedView, Redescribed


class TrunkView(NamedView, model=Trunk):
    """A trunk as clients see it. It is as its port is."""

    port_id: Annotated[str, Filterable, Sortable]
    admin_state_up: Annotated[bool, Filterable, Sortable]
    status: Annotated[str, Computed(lambda row, page: page.extra[1].get(row.port_id, Status.DOWN))]
    sub_ports: Annotated[list[Any], Computed(lambda row, page: page.extra[0].get(row.id, []))]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch the subports, and how the ports are."""
        found: dict[str, list[Any]] = {}
        of_these = Subport.c.trunk_id.in_([row.id for row in rows])
        for row in await ctx.db.all(Subport, of_these, order_by=[Subport.c.segmentation_id]):
            found.setdefault(row.trunk_id, []).append(subport_shown(row))
        states = sqlalchemy.select(Port.c.id, Port.c.status).where(Port.c.id.in_([r.port_id for r in rows]))
        return found, {row[0]: row[1] for row in await ctx.db.rows(states)}


def subport_shown(row: Subport) -> dict[str, Any]:
    """Show a subport."""
    return {
        "port_id": row.port_id,
        "segmentation_type": row.segmentation_type,
        "segmentation_id": row.segmentation_id,
    }


class SubportBody(Body, kw_only=True):
    """A subport. `segmentation_type` is `vlan`, or `inherit` for the VLAN of the port's own network."""

    port_id: Id
    segmentation_type: str | UnsetType = UNSET
    segmentation_id: int | UnsetType = UNSET


class TrunkCreate(Described, kw_only=True):
    """A new trunk."""

    port_id: Id
    admin_state_up: bool = True
    sub_ports: list[SubportBody] = []


class TrunkUpdate(Redescribed):
    """A changed trunk."""

    admin_state_up: bool | UnsetType = UNSET


class Subports(Body, kw_only=True):
    """Subports to add."""

    sub_ports: list[SubportBody]


trunks = StandardResource(
    "trunk",
    "/trunks",
    model=Trunk,
    view=TrunkView,
    scope=PROJECT,
    missing=TrunkNotFound,
    quota={"trunk": 1},
)
trunks.list(policy=policy.GET_TRUNK)
trunks.show(policy=policy.GET_TRUNK)


@trunks.create(policy=policy.CREATE_TRUNK)
async def create(ctx: Ctx, body: TrunkCreate) -> Trunk:
    """Make a port a trunk."""
    subports = await wanted(ctx, body.sub_ports)
    parent = await port_of(ctx, body.port_id)
    values = columns(body, "port_id", "sub_ports")
    return await domain.create(ctx, owner(ctx, body), parent, subports, values)


@trunks.update(policy=policy.UPDATE_TRUNK)
async def update(ctx: Ctx, trunk: Trunk, body: TrunkUpdate) -> Trunk:
    """Change a trunk."""
    return await domain.update(ctx, trunk, columns(body))


@trunks.delete(policy=policy.DELETE_TRUNK)
async def delete(ctx: Ctx, trunk: Trunk) -> None:
    """Make a trunk's port an ordinary one again."""
    await domain.delete(ctx, trunk)


@trunks.member("GET", "/get_subports", policy=policy.GET_SUBPORTS)
async def subports(ctx: Ctx, trunk: Trunk) -> dict[str, Any]:
    """List a trunk's subports."""
    rows = await ctx.db.all(Subport, Subport.c.trunk_id == trunk.id, order_by=[Subport.c.segmentation_id])
    return {"sub_ports": [subport_shown(row) for row in rows]}


@trunks.member("PUT", "/add_subports", policy=policy.ADD_SUBPORTS)
async def add(ctx: Ctx, trunk: Trunk, body: Subports) -> Any:
    """Carry more ports."""
    await domain.add(ctx, trunk, await wanted(ctx, body.sub_ports))
    return (await TrunkView.render(ctx, [trunk]))[0]


@trunks.member("PUT", "/remove_subports", policy=policy.REMOVE_SUBPORTS)
async def remove(ctx: Ctx, trunk: Trunk, body: Subports) -> Any:
    """Carry these ports no longer."""
    await domain.remove(ctx, trunk, [entry.port_id for entry in body.sub_ports])
    return (await TrunkView.render(ctx, [trunk]))[0]


async def wanted(ctx: Ctx, entries: Sequence[SubportBody]) -> list[domain.Wanted]:
    """Return the subports that a body asks for, all of them ports of the caller's."""
    tags = [tag_of(entry) for entry in entries]
    said = [tag for tag in tags if tag is not None]
    if len(set(said)) < len(said):
        raise BadRequest(resource="trunk", reason="two of its subports have the same segmentation_id")
    ports = [await port_of(ctx, entry.port_id) for entry in entries]
    return [domain.Wanted(port=port, tag=tag) for port, tag in zip(ports, tags, strict=True)]


def tag_of(entry: SubportBody) -> int | None:
    """Return a subport's VLAN; None for that of the port's own network."""
    kind = entry.segmentation_type
    if kind not in ("vlan", "inherit"):
        said = "missing" if kind is UNSET else f"'{kind}'"
        reason = f"segmentation_type of port {entry.port_id} is {said}: it is vlan or inherit"
        raise BadRequest(resource="trunk", reason=reason)
    if kind == "inherit":
        return None
    if entry.segmentation_id is UNSET:
        raise BadRequest(resource="trunk", reason=f"port {entry.port_id} has no segmentation_id")
    return entry.segmentation_id
