"""Exports that nobody has any more: left open by whoever died between closing and forgetting."""

from collections.abc import Mapping

import structlog

from cumulo.contracts.volumes import VolumePool
from cumulo.core.bus import Bus, remote
from cumulo.core.db import Reader
from cumulo.core.drivers import DriverError
from cumulo.core.errors import Unavailable
from cumulo.core.tasks import ReconcileRun, reconciler
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.model import StorageService, Volume, VolumeAttachment
from cumulo.services.block_storage.pools import COPY, VERBS
from cumulo.services.block_storage.scheduler import BINARY

log = structlog.get_logger()

QUESTION = 30.0  # seconds in which a pool answers a mere question


@reconciler(every=60.0, name="block_storage.exports")
async def orphaned_exports(run: ReconcileRun) -> None:
    """Ask each backend that is up for its exports; close those that belong to nothing."""
    async with run.database.read() as db:
        services = await db.all(StorageService, StorageService.c.binary == BINARY)
    silence = run.use(BlockStorageSettings).pool_silence
    for service in services:
        if not service.is_up(silence):
            continue
        pool = remote(run.use(Bus), service.host, VolumePool, timeout=QUESTION, prefix=VERBS)
        try:
            # Asked before the rows are read: what is exported has its row before it is exported.
            exports = await pool.exports()
            async with run.database.read() as db:
                orphans = await orphaned(db, exports)
            for export_id, volume_id in orphans.items():
                log.info("export.orphaned", export=export_id, volume_id=volume_id, backend=service.host)
                await pool.close(volume_id, export_id)
        except (Unavailable, DriverError) as error:
            log.warning("backend.silent", backend=service.host, reason=str(error))


async def orphaned(db: Reader, exports: Mapping[str, str]) -> dict[str, str]:
    """Return those exports (id → volume id) that no attachment, no copy and no saga has.

    An export made for a connector by the older calls is named after its volume, and lives as long as that.
    """
    if not exports:
        return {}
    held = await db.all(VolumeAttachment, VolumeAttachment.c.id.in_(list(exports)))
    attached = {row.id for row in held}
    copied = {one.removeprefix(COPY) for one in exports if one.startswith(COPY)}
    rows = await db.all(Volume, Volume.c.id.in_(sorted({*exports.values(), *copied})))
    busy = {row.id for row in rows if row.operation is not None}
    known = {row.id for row in rows}

    def has_owner(export_id: str, volume_id: str) -> bool:
        if export_id in attached or volume_id in busy or export_id.removeprefix(COPY) in busy:
            return True
        return volume_id in known and export_id.startswith(volume_id)

    return {export: volume for export, volume in exports.items() if not has_owner(export, volume)}
