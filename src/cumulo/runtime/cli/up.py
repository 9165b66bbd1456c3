"""`cumulo up`: start the supervisor in the background, and wait until the cloud answers."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from cumulo.runtime import clouds
from cumulo.runtime.calling import as_called, name
from cumulo.runtime.doctor.machine import missing_programs
from cumulo.runtime.engines.processes import spawn
from cumulo.runtime.hosts import life
from cumulo.runtime.settings import config_of, runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.keeping import command, supervisor_of, wait_until_up

_ROOM = 4 << 20  # bytes without which nothing of ours can even say what is wrong


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--foreground", action="store_true", help="stay, as a service unit wants")


def run(options: argparse.Namespace) -> int:
    """Start the cloud; print where it is."""
    if options.foreground:
        own = config_of(options.state)
        os.execv(sys.executable, command(own))  # noqa: S606  becomes the supervisor
    state = start(options.state)
    if state is None:
        return 1
    print(described(state))
    return 0


def start(path: Path) -> StateFolder | None:
    """Have the cloud of a state folder up; say what keeps it from it and return None otherwise."""
    if os.geteuid() != 0:
        raise PermissionError("this needs root: run it with sudo")
    if StateFolder(path).unfinished.exists():
        text = f"a restore into {path} was not finished: `cumulo restore FILE` again"
        print(f"cumulo: {as_called(text, StateFolder(path))}", file=sys.stderr)
        return None
    state = config_of(path)
    lacking = missing_programs(state)
    if lacking:
        text = f"this machine lacks {', '.join(lacking)}: `cumulo doctor` says what to install"
        print(f"cumulo: {as_called(text, state)}", file=sys.stderr)
        return None
    process = supervisor_of(state)
    if process is None and shutil.disk_usage(state.path).free < _ROOM:
        text = f"no space left on the disk of {state.path}: `cumulo doctor` says how to find what takes it"
        print(f"cumulo: {as_called(text, state)}", file=sys.stderr)
        return None
    if process is None:
        state.status.unlink(missing_ok=True)
        process = spawn(command(state), log=state.logs / "supervisor.log")
    problem = wait_until_up(state, process)
    if problem:
        text = f"{problem}\ncumulo: `cumulo doctor` looks for the cause; the logs are in {state.logs}"
        print(f"cumulo: {as_called(text, state)}", file=sys.stderr)
        return None
    life.start_all(state)
    clouds.write_home(state)
    return state


def described(state: StateFolder) -> str:
    """Return what a person needs to use the cloud."""
    http = runtime_settings(state).http
    own = state.path / "clouds.yaml"
    home = clouds.home_file(state)
    known = f"{own}, as cloud `cumulo`" if home is None else f"{home}, as `cumulo` and `cumulo-admin`"
    other = "" if home else f"--state {state.path} "
    return "\n".join(
        (
            f"Cumulo is up:    {http.url}",
            f"clouds.yaml:     {known}",
            f"openrc:          {state.path / 'openrc'} (a project's user), {state.path / 'admin-openrc'}",
            f"password:        {state.admin_password} (the administrator's)",
            f"try:             {name()} {other}openstack server list",
        )
    )
