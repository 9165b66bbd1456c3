"""Deleting servers, and how any saga lets go of a server: a deletion asked for meanwhile then begins.

A deletion always wins. While another saga works on the server (`Server.operation`), the request only marks
it: `task_state` is deleting and `deletion` names the action. The working saga's next step sees the mark and
unwinds (`proceed`); its last transaction starts the deletion (`let_go`).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import msgspec

from cumulo.contracts.hypervisor import GuestSpec, GuestState, Hypervisor, PowerState
from cumulo.contracts.image import Images
from cumulo.contracts.network import Ports
from cumulo.contracts.placement import Placement
from cumulo.core import clock
from cumulo.core.bus import Bus, remote
from cumulo.core.db import Transaction, become
from cumulo.core.drivers import Permanent, Temporary
from cumulo.core.errors import Unavailable
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.compute import disks, guests, history, passwords
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.model import ComputeHost, Migration, Power, Server, TaskState, VmState

PATIENCE = 2.0  # seconds until a host that does not answer is asked again
LONGEST = 600.0  # seconds that anything on a host may take
TRIES = 30  # so that a host has a minute to come back


class Doomed(Permanent):
    """The server is to be deleted: whatever else was under way ends."""


class DeleteServer(Saga):
    """End a server: its guest, then its ports and its claim, then the server itself."""

    server_id: str
    action_id: str
    lock: ClassVar[str] = "server-delete:{server_id}"

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def remove(self, run: EffectRun) -> None:
        """Remove the guest from its host."""
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
        if server is not None and server.host is not None:
            await remove_guest(run, server.host, server.id)
        before = guests.aside_of(server).host if server is not None else None
        if before is not None and server is not None and before != server.host:
            await remove_guest(run, before, server.id)
        await disks.disconnect(run, self.server_id)

    @step
    async def finish(self, run: StepRun) -> None:
        """Give back ports, volumes and claim, and close the server's books."""
        server = await run.db.one(Server, Server.c.id == self.server_id, for_update=True)
        if server is None or server.deleted_at is not None:
            return
        await run.use(Ports).release(run, server.id)
        await run.use(Placement).release(run, server.id)
        await give_back_aside(run, server)
        await disks.give_back(run, server.id)
        await become(
            run.db,
            Server,
            server.id,
            VmState.DELETED,
            column="vm_state",
            task_state=None,
            operation=None,
            power_state=int(Power.NOSTATE),
            addresses={},
            volumes=[],
            deleted_at=clock.now(),
            updated_at=clock.now(),
        )
        name = "compute_terminate_instance"
        await history.note(run.db, self.action_id, name, host=server.host, last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave a server that says why it could not be deleted; deleting it again tries again."""
        text = explain(error)
        await let_go(run, self.server_id, VmState.ERROR, fault=fault(text))
        name = "compute_terminate_instance"
        await history.note(run.db, self.action_id, name, error=text, last=True)


async def give_back_aside(run: StepRun, server: Server) -> None:
    """Give back what a server held beside itself: the claim of its move, the image of its shelved disk."""
    aside = guests.aside_of(server)
    if aside.migration_id is not None:
        await run.use(Placement).release(run, aside.migration_id)
        unsettled = (Migration.c.id == aside.migration_id, Migration.c.status == "finished")
        await run.db.update(Migration, *unsettled, status="confirmed", updated_at=clock.now())
    if aside.shelved_image is not None:
        await run.use(Images).discard(run, aside.shelved_image)


@asynccontextmanager
async def reaching(run: EffectRun, host: str, *, seconds: float | None = None) -> AsyncIterator[Hypervisor]:
    """Give a host's hypervisor, for so long (None: for ten minutes); shorter than the effect may take.

    That the host does not answer is Temporary, for it may just be starting; that it does not end is not.
    """
    longest = LONGEST if seconds is None else seconds
    try:
        async with asyncio.timeout(longest):
            yield remote(run.use(Bus), host, Hypervisor, timeout=2 * longest)
    except TimeoutError as error:
        raise Permanent(f"host {host} did not finish within {longest / 60:.0f} minutes") from error
    except Unavailable as error:
        raise Temporary(f"host {host} does not answer", retry_in=PATIENCE) from error


def check_started(state: GuestState) -> None:
    """Raise Permanent unless the guest runs after all."""
    if state.power not in (PowerState.RUNNING, PowerState.PAUSED):
        reason = state.reason or f"it is {state.power.value}"
        raise Permanent(f"the guest did not start: {reason}")


async def spec_of(run: EffectRun, server: Server, host: str) -> GuestSpec:
    """Gather all that a host must know to run a server's guest, and open the way to its volumes."""
    async with run.reader() as db:
        mappings = await disks.of(db, server.id)
        spec = await guests.guest_spec(db, run.use, server, mappings)
    if not mappings:
        return spec
    return msgspec.structs.replace(spec, volumes=await disks.connect(run, mappings, host))


async def is_up(run: EffectRun, host: str) -> bool:
    """Say whether a host reported lately."""
    async with run.reader() as db:
        row = await db.one(ComputeHost, ComputeHost.c.host == host)
    return row is not None and row.is_up(run.use(ComputeSettings).host_silence)


async def remove_guest(run: EffectRun, host: str, server_id: str) -> None:
    """Have a guest removed from its host; a host that is down does it when it is back."""
    down = not await is_up(run, host)
    try:
        async with reaching(run, host) as found:
            await found.remove(server_id, fence=run.fence)
    except Temporary as error:
        if not (down and isinstance(error.__cause__, Unavailable)):
            raise
        run.say(f"host {host} is down: its guest is removed once it is back")


async def proceed(db: Transaction, server_id: str) -> Server:
    """Return the server to work on; Doomed when it is to be deleted or is gone."""
    server = await db.one(Server, Server.c.id == server_id, for_update=True)
    if server is None or server.deleted_at is not None or server.deletion is not None:
        raise Doomed("the server was deleted meanwhile")
    return server


async def let_go(run: StepRun, server_id: str, state: VmState | None, **values: Any) -> None:
    """End a saga's work on a server, in `state` (None: as it was); begin a deletion that waits."""
    server = await run.db.one(Server, Server.c.id == server_id, for_update=True)
    if server is None or server.deleted_at is not None:
        return
    if server.deletion is not None:
        deletion = DeleteServer(server_id=server.id, action_id=server.deletion)
        operation = await run.start(deletion)
        values, state = {"task_state": TaskState.DELETING, "operation": operation}, None
    else:
        values.update(task_state=None, operation=None)
        await passwords.forget(run.db, server)
    values.update(deletion=None, updated_at=clock.now())
    if state is None:
        await run.db.update(Server, Server.c.id == server_id, **values)
    else:
        await become(run.db, Server, server_id, state, column="vm_state", **values)


def fault(message: str, code: int = 500) -> dict[str, Any]:
    """Return what a server's document says of its failure."""
    return {"code": code, "created": f"{clock.now():%Y-%m-%dT%H:%M:%SZ}", "message": message}


def fault_of(error: TaskError) -> dict[str, Any]:
    """Return the same of a saga's failure, with `details` for administrators where there is more to know."""
    found = fault(explain(error))
    return found if error.message == found["message"] else {**found, "details": error.message}


def explain(error: TaskError) -> str:
    """Return what a person may read of a saga's failure."""
    return error.public or "An unexpected error prevented the server from fulfilling your request."
