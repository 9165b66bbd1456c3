"""`cumulo host`: more hosts of the cloud on this machine, each as good as a machine of its own."""

import argparse
import sys
from collections.abc import Callable, Mapping

from cumulo.runtime.calling import as_called
from cumulo.runtime.engines.libvirt import guests_running
from cumulo.runtime.hosts import life
from cumulo.runtime.hosts.folder import BadHost, address_of, host_named, hosts_of
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.keeping import supervisor_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("verb", choices=["list", *_VERBS])
    parser.add_argument(
        "name", nargs="?", default="", help="the host; `crash` ends all that runs on it at once"
    )


def run(options: argparse.Namespace) -> int:
    """Do it."""
    cloud = StateFolder(options.state)
    if not cloud.exists:
        print(as_called(f"cumulo: there is no cloud in {cloud.path}: `cumulo up`", cloud), file=sys.stderr)
        return 1
    if options.verb == "list":
        for state in hosts_of(cloud):
            print(_line(state))
        return 0
    try:
        print(_VERBS[options.verb](cloud, options.name))
    except BadHost as error:
        print(f"cumulo: {as_called(str(error), cloud)}", file=sys.stderr)
        return 1
    return 0


def _line(state: StateFolder) -> str:
    running = "up" if supervisor_of(state) is not None else "down"
    return f"{state.host:<20}{running:<6}{address_of(state):<20}{guests_running(state)} guest(s)"


def _add(cloud: StateFolder, name: str) -> str:
    name = name or f"{cloud.host}-{len(hosts_of(cloud)) + 2}"
    return f"host {life.add(cloud, name).host} is up"


def _start(cloud: StateFolder, name: str) -> str:
    life.start(host_named(cloud, name))
    return f"host {name} is up"


def _stop(cloud: StateFolder, name: str) -> str:
    left = life.stop(host_named(cloud, name), with_guests=False)
    return f"host {name} is stopped" + (f"; {left} guest(s) keep running" if left else "")


def _crash(cloud: StateFolder, name: str) -> str:
    life.crash(host_named(cloud, name))
    return f"nothing runs on host {name} any more"


def _remove(cloud: StateFolder, name: str) -> str:
    life.remove(host_named(cloud, name))
    return f"host {name} is removed"


_VERBS: Mapping[str, Callable[[StateFolder, str], str]] = {
    "add": _add,
    "start": _start,
    "stop": _stop,
    "crash": _crash,
    "remove": _remove,
}
