"""Taking snapshots, and going back to one."""

from typing import ClassVar

from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.block_storage.model import Snapshot, SnapshotStatus, Volume, VolumeStatus
from cumulo.services.block_storage.pools import TRIES
from cumulo.services.block_storage.tasks.failing import leave, left
from cumulo.services.block_storage.tasks.hold import (
    clearing,
    let_go,
    let_snapshot_go,
    proceed,
    volume_of,
    working,
)


class CreateSnapshot(Saga):
    """Keep a volume's content as it is now."""

    snapshot_id: str
    lock: ClassVar[str] = "snapshot:{snapshot_id}"

    @effect(retries=TRIES)
    async def take(self, run: EffectRun) -> None:
        """Have the pool take the snapshot."""
        async with clearing(run, await volume_of(run, self.snapshot_id)) as (pool, volume):
            await pool.create_snapshot(volume.id, self.snapshot_id)

    @take.undo
    async def drop(self, run: EffectRun) -> None:
        """Remove whatever of the snapshot is there."""
        async with clearing(run, await volume_of(run, self.snapshot_id)) as (pool, volume):
            await pool.delete_snapshot(volume.id, self.snapshot_id)

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
        async with working(run, self.volume_id) as (pool, volume):
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
