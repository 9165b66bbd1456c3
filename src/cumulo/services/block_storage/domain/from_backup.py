"""Volumes that are made from backups."""

import msgspec

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.block_storage.domain import types
from cumulo.services.block_storage.errors import BackupNotFound, InvalidBackup, InvalidInput
from cumulo.services.block_storage.keys import VolumeKeys, take_from
from cumulo.services.block_storage.model import Backup, BackupStatus, Volume, VolumeType


async def find(db: Reader, backup_id: str | None, project_id: str, *, is_admin: bool) -> Backup | None:
    """Return the backup that a new volume is to be made from. BackupNotFound, InvalidBackup."""
    if backup_id is None:
        return None
    backup = await db.get(Backup, backup_id)
    if backup is None or not (is_admin or backup.project_id == project_id):
        raise BackupNotFound(id=backup_id)
    if backup.status is not BackupStatus.AVAILABLE:
        raise InvalidBackup(reason="Backup status must be available")
    return backup


async def type_of(db: Reader, backup: Backup, project_id: str, *, is_admin: bool) -> str | None:
    """Return the type that the backup's volume had; None when it is gone, or the project may not use it."""
    kind = await db.get(VolumeType, backup.volume_type_id) if backup.volume_type_id is not None else None
    if kind is None or not await types.may_use(db, kind, project_id=project_id, is_admin=is_admin):
        return None
    return kind.id


def size_of(backup: Backup, wanted: int | None) -> int:
    """Return how large the volume is; it is not smaller than the backup. InvalidInput."""
    size = wanted or backup.size
    if size < backup.size:
        reason = f"Volume size {size}GB cannot be smaller than the backup size {backup.size}GB."
        raise InvalidInput(reason=f"{reason} It must be >= backup size.")
    return size


def metadata_of(backup: Backup) -> dict[str, str]:
    """Return the metadata that the volume had when it was backed up."""
    return msgspec.json.decode(backup.volume_metadata, type=dict[str, str])


async def begin(work: Work, volume: Volume, backup: Backup) -> None:
    """Give the volume what its backup says of it, and have the backup stay until it is read."""
    if backup.encrypted != volume.encrypted:
        reason = "A volume and the backup it is made from must both be encrypted, or neither."
        raise InvalidInput(reason=reason)
    take_from(work.use(VolumeKeys), volume, backup)
    volume.bootable, volume.image_metadata = backup.bootable, backup.image_metadata
    unread = Backup.c.id == backup.id, Backup.c.status == BackupStatus.AVAILABLE
    reading = {"status": BackupStatus.RESTORING, "operation": volume.operation}
    if not await work.db.update(Backup, *unread, **reading):
        raise InvalidBackup(reason="Backup status must be available")
