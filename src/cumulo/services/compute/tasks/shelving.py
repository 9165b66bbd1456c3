"""Putting servers on the shelf, where they take no room on a host, and taking them down again."""

from collections.abc import AsyncIterator
from typing import Any, ClassVar

from cumulo.contracts.block_storage import Volumes
from cumulo.contracts.hypervisor import Hypervisor
from cumulo.contracts.image import Images
from cumulo.contracts.network import Ports
from cumulo.contracts.placement import Placement
from cumulo.core import clock
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.compute import disks, guests, history
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.model import Aside, Power, Server, TaskState, VmState
from cumulo.services.compute.tasks.creation import claim, disguise
from cumulo.services.compute.tasks.deletion import (
    LONGEST,
    TRIES,
    check_started,
    explain,
    fault,
    give_back_aside,
    let_go,
    proceed,
    reaching,
    remove_guest,
    spec_of,
)
from cumulo.services.compute.tasks.images import COPYING, PIECE

_EVENT = "compute_shelve_instance"
_STILL = frozenset({VmState.PAUSED, VmState.SUSPENDED})


class ShelveServer(Saga):
    """Stop a server and keep its disk as an image; then, with `offload`, take it off its host."""

    server_id: str
    action_id: str
    image_id: str | None = None  # None: it boots from a volume, and nothing else is to be kept
    offload: bool = True
    lock: ClassVar[str] = "server:{server_id}"

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def stop(self, run: EffectRun) -> bool:
        """Stop the guest; return whether it ran."""
        server = await _on_host(run, self.server_id)
        patience = run.use(ComputeSettings).shutdown_timeout
        async with reaching(run, server.host or "") as host:
            await host.power_off(server.id, timeout=patience, fence=run.fence)
        return server.vm_state is not VmState.STOPPED

    @stop.undo
    async def go_on(self, run: EffectRun) -> None:
        """Have it running again if it was."""
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
        if server is None or server.host is None or server.vm_state is VmState.STOPPED:
            return
        spec = await spec_of(run, server, server.host)
        async with reaching(run, server.host) as host:
            await host.power_on(spec, fence=run.fence)

    @effect(timeout=2 * COPYING, retries=TRIES, when=lambda saga, _run: saga.image_id is not None)
    async def copy(self, run: EffectRun) -> int:
        """Have the host keep the disk as a file."""
        server = await _on_host(run, self.server_id)
        async with reaching(run, server.host or "", seconds=COPYING) as host:
            return await host.snapshot(server.id, self.image_id or "", fence=run.fence)

    @copy.undo
    async def drop(self, run: EffectRun) -> None:
        """Have the host keep it no longer."""
        await self._drop(run)

    @step(when=lambda saga, _run: saga.image_id is not None)
    async def upload(self, run: StepRun) -> None:
        """Say that the copy goes to the image service."""
        server = await proceed(run.db, self.server_id)
        uploading = TaskState.SHELVING_IMAGE_UPLOADING
        await run.db.update(Server, Server.c.id == server.id, task_state=uploading)

    @effect(timeout=2 * COPYING, retries=TRIES, when=lambda saga, _run: saga.image_id is not None)
    async def send(self, run: EffectRun) -> None:
        """Send it there."""
        server = await _on_host(run, self.server_id)
        async with reaching(run, server.host or "", seconds=COPYING) as host:
            data = self._data(host, run[ShelveServer.copy])
            await run.use(Images).fill(self.image_id or "", data)

    @effect(when=lambda saga, _run: saga.image_id is not None)
    async def tidy(self, run: EffectRun) -> None:
        """Have the host keep it no longer."""
        await self._drop(run)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the server is on the shelf, and promise to take it off its host."""
        server = await proceed(run.db, self.server_id)
        await give_back_aside(run, server)  # of a move that could not be taken back
        aside = guests.kept_aside(Aside(was=server.vm_state, shelved_image=self.image_id))
        off = int(Power.SHUTDOWN)
        await let_go(run, server.id, VmState.SHELVED, aside=aside, power_state=off)
        await history.note(run.db, self.action_id, _EVENT, host=server.host, last=not self.offload)
        if self.offload:
            saga = OffloadServer(server_id=server.id, action_id=self.action_id)
            operation = await run.start(saga)
            offloading = TaskState.SHELVING_OFFLOADING
            await run.db.update(Server, Server.c.id == server.id, operation=operation, task_state=offloading)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Delete the image; the server is as it was, or runs, and its history says why."""
        if self.image_id is not None:
            await run.use(Images).discard(run, self.image_id)
        server = await run.db.get(Server, self.server_id)
        if server is not None and server.vm_state in _STILL:  # it was woken by what took the stop back
            await let_go(run, self.server_id, VmState.ACTIVE, power_state=int(Power.RUNNING))
        await let_go(run, self.server_id, None)
        await history.note(run.db, self.action_id, _EVENT, error=explain(error), last=True)

    async def _data(self, host: Hypervisor, size: int) -> AsyncIterator[bytes]:
        for offset in range(0, size, PIECE):
            yield await host.read_snapshot(self.server_id, self.image_id or "", offset, PIECE)

    async def _drop(self, run: EffectRun) -> None:
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
        if server is not None and server.host is not None:
            async with reaching(run, server.host) as host:
                await host.drop_snapshot(server.id, self.image_id or "")


