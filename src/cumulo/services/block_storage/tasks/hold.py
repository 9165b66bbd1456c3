"""How a saga holds a volume or a snapshot, and lets go of it: a deletion asked for meanwhile then begins.

A row names the saga that works on it (`operation`). A deletion by force only marks the row while there is one
(`deletion`); each step of the working saga sees the mark and unwinds (`proceed`), and its last transaction
starts the deletion (`let_go`).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from cumulo.contracts.volumes import VolumePool
from cumulo.core import clock
from cumulo.core.db import Reader, Transaction
from cumulo.core.drivers import Gone, Permanent
from cumulo.core.tasks import EffectRun, StepRun, Task, TaskState
from cumulo.core.work import Work
from cumulo.services.block_storage.model import (
    Backup,
    BackupStatus,
    Snapshot,
    SnapshotStatus,
    Volume,
    VolumeStatus,
)
from cumulo.services.block_storage.pools import QUICK, reaching
from cumulo.services.block_storage.tasks.deletion import DeleteVolume
from cumulo.services.block_storage.tasks.groups import settle_group_snapshot

_DOOMED = "the volume was deleted meanwhile"


class Doomed(Permanent):
    """The volume is to be deleted, or gone: whatever else was under way ends."""


async def proceed(db: Transaction, volume_id: str) -> Volume:
    """Return the volume to work on, locked; Doomed when it is to be deleted or is gone."""
    volume = await db.one(Volume, Volume.c.id == volume_id, for_update=True)
    if volume is None or volume.deletion:
        raise Doomed(_DOOMED)
    return volume


@asynccontextmanager
async def working(
    run: EffectRun, volume_id: str, *, longest: float = QUICK
) -> AsyncIterator[tuple[VolumePool, Volume]]:
    """Give a volume's pool and the volume. Doomed when it is to be deleted, is gone or in no pool."""
    async with run.reader() as db:
        volume = await db.get(Volume, volume_id)
    if volume is None or volume.deletion or volume.host is None:
        raise Doomed(_DOOMED)
    async with reaching(run, volume.host, longest=longest) as pool:
        yield pool, volume


@asynccontextmanager
async def clearing(run: EffectRun, volume_id: str) -> AsyncIterator[tuple[VolumePool, Volume]]:
    """Give a volume's pool and the volume, to be deleted or not. Gone when there is nothing to clear."""
    async with run.reader() as db:
        volume = await db.get(Volume, volume_id)
    if volume is None or volume.host is None:
        raise Gone("the volume is in no pool")
    async with reaching(run, volume.host) as pool:
        yield pool, volume


async def volume_of(run: EffectRun, snapshot_id: str) -> str:
    """Return the id of a snapshot's volume. Gone when there is no such snapshot."""
    async with run.reader() as db:
        snapshot = await db.get(Snapshot, snapshot_id)
    if snapshot is None:
        raise Gone("the snapshot is gone")
    return snapshot.volume_id


async def let_go(run: StepRun, volume_id: str, status: VolumeStatus | None, **values: Any) -> None:
    """End a saga's work on a volume, in `status` (None: as it is); begin a deletion that waits."""
    volume = await run.db.one(Volume, Volume.c.id == volume_id, for_update=True)
    if volume is None:
        return
    if volume.deletion:  # what snapshots it has still were to go with it
        doomed = await run.db.exists(Snapshot, Snapshot.c.volume_id == volume_id)
        await begin_deletion(run, volume, cascade=doomed)
        return
    if status is not None:
        values["status"] = status
    values.update(operation=None, previous_status=None, updated_at=clock.now())
    await run.db.update(Volume, Volume.c.id == volume_id, **values)


async def begin_deletion(work: Work, volume: Volume, *, cascade: bool = False) -> None:
    """Promise the deletion of a volume that nothing works on."""
    operation = await work.start(DeleteVolume(volume_id=volume.id, cascade=cascade))
    await work.db.update(
        Volume,
        Volume.c.id == volume.id,
        status=VolumeStatus.DELETING,
        operation=operation,
        deletion=False,
        updated_at=clock.now(),
    )


async def is_worked_on(db: Reader, row: Volume | Snapshot | Backup) -> bool:
    """Say whether a saga works on the row; one that is stuck does not: a deletion passes it by."""
    if row.operation is None:
        return False
    task = await db.get(Task, row.operation)
    return task is not None and task.finished_at is None and task.state is not TaskState.STUCK


async def let_snapshot_go(run: StepRun, snapshot_id: str, status: SnapshotStatus, **values: Any) -> None:
    """End a saga's work on a snapshot, in `status`; the snapshot of a group that it is of follows."""
    values.update(status=status, operation=None, updated_at=clock.now())
    await run.db.update(Snapshot, Snapshot.c.id == snapshot_id, **values)
    snapshot = await run.db.get(Snapshot, snapshot_id)
    await settle_group_snapshot(run.db, snapshot.group_snapshot_id if snapshot is not None else None)


async def let_backup_go(run: StepRun, backup_id: str, status: BackupStatus, **values: Any) -> None:
    """End a saga's work on a backup, in `status`."""
    values.update(status=status, operation=None, updated_at=clock.now())
    await run.db.update(Backup, Backup.c.id == backup_id, **values)
