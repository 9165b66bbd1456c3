"""Making, restoring and deleting backups."""

from typing import Any, ClassVar

from cumulo.core.drivers import Gone
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.block_storage.drivers import Archived, BackupStore
from cumulo.services.block_storage.keys import VolumeKeys, take_from
from cumulo.services.block_storage.model import (
    Backup,
    BackupStatus,
    SnapshotStatus,
    Volume,
    VolumeStatus,
)
from cumulo.services.block_storage.pools import LONGEST, TRIES
from cumulo.services.block_storage.tasks import content
from cumulo.services.block_storage.tasks.failing import leave, left
from cumulo.services.block_storage.tasks.hold import (
    clearing,
    let_backup_go,
    let_go,
    let_snapshot_go,
    proceed,
    working,
)


def of_the_volume(saga: "CreateBackup", run: StepRun | EffectRun) -> bool:
    """Say whether the volume itself is backed up, not one of its snapshots."""
    del run
    return saga.snapshot_id is None


async def the_backup(run: EffectRun, backup_id: str) -> Backup:
    """Return a backup. Gone when it is none any more."""
    async with run.reader() as db:
        backup = await db.get(Backup, backup_id)
    if backup is None:
        raise Gone("the backup was deleted meanwhile")
    return backup


def others(backup: Backup) -> tuple[Any, ...]:
    """Return the conditions for other backups that need the same bytes: one on its way out does not."""
    same = Backup.c.location == backup.location, Backup.c.id != backup.id
    return (*same, Backup.c.status != BackupStatus.DELETING)


class CreateBackup(Saga):
    """Keep a volume's content, or a snapshot's, in the store of backups."""

    backup_id: str
    volume_id: str
    snapshot_id: str | None = None
    lock: ClassVar[str] = "backup:{backup_id}"

    @property
    def source(self) -> str:
        """The pool's snapshot that is read: the backup's own, under its id, unless it is of a snapshot."""
        return self.snapshot_id or self.backup_id

    @effect(retries=TRIES, when=of_the_volume)
    async def keep(self, run: EffectRun) -> None:
        """Have the pool keep the volume's content as it is now."""
        async with working(run, self.volume_id) as (pool, volume):
            await pool.create_snapshot(volume.id, self.source)

    @keep.undo
    async def forget(self, run: EffectRun) -> None:
        """Remove the pool's snapshot."""
        await self._drop(run)

    @effect(timeout=LONGEST, retries=TRIES)
    async def copy(self, run: EffectRun) -> Archived:
        """Copy what the snapshot holds into the store; of an incremental backup only what differs."""
        backup, store = await the_backup(run, self.backup_id), run.use(BackupStore)
        async with working(run, self.volume_id, longest=LONGEST) as (pool, volume):
            pieces = content.read(pool, volume.id, self.source, backup.size)
            size = backup.size * content.GIB
            return await store.keep(backup.location, pieces, base=backup.base, size=size)

    @copy.undo
    async def remove(self, run: EffectRun) -> None:
        """Remove what is in the store."""
        await run.use(BackupStore).remove(self.backup_id)

    @effect(retries=TRIES, when=of_the_volume)
    async def tidy(self, run: EffectRun) -> None:
        """Remove the pool's snapshot."""
        await self._drop(run)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the backup can be used, and the volume again."""
        made = run[CreateBackup.copy]
        facts = {"digest": made.digest, "object_count": made.chunks, "stored": made.stored}
        await let_backup_go(run, self.backup_id, BackupStatus.AVAILABLE, fail_reason=None, **facts)
        await self._free_source(run)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave a backup that says why it is none, and the volume as it was."""
        await self._free_source(run)
        await leave(run, Backup, self.backup_id, "create backup", error, status=BackupStatus.ERROR)

    async def _free_source(self, run: StepRun) -> None:
        if self.snapshot_id is not None:
            await let_snapshot_go(run, self.snapshot_id, SnapshotStatus.AVAILABLE)
            return
        volume = await run.db.get(Volume, self.volume_id)
        if volume is not None:
            await let_go(run, volume.id, volume.previous_status or VolumeStatus.AVAILABLE)

    async def _drop(self, run: EffectRun) -> None:
        async with clearing(run, self.volume_id) as (pool, volume):
            await pool.delete_snapshot(volume.id, self.source)


class RestoreBackup(Saga):
    """Write a backup over a volume. Until that has ended well, the old content is kept, and comes back."""

    backup_id: str
    volume_id: str
    lock: ClassVar[str] = "volume:{volume_id}"

    @effect(retries=TRIES)
    async def keep(self, run: EffectRun) -> None:
        """Have the pool keep the volume's content as it is now."""
        async with working(run, self.volume_id) as (pool, volume):
            await pool.create_snapshot(volume.id, self.backup_id)

    @keep.undo
    async def revert(self, run: EffectRun) -> None:
        """Bring the old content back."""
        async with clearing(run, self.volume_id) as (pool, volume):
            try:
                await pool.revert(volume.id, self.backup_id)
            except Gone:
                run.say("nothing was kept")
            await pool.delete_snapshot(volume.id, self.backup_id)

    @effect(timeout=LONGEST, retries=TRIES)
    async def write(self, run: EffectRun) -> None:
        """Write the backup's content, and zeroes where the volume had anything else."""
        backup = await the_backup(run, self.backup_id)
        async with working(run, self.volume_id, longest=LONGEST) as (pool, volume):
            there = await pool.extents(volume.id, self.backup_id)
            await content.write(pool, volume.id, run.use(BackupStore), backup.location, there)

    @effect(retries=TRIES)
    async def tidy(self, run: EffectRun) -> None:
        """Let go of the old content."""
        async with working(run, self.volume_id) as (pool, volume):
            await pool.delete_snapshot(volume.id, self.backup_id)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the volume can be used again; an encrypted one opens as the backup's did."""
        volume = await proceed(run.db, self.volume_id)
        backup = await run.db.get(Backup, self.backup_id)
        values: dict[str, Any] = {}
        if backup is not None:
            values |= {"bootable": backup.bootable, "image_metadata": backup.image_metadata}
        if backup is not None and backup.encrypted:
            take_from(run.use(VolumeKeys), volume, backup)
            values |= {"sealed_key": volume.sealed_key, "encryption_key_id": volume.encryption_key_id}
        await let_go(run, volume.id, VolumeStatus.AVAILABLE, **values)
        await let_backup_go(run, self.backup_id, BackupStatus.AVAILABLE)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave a volume with its old content, in a status that says that nothing was restored."""
        await let_go(run, self.volume_id, VolumeStatus.ERROR_RESTORING)
        await leave(run, Backup, self.backup_id, "restore backup", error)


class DeleteBackup(Saga):
    """End a backup: its bytes, unless another backup has the same, then itself."""

    backup_id: str
    lock: ClassVar[str] = "backup-delete:{backup_id}"

    @effect(retries=TRIES)
    async def remove(self, run: EffectRun) -> None:
        """Remove the backup from the store."""
        async with run.reader() as db:
            backup = await db.get(Backup, self.backup_id)
            shared = backup is not None and await db.exists(Backup, *others(backup))
        if backup is not None and not shared:
            await run.use(BackupStore).remove(backup.location)

    @step
    async def finish(self, run: StepRun) -> None:
        """Forget the backup."""
        await run.db.delete(Backup, Backup.c.id == self.backup_id)

    fail = left(Backup, "delete backup", BackupStatus.ERROR_DELETING)
