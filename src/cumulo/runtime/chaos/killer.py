"""Killing what runs for a cloud, found by the records that its state folder keeps."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from cumulo.runtime.chaos.plan import Kill
from cumulo.runtime.cli.up import start
from cumulo.runtime.engines.processes import Process, Record, started
from cumulo.runtime.engines.server import answers
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.keeping import supervisor_of

_GONE_WITHIN = 20.0  # seconds
_ANSWERS_WITHIN = 120.0
_PAUSE = 0.2


class WouldNotReturn(Exception):
    """After a kill the cloud did not come up again; the text says where its logs are."""


def execute(state: StateFolder, kill: Kill) -> str:
    """Kill what the plan says; have a supervisor again. Return in words what became of it. WouldNotReturn."""
    victims = list(_victims(state, kill))
    for victim in victims:
        victim.terminate(signal.SIGKILL)
        victim.wait(_GONE_WITHIN)
    if supervisor_of(state) is None:
        revive(state)
    pids = ", ".join(str(victim.pid) for victim in victims)
    return f"killed {kill.target} ({pids})" if victims else f"{kill.target} does not run: nothing killed"


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
    """Yield what is to be killed, who starts others before those."""
    if kill.target in ("supervisor", "cumulo"):
        supervisor = supervisor_of(state)
        if supervisor is not None:
            yield supervisor
    if kill.target == "storage daemon":
        daemons = sorted(_storage_daemons(state), key=lambda process: process.pid)
        yield from daemons[(chosen := int(kill.dice * len(daemons))) : chosen + 1]
    elif kill.target != "supervisor":
        part = "server" if kill.target == "cumulo" else kill.target
        process = Record(state.run / f"{part}.process").find()
        if process is not None:
            yield process


def _storage_daemons(state: StateFolder) -> Iterator[Process]:
    for file in state.run.glob("volumes/*/*.pid"):
        with contextlib.suppress(OSError, ValueError):
            pid = int(file.read_text(encoding="ascii"))
            began = started(pid)
            if began is not None and file.name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                yield Process(pid, began)
