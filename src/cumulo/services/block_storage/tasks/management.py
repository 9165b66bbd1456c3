"""Taking over what lies in a pool already, and leaving it there unmanaged."""

from typing import ClassVar

from cumulo.core import clock
from cumulo.core.drivers import Gone, Permanent
from cumulo.core.tasks import EffectRun, Saga, StepRun, effect, step
from cumulo.services.block_storage.model import Snapshot, SnapshotStatus, Volume, VolumeStatus
from cumulo.services.block_storage.pools import TRIES, reaching, spec_of
from cumulo.services.block_storage.tasks.failing import left
from cumulo.services.block_storage.tasks.hold import (
    clearing,
    let_go,
    let_snapshot_go,
    proceed,
    volume_of,
)


class ManageVolume(Saga):
    """Make what lies in a pool under `reference` a volume of ours."""

    volume_id: str
    host: str
    reference: str
    lock: ClassVar[str] = "volume:{volume_id}"

    @effect(retries=TRIES)
    async def adopt(self, run: EffectRun) -> int:
        """Have the pool keep it under the volume's id; return its size in GiB."""
        async with run.reader() as db:
            volume = await db.get(Volume, self.volume_id)
            if volume is None or volume.deletion:
                raise Permanent("the volume was deleted meanwhile")
            spec = await spec_of(db, run.use, volume)
        async with reaching(run, self.host) as pool:
            return await pool.adopt(spec, self.reference)

    @adopt.undo
    async def abandon(self, run: EffectRun) -> None:
        """Leave it unmanaged again."""
        async with reaching(run, self.host) as pool:
            try:
                await pool.abandon(self.volume_id)
            except Gone:
                run.say("the pool knew nothing of it")

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the volume can be used."""
        volume = await proceed(run.db, self.volume_id)
        size, now = run[ManageVolume.adopt], clock.now()
        await let_go(run, volume.id, VolumeStatus.AVAILABLE, size=size, host=self.host, launched_at=now)

    # A volume of no pool, that says why it is none: what lies in the pool stays as it was.
    fail = left(Volume, "manage volume", VolumeStatus.ERROR_MANAGING, host=None)


class UnmanageVolume(Saga):
    """Forget a volume, and leave its bytes in the pool."""

    volume_id: str
    lock: ClassVar[str] = "volume:{volume_id}"

    @effect(retries=TRIES)
    async def abandon(self, run: EffectRun) -> str:
        """Have the pool leave it unmanaged; return what it lies under."""
        async with clearing(run, self.volume_id) as (pool, volume):
            return await pool.abandon(volume.id)

    @abandon.undo
    async def adopt(self, run: EffectRun) -> None:
        """Take it back."""
        async with clearing(run, self.volume_id) as (pool, volume):
            async with run.reader() as db:
                spec = await spec_of(db, run.use, volume)
            await pool.adopt(spec, run[UnmanageVolume.abandon] or volume.id)

    @step
    async def finish(self, run: StepRun) -> None:
        """Forget the volume."""
        await run.db.delete(Volume, Volume.c.id == self.volume_id)

    fail = left(Volume, "unmanage volume")


class ManageSnapshot(Saga):
    """Make what a pool holds of a volume under `reference` a snapshot of ours."""

    snapshot_id: str
    volume_id: str
    host: str
    reference: str
    lock: ClassVar[str] = "snapshot:{snapshot_id}"

    @effect(retries=TRIES)
    async def adopt(self, run: EffectRun) -> int:
        """Have the pool keep it under the snapshot's id; return its size in GiB."""
        async with reaching(run, self.host) as pool:
            return await pool.adopt_snapshot(self.volume_id, self.snapshot_id, self.reference)

    @adopt.undo
    async def abandon(self, run: EffectRun) -> None:
        """Leave it unmanaged again."""
        async with reaching(run, self.host) as pool:
            try:
                await pool.abandon_snapshot(self.volume_id, self.snapshot_id)
            except Gone:
                run.say("the pool knew nothing of it")

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the snapshot can be used."""
        size = run[ManageSnapshot.adopt]
        done = {"size": size, "progress": "100%"}
        await let_snapshot_go(run, self.snapshot_id, SnapshotStatus.AVAILABLE, **done)

    fail = left(Snapshot, "manage snapshot", SnapshotStatus.ERROR)


class UnmanageSnapshot(Saga):
    """Forget a snapshot, and leave its bytes in the pool."""

    snapshot_id: str
    lock: ClassVar[str] = "snapshot:{snapshot_id}"

    @effect(retries=TRIES)
    async def abandon(self, run: EffectRun) -> str:
        """Have the pool leave it unmanaged; return what it lies under."""
        async with clearing(run, await volume_of(run, self.snapshot_id)) as (pool, volume):
            return await pool.abandon_snapshot(volume.id, self.snapshot_id)

    @abandon.undo
    async def adopt(self, run: EffectRun) -> None:
        """Take it back."""
        async with clearing(run, await volume_of(run, self.snapshot_id)) as (pool, volume):
            lies = run[UnmanageSnapshot.abandon] or self.snapshot_id
            await pool.adopt_snapshot(volume.id, self.snapshot_id, lies)

    @step
    async def finish(self, run: StepRun) -> None:
        """Forget the snapshot."""
        await run.db.delete(Snapshot, Snapshot.c.id == self.snapshot_id)

    fail = left(Snapshot, "unmanage snapshot")
