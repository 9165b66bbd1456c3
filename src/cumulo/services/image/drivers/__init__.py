"""Where images' bytes are kept.

An upload is written under its own id, where nobody looks for it, and published in one move once it is whole:
an image's bytes are all there or not at all. Which published bytes are an image's, its rows say.
"""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

import msgspec

from cumulo.services.image.config import ALGORITHMS, SHA512

T = TypeVar("T")


def algorithm_of(digest: str) -> str:
    """Return the name of the algorithm that a digest is of; of an empty one, SHA-512."""
    return ALGORITHMS.get(len(digest), SHA512)


class Written(msgspec.Struct, frozen=True):
    """A whole upload: its length in bytes and its hashes in hexadecimal; `digest` is of one of ALGORITHMS."""

    size: int
    md5: str
    digest: str


class Writer(Protocol):
    """An upload under way."""

    async def write(self, block: bytes) -> None:
        """Append the next bytes. Raises Full."""

    async def finish(self) -> Written:
        """Make what was written durable and say what it is. Raises Full."""

    async def discard(self) -> None:
        """Remove what was written; nothing to remove is no error."""


class Full(Exception):
    """The store has no room left."""


class Store(Protocol):
    """Keeps images' bytes."""

    name: str

    async def begin(self, upload_id: str, algorithm: str = SHA512) -> Writer:
        """Start an upload that is hashed with one of ALGORITHMS."""

    async def adopt(self, upload_id: str, path: Path) -> bool:
        """Make a file of this machine a finished upload without copying it; False when that cannot be."""

    async def examine(self, name: str, look: Callable[[BinaryIO], T]) -> T:
        """Give a finished upload, or published bytes, as a file to a function that runs in a thread."""

    async def publish(self, upload_id: str, name: str, twin: str | None = None) -> None:
        """Give a finished upload's bytes the name under which they are found. Done already is no error.

        twin: the name of the very same bytes, with which they may be shared.
        """

    async def remove(self, name: str) -> None:
        """Remove bytes, unless a twin shares them; none is no error."""

    async def names(self) -> list[str]:
        """Return the names of all bytes that were published."""

    async def abandoned(self, known: frozenset[str], age: float) -> list[str]:
        """Return uploads that are not `known` and were not written to for `age` seconds."""

    async def discard(self, upload_id: str) -> None:
        """Remove an upload; none is no error."""

    def read(self, name: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield what was published, `length` bytes from `start` on. Raises FileNotFoundError."""

    def path(self, name: str) -> Path | None:
        """Say where the bytes lie on this machine; None when they do not."""
