"""Groups, their types and their snapshots on the wire; and the older consistency groups."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import select

from cumulo.core.http import Ctx
from cumulo.core.resource import (
    Body,
    Computed,
    PageContext,
    Since,
    Sortable,
    Source,
    View,
    VisibleTo,
    Wire,
    as_bool,
)
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.model import Group, GroupSnapshot, GroupType, Volume
from cumulo.services.block_storage.schema.bodies import MaybeUuid, Name, Uuid
from cumulo.services.block_storage.schema.links import SORT_ONLY
from cumulo.services.block_storage.schema.types import Specs

Named = Annotated[str, Meta(min_length=1, max_length=255)]


class GroupTypeView(View, model=GroupType):
    """A group type."""

    id: Annotated[str, Sortable]
    name: Annotated[str, Sortable]
    description: Annotated[str | None, Sortable]
    is_public: Annotated[bool, Sortable]
    group_specs: Annotated[dict[str, str], VisibleTo(policy.GROUP_TYPE_SPECS)]
    created_at: Annotated[datetime, Sortable, SORT_ONLY]


class GroupTypeBody(Body):
    """What a new group type is."""

    name: Named
    description: Name | None = None
    is_public: bool = True
    group_specs: Specs | None = None


class GroupTypeChange(Body):
    """What of a group type can change."""

    name: Named | UnsetType | None = UNSET
    description: Name | UnsetType | None = UNSET
    is_public: bool | UnsetType | None = UNSET


class GroupSpecsBody(Body):
    """Specs of a group type."""

    group_specs: Specs


class GroupBrief(View, model=Group):
    """A group in a list, and as its creation answers with."""

    id: Annotated[str, Sortable]
    name: Annotated[str | None, Sortable]
    status: Annotated[str, Sortable, SORT_ONLY]
    created_at: Annotated[datetime, Sortable, SORT_ONLY]


def _volumes(row: Group, page: PageContext) -> Any:
    return UNSET if page.extra is None else page.extra.get(row.id, [])


class GroupView(View, model=Group):
    """A group with all its details."""

    id: Annotated[str, Sortable]
    name: Annotated[str | None, Sortable]
    description: str | None
    status: Annotated[str, Sortable]
    availability_zone: str
    created_at: Annotated[datetime, Sortable]
    group_type: Annotated[str, Source("group_type_id"), Sortable]
    volume_types: list[str]
    group_snapshot_id: Annotated[str | None, Since("3.14")]
    source_group_id: Annotated[str | None, Since("3.14")]
    volumes: Annotated[Any, Computed(_volumes, optional=True), Since("3.25")]
    replication_status: Annotated[Any, Computed(lambda _row, _page: "disabled"), Since("3.38")]
    project_id: Annotated[str, Since("3.58"), VisibleTo(policy.GROUP_PROJECT)]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch the volumes of a page's groups, if the request asks for them."""
        if not as_bool("list_volume", ctx.request.first("list_volume") or "false"):
            return None
        found: dict[str, list[str]] = {}
        members = select(Volume.c.group_id, Volume.c.id).where(Volume.c.group_id.in_([r.id for r in rows]))
        for group_id, volume_id in await ctx.db.rows(members.order_by(Volume.c.created_at)) if rows else []:
            found.setdefault(group_id, []).append(volume_id)
        return found


class GroupBody(Body):
    """What a new group is."""

    group_type: Named
    volume_types: Annotated[list[Named], Meta(min_length=1)]
    name: Name | None = None
    description: Name | None = None
    availability_zone: Name | None = None


class GroupCopyBody(Body):
    """What a new group is made from."""

    name: Name | None = None
    description: Name | None = None
    group_snapshot_id: MaybeUuid | None = None
    source_group_id: MaybeUuid | None = None


class GroupChange(Body):
    """What of a group can change; volumes by their ids, with commas between."""

    name: Name | UnsetType | None = UNSET
    description: Name | UnsetType | None = UNSET
    add_volumes: str | None = None
    remove_volumes: str | None = None


class GroupDeleteBody(Body):
    """Whether a group's volumes go with it."""

    delete_volumes: bool = msgspec.field(name="delete-volumes", default=False)


class FailoverBody(Body):
    """Where a group fails over to."""

    allow_attached_volume: bool = False
    secondary_backend_id: Name | None = None


class GroupSnapshotBrief(View, model=GroupSnapshot):
    """A group snapshot in a list."""

    id: Annotated[str, Sortable]
    name: Annotated[str | None, Sortable]
    status: Annotated[str, Sortable, SORT_ONLY]
    group_id: Annotated[str, Sortable, SORT_ONLY]
    created_at: Annotated[datetime, Sortable, SORT_ONLY]


class GroupSnapshotCreated(View, model=GroupSnapshot):
    """A group snapshot as its creation answers with."""

    id: str
    name: str | None
    group_type_id: str


class GroupSnapshotView(View, model=GroupSnapshot):
    """A group snapshot with all its details."""

    id: Annotated[str, Sortable]
    group_id: Annotated[str, Sortable]
    group_type_id: str
    name: Annotated[str | None, Sortable]
    description: str | None
    status: Annotated[str, Sortable]
    created_at: Annotated[datetime, Sortable]
    project_id: Annotated[str, Since("3.58"), VisibleTo(policy.GROUP_SNAPSHOT_PROJECT)]


class GroupSnapshotBody(Body):
    """Which group is snapshotted."""

    group_id: Uuid
    name: Name | None = None
    description: Name | None = None


class ConsistencyGroupView(View, model=Group):
    """A group in the older words."""

    id: Annotated[str, Sortable]
    name: Annotated[str | None, Sortable]
    description: str | None
    status: Annotated[str, Sortable]
    availability_zone: str
    created_at: Annotated[datetime, Sortable]
    volume_types: list[str]


class ConsistencyGroupBody(Body):
    """What a new consistency group is: types with commas between."""

    volume_types: Annotated[str, Meta(min_length=1)]
    name: Name | None = None
    description: Name | None = None
    availability_zone: Name | None = None


class ConsistencyGroupCopyBody(Body):
    """What a new consistency group is made from."""

    name: Name | None = None
    description: Name | None = None
    cgsnapshot_id: MaybeUuid | None = None
    source_cgid: MaybeUuid | None = None


class ForceBody(Body):
    """Whether a consistency group's volumes go with it."""

    force: bool = False


class CgSnapshotView(View, model=GroupSnapshot):
    """A group snapshot in the older words."""

    id: Annotated[str, Sortable]
    consistencygroup_id: Annotated[str, Source("group_id"), Wire("consistencygroup_id")]
    name: Annotated[str | None, Sortable]
    description: str | None
    status: Annotated[str, Sortable]
    created_at: Annotated[datetime, Sortable]


class CgSnapshotBody(Body):
    """Which consistency group is snapshotted."""

    consistencygroup_id: Uuid
    name: Name | None = None
    description: Name | None = None
