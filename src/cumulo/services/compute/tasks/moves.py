"""Giving a server another flavor or host: it is off meanwhile, and what it was is kept for a way back.

On the same host a copy of its disk is set aside; on another one the disk is copied there and the old host
keeps its own. The claim of what the server leaves behind is the move's until that is confirmed or reverted.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from cumulo.contracts.block_storage import Volumes
from cumulo.contracts.hypervisor import GuestState
from cumulo.contracts.network import Ports
from cumulo.contracts.placement import Placement
from cumulo.core import clock
from cumulo.core.db import Reader, Transaction
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.core.work import Work
from cumulo.services.compute import disks, guests, hardware, history
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.errors import NoMoveWaits
from cumulo.services.compute.model import Aside, EmbeddedFlavor, Migration, Power, Server, TaskState, VmState
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


class Route(msgspec.Struct):
    """From where to where a server goes, and whether it runs."""

    source: str
    destination: str
    zone: str
    runs: bool

    @property
    def stays(self) -> bool:
        """Whether only the flavor changes."""
        return self.source == self.destination


class ResizeServer(Saga):
    """Give a server another flavor or host; a confirmation or a reversion ends it."""

    server_id: str
    migration_id: str
    action_id: str
    flavor_id: str
    flavor: EmbeddedFlavor
    elsewhere: bool = False
    host: str | None = None
    lock: ClassVar[str] = "server:{server_id}"

    @step
    async def place(self, run: StepRun) -> Route:
        """Find a host for what the server becomes, and claim it beside what it is."""
        server = await proceed(run.db, self.server_id)
        if server.host is None:
            raise Permanent("the server is on no host")
        await give_back_aside(run, server)  # of a move that could not be taken back
        await run.use(Placement).transfer(run, server.id, self.migration_id)
        from_volume = await is_from_volume(run.db, server.id)
        wanted = msgspec.structs.replace(server, **guests.sized(self.flavor, from_volume=from_volume))
        away = {server.host: "is where the server is"} if self.elsewhere else {}
        offer = await claim(run, wanted, avoided=away, host=self.host)
        kept = Aside(
            was=server.vm_state,
            host=server.host,
            flavor_id=server.flavor_id,
            flavor=guests.flavor_of(server),
            migration_id=self.migration_id,
        )
        aside = guests.kept_aside(kept)
        await _write(run.db, server.id, aside=aside, task_state=TaskState.RESIZE_MIGRATING)
        await note(run.db, self.migration_id, "migrating", destination=offer.host.host)
        await history.note(run.db, self.action_id, "compute_prep_resize", host=offer.host.host)
        runs = server.vm_state is VmState.ACTIVE
        return Route(server.host, offer.host.host, offer.host.zone, runs)

    @place.undo
    async def free(self, run: StepRun) -> None:
        """Give back the new claim, and the old one to the server."""
        await run.use(Placement).transfer(run, self.migration_id, self.server_id)
        await run.use(Ports).settle(run, self.server_id)
        await _write(run.db, self.server_id, aside=guests.kept_aside(Aside()))
        await note(run.db, self.migration_id, "error")

    @effect(timeout=2 * COPYING, retries=TRIES)
    async def stop(self, run: EffectRun) -> int:
        """End the guest and keep its disk; return how long that is when it goes to another host."""
        route, patience = run[ResizeServer.place], run.use(ComputeSettings).shutdown_timeout
        async with run.reader() as db:
            has_disk = not await is_from_volume(db, self.server_id)
        async with reaching(run, route.source, seconds=COPYING) as host:
            await host.power_off(self.server_id, timeout=patience, fence=run.fence)
            if route.stays:
                await host.keep_disk(self.server_id, fence=run.fence)
            elif has_disk:
                return await host.snapshot(self.server_id, self.migration_id, fence=run.fence)
        return 0

    @stop.undo
    async def go_on(self, run: EffectRun) -> None:
        """Have the guest at its old place as it was."""
        route = run[ResizeServer.place]
        await back(run, self.server_id, route.source, self.migration_id, runs=route.runs)

    @effect(timeout=2 * COPYING, retries=TRIES, when=lambda _saga, run: not run[ResizeServer.place].stays)
    async def carry(self, run: EffectRun) -> None:
        """Copy the disks to the other host."""
        route = run[ResizeServer.place]
        await carry(run, self.server_id, self.migration_id, route, run[ResizeServer.stop])

    @carry.undo
    async def drop(self, run: EffectRun) -> None:
        """Remove them there."""
        await remove_guest(run, run[ResizeServer.place].destination, self.server_id)

    @step
    async def arrive(self, run: StepRun) -> None:
        """Say that the server is what it becomes, where it becomes that."""
        server, route = await proceed(run.db, self.server_id), run[ResizeServer.place]
        from_volume = await is_from_volume(run.db, server.id)
        now = guests.sized(self.flavor, from_volume=from_volume)
        now |= {"flavor_id": self.flavor_id, "task_state": TaskState.RESIZE_FINISH}
        await settle_at(run, server, route.destination, zone=route.zone, **now)
        await run.use(Ports).limit(run, server.id, hardware.card_limits(self.flavor))
        await note(run.db, self.migration_id, "post-migrating")
        await history.note(run.db, self.action_id, "compute_resize_instance", host=route.source)

    @arrive.undo
    async def depart(self, run: StepRun) -> None:
        """Say that it is what it was."""
        server = await run.db.one(Server, Server.c.id == self.server_id, for_update=True)
        if server is not None and guests.aside_of(server).flavor is not None:
            await return_to(run, server)

    @effect(timeout=2 * LONGEST, retries=TRIES, when=lambda _saga, run: run[ResizeServer.place].runs)
    async def start(self, run: EffectRun) -> None:
        """Have the guest running."""
        check_started(await _started(run, self.server_id, run[ResizeServer.place].destination))

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the move waits for a confirmation."""
        await proceed(run.db, self.server_id)
        route = run[ResizeServer.place]
        power = int(Power.RUNNING if route.runs else Power.SHUTDOWN)
        await let_go(run, self.server_id, VmState.RESIZED, power_state=power, launched_at=clock.now())
        await note(run.db, self.migration_id, "finished")
        name = "compute_finish_resize"
        await history.note(run.db, self.action_id, name, host=route.destination, last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave the server as it was, and say why."""
        text = explain(error)
        await let_go(run, self.server_id, None, fault=fault(text))
        await note(run.db, self.migration_id, "error")
        await history.note(run.db, self.action_id, "compute_prep_resize", error=text, last=True)


class ConfirmResize(Saga):
    """End a move for good: what the server left behind goes."""

    server_id: str
    migration_id: str
    action_id: str
    lock: ClassVar[str] = "server:{server_id}"

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def forget(self, run: EffectRun) -> None:
        """Remove what the old place keeps."""
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
        before = guests.aside_of(server).host if server is not None else None
        if server is None or before is None:
            return
        if before != server.host:
            await remove_guest(run, before, server.id)
            return
        async with reaching(run, before) as host:
            await host.release_disk(server.id, fence=run.fence)

    @step
    async def publish(self, run: StepRun) -> None:
        """Give the old claim back."""
        server = await run.db.one(Server, Server.c.id == self.server_id, for_update=True)
        await run.use(Placement).release(run, self.migration_id)
        runs = server is not None and server.power_state == Power.RUNNING
        state = VmState.ACTIVE if runs else VmState.STOPPED
        await let_go(run, self.server_id, state, aside=guests.kept_aside(Aside()))
        await note(run.db, self.migration_id, "confirmed")
        await history.note(run.db, self.action_id, "compute_confirm_resize", last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave the move to be confirmed again."""
        text = explain(error)
        await let_go(run, self.server_id, None)
        await note(run.db, self.migration_id, "finished")
        await history.note(run.db, self.action_id, "compute_confirm_resize", error=text, last=True)


class RevertResize(Saga):
    """Take a move back: the server is where and what it was."""

    server_id: str
    migration_id: str
    action_id: str
    lock: ClassVar[str] = "server:{server_id}"

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def leave(self, run: EffectRun) -> None:
        """End the guest where it is now."""
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
        before = guests.aside_of(server).host if server is not None else None
        if server is None or server.host is None or before is None:
            return
        if before != server.host:
            await remove_guest(run, server.host, server.id)
            return
        async with reaching(run, before) as host:
            await host.restore_disk(server.id, fence=run.fence)

    @step
    async def turn(self, run: StepRun) -> Aside:
        """Say that the server is where and what it was."""
        server = await proceed(run.db, self.server_id)
        aside = guests.aside_of(server)
        await run.use(Placement).transfer(run, self.migration_id, server.id)
        await return_to(run, server)
        return aside

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def start(self, run: EffectRun) -> None:
        """Have the guest as it was."""
        aside = run[RevertResize.turn]
        runs = aside.was is VmState.ACTIVE
        await back(run, self.server_id, aside.host or "", self.migration_id, runs=runs)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that all is as it was."""
        was = run[RevertResize.turn].was or VmState.ACTIVE
        power = int(Power.RUNNING if was is VmState.ACTIVE else Power.SHUTDOWN)
        await let_go(run, self.server_id, was, power_state=power, aside=guests.kept_aside(Aside()))
        await note(run.db, self.migration_id, "reverted")
        await history.note(run.db, self.action_id, "compute_revert_resize", last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave a server that says why."""
        text = explain(error)
        await let_go(run, self.server_id, VmState.ERROR, fault=fault(text))
        await note(run.db, self.migration_id, "error")
        await history.note(run.db, self.action_id, "compute_revert_resize", error=text, last=True)


async def is_from_volume(db: Any, server_id: str) -> bool:
    """Say whether a server boots from a volume."""
    return any(mapping.boot_index == 0 for mapping in await disks.of(db, server_id))


async def settle_at(run: StepRun, server: Server, host: str, **values: Any) -> None:
    """Say that a server, its ports and its volumes are on a host."""
    word = disguise(server.project_id, host)
    await _write(run.db, server.id, host=host, host_id=word, **values)
    await run.use(Ports).move(run, server.id, host)
    await run.use(Ports).settle(run, server.id)
    await run.use(Volumes).moved(run, server.id, host)


async def return_to(run: StepRun, server: Server) -> None:
    """Say that a server is where and what it was before its move."""
    aside = guests.aside_of(server)
    if aside.flavor is None or aside.host is None:
        return
    from_volume = await is_from_volume(run.db, server.id)
    values = guests.sized(aside.flavor, from_volume=from_volume)
    await settle_at(run, server, aside.host, flavor_id=aside.flavor_id, **values)
    await run.use(Ports).limit(run, server.id, hardware.card_limits(aside.flavor))


async def back(run: EffectRun, server_id: str, source: str, migration_id: str, *, runs: bool) -> None:
    """Have a guest at its old place with its old disk, and running if it was."""
    async with run.reader() as db:
        server = await db.get(Server, server_id)
    lasting = guests.lasting_disks(server) if server is not None else []
    async with reaching(run, source) as host:
        await host.restore_disk(server_id, fence=run.fence)
        for name in (migration_id, *(_part(migration_id, disk) for disk in lasting)):
            await host.drop_snapshot(server_id, name)
    if runs:
        check_started(await _started(run, server_id, source))


async def _started(run: EffectRun, server_id: str, at: str) -> GuestState:
    async with run.reader() as db:
        server = await db.get(Server, server_id)
    if server is None:
        raise Permanent("the server is gone")
    spec = await spec_of(run, server, at)
    async with reaching(run, at) as host:
        return await host.power_on(spec, fence=run.fence)


async def carry(run: EffectRun, server_id: str, name: str, route: Route, size: int) -> None:
    """Copy a disk that its host keeps as a snapshot to another host, and local disks, piece by piece."""
    async with run.reader() as db:
        server = await db.get(Server, server_id)
    lasting = guests.lasting_disks(server) if server is not None else []
    async with (
        reaching(run, route.source, seconds=COPYING) as source,
        reaching(run, route.destination, seconds=COPYING) as target,
    ):

        async def send(kept: str, length: int, disk: str) -> None:
            for offset in range(0, length, PIECE):
                piece = await source.read_snapshot(server_id, kept, offset, PIECE)
                last = offset + PIECE >= length
                await target.receive_disk(server_id, offset, piece, last=last, disk=disk, fence=run.fence)
                run.say(f"{min(offset + PIECE, length)} of {length} bytes of {disk or 'the disk'} are copied")

        await send(name, size, "")
        for disk in lasting:
            part = _part(name, disk)
            await send(part, await source.snapshot(server_id, part, disk=disk, fence=run.fence), disk)
            await source.drop_snapshot(server_id, part)


def _part(name: str, disk: str) -> str:
    """Return what a move calls its snapshot of a local disk."""
    return f"{name}-{disk}"


async def _write(db: Transaction, server_id: str, **values: Any) -> None:
    await db.update(Server, Server.c.id == server_id, updated_at=clock.now(), **values)


async def note(db: Transaction, migration_id: str, status: str, **values: Any) -> None:
    """Write how far a migration is."""
    known: Mapping[str, Any] = {"status": status, "updated_at": clock.now(), **values}
    await db.update(Migration, Migration.c.id == migration_id, **known)


async def waiting(db: Reader, server: Server) -> Migration:
    """Return the move of a server that waits for a confirmation. NoMoveWaits."""
    migration_id = guests.aside_of(server).migration_id
    migration = await db.get(Migration, migration_id) if migration_id is not None else None
    if migration is None or migration.status != "finished":
        raise NoMoveWaits(id=server.id)
    return migration


async def promise_confirmation(work: Work, server: Server, action_id: str) -> None:
    """Promise that a move that waits for it is for good. NoMoveWaits."""
    migration = await waiting(work.db, server)
    saga = ConfirmResize(server_id=server.id, migration_id=migration.id, action_id=action_id)
    operation = await work.start(saga)
    await _write(work.db, server.id, operation=operation, task_state=TaskState.RESIZE_CONFIRMING)
    await note(work.db, migration.id, "confirming")


async def confirm_old(work: Work, before: datetime) -> int:
    """Confirm the moves that have waited since before an instant; return how many those are."""
    late = (Migration.c.status == "finished", Migration.c.updated_at < before)
    count = 0
    for migration in await work.db.all(Migration, *late, limit=100):
        server = await work.db.one(Server, Server.c.id == migration.server_id, for_update=True)
        if server is None or server.vm_state is not VmState.RESIZED or server.operation is not None:
            continue
        by = {"user_id": migration.user_id, "project_id": migration.project_id}
        await promise_confirmation(work, server, await history.begin(work, server.id, "confirmResize", **by))
        count += 1
    return count
