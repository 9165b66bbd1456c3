"""The guests of a cloud as libvirt sees them: for stopping and awaiting them without asking the server."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator

import libvirt

from cumulo.runtime.engines.libvirt import (
    containers_running,
    containers_uri,
    guest_processes,
    guests_running,
    uri,
)
from cumulo.runtime.state import StateFolder

_ASK = "import sys, libvirt; libvirt.openReadOnly(sys.argv[1]).getVersion()"
_PATIENCE = 10.0  # seconds in which libvirt answers
_BEGINNING = 60.0  # seconds after which both ends of a migration have long read their certificates
_ENDING = 10.0  # seconds in which a process ends that is told to
_LOOK = 0.2


def libvirt_answers(state: StateFolder) -> bool:
    """Say whether libvirt answers; asked by another process, for a call of its library cannot be given up."""
    command = [sys.executable, "-c", _ASK, uri(state)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=_PATIENCE)  # noqa: S603  our own
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


@contextlib.contextmanager
def connected(where: str, *, only_reading: bool = False) -> Iterator[libvirt.virConnect]:
    """Give a connection to a libvirt; what fails is raised, and not printed as well. libvirt.libvirtError."""
    libvirt.registerErrorHandler(lambda *_: None, None)
    with contextlib.closing((libvirt.openReadOnly if only_reading else libvirt.open)(where)) as connection:
        yield connection


def stop_all(state: StateFolder, *, grace: float) -> None:
    """Have every guest shut itself down; end those that are not off within `grace` seconds.

    Where libvirt does not answer nobody can ask them: they are ended, as by the loss of power.
    """
    uris = [uri(state), *([containers_uri(state)] if containers_running(state) else [])]
    with contextlib.suppress(libvirt.libvirtError):
        if libvirt_answers(state):
            for each in uris:
                _stop_all_of(each, grace)
            return
    for number in (signal.SIGTERM, signal.SIGKILL):  # QEMU writes what it holds at the first
        for pid in guest_processes(state).values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        _until(lambda: not guests_running(state), _ENDING)


def _stop_all_of(where: str, grace: float) -> None:
    with connected(where) as connection:
        running = connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
        if grace:
            for domain in running:
                with contextlib.suppress(libvirt.libvirtError):
                    domain.shutdown()
            _until(lambda: not any(map(_active, running)), grace)
        for domain in running:
            with contextlib.suppress(libvirt.libvirtError):
                domain.destroy()


def await_beginnings(hosts: Iterable[StateFolder]) -> None:
    """Wait until no guest goes from one host to another that did not long ago, or begins to from now on."""
    here = list(hosts)
    moving = _moving(here)

    def none_is_left() -> bool:
        moving.intersection_update(_moving(here) if moving else ())
        return not moving

    _until(none_is_left, _BEGINNING)


def _moving(hosts: Iterable[StateFolder]) -> set[tuple[str, str]]:
    """Return hosts and guests with which libvirt is at something long; no guest's name where it is silent."""
    found: set[tuple[str, str]] = set()
    for state in hosts:
        if not guests_running(state):
            continue
        if not libvirt_answers(state):
            found.add((state.host, ""))
            continue
        with connected(uri(state), only_reading=True) as connection:
            running = connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
            found.update((state.host, domain.name()) for domain in running if _is_busy(domain))
    return found


def _is_busy(domain: libvirt.virDomain) -> bool:
    try:
        return bool(domain.jobInfo()[0] != libvirt.VIR_DOMAIN_JOB_NONE)
    except libvirt.libvirtError:
        return False  # it has ended


def _active(domain: libvirt.virDomain) -> bool:
    try:
        return bool(domain.isActive())
    except libvirt.libvirtError:
        return False


def _until(condition: Callable[[], bool], seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while not condition() and time.monotonic() < give_up:
        time.sleep(_LOOK)  # a command polls; no event loop is here
