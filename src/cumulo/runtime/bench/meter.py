"""Measuring a process from outside: processor time and memory, by the kernel's account."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NANOSECONDS = 1e9


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table. `value` is what `reach` is held against; None when nothing is promised."""

    name: str
    count: int = 1
    cpu_ms: float | None = None  # of the server, each call
    wall_ms: float | None = None  # median of a call
    rate: float | None = None  # calls a second, one after another
    value: float | None = None
    unit: str = ""
    reach: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Say whether the promise is kept; None without one."""
        if self.value is None or self.reach is None:
            return None
        return self.value <= self.reach


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, all threads, in seconds."""
    spent = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            spent += int((task / "schedstat").read_text().split()[0])
        except FileNotFoundError:
            continue  # the thread ended
    return spent / NANOSECONDS


def memory_mb(pid: int) -> float:
    """Return a process's share of memory (PSS) in MB of 10^6 bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def measure(
    name: str,
    pid: int,
    call: Callable[[], object],
    count: int,
    *,
    reach_cpu_ms: float | None = None,
    reach_wall_ms: float | None = None,
) -> Figure:
    """Call something `count` times, after a few times unmeasured, and tell what each call took."""
    for _ in range(min(3, count)):
        call()
    times = []
    spent = cpu_seconds(pid)
    began = time.perf_counter()
    for _ in range(count):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    total = time.perf_counter() - began
    cpu_ms = (cpu_seconds(pid) - spent) / count * 1000
    wall_ms = statistics.median(times) * 1000
    return Figure(
        name=name,
        count=count,
        cpu_ms=cpu_ms,
        wall_ms=wall_ms,
        rate=count / total,
        value=cpu_ms if reach_cpu_ms is not None else wall_ms,
        unit="ms CPU" if reach_cpu_ms is not None else "ms",
        reach=reach_cpu_ms if reach_cpu_ms is not None else reach_wall_ms,
    )


def come(condition: Callable[[], Any], what: str, *, seconds: float, pause: float) -> Any:
    """Look every `pause` seconds until the answer is true; return it. RuntimeError after so many seconds."""
    give_up = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > give_up:
            raise RuntimeError(f"{what} did not come")
        time.sleep(pause)  # a command polls; no event loop is here
    return found
