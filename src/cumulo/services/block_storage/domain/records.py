"""Exported backups: their rows outside of the database, for when that is lost.

A record is imported where the same folder of backups is. Under another id than the exported one's it becomes
a second backup of the same bytes, which stay until both are gone.
"""

import base64
import binascii
from datetime import datetime
from typing import Any

import msgspec

from cumulo.core.drivers import DriverError
from cumulo.core.http import Ctx
from cumulo.services.block_storage.domain import quotas
from cumulo.services.block_storage.domain.backups import check_restorable, hold_bytes
from cumulo.services.block_storage.drivers import BackupStore
from cumulo.services.block_storage.errors import InvalidBackup, InvalidInput
from cumulo.services.block_storage.model import Backup, BackupStatus
from cumulo.services.block_storage.schema.backups import RecordBody
from cumulo.services.block_storage.schema.bodies import Size, Uuid

SERVICE = "cinder.backup.drivers.cumulo"
"""What records name, in the form in which upstream's name their drivers."""


class Record(msgspec.Struct, kw_only=True):
    """A backup's row outside of the database: all that its restore needs besides its bytes."""

    id: Uuid
    location: Uuid
    digest: str
    size: Size
    volume_id: Uuid
    data_timestamp: datetime
    base: Uuid | None = None
    parent_id: str | None = None
    snapshot_id: str | None = None
    name: str | None = None
    description: str | None = None
    container: str | None = None
    availability_zone: str = "nova"
    object_count: int = 0
    stored: int = 0
    bootable: bool = False
    image_metadata: dict[str, str] | None = None
    volume_metadata: dict[str, str] = {}
    metadata: dict[str, str] = {}
    volume_type_id: str | None = None
    encryption_key_id: str | None = None
    sealed_key: bytes | None = None
    cipher: str | None = None
    key_size: int | None = None


def export(backup: Backup) -> dict[str, Any]:
    """Return a backup's record: to be imported where the same folder of backups is."""
    check_restorable(backup)
    facts = {name: getattr(backup, name) for name in Record.__struct_fields__}
    url = base64.b64encode(msgspec.json.encode(facts)).decode()
    return {"backup-record": {"backup_service": SERVICE, "backup_url": url}}


def read_record(body: RecordBody) -> Record:
    """Read a record. InvalidInput."""
    if body.backup_service != SERVICE:
        raise InvalidInput(reason=f"backup_service: records of {body.backup_service} cannot be read here.")
    try:
        text = base64.b64decode(body.backup_url, validate=True)
        return msgspec.json.decode(text, type=Record)
    except (binascii.Error, ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise InvalidInput(reason="backup_url: it is no backup's record.") from error


async def take_in(ctx: Ctx, body: RecordBody) -> Backup:
    """Make an exported backup one of the caller's project; its bytes must be in the store, as they were."""
    record = read_record(body)
    try:
        there = await ctx.use(BackupStore).find(record.location)
    except DriverError as error:
        raise InvalidBackup(reason=error.public) from error
    if there.digest != record.digest:
        raise InvalidBackup(reason=f"Backup {record.location} in the backup folder is not the exported one.")
    async with ctx.begin() as db:
        ctx.writing(db)
        await hold_bytes(db, record.location)
        if await db.exists(Backup, Backup.c.id == record.id):
            raise InvalidBackup(reason="Backup already exists in database.")
        same = Backup.c.location == record.location
        if await db.exists(Backup, same, Backup.c.status == BackupStatus.DELETING):
            raise InvalidBackup(reason=f"Backup {record.location} in the backup folder is being deleted.")
        return await _insert(ctx, record)


async def _insert(ctx: Ctx, record: Record) -> Backup:
    project_id = ctx.identity.project_id or ""
    facts = msgspec.structs.asdict(record)
    for name, value in facts.items():
        if isinstance(value, dict):
            facts[name] = msgspec.Raw(msgspec.json.encode(value))
    if record.parent_id is not None and not await ctx.db.exists(Backup, Backup.c.id == record.parent_id):
        facts["parent_id"] = None
    await quotas.claim(ctx, project_id, {"backups": 1, "backup_gigabytes": record.size}, None)
    backup = Backup(
        project_id=project_id,
        user_id=ctx.identity.user_id or "",
        status=BackupStatus.AVAILABLE,
        **facts,
    )
    await ctx.db.insert(backup)
    return backup
