"""Where backups lie: the store's Protocol, and what passes between it and the sagas."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

CHUNK = 64 << 10
"""Bytes that are compared, hashed and kept as one: changing one makes an increment that much larger."""


class Piece(msgspec.Struct, frozen=True):
    """A run of a device's bytes. It begins at a multiple of CHUNK; only a device's last ends elsewhere."""

    offset: int
    data: bytes


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup's bytes became. digest: SHA-256 of the manifest; stored: bytes that it holds itself."""

    digest: str
    chunks: int
    stored: int


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of an archive. problems: what is wrong with it, a sentence each; none: it is whole."""

    location: str
    base: str | None = None
    chunks: int = 0
    stored: int = 0
    problems: tuple[str, ...] = ()


class BackupStore(Protocol):
    """Keeps archives under the ids it is given. Every verb may be repeated.

    Errors are those of `cumulo.core.drivers`.
    """

    async def keep(
        self, location: str, pieces: AsyncIterator[Piece], *, base: str | None, size: int
    ) -> Archived:
        """Keep a device's pieces, which come in order; of one that builds on `base` only what differs.

        What lies between the pieces reads as zeroes. An archive that is there already is made anew. size:
        bytes of the device.
        """

    def content(self, location: str) -> AsyncIterator[Piece]:
        """Yield a device's content in order, every chunk held against its hash; Permanent when one is bad."""

    async def find(self, location: str) -> Archived:
        """Return what an archive is. Gone when there is no whole one."""

    async def verify(self, location: str) -> Proof:
        """Read an archive's own chunks and hold each against its hash."""

    async def remove(self, location: str) -> None:
        """Remove an archive; none is no error."""
