"""Taking snapshots, and going back to one."""

from typing import ClassVar

from cumulo.core.drivers import Permanent
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.block_storage.model import Snapshot, SnapshotStatus, Volume, VolumeStatus
from cumulo.services.block_storage.pools import TRIES, reaching
from cumulo.services.block_storage.tasks.failing import leave, left
from cumulo.services.block_storage.tasks.hold import let_go, let_snapshot_go, proceed


class CreateSnapshot(Saga):
    """Keep a volume's content as it is now."""

    snapshot_id: str
    lock: ClassVar[str] = "snapshot:{snapshot_id}"

    @effect(retries=TRIES)
    async def take(self, run: EffectRun) -> None:
        """Have the pool take the snapshot."""
        async with run.reader() as db:
            snapshot = await db.get(Snapshot, self.snapshot_id)
            volume = await db.get(Volume, snapshot.volume_id) if snapshot is not None else None
        if snapshot is None or volume is None or volume.host is None:
            raise Permanent("the volume was deleted meanwhile")
        async with reaching(run, volume.host) as pool:
            await pool.create_snapshot(volume.id, snapshot.id)

    @take.undo
    async def drop(self, run: EffectRun) -> None:
        """Remove whatever of the snapshot is there."""
        async with run.reader() as db:
            snapshot = await db.get(Snapshot, self.snapshot_id)
            volume = await db.get(Volume, snapshot.volume_id) if snapshot is not None else None
        if snapshot is not None and volume is not None and volume.host is not None:
            async with reaching(run, volume.host) as pool:
                await pool.delete_snapshot(volume.id, snapshot.id)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the snapshot can be used."""
        await let_snapshot_go(run, self.snapshot_id, SnapshotStatus.AVAILABLE, progress="100%")

    fail = left(Snapshot, "create snapshot", SnapshotStatus.ERROR)


class RevertVolume(Saga):
    """Bring a volume back to its newest snapshot."""

    volume_id: str
    snapshot_id: str
    lock: ClassVar[str] = "volume:{volume_id}"

    @effect(retries=TRIES)
    async def revert(self, run: EffectRun) -> None:
        """Have the pool bring the content back, at the volume's present size."""
        async with run.reader() as db:
            volume = await db.get(Volume, self.volume_id)
        if volume is None or volume.deletion or volume.host is None:
            return
        async with reaching(run, volume.host) as pool:
            await pool.revert(volume.id, self.snapshot_id)
            await pool.extend(volume.id, volume.size)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the volume can be used again."""
        volume = await proceed(run.db, self.volume_id)
        await let_snapshot_go(run, self.snapshot_id, SnapshotStatus.AVAILABLE)
        await let_go(run, volume.id, VolumeStatus.AVAILABLE)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave the snapshot as it was, and a volume that says why it is not as then."""
        await let_snapshot_go(run, self.snapshot_id, SnapshotStatus.AVAILABLE)
        await leave(run, Volume, self.volume_id, "revert volume", error, status=VolumeStatus.ERROR)
