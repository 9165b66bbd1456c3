"""Making a server anew on another host, because its own is lost.

Its volumes are taken from the old host first: their exports end, and new ones begin. A guest that runs there
after all loses them so, and its ports are bound elsewhere; once the host is back it asks whose guests it has
(`contracts.migration.Tenure`), and removes those that are its own no more before it does anything else.
"""

from typing import ClassVar

from cumulo.contracts.network import Ports
from cumulo.contracts.placement import Placement
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.compute import disks, history
from cumulo.services.compute.model import Power, Server, TaskState, VmState
from cumulo.services.compute.tasks.creation import claim
from cumulo.services.compute.tasks.deletion import (
    LONGEST,
    TRIES,
    check_started,
    explain,
    fault_of,
    let_go,
    proceed,
    reaching,
    remove_guest,
    spec_of,
)
from cumulo.services.compute.tasks.live_migration import Way, claim_at
from cumulo.services.compute.tasks.moves import note, settle_at

_EVENT = "compute_rebuild_instance"


class EvacuateServer(Saga):
    """Make a server anew on another host, because its own is lost."""

    server_id: str
    migration_id: str
    action_id: str
    runs: bool
    host: str | None = None
    forced: bool = False
    lock: ClassVar[str] = "server:{server_id}"

    @step
    async def place(self, run: StepRun) -> Way:
        """Find a host for the server and claim it; what it had on the lost one is the migration's."""
        server = await proceed(run.db, self.server_id)
        if server.host is None:
            raise Permanent("the server is on no host")
        await run.use(Placement).transfer(run, server.id, self.migration_id)
        if self.forced and self.host is not None:
            there = await claim_at(run, server, self.host)
        else:
            away = {server.host: "is where the server was lost"}
            there = (await claim(run, server, avoided=away, host=self.host)).host
        await note(run.db, self.migration_id, "pre-migrating", destination=there.host)
        return Way(server.host, there.host, there.zone, server.zone)

    @place.undo
    async def free(self, run: StepRun) -> None:
        """Give back the new claim, and the old one to the server."""
        await run.use(Placement).transfer(run, self.migration_id, self.server_id)
        await run.use(Ports).settle(run, self.server_id)

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def cut_off(self, run: EffectRun) -> None:
        """Take its volumes from the lost host."""
        await disks.disconnect(run, self.server_id)

    @step
    async def arrive(self, run: StepRun) -> None:
        """Say that the server is on the new host."""
        way = run[EvacuateServer.place]
        server = await proceed(run.db, self.server_id)
        spawning = TaskState.REBUILD_SPAWNING
        await settle_at(run, server, way.destination, zone=way.zone, task_state=spawning)

    @arrive.undo
    async def depart(self, run: StepRun) -> None:
        """Say that it is on the lost one."""
        way = run[EvacuateServer.place]
        server = await run.db.one(Server, Server.c.id == self.server_id, for_update=True)
        if server is not None:
            await settle_at(run, server, way.source, zone=way.from_zone)

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def rebuild(self, run: EffectRun) -> None:
        """Have the new host make the guest: its own disk anew, its volumes as they are."""
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
        if server is None or server.deletion is not None:
            return  # `publish` begins the deletion
        way = run[EvacuateServer.place]
        spec = await spec_of(run, server, way.destination)
        async with reaching(run, way.destination) as host:
            check_started(await host.rebuild(spec, fence=run.fence))
            if not self.runs:
                await host.power_off(server.id, fence=run.fence)

    @rebuild.undo
    async def remove(self, run: EffectRun) -> None:
        """Remove whatever of the guest is there."""
        await remove_guest(run, run[EvacuateServer.place].destination, self.server_id)
        await disks.disconnect(run, self.server_id)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the server is there again."""
        await proceed(run.db, self.server_id)
        await run.use(Placement).release(run, self.migration_id)
        state = VmState.ACTIVE if self.runs else VmState.STOPPED
        power = int(Power.RUNNING if self.runs else Power.SHUTDOWN)
        await let_go(run, self.server_id, state, power_state=power, fault=None)
        await note(run.db, self.migration_id, "done")
        host = run[EvacuateServer.place].destination
        await history.note(run.db, self.action_id, _EVENT, host=host, last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave a server that says why; it can be evacuated again."""
        text = explain(error)
        await let_go(run, self.server_id, VmState.ERROR, fault=fault_of(error))
        await note(run.db, self.migration_id, "error")
        await history.note(run.db, self.action_id, _EVENT, error=text, last=True)
