"""Backups: what may be backed up, restored and deleted, and when."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import func, select

from cumulo.core import clock
from cumulo.core.db import Reader, Transaction
from cumulo.core.http import Ctx
from cumulo.core.work import Work
from cumulo.services.block_storage.domain import creation, quotas
from cumulo.services.block_storage.domain.volumes import latest as latest_volume
from cumulo.services.block_storage.domain.volumes import write as write_volume
from cumulo.services.block_storage.errors import (
    BackupNotFound,
    BadRequest,
    InvalidBackup,
    InvalidSnapshot,
    InvalidVolume,
    SnapshotNotFound,
    VolumeNotFound,
)
from cumulo.services.block_storage.keys import VolumeKeys, keep_with
from cumulo.services.block_storage.model import (
    MOVING,
    Backup,
    BackupStatus,
    Snapshot,
    SnapshotStatus,
    Volume,
    VolumeStatus,
)
from cumulo.services.block_storage.schema.backups import BackupBody, BackupChange, RestoreBody
from cumulo.services.block_storage.tasks import CreateBackup, DeleteBackup, RestoreBackup
from cumulo.services.block_storage.tasks.backups import others
from cumulo.services.block_storage.tasks.hold import is_worked_on

ENDED = frozenset({BackupStatus.AVAILABLE, BackupStatus.ERROR, BackupStatus.ERROR_DELETING})


async def counted(db: Reader, project_id: str) -> Mapping[str, int]:
    """Count a project's backups, and the GiB of the volumes that they are of."""
    held = select(func.count(), func.coalesce(func.sum(Backup.c.size), 0))
    rows = await db.rows(held.where(Backup.c.project_id == project_id))
    return {"backups": int(rows[0][0]), "backup_gigabytes": int(rows[0][1])}


quotas.COUNTERS.append(counted)


async def latest(db: Transaction, backup_id: str) -> Backup:
    """Read a backup again and hold it until the transaction ends. BackupNotFound."""
    row = await db.one(Backup, Backup.c.id == backup_id, for_update=True)
    if row is None:
        raise BackupNotFound(id=backup_id)
    return row


async def create(ctx: Ctx, body: BackupBody) -> Backup:
    """Record a backup and promise its making."""
    volume = await _own(ctx, Volume, body.volume_id)
    if volume is None:
        raise VolumeNotFound(id=body.volume_id)
    volume = await latest_volume(ctx.db, volume.id)
    snapshot = await _snapshot(ctx, volume, body.snapshot_id) if body.snapshot_id else None
    if snapshot is None:
        _check_volume(volume, force=body.force)
    taken = snapshot.created_at if snapshot is not None else clock.now()
    owner = ctx.identity.project_id or volume.project_id  # an administrator's, of another's volume too
    parent = await _parent(ctx.db, volume, owner, taken) if body.incremental else None
    size = snapshot.size if snapshot is not None else volume.size
    await quotas.claim(ctx, owner, {"backups": 1, "backup_gigabytes": size}, None)
    backup = Backup(
        project_id=owner,
        user_id=ctx.identity.user_id or "",
        volume_id=volume.id,
        snapshot_id=snapshot.id if snapshot is not None else None,
        parent_id=parent.id if parent is not None else None,
        base=parent.location if parent is not None else None,
        name=body.name,
        description=body.description,
        container=body.container,
        availability_zone=body.availability_zone or volume.availability_zone,
        size=size,
        location="",
        volume_type_id=volume.volume_type_id,
        bootable=volume.bootable,
        image_metadata=volume.image_metadata,
        volume_metadata=volume.metadata,
        metadata=msgspec.Raw(msgspec.json.encode(body.metadata or {})),
        data_timestamp=taken,
    )
    backup.location = backup.id
    if volume.encrypted:
        keep_with(ctx.use(VolumeKeys), backup, volume)
    await _begin(ctx, backup, volume, snapshot)
    return backup


