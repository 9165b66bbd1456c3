"""Snapshots of whole groups.

A group whose type asks for consistent snapshots is snapshotted only while none of its volumes is in use:
then nothing is written between the first snapshot and the last. No pool here can hold writers back.
"""

from cumulo.core import clock
from cumulo.core.db import Transaction
from cumulo.core.http import Ctx
from cumulo.core.work import Work
from cumulo.services.block_storage.domain import groups, snapshots
from cumulo.services.block_storage.domain.group_types import is_consistent
from cumulo.services.block_storage.domain.volumes import latest as latest_volume
from cumulo.services.block_storage.errors import (
    BadRequest,
    GroupNotFound,
    GroupSnapshotNotFound,
    InvalidGroup,
    InvalidGroupSnapshot,
    InvalidVolume,
)
from cumulo.services.block_storage.model import (
    Group,
    GroupSnapshot,
    GroupSnapshotStatus,
    GroupStatus,
    GroupType,
    Snapshot,
    VolumeStatus,
)
from cumulo.services.block_storage.schema.groups import GroupSnapshotBody
from cumulo.services.block_storage.tasks.groups import settle_group_snapshot

DELETABLE = frozenset(
    {GroupSnapshotStatus.AVAILABLE, GroupSnapshotStatus.ERROR, GroupSnapshotStatus.ERROR_DELETING}
)


async def latest(db: Transaction, snapshot_id: str) -> GroupSnapshot:
    """Read a group snapshot again and hold it until the transaction ends. GroupSnapshotNotFound."""
    row = await db.one(GroupSnapshot, GroupSnapshot.c.id == snapshot_id, for_update=True)
    if row is None:
        raise GroupSnapshotNotFound(id=snapshot_id)
    return row


async def create(ctx: Ctx, body: GroupSnapshotBody) -> GroupSnapshot:
    """Take a snapshot of each of a group's volumes."""
    group = await ctx.db.one(Group, Group.c.id == body.group_id, for_update=True)
    if group is None or not (ctx.identity.is_admin or group.project_id == ctx.identity.project_id):
        raise GroupNotFound(id=body.group_id)
    if group.status is not GroupStatus.AVAILABLE:
        raise InvalidGroup(reason=f"Group {group.id} status must be available, but is {group.status}.")
    volumes = [await latest_volume(ctx.db, one.id) for one in await groups.members(ctx.db, group)]
    if not volumes:
        raise InvalidGroup(reason=f"Group {group.id} contains no volumes to be snapshotted.")
    kind = await ctx.db.get(GroupType, group.group_type_id)
    if kind is not None and is_consistent(kind):
        for volume in volumes:
            if volume.status is not VolumeStatus.AVAILABLE:
                reason = f"Volume {volume.id} is {volume.status}: a consistent snapshot needs it available."
                raise InvalidVolume(reason=reason)
    user_id = ctx.identity.user_id or ""
    row = GroupSnapshot(
        group_id=group.id,
        project_id=group.project_id,
        user_id=user_id,
        name=body.name,
        description=body.description,
        group_type_id=group.group_type_id,
    )
    await ctx.db.insert(row)
    for volume in volumes:
        order = snapshots.Order(
            volume_id=volume.id, user_id=user_id, name=body.name, force=True, group_snapshot_id=row.id
        )
        await snapshots.create(ctx, volume, order)
    return row


async def delete(work: Work, row: GroupSnapshot) -> None:
    """Delete a group snapshot with all its snapshots."""
    row = await latest(work.db, row.id)
    if row.status not in DELETABLE:
        reason = f"Group snapshot status must be available or error, but current status is {row.status}."
        raise InvalidGroupSnapshot(reason=reason)
    status = GroupSnapshotStatus.DELETING
    here = GroupSnapshot.c.id == row.id
    await work.db.update(GroupSnapshot, here, status=status, updated_at=clock.now())
    for snapshot in await work.db.all(Snapshot, Snapshot.c.group_snapshot_id == row.id):
        await snapshots.delete(work, snapshot.id, force=True)
    await settle_group_snapshot(work.db, row.id)


async def reset(ctx: Ctx, row: GroupSnapshot, status: str) -> None:
    """Set a group snapshot's status by hand."""
    try:
        wanted = GroupSnapshotStatus(status.lower())
    except ValueError as error:
        raise BadRequest(reason=f"Must specify a valid status, not '{status}'.") from error
    here = GroupSnapshot.c.id == row.id
    await ctx.db.update(GroupSnapshot, here, status=wanted, updated_at=clock.now())
