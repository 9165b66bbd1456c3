"""Making a server anew where it is, from the same image or another."""

import asyncio
from typing import ClassVar

from cumulo.contracts.block_storage import Volumes
from cumulo.core.db import Reader
from cumulo.core.drivers import Permanent
from cumulo.core.errors import Invalid
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.compute import disks, history
from cumulo.services.compute.model import BlockDeviceMapping, Power, Server, TaskState, VmState
from cumulo.services.compute.tasks.deletion import (
    LONGEST,
    TRIES,
    check_started,
    explain,
    fault,
    let_go,
    proceed,
    reaching,
    spec_of,
)

_EVENT = "compute_rebuild_instance"
_PAUSE = 0.5  # seconds between two looks at a volume that an image is written over


def reimages(saga: "RebuildServer", _run: StepRun | EffectRun) -> bool:
    """Say whether an image is written over the volume that the server boots from."""
    return bool(saga.image_id)


class RebuildServer(Saga):
    """Make a server's disk anew and boot it; one that was stopped is stopped again.

    image_id: of a server that boots from a volume, the image to write over that.
    """

    server_id: str
    action_id: str
    runs: bool = True
    image_id: str = ""
    lock: ClassVar[str] = "server:{server_id}"

    @step
    async def begin(self, run: StepRun) -> None:
        """Say that the disk is made anew."""
        server = await proceed(run.db, self.server_id)
        spawning = TaskState.REBUILD_SPAWNING
        await run.db.update(Server, Server.c.id == server.id, task_state=spawning)

    @effect(timeout=2 * LONGEST, retries=TRIES, when=reimages)
    async def free(self, run: EffectRun) -> None:
        """Stop the guest, and close the way to the volume."""
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
            root = await self._root(db)
        if server is None or server.host is None or root is None:
            raise Permanent("the server is on no host, or has no volume to boot from")
        async with reaching(run, server.host) as host:
            await host.power_off(server.id, fence=run.fence)
        async with run.reader() as db:
            await run.use(Volumes).disconnect(db, root.attachment_id or "")

    @step(when=reimages)
    async def ask(self, run: StepRun) -> None:
        """Have block storage write the image over the volume."""
        await proceed(run.db, self.server_id)
        root = await self._root(run.db)
        if root is not None:
            try:
                await run.use(Volumes).reimage(run, root.volume_id or "", self.image_id)
            except Invalid as error:
                raise Permanent(str(error)) from error

    @effect(timeout=6 * LONGEST, retries=TRIES, when=reimages)
    async def wait(self, run: EffectRun) -> None:
        """Wait until it is written."""
        while True:
            async with run.reader() as db:
                root = await self._root(db)
                if root is None:
                    return
                volume = await run.use(Volumes).get(db, root.volume_id or "", project_id=None, is_admin=True)
            if volume.status != "downloading":
                break
            await asyncio.sleep(_PAUSE)
        if volume.status == "error":
            raise Permanent(f"the image could not be written over volume {volume.id}: see its messages")

    async def _root(self, db: Reader) -> BlockDeviceMapping | None:
        """Return the volume that the server boots from."""
        return next((row for row in await disks.of(db, self.server_id) if row.boot_index == 0), None)

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def rebuild(self, run: EffectRun) -> None:
        """Have the host do it."""
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
        if server is None or server.deletion is not None:
            return  # `publish` begins the deletion
        if server.host is None:
            raise Permanent("the server is on no host")
        spec = await spec_of(run, server, server.host)
        async with reaching(run, server.host) as host:
            check_started(await host.rebuild(spec, fence=run.fence))
            if not self.runs:
                await host.power_off(server.id, fence=run.fence)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the server is as new."""
        await proceed(run.db, self.server_id)
        state = VmState.ACTIVE if self.runs else VmState.STOPPED
        power = int(Power.RUNNING if self.runs else Power.SHUTDOWN)
        await let_go(run, self.server_id, state, power_state=power, fault=None)
        await history.note(run.db, self.action_id, _EVENT, last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave a server that says why; rebuilding it again mends it."""
        text = explain(error)
        await let_go(run, self.server_id, VmState.ERROR, fault=fault(text))
        await history.note(run.db, self.action_id, _EVENT, error=text, last=True)