async def _begin(ctx: Ctx, backup: Backup, volume: Volume, snapshot: Snapshot | None) -> None:
    """Promise the making, and say of what is read that it is."""
    of = snapshot.id if snapshot is not None else None
    saga = CreateBackup(backup_id=backup.id, volume_id=volume.id, snapshot_id=of)
    backup.operation = await ctx.start(saga)
    await ctx.db.insert(backup)
    now = {"operation": backup.operation, "updated_at": clock.now()}
    if snapshot is not None:
        reading = SnapshotStatus.BACKING_UP
        await ctx.db.update(Snapshot, Snapshot.c.id == snapshot.id, status=reading, **now)
        return
    await write_volume(ctx.db, volume, status=VolumeStatus.BACKING_UP, previous_status=volume.status, **now)


def _check_volume(volume: Volume, *, force: bool) -> None:
    allowed = {VolumeStatus.AVAILABLE} | ({VolumeStatus.IN_USE} if force else set())
    if volume.status not in allowed or volume.migration_status in MOVING:
        words = " or ".join(f'"{state}"' for state in sorted(allowed))
        reason = f'Volume to be backed up must be {words}, but the current status is "{volume.status}".'
        raise InvalidVolume(reason=reason)


async def _snapshot(ctx: Ctx, volume: Volume, snapshot_id: str) -> Snapshot:
    snapshot = await ctx.db.one(Snapshot, Snapshot.c.id == snapshot_id, for_update=True)
    if snapshot is None or snapshot.project_id != volume.project_id:
        raise SnapshotNotFound(id=snapshot_id)
    if snapshot.volume_id != volume.id:
        raise InvalidSnapshot(reason=f"Snapshot {snapshot_id} is not of volume {volume.id}.")
    if snapshot.status is not SnapshotStatus.AVAILABLE:
        reason = f"Snapshot to be backed up must be available, but the current status is {snapshot.status}."
        raise InvalidSnapshot(reason=reason)
    return snapshot


async def _parent(db: Transaction, volume: Volume, owner: str, taken: Any) -> Backup:
    """Return a project's newest backup of a volume from before a moment. InvalidBackup."""
    found = await db.all(
        Backup,
        Backup.c.volume_id == volume.id,
        Backup.c.project_id == owner,
        Backup.c.status.in_([BackupStatus.AVAILABLE, BackupStatus.RESTORING]),
        Backup.c.data_timestamp <= taken,
        order_by=(Backup.c.data_timestamp.desc(), Backup.c.id.desc()),
        limit=1,
    )
    parent = await db.one(Backup, Backup.c.id == found[0].id, for_update=True) if found else None
    if parent is None or parent.status not in (BackupStatus.AVAILABLE, BackupStatus.RESTORING):
        raise InvalidBackup(reason="No backups available to do an incremental backup.")
    if parent.encrypted != volume.encrypted:
        raise InvalidBackup(reason="The last backup is not encrypted as the volume is: make a full one.")
    return parent


async def _own(ctx: Ctx, model: Any, id: str) -> Any:
    row = await ctx.db.get(model, id)
    visible = row is not None and (ctx.identity.is_admin or row.project_id == ctx.identity.project_id)
    return row if visible else None


async def update(ctx: Ctx, backup: Backup, body: BackupChange) -> Backup:
    """Change what a backup is called."""
    values = body.given()
    if not values:
        raise BadRequest(reason="Name, description or metadata must be given.")
    if "metadata" in values:
        values["metadata"] = msgspec.Raw(msgspec.json.encode(values["metadata"]))
    await ctx.db.update(Backup, Backup.c.id == backup.id, updated_at=clock.now(), **values)
    return await latest(ctx.db, backup.id)


async def delete(work: Work, backup_id: str, *, force: bool = False) -> None:
    """Delete a backup that no other one builds on; by force whatever its status, unless it is worked on."""
    backup = await latest(work.db, backup_id)
    await hold_bytes(work.db, backup.location)
    busy = await is_worked_on(work.db, backup)
    if backup.status is BackupStatus.DELETING and busy:
        return
    if busy or (not force and backup.status not in ENDED):
        raise InvalidBackup(reason="Backup status must be available or error")
    if await _is_built_on(work.db, backup):
        raise InvalidBackup(reason="Incremental backups exist for this backup.")
    operation = await work.start(DeleteBackup(backup_id=backup.id))
    values: dict[str, Any] = {"status": BackupStatus.DELETING, "operation": operation}
    await work.db.update(Backup, Backup.c.id == backup.id, updated_at=clock.now(), **values)


