"""What stands in an operator's log, and what does not."""

import errno
import io
import sys
from collections.abc import Iterator

import msgspec
import pytest
import structlog

from cumulo.core import clock
from cumulo.runtime import telling
from cumulo.runtime.settings import LogSettings


class Log:
    """A log that is read back."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        telling.configure(LogSettings(style="json"), self.stream)

    @property
    def lines(self) -> list[dict[str, object]]:
        return [msgspec.json.decode(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    yield Log()
    structlog.reset_defaults()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set."""
    time = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: time[0])
    return time


def test_an_event_says_what_to_do_about_it(log: Log):
    structlog.get_logger().error("sqlite.commit_failed", error="database or disk is full", members=1)
    structlog.get_logger().warning("part.retried", error="no room")
    assert "cumulo doctor" in str(log.lines[0]["mend"])
    assert "mend" not in log.lines[1]


def test_what_stays_is_said_once_a_minute_and_counted(log: Log, now: list[float]):
    for second in range(61):
        now[0] = 1000.0 + second
        structlog.get_logger().warning("reconciler.failed", name="network.hosts", request_id=f"req-{second}")
    assert [line.get("repeated") for line in log.lines] == [None, 59]


def test_two_things_that_fail_are_two_lines(log: Log, now: list[float]):
    for name in ("a", "b", "a"):
        structlog.get_logger().warning("part.retried", resource=f"server:{name}", retry_in=0.5)
    assert [line["resource"] for line in log.lines] == ["server:a", "server:b"]


def test_what_goes_well_is_never_left_out(log: Log, now: list[float]):
    for _ in range(2):
        structlog.get_logger().info("part.finished", resource="server:a")
    assert len(log.lines) == 2


def test_the_same_fault_is_said_once_and_another_at_once(log: Log, now: list[float]):
    for fault in (ValueError("one"), ValueError("one"), ValueError("other")):
        try:
            raise fault
        except ValueError:
            structlog.get_logger().exception("reconciler.failed", name="x")
    assert ["one" in str(line["exception"]) for line in log.lines] == [True, False]


def test_kinds_are_not_remembered_without_end(log: Log, now: list[float], monkeypatch: pytest.MonkeyPatch):
    repeats = telling.Repeats()
    monkeypatch.setattr(telling, "_KINDS", 3)
    for number in range(10):
        repeats(None, "warning", {"event": f"e{number}"})
    assert len(repeats._said) <= 3


class Full(io.StringIO):
    """A stream to a disk that takes no byte more."""

    def write(self, text: str) -> int:
        """Take nothing."""
        raise OSError(errno.ENOSPC, text)


def test_a_full_disk_loses_lines_and_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the server's nor a further host's: an operation would fail by what it says of itself."""
    monkeypatch.setattr(sys, "stderr", Full())
    telling.configure(LogSettings(style="json"))
    structlog.get_logger().warning("disk.full")
    structlog.reset_defaults()
