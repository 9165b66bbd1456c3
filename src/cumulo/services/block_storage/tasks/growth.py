"""Growing volumes."""

from typing import ClassVar

from cumulo.contracts.compute import Servers
from cumulo.core.db import Reader
from cumulo.core.tasks import EffectRun, Saga, StepRun, effect, step
from cumulo.services.block_storage.model import (
    COMPUTE,
    AttachStatus,
    Volume,
    VolumeAttachment,
    VolumeStatus,
)
from cumulo.services.block_storage.pools import TRIES
from cumulo.services.block_storage.tasks.failing import left
from cumulo.services.block_storage.tasks.hold import let_go, proceed, working


async def servers_with(db: Reader, volume_id: str) -> list[str]:
    """Return the servers that compute gave a volume to."""
    given = VolumeAttachment.c.volume_id == volume_id, VolumeAttachment.c.origin == COMPUTE
    rows = await db.all(VolumeAttachment, *given, VolumeAttachment.c.status == AttachStatus.ATTACHED)
    return [row.server_id for row in rows if row.server_id is not None]


class ExtendVolume(Saga):
    """Grow a volume, in use or not. One that grew half-way keeps all its content, whatever its size."""

    volume_id: str
    size: int
    lock: ClassVar[str] = "volume:{volume_id}"

    @effect(retries=TRIES)
    async def grow(self, run: EffectRun) -> None:
        """Have the pool grow the volume."""
        async with working(run, self.volume_id) as (pool, volume):
            await pool.extend(volume.id, self.size)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say how large the volume is."""
        volume = await proceed(run.db, self.volume_id)
        status = volume.previous_status or VolumeStatus.AVAILABLE
        await let_go(run, volume.id, status, size=self.size, extending_to=None)
        users = await servers_with(run.db, volume.id)
        if users:
            await run.use(Servers).volume_grown(run, users, volume.id, self.size)

    # It keeps its old size, and says why it did not grow.
    fail = left(Volume, "extend volume", VolumeStatus.ERROR_EXTENDING, extending_to=None)
