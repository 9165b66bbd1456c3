"""Making a server anew where it is, from the same image or another."""

from typing import ClassVar

from cumulo.core.drivers import Permanent
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.compute import history
from cumulo.services.compute.model import Power, Server, TaskState, VmState
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


class RebuildServer(Saga):
    """Make a server's disk anew and boot it; one that was stopped is stopped again."""

    server_id: str
    action_id: str
    runs: bool = True
    lock: ClassVar[str] = "server:{server_id}"

    @step
    async def begin(self, run: StepRun) -> None:
        """Say that the disk is made anew."""
        server = await proceed(run.db, self.server_id)
        spawning = TaskState.REBUILD_SPAWNING
        await run.db.update(Server, Server.c.id == server.id, task_state=spawning)

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
