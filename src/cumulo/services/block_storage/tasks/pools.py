"""Pools as they report themselves."""

from cumulo.contracts.volumes import PoolReport
from cumulo.core import clock
from cumulo.core.bus import Bus
from cumulo.core.db import Transaction
from cumulo.core.tasks import Tasks
from cumulo.core.work import Work
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.model import Pool, StorageService, VolumeType
from cumulo.services.block_storage.scheduler import BINARY

TOPIC = "pool.report"
SCHEDULER, BACKUP = "cinder-scheduler", "cinder-backup"


async def pool_reported(work: Work, report: PoolReport) -> None:
    """Note what a pool has, and that its backend is there."""
    settings = work.use(BlockStorageSettings)
    service = f"{report.host}@{report.backend}"
    if await _seen(work.db, BINARY, service, settings.default_zone):
        await ensure_default_type(work.db, settings)
    for binary in (SCHEDULER, BACKUP):
        await _seen(work.db, binary, report.host, settings.default_zone)
    pool = Pool(
        name=f"{service}#{report.pool}",
        service=service,
        host=report.host,
        backend=report.backend,
        driver=report.driver,
        protocol=report.protocol,
        total_gib=report.total_gib,
        free_gib=report.free_gib,
        allocated_gib=report.allocated_gib,
        thin=report.thin,
        thick=report.thick,
        multiattach=report.multiattach,
        online_extend=report.online_extend,
        max_over_subscription_ratio=report.max_over_subscription_ratio,
        reserved_percentage=report.reserved_percentage,
        seen_at=clock.now(),
    )
    if await work.db.exists(Pool, Pool.c.name == pool.name):
        await work.db.save(pool)
    else:
        await work.db.insert(pool)


async def _seen(db: Transaction, binary: str, host: str, zone: str) -> bool:
    """Note that a service is there, a new one as enabled; return whether it is new."""
    where = (StorageService.c.host == host, StorageService.c.binary == binary)
    if await db.update(StorageService, *where, seen_at=clock.now()):
        return False
    await db.insert(StorageService(binary=binary, host=host, zone=zone))
    return True


async def ensure_default_type(db: Transaction, settings: BlockStorageSettings) -> None:
    """Have the cloud's default type: with its first backend it gets one."""
    if not await db.exists(VolumeType, VolumeType.c.name == settings.default_type):
        await db.insert(VolumeType(name=settings.default_type, description="Default Volume Type"))


def listen(bus: Bus, tasks: Tasks) -> None:
    """Have what pools publish on the bus written down."""

    async def reported(report: PoolReport) -> None:
        async with tasks.work() as work:
            await pool_reported(work, report)

    bus.subscribe(TOPIC, PoolReport, reported)
