"""How groups and their snapshots follow what becomes of their members: no saga of their own.

Each saga of a volume or a snapshot settles the group it belongs to in the transaction that ends its work.
"""

from collections.abc import Collection

from cumulo.core import clock
from cumulo.core.db import Transaction
from cumulo.services.block_storage.model import (
    Group,
    GroupSnapshot,
    GroupSnapshotStatus,
    GroupStatus,
    Snapshot,
    SnapshotStatus,
    Volume,
    VolumeStatus,
)

BEING_MADE = frozenset({VolumeStatus.CREATING, VolumeStatus.DOWNLOADING, VolumeStatus.RESTORING_BACKUP})


async def settle_group(db: Transaction, group_id: str | None) -> None:
    """Say what a group is now that one of its volumes is made or gone; the last one takes it along."""
    if group_id is None:
        return
    await db.lock(f"group:{group_id}")
    group = await db.get(Group, group_id)
    if group is None:
        return
    states = {row.status for row in await db.all(Volume, Volume.c.group_id == group_id)}
    status = group.status
    if status is GroupStatus.CREATING and not states & BEING_MADE:
        status = GroupStatus.ERROR if VolumeStatus.ERROR in states else GroupStatus.AVAILABLE
    elif status is GroupStatus.DELETING:
        if not states:
            await db.delete(Group, Group.c.id == group_id)
            return
        if VolumeStatus.DELETING not in states:
            status = GroupStatus.ERROR_DELETING
    if status is not group.status:
        await db.update(Group, Group.c.id == group_id, status=status, updated_at=clock.now())


async def settle_group_snapshot(db: Transaction, snapshot_id: str | None) -> None:
    """Say what a group's snapshot is now that one of its snapshots is taken or gone."""
    if snapshot_id is None:
        return
    await db.lock(f"group-snapshot:{snapshot_id}")
    row = await db.get(GroupSnapshot, snapshot_id)
    if row is None:
        return
    members = await db.all(Snapshot, Snapshot.c.group_snapshot_id == snapshot_id)
    status = _of_members(row.status, {one.status for one in members})
    here = GroupSnapshot.c.id == snapshot_id
    if status is None:
        await db.delete(GroupSnapshot, here)
    elif status is not row.status:
        await db.update(GroupSnapshot, here, status=status, updated_at=clock.now())


def _of_members(
    status: GroupSnapshotStatus, states: Collection[SnapshotStatus]
) -> GroupSnapshotStatus | None:
    if status is GroupSnapshotStatus.CREATING and SnapshotStatus.CREATING not in states:
        failed = SnapshotStatus.ERROR in states
        return GroupSnapshotStatus.ERROR if failed else GroupSnapshotStatus.AVAILABLE
    if status is GroupSnapshotStatus.DELETING:
        if not states:
            return None
        if SnapshotStatus.DELETING not in states:
            return GroupSnapshotStatus.ERROR_DELETING
    return status
