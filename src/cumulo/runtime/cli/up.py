"""`cumulo up`: start the supervisor in the background, and wait until the cloud answers."""

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from cumulo.runtime import clouds
from cumulo.runtime.calling import as_called, name
from cumulo.runtime.doctor.machine import missing_programs
from cumulo.runtime.engines.processes import lasting_environment
from cumulo.runtime.hosts import life
from cumulo.runtime.hosts.folder import BadHost
from cumulo.runtime.settings import config_of, runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.keeping import begin, command, supervisor_of, wait_until_up

_ROOM = 4 << 20  # bytes without which nothing of ours can even say what is wrong


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--foreground", action="store_true", help="stay, as a service unit wants")


class CannotStart(Exception):
    """What keeps a cloud from starting, with the mend."""


def run(options: argparse.Namespace) -> int:
    """Start the cloud; print where it is."""
    if options.foreground:
        own = _told(_checked, options.state)
        if own is not None:
            supervisor = [*command(own), "--hosts"]
            os.execve(sys.executable, supervisor, lasting_environment())  # noqa: S606  becomes it
        return 1
    state = start(options.state)
    if state is None:
        return 1
    print(described(state))
    return 0


def start(path: Path) -> StateFolder | None:
    """Have the cloud of a state folder up; say what keeps it from it and return None otherwise."""
    return _told(_started, path)


def _told(do: Callable[[Path], StateFolder], path: Path) -> StateFolder | None:
    try:
        return do(path)
    except CannotStart as error:
        print(f"cumulo: {as_called(str(error), StateFolder(path))}", file=sys.stderr)
    return None


def _started(path: Path) -> StateFolder:
    """Have a cloud up. Raises CannotStart."""
    state = _checked(path)
    problem = wait_until_up(state, begin(state))
    if problem:
        mend = f"`cumulo doctor` looks for the cause; the logs are in {state.logs}"
        raise CannotStart(f"{problem}\ncumulo: {mend}")
    clouds.write_home(state)
    try:
        life.start_all(state)
    except BadHost as error:
        raise CannotStart(f"the cloud is up, but not all of its hosts: {error}") from error
    return state


def _checked(path: Path) -> StateFolder:
    """Return the state folder at a path, prepared. Raises CannotStart."""
    if os.geteuid() != 0:
        raise PermissionError("this needs root: run it with sudo")
    if StateFolder(path).unfinished.exists():
        raise CannotStart(f"a restore into {path} was not finished: `cumulo restore FILE` again")
    state = config_of(path)
    lacking = missing_programs(state)
    if lacking:
        raise CannotStart(f"this machine lacks {', '.join(lacking)}: `cumulo doctor` says what to install")
    if supervisor_of(state) is None and shutil.disk_usage(state.path).free < _ROOM:
        mend = "`cumulo doctor` says how to find what takes it"
        raise CannotStart(f"no space left on the disk of {state.path}: {mend}")
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
