"""Deleting volumes and snapshots."""

from typing import ClassVar

from cumulo.core import clock
from cumulo.core.drivers import Gone
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.block_storage.messages import tell_of
from cumulo.services.block_storage.model import (
    Snapshot,
    SnapshotStatus,
    Volume,
    VolumeStatus,
)
from cumulo.services.block_storage.pools import TRIES, reaching
from cumulo.services.block_storage.tasks.groups import settle_group, settle_group_snapshot


class DeleteVolume(Saga):
    """End a volume: its exports, with `cascade` its snapshots, then its bytes, then the volume itself."""

    volume_id: str
    cascade: bool = False
    lock: ClassVar[str] = "volume-delete:{volume_id}"

    @effect(retries=TRIES)
    async def remove(self, run: EffectRun) -> None:
        """Remove the volume's bytes from its pool."""
        async with run.reader() as db:
            volume = await db.get(Volume, self.volume_id)
            snapshots = await db.all(Snapshot, Snapshot.c.volume_id == self.volume_id) if self.cascade else []
        if volume is None or volume.host is None:
            return
        async with reaching(run, volume.host) as pool:
            for export, exported in (await pool.exports()).items():
                if exported == volume.id:  # of attachments that go with it, or made for a connector
                    await pool.close(volume.id, export)
            for snapshot in snapshots:
                await pool.delete_snapshot(volume.id, snapshot.id)
            try:
                await pool.delete(volume.id)
            except Gone:
                run.say("the pool knew nothing of it")

    @step
    async def finish(self, run: StepRun) -> None:
        """Forget the volume."""
        volume = await run.db.get(Volume, self.volume_id)
        if self.cascade:
            await run.db.delete(Snapshot, Snapshot.c.volume_id == self.volume_id)
        await run.db.delete(Volume, Volume.c.id == self.volume_id)
        await settle_group(run.db, volume.group_id if volume is not None else None)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave a volume that could not be deleted; deleting it by force tries again."""
        volume = await run.db.get(Volume, self.volume_id)
        if volume is None:
            return
        values = {"operation": None, "deletion": False, "updated_at": clock.now()}
        await run.db.update(Volume, Volume.c.id == volume.id, status=VolumeStatus.ERROR_DELETING, **values)
        await run.db.update(
            Snapshot,
            Snapshot.c.volume_id == volume.id,
            Snapshot.c.status == SnapshotStatus.DELETING,
            status=SnapshotStatus.ERROR_DELETING,
        )
        await settle_group(run.db, volume.group_id)
        await tell_of(run, volume, "delete volume", error)


class DeleteSnapshot(Saga):
    """End a snapshot: its bytes, then itself."""

    snapshot_id: str
    lock: ClassVar[str] = "snapshot-delete:{snapshot_id}"

    @effect(retries=TRIES)
    async def remove(self, run: EffectRun) -> None:
        """Remove the snapshot from its pool."""
        async with run.reader() as db:
            snapshot = await db.get(Snapshot, self.snapshot_id)
            volume = await db.get(Volume, snapshot.volume_id) if snapshot is not None else None
        if snapshot is None or volume is None or volume.host is None:
            return
        async with reaching(run, volume.host) as pool:
            try:
                await pool.delete_snapshot(volume.id, snapshot.id)
            except Gone:
                run.say("the pool knew nothing of it")

    @step
    async def finish(self, run: StepRun) -> None:
        """Forget the snapshot."""
        snapshot = await run.db.get(Snapshot, self.snapshot_id)
        await run.db.delete(Snapshot, Snapshot.c.id == self.snapshot_id)
        await settle_group_snapshot(run.db, snapshot.group_snapshot_id if snapshot is not None else None)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave a snapshot that could not be deleted."""
        snapshot = await run.db.get(Snapshot, self.snapshot_id)
        if snapshot is None:
            return
        await run.db.update(
            Snapshot,
            Snapshot.c.id == snapshot.id,
            status=SnapshotStatus.ERROR_DELETING,
            operation=None,
            updated_at=clock.now(),
        )
        await settle_group_snapshot(run.db, snapshot.group_snapshot_id)
        await tell_of(run, snapshot, "delete snapshot", error)
