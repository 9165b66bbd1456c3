"""Killing what runs for a cloud, found by the records that its state folder keeps."""

import asyncio
import signal
import time
from collections.abc import Iterator

import msgspec

from cumulo.runtime.chaos.plan import Kill
from cumulo.runtime.cli.up import start
from cumulo.runtime.engines.processes import Process, Record
from cumulo.runtime.engines.server import answers
from cumulo.runtime.exports import storage_daemons
from cumulo.runtime.hosts.engines import NODE
from cumulo.runtime.hosts.folder import hosts_of
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.keeping import supervisor_of

_GONE_WITHIN = 20.0  # seconds
_ANSWERS_WITHIN = 120.0
_PAUSE = 0.2


class WouldNotReturn(Exception):
    """After a kill the cloud did not come up again; the text says where its logs are."""


class Killed(msgspec.Struct, frozen=True):
    """What became of a kill: which processes it met (none: it does not run), and the same in words."""

    pids: list[int]
    words: str


def execute(state: StateFolder, kill: Kill) -> Killed:
    """Kill what the plan says; have all supervisors again. WouldNotReturn."""
    victims = list(_victims(state, kill))
    for victim in victims:
        victim.terminate(signal.SIGKILL)
        victim.wait(_GONE_WITHIN)
    if any(supervisor_of(each) is None for each in _folders(state)):
        revive(state)
    pids = [victim.pid for victim in victims]
    if not pids:
        return Killed(pids, f"{kill.target} does not run: nothing killed")
    return Killed(pids, f"killed {kill.target} ({', '.join(map(str, pids))})")


def revive(state: StateFolder) -> None:
    """Have the whole cloud up. WouldNotReturn."""
    if start(state.path) is None:
        raise WouldNotReturn(f"the cloud does not come up: see {state.logs}")


def wait_for_answers(state: StateFolder) -> None:
    """Wait until the cloud answers. WouldNotReturn."""
    http = runtime_settings(state).http
    give_up = time.monotonic() + _ANSWERS_WITHIN
    while not asyncio.run(answers(state, http.listen, http.port)):
        if time.monotonic() > give_up:
            raise WouldNotReturn(f"the cloud does not answer after {_ANSWERS_WITHIN:g} s: see {state.logs}")
        time.sleep(_PAUSE)  # a command polls; no event loop is here


def _victims(state: StateFolder, kill: Kill) -> Iterator[Process]:
    """Yield what is to be killed, who starts others before those; the dice choose between hosts."""
    if kill.target == "cumulo":
        yield from (process for process in (supervisor_of(state), _part(state, "server")) if process)
        return
    folders = _folders(state)
    found: list[Process | None]
    if kill.target == "supervisor":
        found = [supervisor_of(each) for each in folders]
    elif kill.target == "storage daemon":
        daemons = [process for each in folders for process in storage_daemons(each).values()]
        found = [*sorted(daemons, key=lambda process: process.pid)]
    elif kill.target == "server":
        found = [_part(state, "server"), *(_part(each, NODE) for each in folders[1:])]
    else:
        found = [_part(each, kill.target) for each in folders]
    running = [process for process in found if process is not None]
    yield from running[(chosen := int(kill.dice * len(running))) : chosen + 1]


def _folders(state: StateFolder) -> list[StateFolder]:
    """Return the cloud's folder and those of its further hosts."""
    return [state, *hosts_of(state)]


def _part(state: StateFolder, name: str) -> Process | None:
    return Record(state.run / f"{name}.process").find()
