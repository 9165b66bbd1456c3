"""Starting, stopping, killing and removing further hosts."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from cumulo.runtime import guests, reset
from cumulo.runtime.engines.libvirt import guests_running
from cumulo.runtime.hosts import folder
from cumulo.runtime.hosts.engines import open_underlay
from cumulo.runtime.hosts.folder import BadHost, hosts_of, membership, namespace
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor import keeping

_LONGEST = 60.0  # seconds
_LOOK = 0.05


def add(cloud: StateFolder, name: str) -> StateFolder:
    """Make one more host of a running cloud and start it. BadHost."""
    if not runtime_settings(cloud).engines.start:
        raise BadHost(
            "a cloud without engines has no further hosts: [engines] fake_hosts says how many fakes"
        )
    if keeping.supervisor_of(cloud) is None:
        raise BadHost("the cloud is not up: `cumulo up` first")
    asyncio.run(_join(cloud))
    state = folder.make(cloud, name)
    start(state)
    return state


def start(state: StateFolder) -> None:
    """Have a host running. BadHost says what keeps it from it."""
    problem = keeping.wait_until_up(state, keeping.begin(state))
    if problem:
        raise BadHost(f"host {state.host}: {problem} (its logs are in {state.logs})")


def start_all(cloud: StateFolder) -> None:
    """Have all hosts of a cloud running that it has."""
    for state in hosts_of(cloud):
        start(state)


def stop(state: StateFolder, *, with_guests: bool, grace: float = 30) -> int:
    """Stop a host; return how many guests still run, and with them what they need."""
    if with_guests and guests_running(state):
        guests.stop_all(state, grace=grace)
    keeping.stop_supervisor(state)
    left = guests_running(state)
    asyncio.run(keeping.stop_leftovers(state, for_guests=bool(left)))
    return left


def crash(state: StateFolder) -> None:
    """End all that runs on a host at once, as when its power fails."""
    supervisor = keeping.supervisor_of(state)
    if supervisor is not None:
        supervisor.terminate(signal.SIGKILL)
        supervisor.wait(_LONGEST)
    give_up = time.monotonic() + _LONGEST
    while pids := inhabitants(state):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # it ended with another
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > give_up:
            raise BadHost(f"host {state.host}: {len(pids)} processes do not end")
        time.sleep(_LOOK)  # a command polls; no event loop is here
    state.status.unlink(missing_ok=True)
    (state.run / "node.ready").unlink(missing_ok=True)


def remove(state: StateFolder) -> None:
    """Remove a host and all that it made on this machine."""
    member = membership(state)
    stop(state, with_guests=True, grace=0)
    if (Path("/run/netns") / namespace(state)).exists():
        crash(state)  # what no supervisor knows of any more
    if member is not None and member.cloud.socket("vswitch").exists():
        database = f"--db=unix:{member.cloud.socket('vswitch')}"
        cable = folder.cable(member)
        _run("ovs-vsctl", database, "--timeout=5", "--no-wait", "--if-exists", "del-port", cable)
        _run("ip", "link", "delete", cable)
    reset.remove(state)


def inhabitants(state: StateFolder) -> list[int]:
    """Return the processes in a host's network namespace."""
    return [int(word) for word in _run("ip", "netns", "pids", namespace(state)).split()]


async def _join(cloud: StateFolder) -> None:
    await folder.ensure_underlay(cloud)
    await open_underlay(cloud)


def _run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  a list of our own
    return done.stdout
