"""Creating volumes: empty, from an image, from a snapshot, from a volume."""

import contextlib
import dataclasses
from typing import Any, ClassVar

import msgspec

from cumulo.contracts.image import ImageRecord, Images
from cumulo.contracts.volumes import BlockAccess, VolumePool, VolumeSpec
from cumulo.core import clock
from cumulo.core.db import Reader, Transaction
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.block_storage import image_keys, scheduler
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.drivers import BackupStore
from cumulo.services.block_storage.keys import Use
from cumulo.services.block_storage.messages import tell_of
from cumulo.services.block_storage.model import Backup, BackupStatus, Pool, Snapshot, Volume, VolumeStatus
from cumulo.services.block_storage.pools import COPY, LONGEST, TRIES, opened, reaching, spec_of, specs_of
from cumulo.services.block_storage.tasks import content
from cumulo.services.block_storage.tasks.groups import settle_group
from cumulo.services.block_storage.tasks.hold import let_go, proceed

QEMU_FORMATS = {"vhd": "vpc", "iso": "raw", "ami": "raw", "aki": "raw", "ari": "raw", "ploop": "parallels"}
"""QEMU's words for image formats, where they differ."""
PLACING = "block_storage:placing"


class CreateVolume(Saga):
    """Find a pool for a volume, and make it there with its content."""

    volume_id: str
    lock: ClassVar[str] = "volume:{volume_id}"

    @step
    async def place(self, run: StepRun) -> str:
        """Find a pool with room and claim it."""
        volume = await proceed(run.db, self.volume_id)
        await run.db.lock(PLACING)
        pool = await choose(run, volume)
        values: dict[str, Any] = {"host": pool.name, "updated_at": clock.now()}
        if volume.image_id is not None:
            values["status"] = VolumeStatus.DOWNLOADING
        if volume.backup_id is not None:
            values["status"] = VolumeStatus.RESTORING_BACKUP
        await run.db.update(Volume, Volume.c.id == volume.id, **values)
        return pool.name

    @place.undo
    async def free(self, run: StepRun) -> None:
        """Give the claim back."""
        await run.db.update(Volume, Volume.c.id == self.volume_id, host=None)

    @effect(timeout=LONGEST, retries=TRIES)
    async def build(self, run: EffectRun) -> dict[str, str] | None:
        """Have the pool make the volume; say of which image, which may be gone when this ends."""
        async with run.reader() as db:
            volume = await db.get(Volume, self.volume_id)
            if volume is None or volume.deletion:
                return None  # `publish` begins the deletion
            spec = await spec_of(db, run.use, volume)
            image = await image_of(db, run, volume)
            access = await image_access(db, run.use, image) if image is not None else None
        async with reaching(run, run[CreateVolume.place], longest=LONGEST) as pool:
            if access is not None:
                await pool.fill(spec, access)
            elif volume.snapshot_id is not None:
                await from_snapshot(run, pool, volume, spec)
            elif volume.source_volume_id is not None:
                await from_volume(run, pool, volume, spec)
            elif volume.backup_id is not None:
                await from_backup(run, pool, volume.backup_id, spec)
            else:
                await pool.create(spec, fence=run.fence)
        return described(image) if image is not None else None

    @build.undo
    async def remove(self, run: EffectRun) -> None:
        """Remove whatever of the volume is there."""
        async with reaching(run, run[CreateVolume.place]) as pool:
            await pool.delete(self.volume_id)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the volume can be used."""
        volume = await proceed(run.db, self.volume_id)
        values: dict[str, Any] = {"launched_at": clock.now(), "image_id": None, "backup_id": None}
        if volume.image_id is not None:
            values["bootable"] = True
            values["image_metadata"] = noted(run[CreateVolume.build])
        await read_backup(run, volume)
        await let_go(run, volume.id, VolumeStatus.AVAILABLE, **values)
        await settle_group(run.db, volume.group_id)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave a volume that says why it is none."""
        volume = await run.db.get(Volume, self.volume_id)
        if volume is None:
            return
        await read_backup(run, volume)
        restoring = volume.backup_id is not None
        await let_go(run, volume.id, VolumeStatus.ERROR_RESTORING if restoring else VolumeStatus.ERROR)
        await settle_group(run.db, volume.group_id)
        placing = error.part == "place"
        action = "schedule allocate volume" if placing else "create volume from backend storage"
        if volume.image_id is not None and not placing:
            action = "copy image to volume"
        await tell_of(run, volume, action, error)


async def from_backup(run: EffectRun, pool: VolumePool, backup_id: str, spec: VolumeSpec) -> None:
    """Make a volume with a backup's content."""
    async with run.reader() as db:
        backup = await db.get(Backup, backup_id)
    if backup is None:
        raise Permanent(f"backup {backup_id} is gone")
    await pool.create(spec, fence=run.fence)
    await content.write(pool, spec.volume_id, run.use(BackupStore), backup.location)