class OffloadServer(Saga):
    """Take a server that is on the shelf off its host."""

    server_id: str
    action_id: str
    lock: ClassVar[str] = "server-offload:{server_id}"

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def remove(self, run: EffectRun) -> None:
        """Remove the guest."""
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
        if server is not None and server.host is not None:
            await remove_guest(run, server.host, server.id)
        await disks.disconnect(run, self.server_id)

    @step
    async def publish(self, run: StepRun) -> None:
        """Give the claim back."""
        await run.use(Placement).release(run, self.server_id)
        await run.use(Ports).settle(run, self.server_id)
        nowhere = {"host": None, "host_id": "", "power_state": int(Power.NOSTATE)}
        await let_go(run, self.server_id, VmState.SHELVED_OFFLOADED, **nowhere)
        await history.note(run.db, self.action_id, "compute_shelve_offload_instance", last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave it on the shelf and on its host."""
        text = explain(error)
        await let_go(run, self.server_id, None)
        name = "compute_shelve_offload_instance"
        await history.note(run.db, self.action_id, name, error=text, last=True)


class UnshelveServer(Saga):
    """Take a server off the shelf: where it is, or on a host that has room."""

    server_id: str
    action_id: str
    offloaded: bool
    zone: str | None = None
    host: str | None = None
    lock: ClassVar[str] = "server:{server_id}"

    @step(when=lambda saga, _run: saga.offloaded)
    async def place(self, run: StepRun) -> str:
        """Find a host with room and claim it."""
        server = await proceed(run.db, self.server_id)
        offer = await claim(run, server, zone=self.zone, host=self.host)
        name = offer.host.host
        word = disguise(server.project_id, name)
        here = {"host": name, "host_id": word, "zone": offer.host.zone, "updated_at": clock.now()}
        await run.db.update(Server, Server.c.id == server.id, **here)
        await run.use(Ports).move(run, server.id, name)
        await run.use(Ports).settle(run, server.id)
        await run.use(Volumes).moved(run, server.id, name)
        return name

    @place.undo
    async def free(self, run: StepRun) -> None:
        """Give the claim back."""
        await run.use(Placement).release(run, self.server_id)
        await run.use(Ports).settle(run, self.server_id)
        nowhere = {"host": None, "host_id": ""}
        await run.db.update(Server, Server.c.id == self.server_id, **nowhere)

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def start(self, run: EffectRun) -> None:
        """Have the guest running."""
        server = await _on_host(run, self.server_id)
        spec = await spec_of(run, server, server.host or "")
        async with reaching(run, server.host or "") as host:
            check_started(await host.power_on(spec, fence=run.fence))

    @start.undo
    async def stop(self, run: EffectRun) -> None:
        """Have no guest again, or one that is off."""
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
        if server is None or server.host is None:
            return
        if self.offloaded:
            await remove_guest(run, server.host, server.id)
            await disks.disconnect(run, server.id)
            return
        async with reaching(run, server.host) as host:
            await host.power_off(server.id, fence=run.fence)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the server runs; what its disk was kept as goes."""
        server = await proceed(run.db, self.server_id)
        image_id = guests.aside_of(server).shelved_image
        if image_id is not None:
            await run.use(Images).discard(run, image_id)
        values: dict[str, Any] = {"aside": guests.kept_aside(Aside()), "launched_at": clock.now()}
        await let_go(run, server.id, VmState.ACTIVE, power_state=int(Power.RUNNING), **values)
        await history.note(run.db, self.action_id, "compute_unshelve_instance", host=server.host, last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave it on the shelf, and say why."""
        text = explain(error)
        await let_go(run, self.server_id, None, fault=fault(text))
        await history.note(run.db, self.action_id, "compute_unshelve_instance", error=text, last=True)


async def _on_host(run: EffectRun, server_id: str) -> Server:
    async with run.reader() as db:
        server = await db.get(Server, server_id)
    if server is None or server.host is None or server.deletion is not None:
        raise Permanent("the server is on no host any more")
    return server
