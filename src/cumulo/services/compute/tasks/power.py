"""Starting, stopping, rebooting, pausing: one saga, and a table of what each change means."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from cumulo.contracts.hypervisor import GuestSpec, GuestState, Hypervisor, PowerState
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.compute import guests, history
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.model import Power, Server, TaskState, VmState
from cumulo.services.compute.tasks.deletion import (
    LONGEST,
    TRIES,
    check_started,
    explain,
    fault,
    let_go,
    reaching,
    spec_of,
)

POWERS: Mapping[PowerState, Power] = {
    PowerState.RUNNING: Power.RUNNING,
    PowerState.PAUSED: Power.PAUSED,
    PowerState.SHUTDOWN: Power.SHUTDOWN,
    PowerState.CRASHED: Power.CRASHED,
    PowerState.SUSPENDED: Power.SUSPENDED,
    PowerState.MISSING: Power.NOSTATE,
}


class Change(StrEnum):
    """What can be done to a server's power; the value is the action's name in its history."""

    START = "start"
    STOP = "stop"
    SOFT_REBOOT = "reboot"
    HARD_REBOOT = "hard_reboot"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    SUSPEND = "suspend"
    RESUME = "resume"
    RESCUE = "rescue"
    UNRESCUE = "unrescue"
    CRASH_DUMP = "trigger_crash_dump"


@dataclass(frozen=True)
class Meaning:
    """What a change means.

    allowed: the states in which it may be asked for; task: what is shown meanwhile; result: the state
    after (None: as it was); fatal: whether its failure leaves the server in ERROR.
    """

    allowed: frozenset[VmState]
    task: TaskState | None
    result: VmState | None
    fatal: bool = False


_LIVE = frozenset({VmState.ACTIVE})
_ANY = frozenset({VmState.ACTIVE, VmState.STOPPED, VmState.PAUSED, VmState.SUSPENDED, VmState.ERROR})
_RESCUABLE = frozenset({VmState.ACTIVE, VmState.STOPPED, VmState.ERROR})
_CRASHABLE = frozenset({VmState.ACTIVE, VmState.PAUSED, VmState.RESCUED, VmState.ERROR})
MEANINGS: Mapping[Change, Meaning] = {
    Change.START: Meaning(frozenset({VmState.STOPPED}), TaskState.POWERING_ON, VmState.ACTIVE, fatal=True),
    Change.STOP: Meaning(frozenset({VmState.ACTIVE, VmState.ERROR}), TaskState.POWERING_OFF, VmState.STOPPED),
    Change.SOFT_REBOOT: Meaning(_LIVE, TaskState.REBOOTING, VmState.ACTIVE),
    Change.HARD_REBOOT: Meaning(_ANY, TaskState.REBOOTING_HARD, VmState.ACTIVE, fatal=True),
    Change.PAUSE: Meaning(_LIVE, TaskState.PAUSING, VmState.PAUSED),
    Change.UNPAUSE: Meaning(frozenset({VmState.PAUSED}), TaskState.UNPAUSING, VmState.ACTIVE),
    Change.SUSPEND: Meaning(_LIVE, TaskState.SUSPENDING, VmState.SUSPENDED),
    Change.RESUME: Meaning(frozenset({VmState.SUSPENDED}), TaskState.RESUMING, VmState.ACTIVE, fatal=True),
    Change.RESCUE: Meaning(_RESCUABLE, TaskState.RESCUING, VmState.RESCUED, fatal=True),
    Change.UNRESCUE: Meaning(frozenset({VmState.RESCUED}), TaskState.UNRESCUING, VmState.ACTIVE, fatal=True),
    Change.CRASH_DUMP: Meaning(_CRASHABLE, None, None),
}


class ChangePower(Saga):
    """Start, stop, reboot, pause, suspend or rescue a server's guest, or the reverse."""

    server_id: str
    action_id: str
    change: Change
    lock: ClassVar[str] = "server:{server_id}"

    @effect(timeout=2 * LONGEST, retries=TRIES)
    async def act(self, run: EffectRun) -> PowerState | None:
        """Have the host do it."""
        async with run.reader() as db:
            server = await db.get(Server, self.server_id)
        if server is None or server.deletion is not None:
            return None
        if server.host is None:
            raise Permanent("the server is on no host")
        spec = await spec_of(run, server, server.host)
        async with reaching(run, server.host) as host:
            state = await _VERBS[self.change](host, spec, run)
            if MEANINGS[self.change].fatal:
                check_started(state)
        return state.power

    @step
    async def publish(self, run: StepRun) -> None:
        """Say what the server is now."""
        power = run[ChangePower.act]
        meaning = MEANINGS[self.change]
        if power is None:
            await let_go(run, self.server_id, None)
        else:
            values: dict[str, Any] = {"power_state": int(POWERS[power])}
            if meaning.fatal:
                values["fault"] = None  # a good start mends an ERROR
            await let_go(run, self.server_id, meaning.result, **values)
        await history.note(run.db, self.action_id, self._event, last=True)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Leave the server as it was, or in ERROR when its guest is in doubt."""
        text = explain(error)
        state = VmState.ERROR if MEANINGS[self.change].fatal else None
        values: dict[str, Any] = {"fault": fault(text)}
        if self.change is Change.RESCUE:
            server = await run.db.get(Server, self.server_id)
            if server is not None:  # so that a hard reboot mends it
                values["aside"] = guests.kept_aside(guests.unrescued(server))
        await let_go(run, self.server_id, state, **values)
        await history.note(run.db, self.action_id, self._event, error=text, last=True)

    @property
    def _event(self) -> str:
        verb = "reboot" if self.change == Change.HARD_REBOOT else self.change.value
        return f"compute_{verb}_instance"


Verb = Callable[[Hypervisor, GuestSpec, EffectRun], Awaitable[GuestState]]


async def _start(host: Hypervisor, spec: GuestSpec, run: EffectRun) -> GuestState:
    return await host.power_on(spec, fence=run.fence)


async def _stop(host: Hypervisor, spec: GuestSpec, run: EffectRun) -> GuestState:
    patience = run.use(ComputeSettings).shutdown_timeout
    return await host.power_off(spec.server_id, timeout=patience, fence=run.fence)


async def _soft_reboot(host: Hypervisor, spec: GuestSpec, run: EffectRun) -> GuestState:
    return await host.reboot(spec, hard=False, fence=run.fence)


async def _hard_reboot(host: Hypervisor, spec: GuestSpec, run: EffectRun) -> GuestState:
    return await host.reboot(spec, hard=True, fence=run.fence)


async def _pause(host: Hypervisor, spec: GuestSpec, _run: EffectRun) -> GuestState:
    return await host.pause(spec.server_id)


async def _suspend(host: Hypervisor, spec: GuestSpec, run: EffectRun) -> GuestState:
    return await host.suspend(spec.server_id, fence=run.fence)


async def _crash(host: Hypervisor, spec: GuestSpec, _run: EffectRun) -> GuestState:
    await host.crash(spec.server_id)
    return await host.describe(spec.server_id)


async def _unpause(host: Hypervisor, spec: GuestSpec, _run: EffectRun) -> GuestState:
    return await host.unpause(spec.server_id)


_VERBS: Mapping[Change, Verb] = {
    Change.START: _start,
    Change.STOP: _stop,
    Change.SOFT_REBOOT: _soft_reboot,
    Change.HARD_REBOOT: _hard_reboot,
    Change.PAUSE: _pause,
    Change.UNPAUSE: _unpause,
    Change.SUSPEND: _suspend,
    Change.RESUME: _start,
    Change.RESCUE: _hard_reboot,
    Change.UNRESCUE: _hard_reboot,
    Change.CRASH_DUMP: _crash,
}