async def read_backup(run: StepRun, volume: Volume) -> None:
    """Say that the backup that a volume is made from is read no more."""
    if volume.backup_id is not None:
        reading = Backup.c.id == volume.backup_id, Backup.c.status == BackupStatus.RESTORING
        await run.db.update(Backup, *reading, status=BackupStatus.AVAILABLE, operation=None)


async def choose(run: StepRun, volume: Volume) -> Pool:
    """Return the pool for a new volume: of a copy its source's, if that can take it."""
    settings, db = run.use(BlockStorageSettings), run.db
    hints = volume.scheduler_hints
    wanted = scheduler.Wanted(
        size=volume.size,
        zone=volume.availability_zone,
        specs=await specs_of(db, volume.volume_type_id),
        multiattach=volume.multiattach,
        beside=await _hosts(db, hints.get("same_host")),
        away_from=await _hosts(db, hints.get("different_host")),
    )
    source = await source_of(db, volume)
    if source is not None and source.host is not None:
        with contextlib.suppress(scheduler.NoPool):
            return await scheduler.choose(db, settings, dataclasses.replace(wanted, host=source.host))
    return await scheduler.choose(db, settings, wanted)


async def _hosts(db: Transaction, named: str | list[str] | None) -> frozenset[str]:
    wanted = [named] if isinstance(named, str) else named
    if not wanted:
        return frozenset()
    return frozenset(row.host for row in await db.all(Volume, Volume.c.id.in_(wanted)) if row.host)


async def source_of(db: Reader, volume: Volume) -> Volume | None:
    """Return the volume whose content, or whose snapshot's, a volume is made from."""
    if volume.snapshot_id is not None:
        snapshot = await db.get(Snapshot, volume.snapshot_id)
        return await db.get(Volume, snapshot.volume_id) if snapshot is not None else None
    if volume.source_volume_id is not None:
        return await db.get(Volume, volume.source_volume_id)
    return None


async def image_of(db: Reader, run: EffectRun | StepRun, volume: Volume) -> ImageRecord | None:
    """Return the image that a volume is being made from."""
    if volume.image_id is None:
        return None
    return await run.use(Images).get(db, volume.image_id, project_id=volume.project_id, is_admin=True)


async def image_access(db: Reader, use: Use, image: ImageRecord) -> BlockAccess:
    """Return how a pool reads an image. Permanent when its bytes are not here."""
    if image.path is None or image.disk_format is None:
        raise Permanent(f"the content of image {image.id} is not available to block storage")
    form = QEMU_FORMATS.get(image.disk_format, image.disk_format)
    access = BlockAccess(protocol="file", path=image.path, format=form, read_only=True)
    return image_keys.opened(access, use, image, await image_keys.of(db, image))


async def from_snapshot(run: EffectRun, pool: VolumePool, volume: Volume, spec: VolumeSpec) -> None:
    """Make a volume with a snapshot's content."""
    async with run.reader() as db:
        source = await source_of(db, volume)
    if source is None or volume.snapshot_id is None:
        raise Permanent(f"snapshot {volume.snapshot_id} is gone")
    if source.host == volume.host:
        await pool.create_from_snapshot(spec, volume.snapshot_id, source.id)
        return
    await copy(run, source, pool, spec, snapshot_id=volume.snapshot_id)


async def from_volume(run: EffectRun, pool: VolumePool, volume: Volume, spec: VolumeSpec) -> None:
    """Make a volume with another's content."""
    async with run.reader() as db:
        source = await source_of(db, volume)
    if source is None:
        raise Permanent(f"volume {volume.source_volume_id} is gone")
    if source.host == volume.host:
        await pool.clone(spec, source.id)
        return
    await copy(run, source, pool, spec)


async def copy(
    run: EffectRun, source: Volume, pool: VolumePool, spec: VolumeSpec, *, snapshot_id: str | None = None
) -> None:
    """Fill a volume from another pool's volume or snapshot, exported for that while."""
    if source.host is None:
        raise Permanent(f"volume {source.id} is in no pool")
    export = f"{COPY}{spec.volume_id}"
    async with reaching(run, source.host, longest=LONGEST) as other:
        access = await other.open(source.id, export, read_only=True, snapshot_id=snapshot_id)
        try:
            await pool.fill(spec, opened(access, run.use, source))
        finally:
            await other.close(source.id, export)


def described(image: ImageRecord) -> dict[str, str]:
    """Return what a volume keeps of its image: all of it text, as Cinder writes it."""
    facts: dict[str, Any] = {
        "image_id": image.id,
        "image_name": image.name or "",
        "checksum": image.checksum or "",
        "container_format": image.container_format or "",
        "disk_format": image.disk_format or "",
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
        "size": image.size or 0,
        **image_keys.plain(image.properties),
    }
    return {name: str(value) for name, value in facts.items()}


def noted(facts: dict[str, str] | None) -> msgspec.Raw | None:
    """Return the same as a volume's row has it."""
    return None if facts is None else msgspec.Raw(msgspec.json.encode(facts))
