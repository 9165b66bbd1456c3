"""Folders that hold a pool's files: of this host, and what a pool asks of any."""

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from cumulo.core.drivers import DriverError, Gone, Permanent, Temporary
from cumulo.node.files import write_atomically
from cumulo.node.volumes.driver import Room

R = TypeVar("R")
_HOLE = bytes(1 << 16)


class Folder(Protocol):
    """A folder, wherever it is. Names are relative, with slashes; errors are those of drivers."""

    @property
    def can_reserve(self) -> bool:
        """Whether room can be set aside, for thick volumes."""

    def file(self, name: str) -> dict[str, Any]:
        """Return QEMU's options of a file."""

    async def prepare(self, *folders: str) -> None:
        """Have these folders."""

    async def room(self) -> Room:
        """Return how much there is."""

    async def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder."""

    async def start_of(self, name: str, length: int) -> bytes:
        """Return a file's first bytes."""

    async def size(self, name: str) -> int:
        """Return how long a file is."""

    async def used(self, name: str) -> int:
        """Return how many bytes a file takes up."""

    async def create(self, name: str, content: bytes, *, size: int = 0, reserve: bool = False) -> None:
        """Make a new file, durable, with holes where zeroes are; zeroes up to `size`, reserved if asked."""

    async def replace(self, name: str, content: bytes) -> None:
        """Make a small file hold this: all of it, or what it held before."""

    async def rename(self, name: str, new: str) -> None:
        """Move a file."""

    async def remove(self, name: str) -> None:
        """Remove a file; none is no error."""

    async def resize(self, name: str, size: int) -> None:
        """Give a raw file another length."""

    async def flush(self, name: str) -> None:
        """Have on disk what was written to a file."""


class LocalFolder:
    """A folder of this host."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def can_reserve(self) -> bool:
        """Whether room can be set aside."""
        return True

    def file(self, name: str) -> dict[str, Any]:
        """Return QEMU's options of a file."""
        return {"driver": "file", "filename": str(self.path / name)}

    async def prepare(self, *folders: str) -> None:
        """Have these folders, for nobody else to look into."""

        def make() -> None:
            for name in ("", *folders):
                (self.path / name).mkdir(mode=0o700, parents=True, exist_ok=True)

        await self._work(make)

    async def room(self) -> Room:
        """Return how much there is."""
        found = await self._work(lambda: os.statvfs(self.path))
        return Room(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)

    async def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder."""

        def regular() -> list[str]:
            with os.scandir(self.path / folder) as entries:
                return sorted(one.name for one in entries if one.is_file(follow_symlinks=False))

        return await self._work(regular)

    async def start_of(self, name: str, length: int) -> bytes:
        """Return a file's first bytes."""

        def start() -> bytes:
            with (self.path / name).open("rb") as file:
                return file.read(length)

        return await self._work(start)

    async def size(self, name: str) -> int:
        """Return how long a file is."""
        return await self._work(lambda: (self.path / name).stat().st_size)

    async def used(self, name: str) -> int:
        """Return how many bytes a file takes up."""
        return await self._work(lambda: (self.path / name).stat().st_blocks * 512)

    async def create(self, name: str, content: bytes, *, size: int = 0, reserve: bool = False) -> None:
        """Make a new file."""
        await self._work(lambda: _create(self.path / name, content, size, reserve=reserve))

    async def replace(self, name: str, content: bytes) -> None:
        """Make a small file hold this."""
        await self._work(lambda: write_atomically(self.path / name, content))

    async def rename(self, name: str, new: str) -> None:
        """Move a file."""
        await self._work(lambda: (self.path / name).rename(self.path / new))

    async def remove(self, name: str) -> None:
        """Remove a file."""
        await self._work(lambda: (self.path / name).unlink(missing_ok=True))

    async def resize(self, name: str, size: int) -> None:
        """Give a raw file another length."""
        await self._work(lambda: os.truncate(self.path / name, size))

    async def flush(self, name: str) -> None:
        """Have on disk what was written to a file."""

        def flush() -> None:
            with (self.path / name).open("rb+") as file:
                os.fsync(file)

        await self._work(flush)

    async def _work(self, work: Callable[[], R]) -> R:
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            raise failure(error) from error


def failure(error: OSError) -> DriverError:
    """Return what an error of a file system means to a pool."""
    reason = error.strerror or str(error)
    if error.errno == errno.ENOENT:
        return Gone(
            f"a file of the pool is missing: {error.filename}", public="a file of the pool is missing"
        )
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Permanent("the pool has no room left")
    kind = Temporary if error.errno in {errno.EINTR, errno.EAGAIN, errno.ETIMEDOUT} else Permanent
    return kind(f"the pool's file system failed: {reason}", public="the pool's file system failed")


def _create(path: Path, content: bytes, size: int, *, reserve: bool) -> None:
    with path.open("wb") as file:
        try:
            path.chmod(0o600)
            for at in range(0, len(content), len(_HOLE)):
                part = content[at : at + len(_HOLE)]
                if part == _HOLE:
                    file.seek(len(part), os.SEEK_CUR)
                else:
                    file.write(part)
            file.flush()
            length = max(size, len(content))
            file.truncate(length)
            if reserve:
                os.posix_fallocate(file.fileno(), 0, length)
            os.fsync(file)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
