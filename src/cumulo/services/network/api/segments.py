"""Segments of networks, and the ranges that their VLANs come from: for administrators."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import sqlalchemy
from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import Ctx
from cumulo.core.resource import Body, Computed, Filterable, Sortable, View
from cumulo.services.network import policy
from cumulo.services.network.api.agents import administrators
from cumulo.services.network.api.ownership import columns
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.domain import segments as domain
from cumulo.services.network.domain.changes import change
from cumulo.services.network.domain.router_ports import network_of
from cumulo.services.network.errors.segments import NetworkSegmentRangeNotFound, SegmentNotFound
from cumulo.services.network.model import Segment, SegmentRange
from cumulo.services.network.schema.standard import Name, NamedView, Redescribed
from cumulo.services.network.schema.views import no


class SegmentView(View, model=Segment):
    """A segment as clients see it."""

    id: Annotated[str, Filterable, Sortable]
    name: Annotated[str | None, Filterable, Sortable]
    description: Annotated[str, Filterable]
    network_id: Annotated[str, Filterable, Sortable]
    network_type: Annotated[str, Filterable, Sortable]
    physical_network: Annotated[str | None, Filterable, Sortable]
    segmentation_id: Annotated[int | None, Filterable, Sortable]
    created_at: Annotated[datetime, Filterable, Sortable]
    updated_at: Annotated[datetime, Filterable, Sortable]
    revision_number: Annotated[int, Filterable, Sortable]


class SegmentCreate(Body, kw_only=True):
    """A new segment of a network."""

    network_id: str
    network_type: str
    physical_network: str | None = None
    segmentation_id: int | None = None
    name: Name | None = None
    description: Name | None = None
    tenant_id: str | UnsetType = UNSET
    project_id: str | UnsetType = UNSET


class SegmentUpdate(Body):
    """A changed segment."""

    name: Name | UnsetType | None = UNSET
    description: Name | UnsetType = UNSET


segments = StandardResource(
    "segment", "/segments", model=Segment, view=SegmentView, scope=administrators, missing=SegmentNotFound
)
segments.list(policy=policy.GET_SEGMENT)
segments.show(policy=policy.GET_SEGMENT)


@segments.create(policy=policy.CREATE_SEGMENT)
async def create(ctx: Ctx, body: SegmentCreate) -> Segment:
    """Add a segment to a network."""
    network = await network_of(ctx.db, body.network_id)
    return await domain.create(ctx, network, columns(body, "network_id"))


@segments.update(policy=policy.UPDATE_SEGMENT)
async def update(ctx: Ctx, segment: Segment, body: SegmentUpdate) -> Segment:
    """Name or describe a segment."""
    return await change(ctx.db, segment, columns(body))


@segments.delete(policy=policy.DELETE_SEGMENT)
async def delete(ctx: Ctx, segment: Segment) -> None:
    """Take a segment from its network."""
    await domain.delete(ctx, segment)


class RangeView(NamedView, model=SegmentRange):
    """A range as clients see it, with who uses which VLAN of it."""

    default: Annotated[bool, Computed(no)]
    shared: Annotated[bool, Filterable]
    network_type: Annotated[str, Filterable]
    physical_network: Annotated[str, Filterable]
    minimum: Annotated[int, Filterable, Sortable]
    maximum: Annotated[int, Filterable, Sortable]
    used: Annotated[dict[str, str], Computed(lambda row, page: page.extra[row.id])]
    available: Annotated[
        list[int],
        Computed(
            lambda row, page: [
                n for n in range(row.minimum, row.maximum + 1) if str(n) not in page.extra[row.id]
            ]
        ),
    ]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> dict[str, dict[str, str]]:
        """Fetch the VLANs that networks have, of all ranges."""
        on = Segment.c.physical_network.in_({row.physical_network for row in rows})
        known = (Segment.c.physical_network, Segment.c.segmentation_id, Segment.c.project_id)
        taken = await ctx.db.rows(sqlalchemy.select(*known).where(on, Segment.c.network_type == "vlan"))
        return {
            row.id: {
                str(vlan): project
                for physical, vlan, project in taken
                if physical == row.physical_network and row.minimum <= vlan <= row.maximum
            }
            for row in rows
        }


class RangeCreate(Body, kw_only=True):
    """A new range. `shared` false: for the networks of one project."""

    name: Name = ""
    description: Name = ""
    shared: bool = True
    project_id: Name | UnsetType | None = UNSET
    tenant_id: Name | UnsetType | None = UNSET
    network_type: Literal["vlan", "vxlan", "gre", "geneve"]
    physical_network: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    minimum: int
    maximum: int


class RangeUpdate(Redescribed):
    """A changed range."""

    minimum: int | UnsetType = UNSET
    maximum: int | UnsetType = UNSET


ranges = StandardResource(
    "network_segment_range",
    "/network_segment_ranges",
    model=SegmentRange,
    view=RangeView,
    scope=administrators,
    missing=NetworkSegmentRangeNotFound,
)
ranges.list(policy=policy.GET_RANGE)
ranges.show(policy=policy.GET_RANGE)


@ranges.create(policy=policy.CREATE_RANGE)
async def create_range(ctx: Ctx, body: RangeCreate) -> SegmentRange:
    """Set VLANs of a physical network aside for those networks that name none."""
    project = next((str(p) for p in (body.project_id, body.tenant_id) if p), ctx.identity.project_id or "")
    values = columns(body) | {"physical_network": body.physical_network or ""}
    return await domain.create_range(ctx, values, project)


@ranges.update(policy=policy.UPDATE_RANGE)
async def update_range(ctx: Ctx, row: SegmentRange, body: RangeUpdate) -> SegmentRange:
    """Rename a range, or move its ends."""
    return await domain.update_range(ctx, row, columns(body))


@ranges.delete(policy=policy.DELETE_RANGE)
async def delete_range(ctx: Ctx, row: SegmentRange) -> None:
    """Give a range up that no network has a VLAN of."""
    await domain.delete_range(ctx, row)
