"""The command: start what is measured, measure, print the table, write the JSON."""

import http.client
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from cumulo.runtime.bench.client import Client
from cumulo.runtime.bench.guest import GuestDisks
from cumulo.runtime.bench.identity import LargeIdentity
from cumulo.runtime.bench.memory import TENTH, Memory
from cumulo.runtime.bench.meter import Figure, memory_mb
from cumulo.runtime.bench.network import SETTINGS as NETWORK
from cumulo.runtime.bench.network import Networking
from cumulo.runtime.bench.placement import Candidates
from cumulo.runtime.bench.start import GuestStart
from cumulo.runtime.bench.storage import SETTINGS as STORAGE
from cumulo.runtime.bench.storage import Storage
from cumulo.runtime.bench.workload import SETTINGS, Workload
from cumulo.runtime.cli.down import stop
from cumulo.runtime.cli.up import start
from cumulo.runtime.engines.processes import Record
from cumulo.runtime.scratch import scratch_cloud
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.parts import read_status

OWN = ("supervisor", "server")
COLUMNS = "{:<36}{:>7}{:>12}{:>12}{:>12}   {:<30}"


def bench(json: Path | None = None, only: Sequence[str] = (), requests: int = TENTH) -> int:
    """Measure everything, or `only` some KINDS, and print each line as it is known.

    requests: how many the kind `memory` makes. Return 0 when every promise is kept.
    """
    print(COLUMNS.format("WHAT", "CALLS", "CPU ms", "MEDIAN ms", "PER SECOND", "REACH"))
    figures = []
    kinds = KINDS | {"memory": partial(_memory, requests)}
    for figure in itertools.chain.from_iterable(kinds[kind]() for kind in only or kinds):
        print(_line(figure), flush=True)
        figures.append(figure)
    if json:
        told = [{**msgspec.to_builtins(figure), "met": figure.is_met} for figure in figures]
        json.write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=1))
    return 1 if any(figure.is_met is False for figure in figures) else 0


def _quick() -> Iterator[Figure]:
    """Measure the calls, on a cloud without engines."""
    with scratch_cloud("bench", SETTINGS) as state:
        yield from Workload(_client(state), _pid(state, "server")).figures()


def _identity() -> Iterator[Figure]:
    """Measure tokens, and lists of an identity with very many of everything."""
    with scratch_cloud("bench", SETTINGS) as state:
        yield from LargeIdentity(state, _client(state), _pid(state, "server")).figures()


def _storage() -> Iterator[Figure]:
    """Measure images and volumes, on a cloud with all its engines."""
    with scratch_cloud("bench", STORAGE) as state:
        yield from Storage(state, _client(state), _pid(state, "server")).figures()


def _whole() -> Iterator[Figure]:
    """Measure start and memory, on a cloud with all its engines."""
    with scratch_cloud("bench") as state:
        stop(state, with_guests=True, grace=0)
        began = time.perf_counter()
        start(state.path)
        _first_answer(runtime_settings(state).http.port)
        seconds = time.perf_counter() - began
        yield Figure(name="start to first answer, all engines", value=seconds, unit="s", reach=2.0)
        own = {name: memory_mb(_pid(state, name)) for name in OWN}
        for name, used in own.items():
            yield Figure(name=f"idle memory: {name}", value=used, unit="MB")
        yield Figure(name="idle memory of Cumulo's processes", value=sum(own.values()), unit="MB", reach=150)
        for name, used in _engines(state).items():
            yield Figure(name=f"engine: {name}", value=used, unit="MB")


def _engines(state: StateFolder) -> dict[str, float]:
    status = read_status(state.status)
    parts = status.parts if status else []
    return {part.name: memory_mb(part.pid) for part in parts if part.pid and part.name not in OWN}


def _placement() -> Iterator[Figure]:
    """Measure finding who has room, on a cloud without engines."""
    with scratch_cloud("bench", SETTINGS) as state:
        yield from Candidates(state, _client(state), _pid(state, "server")).figures()


def _network() -> Iterator[Figure]:
    """Measure ports and security groups, on a cloud with all its engines."""
    with scratch_cloud("bench", NETWORK) as state:
        yield from Networking(state, _client(state), _pid(state, "server")).figures()


def _guest() -> Iterator[Figure]:
    """Measure a guest's disks, on a cloud with all its engines."""
    with scratch_cloud("bench", STORAGE) as state:
        yield from GuestDisks(state, _client(state)).figures()


def _start() -> Iterator[Figure]:
    """Measure how soon a guest runs, on a cloud with all its engines."""
    with scratch_cloud("bench") as state:
        yield from GuestStart(state, _client(state), _pid(state, "server")).figures()


def _memory(requests: int = TENTH) -> Iterator[Figure]:
    """Measure whether memory creeps up, on a cloud without engines."""
    with scratch_cloud("bench", SETTINGS) as state:
        yield from Memory(Workload(_client(state), _pid(state, "server")), requests).figures()


#: What can be measured by itself.
KINDS: dict[str, Callable[[], Iterator[Figure]]] = {
    "calls": _quick,
    "identity": _identity,
    "storage": _storage,
    "placement": _placement,
    "network": _network,
    "guest": _guest,
    "start": _start,
    "whole": _whole,
    "memory": _memory,
}


def _client(state: StateFolder) -> Client:
    """Return a connection of the cloud's administrator."""
    return Client(
        runtime_settings(state).http.port, "admin", state.admin_password.read_text().strip(), "admin"
    )


def _pid(state: StateFolder, name: str) -> int:
    process = Record(state.run / f"{name}.process").find()
    if process is None:
        raise LookupError(f"the {name} does not run")
    return process.pid


def _first_answer(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/identity/v3")
    connection.getresponse().read()
    connection.close()


def _line(figure: Figure) -> str:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"  # noqa: PLR2004  two digits are enough from a hundred on

    reach = ""
    if figure.value is not None and figure.reach is not None:
        sign = "ok" if figure.is_met else "MISSED"
        reach = f"{number(figure.value)} of {number(figure.reach)} {figure.unit} {sign}"
    elif figure.value is not None and figure.cpu_ms is None:
        reach = f"{number(figure.value)} {figure.unit}"
    count = figure.count if figure.cpu_ms is not None else ""
    return COLUMNS.format(
        figure.name, count, number(figure.cpu_ms), number(figure.wall_ms), number(figure.rate), reach
    ).rstrip()
