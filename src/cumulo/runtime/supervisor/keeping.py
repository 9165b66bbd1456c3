"""Finding a folder's supervisor, waiting for what it keeps, and stopping what it left."""

import sys
import time

from cumulo.runtime.engines.processes import Process, Record
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.parts import PartState, Status, read_status
from cumulo.runtime.supervisor.plan import parts_of
from cumulo.runtime.supervisor.supervisor import Supervisor

_LONGEST = 180.0  # seconds; a first start makes keys and the database
_TRIES = 3  # failures of one part after which nobody waits any more


def supervisor_of(state: StateFolder) -> Process | None:
    """Return the running supervisor of a folder."""
    return Record(state.run / "supervisor.process").find()


def command(state: StateFolder) -> list[str]:
    """Return the command that is a folder's supervisor."""
    module = "cumulo.runtime.supervisor"
    return [sys.executable, "-P", "-m", module, "--state", str(state.path)]


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
            return "the supervisor ended: see supervisor.log"
        process.wait(0.05)
    return f"not all parts are up after {_LONGEST:g} seconds: see `cumulo status`"


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
