"""Moving a server to another host while it runs.

The old host sends the guest, the new one has made room for it; meanwhile the server's ports are expected at
both, so that what it is sent reaches it wherever it is. The claim on the old host is the migration's until
the guest has left. A guest is on the new host only once all of it is there; before that, whatever fails
leaves it where it was. What somebody wishes of a migration (to end it, to hasten it) stands in its row.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import msgspec
import structlog

from cumulo.contracts.hypervisor import GuestMissing, Hypervisor, PowerState
from cumulo.contracts.migration import Landing, LiveMigration, Luggage
from cumulo.contracts.network import Ports
from cumulo.contracts.placement import Placement
from cumulo.core.bus import Bus, remote
from cumulo.core.drivers import Permanent, Temporary
from cumulo.core.errors import Conflict, Unavailable
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.compute import allotments, guests, history
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.model import ComputeHost, Migration, Server, VmState, Wish
from cumulo.services.compute.scheduler import NoHost
from cumulo.services.compute.tasks.creation import claim
from cumulo.services.compute.tasks.deletion import (
    LONGEST,
    PATIENCE,
    TRIES,
    Doomed,
    explain,
    is_up,
    let_go,
    proceed,
    remove_guest,
    spec_of,
)
from cumulo.services.compute.tasks.moves import note, settle_at

log = structlog.get_logger()

EVENT = "compute_live_migration"
LONGEST_JOURNEY = 6 * 3600.0  # seconds
_LOOK = 0.5  # seconds between two looks at what somebody wishes of a migration
_ALIVE = frozenset({PowerState.RUNNING, PowerState.PAUSED})


class Way(msgspec.Struct):
    """From where to where a server goes."""

    source: str
    destination: str
    zone: str
    from_zone: str | None


class Baggage(msgspec.Struct):
    """What a guest carries with it, where it is to arrive, and whether it is to run there or is paused."""

    luggage: list[Luggage]
    landing: Landing
    running: bool = True


class LiveMigrateServer(Saga):
    """Move a server to another host while it runs."""

    server_id: str
    migration_id: str
    action_id: str
    host: str | None = None
    forced: bool = False  # whatever the scheduler would say of `host`
    lock: ClassVar[str] = "server:{server_id}"

    @step
    async def place(self, run: StepRun) -> Way:
        """Find a host for the server, and claim it beside the one that it is on."""
        server = await proceed(run.db, self.server_id)
        if server.host is None:
            raise Permanent("the server is on no host")
        await run.use(Placement).transfer(run, server.id, self.migration_id)
        there = await self._claimed(run, server)
        await note(run.db, self.migration_id, "preparing", destination=there.host)
        await history.note(run.db, self.action_id, "conductor_live_migrate_instance", host=server.host)
        return Way(server.host, there.host, there.zone, server.zone)

    async def _claimed(self, run: StepRun, server: Server) -> ComputeHost:
        away = {server.host or "": "is where the server is"}
        if self.forced and self.host is not None:
            return await claim_at(run, server, self.host)
        return (await claim(run, server, avoided=away, host=self.host)).host

    @place.undo
    async def free(self, run: StepRun) -> None:
        """Give back the new claim, and the old one to the server."""
        await run.use(Placement).transfer(run, self.migration_id, self.server_id)
        await run.use(Ports).settle(run, self.server_id)

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def prepare(self, run: EffectRun) -> Baggage:
        """Have the new host make room for what the guest carries with it."""
        way = run[LiveMigrateServer.place]
        return await prepare(run, self.server_id, way.source, way.destination)

    @prepare.undo
    async def drop(self, run: EffectRun) -> None:
        """Remove there what was made ready. The exports of volumes are still the old host's."""
        await remove_guest(run, run[LiveMigrateServer.place].destination, self.server_id)

    @step
    async def expect(self, run: StepRun) -> None:
        """Have the server's ports expected on the new host as well."""
        await proceed(run.db, self.server_id)
        await run.use(Ports).expect(run, self.server_id, run[LiveMigrateServer.place].destination)
        await note(run.db, self.migration_id, "running")

    @expect.undo
    async def expect_no_more(self, run: StepRun) -> None:
        """Have them on the old host alone."""
        await run.use(Ports).expect(run, self.server_id, None)

    @effect(timeout=LONGEST_JOURNEY, retries=TRIES)
    async def travel(self, run: EffectRun) -> None:
        """Have the old host send the guest."""
        way, baggage = run[LiveMigrateServer.place], run[LiveMigrateServer.prepare]
        await Journey(run, self.server_id, self.migration_id, way.source, way.destination).make(baggage)

    @travel.undo
    async def come_back(self, run: EffectRun) -> None:
        """Have the guest on its old host; one that arrived goes back as it came.

        One whose old host is lost, and that did not arrive, is where it was: it can be evacuated.
        """
        way, running = run[LiveMigrateServer.place], run[LiveMigrateServer.prepare].running
        try:
            async with asking(run, way.source) as (host, travels):
                if (await host.describe(self.server_id)).power in _ALIVE:
                    await travels.welcome(self.server_id, running=running)
                    return
        except Temporary:
            if await is_up(run, way.source) or await is_there(run, way.destination, self.server_id):
                raise
            run.say(f"host {way.source} is down, and the guest had not left it")
            return
        if not await is_there(run, way.destination, self.server_id):
            return
        baggage = await prepare(run, self.server_id, way.destination, way.source)
        await Journey(run, self.server_id, None, way.destination, way.source).make(baggage)

    @step
    async def arrive(self, run: StepRun) -> None:
        """Say that the server is on the new host."""
        way = run[LiveMigrateServer.place]
        server = await run.db.one(Server, Server.c.id == self.server_id, for_update=True)
        if server is not None:
            await settle_at(run, server, way.destination, zone=way.zone)

    @arrive.undo
    async def depart(self, run: StepRun) -> None:
        """Say that it is on the old one."""
        way = run[LiveMigrateServer.place]
        server = await run.db.one(Server, Server.c.id == self.server_id, for_update=True)
        if server is not None:
            await settle_at(run, server, way.source, zone=way.from_zone)

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def clear(self, run: EffectRun) -> None:
        """Remove what the guest left on the old host, which can wait if it must."""
        way = run[LiveMigrateServer.place]
        try:
            await remove_guest(run, way.source, self.server_id)
        except (Permanent, GuestMissing) as error:
            log.warning("server.left_something", server_id=self.server_id, host=way.source, reason=str(error))

    @step
    async def publish(self, run: StepRun) -> None:
        """Give the old claim back, and say that all is done."""
        await run.use(Placement).release(run, self.migration_id)
        await let_go(run, self.server_id, None)
        await note(run.db, self.migration_id, "completed", wish=None)
        await history.note(run.db, self.action_id, EVENT, last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave the server where it was, running."""
        migration = await run.db.get(Migration, self.migration_id)
        aborted = migration is not None and migration.wish is Wish.ABORT
        await let_go(run, self.server_id, None)
        await note(run.db, self.migration_id, "cancelled" if aborted else "error", wish=None)
        await history.note(run.db, self.action_id, EVENT, error=explain(error), last=True)


class Journey:
    """A guest's way from one host to another, watched for what is wished meanwhile."""

    def __init__(
        self, run: EffectRun, server_id: str, migration_id: str | None, source: str, destination: str
    ) -> None:
        self._run = run
        self._server_id = server_id
        self._migration_id = migration_id
        self._source = source
        self._destination = destination

    async def make(self, baggage: Baggage) -> None:
        """Have it made, from wherever the guest is on it. Permanent when the guest stays."""
        try:
            async with asking(self._run, self._source, seconds=LONGEST_JOURNEY) as (_, travels):
                await self._sent(travels, baggage)
        except Temporary:
            if not await is_there(self._run, self._destination, self._server_id):
                raise  # the old host went away; had it been done before, the guest would be there
        async with asking(self._run, self._destination) as (host, travels):
            if (await host.describe(self._server_id)).power not in _ALIVE:
                raise Permanent(
                    "the guest did not arrive", public="the server did not arrive on the other host"
                )
            try:
                await travels.welcome(self._server_id, running=baggage.running)
            except Permanent as error:
                log.warning("server.not_welcome", server_id=self._server_id, reason=str(error))

    async def _sent(self, travels: LiveMigration, baggage: Baggage) -> None:
        sending = asyncio.ensure_future(
            travels.migrate(self._server_id, baggage.landing, baggage.luggage, fence=self._run.fence)
        )
        try:
            while not (await asyncio.wait([sending], timeout=_LOOK))[0]:
                await self._look(travels)
            await sending
        finally:
            sending.cancel()

    async def _look(self, travels: LiveMigration) -> None:
        """Do what is wished, and say how far the guest is."""
        wish = await self._wish()
        if wish is Wish.ABORT:
            await travels.abort(self._server_id)
        elif wish is Wish.COMPLETE:
            await travels.hasten(self._server_id)
        done = await travels.progress(self._server_id)
        self._run.say(
            f"{done.memory_remaining >> 20} MiB of memory and {done.disk_remaining >> 20} of disks are left"
        )

    async def _wish(self) -> Wish | None:
        async with self._run.reader() as db:
            server = await db.get(Server, self._server_id)
            if server is None or server.deletion is not None:
                return Wish.ABORT
            migration = await db.get(Migration, self._migration_id) if self._migration_id else None
        return migration.wish if migration is not None else None


async def is_there(run: EffectRun, host: str, server_id: str) -> bool:
    """Say whether all of a guest is on a host: one that is still coming is not."""
    async with asking(run, host) as (hypervisor, _):
        state = await hypervisor.describe(server_id)
    return state.power in _ALIVE and not state.travelling


async def prepare(run: EffectRun, server_id: str, source: str, destination: str) -> Baggage:
    """Have a host make room for a running guest of another one."""
    async with run.reader() as db:
        server = await db.get(Server, server_id)
    if server is None or server.deletion is not None:
        raise Doomed("the server was deleted meanwhile")
    try:
        async with asking(run, source) as (_, travels):
            luggage = await travels.outline(server_id)
    except GuestMissing:
        raise Permanent("the guest does not run", public="the server does not run on its host") from None
    spec = await spec_of(run, server, destination)
    async with asking(run, destination) as (_, travels):
        landing = await travels.prepare(spec, luggage, fence=run.fence)
    return Baggage(luggage, landing, running=server.vm_state is not VmState.PAUSED)


@asynccontextmanager
async def asking(
    run: EffectRun, host: str, *, seconds: float = LONGEST
) -> AsyncIterator[tuple[Hypervisor, LiveMigration]]:
    """Give a host's hypervisor, and what it knows of migration. Temporary when it does not answer."""
    bus = run.use(Bus)
    try:
        yield (
            remote(bus, host, Hypervisor, timeout=seconds),
            remote(bus, host, LiveMigration, timeout=seconds),
        )
    except Unavailable as error:
        raise Temporary(f"host {host} does not answer", retry_in=PATIENCE) from error


async def claim_at(run: StepRun, server: Server, name: str) -> ComputeHost:
    """Claim one host, whatever the filters say of it. NoHost when it is down or has no room."""
    host = await run.db.one(ComputeHost, ComputeHost.c.host == name)
    if host is None or not host.is_up(run.use(ComputeSettings).host_silence):
        raise NoHost(f"No valid host was found: {name} is down.")
    owner = {"project_id": server.project_id, "user_id": server.user_id}
    demands = await allotments.demanded(run, server)
    resources = guests.resources_of(server)
    try:
        await run.use(Placement).claim(run, server.id, host.id, resources, demands=demands, **owner)
    except Conflict as error:
        raise NoHost(f"No valid host was found: {name} has no room for it.") from error
    return host
