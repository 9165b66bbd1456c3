"""Telling guests that a volume of theirs grew."""

from typing import ClassVar

from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.compute import disks, history
from cumulo.services.compute.model import BlockDeviceMapping, Server
from cumulo.services.compute.tasks.deletion import TRIES, explain, reaching

GIB = 1 << 30
EVENT = "compute_extend_volume"


class GrowVolume(Saga):
    """Have a guest see a volume's new size; one that cannot be told sees it when it boots."""

    server_id: str
    mapping_id: str
    action_id: str
    size_gib: int
    lock: ClassVar[str] = "server-volume:{mapping_id}"

    @effect(retries=TRIES)
    async def tell(self, run: EffectRun) -> None:
        """Have the host tell the guest."""
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
            mapping = await db.get(BlockDeviceMapping, self.mapping_id)
        if mapping is None or mapping.detaching:
            return
        if server is None or server.host is None or server.deleted_at is not None:
            return
        disk = await disks.disk_of(run, mapping, server.host)
        async with reaching(run, server.host) as host:
            await host.resize_volume(server.id, disk, self.size_gib * GIB)

    @step
    async def finish(self, run: StepRun) -> None:
        """Note that the guest knows."""
        await history.note(run.db, self.action_id, EVENT, last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Say why in the server's history."""
        await history.note(run.db, self.action_id, EVENT, error=explain(error), last=True)