async def hold_bytes(db: Transaction, location: str) -> None:
    """Have whoever else adds or deletes a backup of the same bytes wait until the transaction ends."""
    await db.lock(f"backup-bytes:{location}")


async def _is_built_on(db: Reader, backup: Backup) -> bool:
    """Say whether a backup must stay for another's sake; of two with the same bytes, one may go."""
    if not await db.exists(Backup, Backup.c.base == backup.location):
        return False
    if await db.exists(Backup, Backup.c.parent_id == backup.id):
        return True
    return not await db.exists(Backup, *others(backup))


async def restore(ctx: Ctx, backup: Backup, body: RestoreBody) -> dict[str, Any]:
    """Promise that a volume gets a backup's content: an available one, or a new one."""
    backup = await latest(ctx.db, backup.id)
    check_restorable(backup)
    if body.volume_id:
        volume = await _over(ctx, backup, body.volume_id)
    else:
        order = creation.Order(
            project_id=ctx.identity.project_id or backup.project_id,
            user_id=ctx.identity.user_id or "",
            is_admin=ctx.identity.is_admin,
            name=body.name or f"restore_backup_{backup.id}",
            description=f"Restored from backup {backup.id}",
            backup_id=backup.id,
        )
        volume = await creation.create(ctx, order)
    shown = {"backup_id": backup.id, "volume_id": volume.id, "volume_name": volume.name or ""}
    return {"restore": shown}


def check_restorable(backup: Backup) -> None:
    """Refuse a backup that is none, or is at work."""
    if backup.status is not BackupStatus.AVAILABLE:
        raise InvalidBackup(reason="Backup status must be available")


async def _over(ctx: Ctx, backup: Backup, volume_id: str) -> Volume:
    found: Volume | None = await _own(ctx, Volume, volume_id)
    if found is None:
        raise VolumeNotFound(id=volume_id)
    volume = await latest_volume(ctx.db, found.id)
    if volume.status is not VolumeStatus.AVAILABLE or volume.migration_status in MOVING:
        raise InvalidVolume(reason="Volume to be restored to must be available")
    if volume.size < backup.size:
        reason = f"volume size {volume.size} is too small to restore backup of size {backup.size}."
        raise InvalidVolume(reason=reason)
    if (volume.sealed_key is None, volume.cipher, volume.key_size) != (
        backup.sealed_key is None,
        backup.cipher,
        backup.key_size,
    ):
        reason = "Volume to be restored to must be encrypted as the backup's volume was, or neither."
        raise InvalidVolume(reason=reason)
    operation = await ctx.start(RestoreBackup(backup_id=backup.id, volume_id=volume.id))
    await write_volume(ctx.db, volume, status=VolumeStatus.RESTORING_BACKUP, operation=operation)
    await ctx.db.update(Backup, Backup.c.id == backup.id, status=BackupStatus.RESTORING, operation=operation)
    return volume


async def reset(ctx: Ctx, backup: Backup, status: str) -> None:
    """Set a backup's status by hand."""
    if status not in (BackupStatus.AVAILABLE, BackupStatus.ERROR):
        reason = f"Invalid input for field/attribute status. Value: {status}. Use available or error."
        raise BadRequest(reason=reason)
    if await is_worked_on(ctx.db, backup):
        raise InvalidBackup(reason=f"Backup {backup.id} is {backup.status}: wait for that to end")
    if status == BackupStatus.AVAILABLE and backup.digest is None:
        raise InvalidBackup(reason=f"Backup {backup.id} holds nothing that could be restored.")
    now = clock.now()
    await ctx.db.update(Backup, Backup.c.id == backup.id, status=BackupStatus(status), updated_at=now)
