"""`python -m cumulo.runtime.supervisor --state DIR`: the process that keeps a cloud running."""

import argparse
import asyncio
import fcntl
import os
import resource
import signal
from pathlib import Path

from cumulo.runtime.engines.libvirt import guests_running
from cumulo.runtime.engines.processes import Process, Record, started
from cumulo.runtime.hosts.folder import hosts_of, membership
from cumulo.runtime.settings import config_of
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor import keeping
from cumulo.runtime.supervisor.plan import parts_of
from cumulo.runtime.supervisor.supervisor import Supervisor, say


async def supervise(state: StateFolder, *, hosts: bool = False) -> None:
    """Keep the cloud running until SIGTERM or SIGINT; then stop it, but not under running guests.

    hosts: have its further hosts running, too, once it does; they have supervisors of their own.
    """
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    supervisor = Supervisor(state, await parts_of(state))
    supervisor.start()
    starting = asyncio.create_task(_start_hosts(supervisor), name="hosts") if hosts else None
    await over.wait()
    if starting is not None:
        starting.cancel()
    guests = guests_running(state)
    await supervisor.stop(leave=supervisor.needed_by_guests() if guests else ())


async def _start_hosts(supervisor: Supervisor) -> None:
    await supervisor.up()
    for host in hosts_of(supervisor.state):
        try:
            keeping.begin(host)
        except Exception as error:  # noqa: BLE001  whatever it is: the others start all the same
            say(f"host {host.path.name}: {type(error).__name__}: {error}")


def main() -> int:
    """Be the only supervisor of this state folder."""
    parser = argparse.ArgumentParser(prog="cumulo-supervisor")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--hosts", action="store_true")
    options = parser.parse_args()
    state = config_of(options.state)
    os.chdir("/")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    lock = os.open(state.run / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another supervisor keeps this cloud", flush=True)  # noqa: T201  our log
        return 1
    record = Record(state.run / "supervisor.process")
    record.write(Process(os.getpid(), started(os.getpid()) or -1))
    try:
        member = membership(state)
        cloud = state if member is None else member.cloud
        if cloud.unfinished.exists():  # now that we can be found: a restore looks for us once it has marked
            print("a restore into this cloud was not finished", flush=True)  # noqa: T201  our log
            return 1
        asyncio.run(supervise(state, hosts=options.hosts))
    finally:
        record.remove()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
