"""Images made of volumes, and volumes written anew from images."""

from collections.abc import AsyncIterator
from typing import ClassVar

from cumulo.contracts.image import Images
from cumulo.contracts.volumes import VolumePool
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.block_storage import image_keys
from cumulo.services.block_storage.model import Volume, VolumeStatus
from cumulo.services.block_storage.pools import LONGEST, TRIES, spec_of
from cumulo.services.block_storage.tasks.creation import described, image_access, noted
from cumulo.services.block_storage.tasks.failing import leave, left
from cumulo.services.block_storage.tasks.hold import clearing, let_go, proceed, working
from cumulo.services.block_storage.writing.formats import FORMATS

GIB = 1 << 30


class UploadVolume(Saga):
    """Make an image of a volume as it is now, in use or not."""

    volume_id: str
    image_id: str
    disk_format: str
    lock: ClassVar[str] = "volume:{volume_id}"

    @effect(retries=TRIES)
    async def keep(self, run: EffectRun) -> None:
        """Take a snapshot for the while, under the image's id."""
        async with working(run, self.volume_id) as (pool, volume):
            await pool.create_snapshot(volume.id, self.image_id)

    @keep.undo
    async def forget(self, run: EffectRun) -> None:
        """Remove the snapshot."""
        async with clearing(run, self.volume_id) as (pool, volume):
            await pool.delete_snapshot(volume.id, self.image_id)

    @effect(timeout=LONGEST, retries=TRIES)
    async def send(self, run: EffectRun) -> None:
        """Give the image its data."""
        async with working(run, self.volume_id, longest=LONGEST) as (pool, volume):
            data = content(pool, volume, self.image_id, self.disk_format)
            await run.use(Images).fill(self.image_id, data)

    @effect(retries=TRIES)
    async def tidy(self, run: EffectRun) -> None:
        """Remove the snapshot."""
        async with working(run, self.volume_id) as (pool, volume):
            await pool.delete_snapshot(volume.id, self.image_id)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the volume can be used again."""
        volume = await proceed(run.db, self.volume_id)
        await let_go(run, volume.id, volume.previous_status or VolumeStatus.AVAILABLE)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave the volume as it was and no image, and say why."""
        await run.use(Images).discard(run, self.image_id)
        await image_keys.forget(run.db, self.image_id)
        await leave(run, Volume, self.volume_id, "copy volume to image", error)


async def content(
    pool: VolumePool, volume: Volume, snapshot_id: str, disk_format: str
) -> AsyncIterator[bytes]:
    """Yield a snapshot of a volume in a format of images."""

    async def read(offset: int, length: int) -> bytes:
        return await pool.read(volume.id, snapshot_id, offset, length)

    extents = await pool.extents(volume.id, snapshot_id)
    size = volume.size * GIB
    if volume.encrypted:
        size = image_keys.length(await read(0, image_keys.HEADER), volume.size)
    async for part in FORMATS[disk_format].write(size, extents, read):
        yield part


class ReimageVolume(Saga):
    """Write an image over a volume. What was there is gone as soon as it begins."""

    volume_id: str
    image_id: str
    lock: ClassVar[str] = "volume:{volume_id}"

    @effect(timeout=LONGEST, retries=TRIES)
    async def fill(self, run: EffectRun) -> dict[str, str]:
        """Have the pool write the image; say which it was, for it may be gone when this ends."""
        async with working(run, self.volume_id, longest=LONGEST) as (pool, volume):
            async with run.reader() as db:
                spec, owner = await spec_of(db, run.use, volume), volume.project_id
                image = await run.use(Images).get(db, self.image_id, project_id=owner, is_admin=True)
                access = await image_access(db, run.use, image)
            await pool.fill(spec, access)
        return described(image)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the volume can be used again."""
        volume = await proceed(run.db, self.volume_id)
        status = volume.previous_status or VolumeStatus.AVAILABLE
        facts = noted(run[ReimageVolume.fill])
        await let_go(run, volume.id, status, bootable=True, image_metadata=facts)

    # Its content is neither the old nor the new.
    fail = left(Volume, "reimage volume", VolumeStatus.ERROR)
