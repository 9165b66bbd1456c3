"""Creating servers."""

import hashlib
from dataclasses import replace
from typing import Any, ClassVar

from cumulo.contracts.network import Ports
from cumulo.contracts.placement import Placement
from cumulo.core import clock
from cumulo.core.db import Transaction
from cumulo.core.errors import Conflict
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.compute import addresses, allotments, disks, guests, hardware, history, scheduler, wishes
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.model import Power, Server, TaskState, VmState
from cumulo.services.compute.tasks import furnishing
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

ATTEMPTS = 3  # hosts that a server is tried on


class CreateServer(Saga):
    """Place a server, wire it, give it its volumes, boot it."""

    server_id: str
    action_id: str
    volumes: bool = False
    tried: tuple[str, ...] = ()
    attempt: str = ""  # of those after the first, so that their locks differ
    lock: ClassVar[str] = "server:{server_id}{attempt}"

    @step
    async def place(self, run: StepRun) -> str:
        """Find a host with room and claim it."""
        server = await proceed(run.db, self.server_id)
        refused = dict.fromkeys(self.tried, "could not run it")
        offer = await claim(run, server, host=guests.asked_of(server).host, avoided=refused)
        await run.db.update(
            Server,
            Server.c.id == server.id,
            host=offer.host.host,
            host_id=disguise(server.project_id, offer.host.host),
            zone=offer.host.zone,
            task_state=TaskState.NETWORKING,
            updated_at=clock.now(),
        )
        name = "conductor_schedule_and_build_instances"
        await history.note(run.db, self.action_id, name, host=offer.host.host)
        return offer.host.host

    @place.undo
    async def free(self, run: StepRun) -> None:
        """Give the claim back."""
        await run.use(Placement).release(run, self.server_id)
        await forget_host(run.db, self.server_id)

    @step
    async def wire(self, run: StepRun) -> None:
        """Create the server's ports, or take those it was given."""
        server = await proceed(run.db, self.server_id)
        asked = guests.asked_of(server)
        await run.use(Ports).allocate(
            run,
            server.id,
            asked.networks,
            project_id=server.project_id,
            host=run[CreateServer.place],
            hostname=server.hostname.partition(".")[0],
            security_group_ids=asked.security_group_ids,
            zone=server.zone or "",
        )
        if limits := hardware.card_limits(guests.flavor_of(server)):
            await run.use(Ports).limit(run, server.id, limits)
        if allotments.ports_given(server):
            await run.use(Ports).settle(run, server.id)
        await run.db.update(
            Server,
            Server.c.id == server.id,
            task_state=TaskState.SPAWNING,
            updated_at=clock.now(),
        )
        await addresses.refresh(run.db, run.use(Ports), [server.id])
        await history.note(run.db, self.action_id, "compute_allocate_networks", host=server.host)

    @wire.undo
    async def unwire(self, run: StepRun) -> None:
        """Delete the ports made for the server, let go of the others."""
        await run.use(Ports).release(run, self.server_id)
        await addresses.refresh(run.db, run.use(Ports), [self.server_id])

    @step(when=lambda saga, _run: saga.volumes)
    async def provide(self, run: StepRun) -> None:
        """Promise the volumes that are to be made for the server."""
        server = await proceed(run.db, self.server_id)
        await furnishing.provide(run, server)

    @effect(timeout=furnishing.LONGEST, retries=TRIES, when=lambda saga, _run: saga.volumes)
    async def furnish(self, run: EffectRun) -> None:
        """Wait until the volumes are made."""
        await furnishing.wait(run, self.server_id)

    @step(when=lambda saga, _run: saga.volumes)
    async def reserve(self, run: StepRun) -> None:
        """Take the volumes that were made."""
        server = await proceed(run.db, self.server_id)
        await furnishing.reserve(run, server)

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def boot(self, run: EffectRun) -> None:
        """Have the host run the guest."""
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
        if server is None or server.deletion is not None:
            return  # `publish` begins the deletion
        spec = await spec_of(run, server, run[CreateServer.place])
        async with reaching(run, run[CreateServer.place]) as host:
            check_started(await host.ensure(spec, fence=run.fence))

    @boot.undo
    async def remove(self, run: EffectRun) -> None:
        """Remove whatever of the guest is there."""
        await remove_guest(run, run[CreateServer.place], self.server_id)
        await disks.disconnect(run, self.server_id)

    @step
    async def publish(self, run: StepRun) -> None:
        """Say that the server runs."""
        server = await proceed(run.db, self.server_id)
        if self.volumes:
            await furnishing.complete(run, server)
        await let_go(
            run,
            server.id,
            VmState.ACTIVE,
            power_state=int(Power.RUNNING),
            launched_at=clock.now(),
        )
        name = "compute__do_build_and_run_instance"
        await history.note(run.db, self.action_id, name, host=server.host, last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave a server that says why it is none, and holds nothing."""
        text = explain(error)
        if await self._tried_elsewhere(run, error, text):
            return
        await disks.give_back(run, self.server_id, failed=True)
        await disks.refresh(run.db, self.server_id)
        await let_go(run, self.server_id, VmState.ERROR, fault=fault_of(error))
        name = "compute__do_build_and_run_instance"
        await history.note(run.db, self.action_id, name, error=text, last=True)

    async def _tried_elsewhere(self, run: StepRun, error: TaskError, text: str) -> bool:
        """Promise another try on another host, when it is the host that failed and not the server."""
        server = await run.db.one(Server, Server.c.id == self.server_id, for_update=True)
        if error.part != CreateServer.boot.name or len(self.tried) + 1 >= ATTEMPTS:
            return False
        if server is None or server.deletion is not None or server.deleted_at is not None:
            return False
        tried = (*self.tried, run[CreateServer.place])
        wanted = await wishes.of(run.db, server, host=guests.asked_of(server).host)
        avoided = {**wanted.avoided, **dict.fromkeys(tried, "could not run it")}
        wanted = replace(wanted, avoided=avoided, demands=await allotments.demanded(run, server))
        try:
            await scheduler.rank(run.db, run.use(Placement), run.use(ComputeSettings), wanted)
        except scheduler.NoHost:
            return False  # the first failure says more than that
        again = CreateServer(
            server_id=self.server_id,
            action_id=self.action_id,
            volumes=self.volumes,
            tried=tried,
            attempt=f"/{len(tried) + 1}",
        )
        operation = await run.start(again)
        scheduling = {"task_state": TaskState.SCHEDULING, "operation": operation}
        await run.db.update(Server, Server.c.id == server.id, updated_at=clock.now(), **scheduling)
        name = "compute__do_build_and_run_instance"
        await history.note(run.db, self.action_id, name, host=tried[-1], error=text)
        return True


async def claim(run: StepRun, server: Server, **asked: Any) -> scheduler.Offer:
    """Claim the best host that still has room; `asked` goes before what the server's creation asked for.

    NoHost when there is none.
    """
    placement = run.use(Placement)
    resources = guests.resources_of(server)
    demands = await allotments.demanded(run, server)
    wanted = replace(await wishes.of(run.db, server, **asked), demands=demands)
    for offer in await scheduler.rank(run.db, placement, run.use(ComputeSettings), wanted):
        try:
            await placement.claim(
                run,
                server.id,
                offer.host.id,
                resources,
                project_id=server.project_id,
                user_id=server.user_id,
                demands=demands,
            )
        except Conflict:
            continue  # taken since it was counted
        return offer
    raise scheduler.NoHost("No valid host was found: others were quicker to fill them.")


def disguise(project_id: str, host: str) -> str:
    """Return the word by which a project knows a host: the same for its servers there, no one else's."""
    return hashlib.sha224(f"{project_id}{host}".encode()).hexdigest()


async def forget_host(db: Transaction, server_id: str) -> None:
    """Note that the server is on no host."""
    server = await db.get(Server, server_id)
    if server is not None:
        zone = server.requested_zone
        await db.update(Server, Server.c.id == server_id, host=None, host_id="", zone=zone)
