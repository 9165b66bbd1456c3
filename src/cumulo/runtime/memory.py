"""What remembering drivers remember, kept in a file: guests, volumes and networks that outlive the server.

Real engines run on when the server is killed. With `[engines] keep_fakes` fakes do, too: after each call what
they hold is written down, before the caller has its answer. A killed server finds its engines as they were.
"""

import asyncio
import inspect
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

T = TypeVar("T")

HYPERVISOR = (
    *("guests_by_id", "snapshots", "kept", "received", "received_local", "expected", "mirrors"),
    *("daemon", "_fences"),
)
POOL = ("volumes", "_fences")
NETWORK = ("specs",)
"""What each kind of fake holds: the names of its attributes."""

Contents = dict[str, dict[str, Any]]


class Memory:
    """All that the fakes of one server remember. Without a file nothing is kept.

    delay: seconds at the most until the caller of a verb hears that it changed something.
    """

    def __init__(self, file: Path | None, delay: float = 0.0) -> None:
        self._file = file
        self._delay = delay
        self._known = read(file) if file is not None else {}
        self._written = b""
        self._fakes: dict[str, tuple[object, tuple[str, ...]]] = {}

    def keep(self, name: str, fake: T, attributes: tuple[str, ...]) -> T:
        """Return a fake that begins with what it remembered under this name, and has it kept from now on."""
        if self._file is None:
            return fake
        for attribute, value in self._known.get(name, {}).items():
            setattr(fake, attribute, value)
        self._fakes[name] = (fake, attributes)
        return cast("T", _Kept(fake, self._write, self._delay))

    def _write(self) -> bool:
        """Write it down; return whether anything had changed."""
        contents = {
            name: {one: getattr(fake, one) for one in ones} for name, (fake, ones) in self._fakes.items()
        }
        packed = pickle.dumps(contents)
        if self._file is None or packed == self._written:
            return False
        beside = self._file.with_suffix(".new")
        beside.write_bytes(packed)
        beside.replace(self._file)
        self._written = packed
        return True


def read(file: Path) -> Contents:
    """Return what fakes remember: by fake's name, then by attribute. Nothing when there is no file."""
    if not file.exists():
        return {}
    return cast("Contents", pickle.loads(file.read_bytes()))  # noqa: S301  our own file, which only root reads


class _Kept:
    """Stands before a fake: whatever it does is written down when it is done."""

    def __init__(self, fake: object, write: Callable[[], bool], delay: float) -> None:
        self._fake = fake
        self._write = write
        self._delay = delay

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._fake, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def call(*arguments: Any, **named: Any) -> Any:
            try:
                return await found(*arguments, **named)
            finally:
                if self._write() and self._delay:
                    await asyncio.sleep(random.uniform(0, self._delay))  # noqa: S311  no secret

        return call
