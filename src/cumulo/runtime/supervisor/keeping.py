"""Finding a folder's supervisor, waiting for what it keeps, and stopping what it left."""

import signal
import sys
import time

from cumulo.runtime.engines.processes import Process, Record, last_words, spawn
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.parts import PartState, Status, read_status
from cumulo.runtime.supervisor.plan import parts_of
from cumulo.runtime.supervisor.supervisor import Supervisor

_LONGEST = 180.0  # seconds; a first start makes keys and the database
_PATIENCE = 60.0  # seconds in which a supervisor stops what it keeps
_TRIES = 3  # failures of one part after which nobody waits any more


def supervisor_of(state: StateFolder) -> Process | None:
    """Return the running supervisor of a folder."""
    return Record(state.run / "supervisor.process").find()


def command(state: StateFolder) -> list[str]:
    """Return the command that is a folder's supervisor."""
    module = "cumulo.runtime.supervisor"
    return [sys.executable, "-P", "-m", module, "--state", str(state.path)]


def begin(state: StateFolder) -> Process:
    """Return the supervisor of a folder, which is prepared and started now if there is none."""
    state.prepare()
    process = supervisor_of(state)
    if process is None:
        state.status.unlink(missing_ok=True)
        process = spawn(command(state), log=state.logs / "supervisor.log")
    return process


def wait_until_up(state: StateFolder, process: Process) -> str:
    """Wait until every part runs; return what is wrong, empty when all is well."""
    give_up = time.monotonic() + _LONGEST
    while time.monotonic() < give_up:
        status = read_status(state.status)
        if status is not None:
            problem = _hopeless(status)
            if problem:
                return problem
            if all(part.state is PartState.RUNNING for part in status.parts):
                return ""
        if not process.alive():
            other = supervisor_of(state)  # who called `up` at the same time was first
            if other is None:
                return f"the supervisor ended{last_words(state.logs / 'supervisor.log')}"
            process = other
        process.wait(0.05)
    return f"not all parts are up after {_LONGEST:g} seconds: see `cumulo status`"


def stop_supervisor(state: StateFolder) -> None:
    """End a folder's supervisor, if there is one, which first stops what it keeps.

    One that hangs is killed: what it keeps is left to `stop_leftovers`, and nobody starts it again meanwhile.
    """
    process = supervisor_of(state)
    if process is not None:
        process.terminate()
        if not process.wait(_PATIENCE):
            process.terminate(signal.SIGKILL)
            process.wait(_PATIENCE)


def _hopeless(status: Status) -> str:
    for part in status.parts:
        if part.state is PartState.FAILED and part.restarts >= _TRIES:
            return f"{part.name} does not start: {part.error}"
    return ""


async def stop_leftovers(state: StateFolder, *, for_guests: bool) -> None:
    """Stop what no supervisor stopped: one was killed, or left engines to guests that have ended since."""
    state.prepare()
    leftovers = Supervisor(state, await parts_of(state))
    await leftovers.stop(leave=leftovers.needed_by_guests() if for_guests else ())
    if not for_guests:
        state.status.unlink(missing_ok=True)
