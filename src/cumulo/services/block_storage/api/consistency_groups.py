"""Consistency groups and their snapshots: the older calls, for groups of one type of their own."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.api.counted import CountedResource
from cumulo.services.block_storage.domain import group_snapshots, group_types, groups, search
from cumulo.services.block_storage.errors import GroupNotFound, GroupSnapshotNotFound
from cumulo.services.block_storage.model import Group, GroupSnapshot, GroupType
from cumulo.services.block_storage.schema.groups import (
    CgSnapshotBody,
    CgSnapshotView,
    ConsistencyGroupBody,
    ConsistencyGroupCopyBody,
    ConsistencyGroupView,
    ForceBody,
    GroupBody,
    GroupBrief,
    GroupChange,
    GroupCopyBody,
    GroupSnapshotBody,
    GroupSnapshotBrief,
)

OLDER = select(GroupType.c.id).where(GroupType.c.name == group_types.OLDER)
_owned = search.owned(("name", "status"))


def _scope(ctx: Ctx, model: Any) -> Sequence[Any]:
    return (*_owned(ctx, model), model.c.group_type_id.in_(OLDER))


routes = RouteSet()
consistency_groups = CountedResource(
    "consistencygroup",
    "/consistencygroups",
    model=Group,
    view=ConsistencyGroupView,
    scope=_scope,
    order=("created_at:desc", "id:desc"),
    missing=GroupNotFound,
)
consistency_groups.list(policy=policy.GROUP_LIST, detail=policy.GROUP_LIST, brief=GroupBrief)
consistency_groups.show(policy=policy.GROUP_SHOW)


@consistency_groups.create(policy=policy.GROUP_CREATE, status=202, view=GroupBrief)
async def create(ctx: Ctx, body: ConsistencyGroupBody) -> Group:
    """Create a consistency group."""
    kind = await group_types.older(ctx)
    wanted = GroupBody(
        group_type=kind.id,
        volume_types=[one for one in body.volume_types.split(",") if one.strip()],
        name=body.name,
        description=body.description,
        availability_zone=body.availability_zone,
    )
    return await groups.create(ctx, wanted, kind)


@routes.route(
    "POST",
    "/consistencygroups/create_from_src",
    policy=policy.GROUP_CREATE,
    status=202,
    envelope="consistencygroup-from-src",
)
async def create_from_source(ctx: Ctx, body: ConsistencyGroupCopyBody) -> Any:
    """Create a consistency group from another one or from a snapshot of one."""
    names = {"name": body.name, "description": body.description}
    wanted = GroupCopyBody(**names, group_snapshot_id=body.cgsnapshot_id, source_group_id=body.source_cgid)
    row = await groups.copy(ctx, wanted)
    return {"consistencygroup": (await GroupBrief.render(ctx, [row]))[0]}


@consistency_groups.update(policy=policy.GROUP_UPDATE, status=202)
async def update(ctx: Ctx, group: Group, body: GroupChange) -> None:
    """Update a consistency group."""
    await groups.update(ctx, group, body)


@consistency_groups.member(
    "PUT", "/update", policy=policy.GROUP_UPDATE, status=202, envelope="consistencygroup"
)
async def change(ctx: Ctx, group: Group, body: GroupChange) -> None:
    """Update a consistency group, by the path that is documented."""
    await groups.update(ctx, group, body)


@consistency_groups.delete(policy=policy.GROUP_DELETE, status=202)
async def remove(ctx: Ctx, group: Group) -> None:
    """Delete an empty consistency group."""
    await groups.delete(ctx, group, with_volumes=False)


@consistency_groups.member(
    "POST", "/delete", policy=policy.GROUP_DELETE, status=202, envelope="consistencygroup"
)
async def delete(ctx: Ctx, group: Group, body: ForceBody) -> None:
    """Delete a consistency group, by force with its volumes."""
    await groups.delete(ctx, group, with_volumes=body.force)


snapshots = CountedResource(
    "cgsnapshot",
    "/cgsnapshots",
    model=GroupSnapshot,
    view=CgSnapshotView,
    scope=_scope,
    order=("created_at:desc", "id:desc"),
    missing=GroupSnapshotNotFound,
)
_see = policy.GROUP_SNAPSHOT_LIST
snapshots.list(policy=_see, detail=_see, brief=GroupSnapshotBrief)
snapshots.show(policy=policy.GROUP_SNAPSHOT_SHOW)


@snapshots.create(policy=policy.GROUP_SNAPSHOT_CREATE, status=202, view=GroupSnapshotBrief)
async def create_snapshot(ctx: Ctx, body: CgSnapshotBody) -> GroupSnapshot:
    """Take a snapshot of a consistency group."""
    names = {"name": body.name, "description": body.description}
    return await group_snapshots.create(ctx, GroupSnapshotBody(group_id=body.consistencygroup_id, **names))


@snapshots.delete(policy=policy.GROUP_SNAPSHOT_DELETE, status=202)
async def delete_snapshot(ctx: Ctx, snapshot: GroupSnapshot) -> None:
    """Delete a snapshot of a consistency group."""
    await group_snapshots.delete(ctx, snapshot)
