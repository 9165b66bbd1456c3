"""What operators' logs need besides events: what to do about one, and each one once, not every second.

What stays, such as a full disk, is met by everything that is tried meanwhile. The first line of a kind
stands in the log at once; what follows within a minute is counted, and the count stands on the next line.
"""

import contextlib
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO, cast

import structlog

from cumulo.core import clock, observe
from cumulo.runtime.settings import LogSettings

QUIET = 60.0  # seconds in which a line is not said again
_KINDS = 1000  # that are remembered; all are forgotten when there are more
_PASSING = frozenset({"request_id", "ms", "retry_in", "again_in", "members"})  # what differs each time

_AGAIN = "none: it is started again by itself; `cumulo status` shows it, `cumulo logs` why it ended"
_ROOM = "`cumulo doctor` says whether the disk is full; all goes on by itself once there is room"
MENDS: Mapping[str, str] = {
    "backend.silent": "`openstack volume service list`; its host's log says why",
    "bus.host_left": "is it off, or only its node? `cumulo host list`; docs/operating.md: Several hosts",
    "bus.cut": "none: the host dials again; is the control plane up? `cumulo status`",
    "database.unavailable": "none when it comes back by itself; `cumulo doctor` says what it lacks",
    "host.orphan_stays": "`cumulo check` shows it until it can be removed",
    "host.silent": "is it off? `openstack compute service list`; docs/operating.md: Several hosts",
    "hypervisor.connection_lost": _AGAIN,
    "ovsdb.lost": _AGAIN,
    "policy.file_refused": "mend the file; until then the rules of before count",
    "sqlite.commit_failed": _ROOM,
    "sqlite.rolled_back": _ROOM,
    "task.stranded": "bring back the code that knows this operation, or start the newer",
    "task.stuck": "`cumulo operations ID` says what is in the way; then POST /operations/ID/resume",
    "volumes.pool_failed": "is its storage reachable? It is tried again by itself",
}
"""What an operator can do about an event; of an operation's failure its own words say it."""

Event = MutableMapping[str, Any]


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Set up a process's log as operators read it. stream: where it goes; standard error by default."""
    also = (say_the_mend, Repeats())
    log = cast("TextIO", Log(sys.stderr if stream is None else stream))
    observe.configure(style=settings.style, level=settings.level, stream=log, also=also)


class Log:
    """Where log lines go: a full disk loses them, and fails nothing that was being done."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write a text if it can be."""
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        """Have what was written be there if it can be."""
        with contextlib.suppress(OSError):
            self._stream.flush()


def say_the_mend(logger: Any, method: str, event: Event) -> Event:
    """Add what to do about an event, where that is known."""
    del logger, method
    mend = MENDS.get(event["event"])
    if mend is not None:
        event.setdefault("mend", mend)
    return event


class Repeats:
    """Drops warnings and errors that were said a moment ago; the next one says how many there were."""

    def __init__(self) -> None:
        self._said: dict[Any, tuple[float, int]] = {}

    def __call__(self, logger: Any, method: str, event: Event) -> Event:
        """Return the event to be said. Raises DropEvent for one that is not."""
        del logger
        if method not in ("warning", "error"):
            return event
        now, kind = clock.monotonic(), _kind(event)
        since, dropped = self._said.get(kind, (now - QUIET, 0))
        if now - since < QUIET:
            self._said[kind] = (since, dropped + 1)
            raise structlog.DropEvent
        if len(self._said) >= _KINDS:
            self._said.clear()
        self._said[kind] = (now, 0)
        if dropped:
            event["repeated"] = dropped
        return event


def _kind(event: Event) -> Any:
    """Return what two lines have in common that say the same."""
    trouble = event.get("exc_info")
    if trouble:
        trouble = repr(trouble if isinstance(trouble, BaseException) else sys.exc_info()[1])
    facts = {**event, "exc_info": trouble}
    return frozenset((name, str(fact)) for name, fact in facts.items() if name not in _PASSING)
