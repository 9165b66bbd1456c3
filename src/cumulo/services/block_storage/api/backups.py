"""Backups."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.api.counted import CountedResource
from cumulo.services.block_storage.domain import backups as domain
from cumulo.services.block_storage.domain import records, search
from cumulo.services.block_storage.errors import BackupNotFound
from cumulo.services.block_storage.model import Backup, BackupStatus
from cumulo.services.block_storage.schema.backups import (
    BackupBody,
    BackupBrief,
    BackupChange,
    BackupView,
    RecordBody,
    RestoreBody,
)
from cumulo.services.block_storage.schema.bodies import ResetBody

FILTERS = {
    "name": search.text(Backup, "name"),
    "name~": search.like(Backup, "name"),
    "status": search.choice(Backup, "status", BackupStatus),
    "status~": search.like(Backup, "status"),
    "volume_id": search.text(Backup, "volume_id"),
    "metadata": search.items(Backup, "metadata", "metadata"),
    "snapshot_id": search.text(Backup, "snapshot_id"),
    "availability_zone": search.text(Backup, "availability_zone"),
    "container": search.text(Backup, "container"),
    "size": search.whole(Backup, "size"),
    "id": search.text(Backup, "id"),
    "parent_id": search.text(Backup, "parent_id"),
    "user_id": search.operators_only(search.text(Backup, "user_id")),
    "project_id": search.others_project(Backup),
    "tenant_id": search.others_project(Backup),
}
EVERYONES = (
    "name",
    "status",
    "volume_id",
    "metadata",
    "snapshot_id",
    "availability_zone",
    "container",
    "size",
)

backups = CountedResource(
    "backup",
    "/backups",
    model=Backup,
    view=BackupView,
    scope=search.owned(EVERYONES),
    order=("created_at:desc", "id:desc"),
    missing=BackupNotFound,
)
backups.list(policy=policy.BACKUP_LIST, detail=policy.BACKUP_LIST, brief=BackupBrief)
backups.show(policy=policy.BACKUP_SHOW)
for _name, _filter in FILTERS.items():
    backups.filter(_name)(_filter)

routes = RouteSet()


@backups.create(policy=policy.BACKUP_CREATE, status=202, view=BackupBrief)
async def create(ctx: Ctx, body: BackupBody) -> Backup:
    """Back a volume or a snapshot up."""
    return await domain.create(ctx, body)


@backups.update(policy=policy.BACKUP_UPDATE, view=BackupBrief, since="3.9")
async def update(ctx: Ctx, backup: Backup, body: BackupChange) -> Backup:
    """Update a backup's name, description or metadata."""
    return await domain.update(ctx, backup, body)


@backups.delete(policy=policy.BACKUP_DELETE, status=202)
async def delete(ctx: Ctx, backup: Backup) -> None:
    """Delete a backup."""
    await domain.delete(ctx, backup.id)


@backups.member("POST", "/restore", policy=policy.BACKUP_RESTORE, status=202, envelope="restore")
async def restore(ctx: Ctx, backup: Backup, body: RestoreBody) -> Any:
    """Restore a backup to a volume, or to a new one."""
    return await domain.restore(ctx, backup, body)


@backups.action("os-reset_status", policy=policy.BACKUP_RESET, status=202)
async def reset_status(ctx: Ctx, backup: Backup, body: ResetBody) -> None:
    """Set a backup's status by hand."""
    await domain.reset(ctx, backup, body.status)


@backups.action("os-force_delete", policy=policy.BACKUP_FORCE_DELETE, status=202)
async def force_delete(ctx: Ctx, backup: Backup) -> None:
    """Delete a backup whatever its status."""
    await domain.delete(ctx, backup.id, force=True)


@backups.member("GET", "/export_record", policy=policy.BACKUP_EXPORT)
async def export_record(ctx: Ctx, backup: Backup) -> Any:
    """Export a backup's record."""
    del ctx
    return records.export(backup)


@routes.route(
    "POST",
    "/backups/import_record",
    policy=policy.BACKUP_IMPORT,
    status=201,
    envelope="backup-record",
    transaction=False,
)
async def import_record(ctx: Ctx, body: RecordBody) -> Any:
    """Import a backup's record."""
    backup = await records.take_in(ctx, body)
    return {"backup": (await BackupBrief.render(ctx, [backup]))[0]}
