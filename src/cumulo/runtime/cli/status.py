"""`cumulo status`: every part of the cloud, in a table."""

import argparse
import asyncio
import time
from pathlib import Path

from cumulo.runtime.calling import as_called
from cumulo.runtime.database import shown
from cumulo.runtime.engines.libvirt import guests_running
from cumulo.runtime.engines.processes import Record
from cumulo.runtime.engines.server import answers
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.keeping import supervisor_of
from cumulo.runtime.supervisor.parts import PartState, PartStatus, read_status

_NOT_RUNNING = 3
_COLUMNS = "{:<16}{:<10}{:>8}{:>10}{:>9}{:>10}  {}"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments: none of its own."""


def run(options: argparse.Namespace) -> int:
    """Print the table; 0 when everything runs, 3 otherwise."""
    state = StateFolder(options.state)
    if not state.exists:
        print(as_called(f"no cloud in {state.path}: `cumulo up` makes one", state))
        return _NOT_RUNNING
    status = read_status(state.status)
    supervised = supervisor_of(state) is not None
    parts = status.parts if status else []
    print(_COLUMNS.format("PART", "STATE", "PID", "MEMORY", "RESTARTS", "FOR", ""))
    for part in parts:
        print(_line(state, part, supervised=supervised))
    http = runtime_settings(state).http
    ready = asyncio.run(answers(state, http.listen, http.port))
    print(f"\nsupervisor  {'running' if supervised else 'stopped'}")
    print(f"endpoint    {http.url} ({'ready' if ready else 'does not answer'})")
    print(f"database    {shown(runtime_settings(state).database)}")
    print(f"guests      {guests_running(state)} running")
    print(f"state       {state.path} (instance {state.instance})")
    well = supervised and ready and all(p.state is PartState.RUNNING for p in parts)
    if not well:
        print(
            as_called("\n`cumulo up` starts what is stopped; `cumulo doctor` looks for what is wrong", state)
        )
    return 0 if well else _NOT_RUNNING


def _line(state: StateFolder, part: PartStatus, *, supervised: bool) -> str:
    process = Record(state.run / f"{part.name}.process").find()
    shown = part.state.value if supervised else ("running" if process else "stopped")
    pid = str(process.pid) if process else "-"
    memory = f"{_resident(process.pid)} MiB" if process else "-"
    lasted = _duration(time.time() - part.since) if process and supervised else "-"
    note = part.error or ("adopted" if part.adopted and process else "")
    return _COLUMNS.format(part.name, shown, pid, memory, part.restarts, lasted, note).rstrip()


def _resident(pid: int) -> int:
    """Return a process's resident memory in MiB."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * 4096 // (1024 * 1024)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes}m" if hours else f"{minutes}m {seconds}s"
