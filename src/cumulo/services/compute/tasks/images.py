"""Making images of servers' own disks."""

from collections.abc import AsyncIterator
from typing import ClassVar

from cumulo.contracts.hypervisor import Hypervisor
from cumulo.contracts.image import Images
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.compute import history
from cumulo.services.compute.model import Server, TaskState
from cumulo.services.compute.tasks.deletion import TRIES, explain, let_go, proceed, reaching

PIECE = 4 << 20  # bytes asked of a host at once
COPYING = 7200.0  # seconds that copying a disk or sending its copy may take
_EVENT = "compute_snapshot_instance"


class CreateImage(Saga):
    """Make an image of a server's disk, while the server goes on."""

    server_id: str
    image_id: str
    action_id: str
    backup_type: str = ""
    rotation: int = 0  # how many backups of the type are kept; 0: the image is no backup
    lock: ClassVar[str] = "server:{server_id}"

    @effect(timeout=2 * COPYING, retries=TRIES)
    async def copy(self, run: EffectRun) -> int:
        """Have the host keep the disk as it is now."""
        host = await self._host(run)
        async with reaching(run, host, seconds=COPYING) as found:
            return await found.snapshot(self.server_id, self.image_id, fence=run.fence)

    @copy.undo
    async def drop(self, run: EffectRun) -> None:
        """Have the host keep it no longer."""
        await self._drop(run)

    @step
    async def upload(self, run: StepRun) -> None:
        """Say that the copy is there and goes to the image service."""
        server = await proceed(run.db, self.server_id)
        state = TaskState.IMAGE_UPLOADING
        await run.db.update(Server, Server.c.id == server.id, task_state=state)

    @effect(timeout=2 * COPYING, retries=TRIES)
    async def send(self, run: EffectRun) -> None:
        """Send it to the image service."""
        host = await self._host(run)
        async with reaching(run, host, seconds=COPYING) as found:
            data = self._data(found, run[CreateImage.copy])
            await run.use(Images).fill(self.image_id, data)

    @effect
    async def tidy(self, run: EffectRun) -> None:
        """Have the host keep it no longer."""
        await self._drop(run)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the server is worked on no more; backups that it has too many of go."""
        if self.rotation:
            await self._rotate(run)
        await let_go(run, self.server_id, None)
        await history.note(run.db, self.action_id, _EVENT, last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Delete the image; the server is as it was, and its history says why."""
        await run.use(Images).discard(run, self.image_id)
        await let_go(run, self.server_id, None)
        await history.note(run.db, self.action_id, _EVENT, error=explain(error), last=True)

    async def _rotate(self, run: StepRun) -> None:
        server = await run.db.get(Server, self.server_id)
        images = run.use(Images)
        owner = server.project_id if server is not None else ""
        kept = await images.backups(run.db, self.server_id, self.backup_type, owner=owner)
        for image_id in kept[self.rotation :]:
            await images.discard(run, image_id)

    async def _data(self, host: Hypervisor, size: int) -> AsyncIterator[bytes]:
        for offset in range(0, size, PIECE):
            yield await host.read_snapshot(self.server_id, self.image_id, offset, PIECE)

    async def _host(self, run: EffectRun) -> str:
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
        if server is None or server.host is None or server.deletion is not None:
            raise Permanent("the server is on no host any more")
        return server.host

    async def _drop(self, run: EffectRun) -> None:
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
        if server is not None and server.host is not None:
            async with reaching(run, server.host) as host:
                await host.drop_snapshot(self.server_id, self.image_id)
