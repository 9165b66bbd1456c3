"""What the supervisor knows of each part, and the file in which others read it."""

import asyncio
import time
from enum import StrEnum
from pathlib import Path

import msgspec

from cumulo.runtime.engines.processes import Process


class PartState(StrEnum):
    """How a part is."""

    WAITING = "waiting"  # for what it needs
    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"  # ended or would not start; is tried again after a pause
    STOPPED = "stopped"


class PartStatus(msgspec.Struct, kw_only=True):
    """One part. `since` is seconds since the epoch, of the present state."""

    name: str
    state: PartState = PartState.WAITING
    pid: int | None = None
    restarts: int = 0
    adopted: bool = False
    since: float = 0.0
    error: str = ""


class Status(msgspec.Struct, kw_only=True):
    """The whole: the supervisor's own pid and its parts, in the order of their start."""

    pid: int
    started: float
    parts: list[PartStatus]


class Part:
    """A part at work: its status, its process and whether it is up."""

    def __init__(self, name: str) -> None:
        self.status = PartStatus(name=name, since=time.time())
        self.process: Process | None = None
        self.up = asyncio.Event()


def read_status(path: Path) -> Status | None:
    """Return what the supervisor wrote last; None when it wrote nothing readable."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Status)
    except (OSError, msgspec.DecodeError):
        return None


def write_status(path: Path, status: Status) -> None:
    """Write it so that a reader never sees half of it."""
    beside = path.with_suffix(".new")
    beside.write_bytes(msgspec.json.encode(status))
    beside.replace(path)
