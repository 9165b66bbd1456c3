"""Taking an upload in: blocks are gathered, and while the next ones come the last are written and hashed.

They are gathered in two buffers that are used in turn: fresh memory for each block costs as much time as
hashing it.
"""

import asyncio
import contextlib
import errno
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from cumulo.services.image.drivers import Full, Written

T = TypeVar("T")
BLOCK = 4 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Sink(Protocol):
    """What an upload is written into. All of it blocks, and is called in threads, one call at a time."""

    def append(self, data: memoryview) -> None:
        """Write the next bytes, which are others as soon as this ends. Raises OSError."""

    def close(self) -> None:
        """Make all that was written durable."""

    def remove(self) -> None:
        """Remove what was written, closed or not; nothing to remove is no error."""


class SinkWriter:
    """A `Writer`. Writing and the two hashes each have a thread: all three let the interpreter go on."""

    def __init__(self, sink: Sink, threads: ThreadPoolExecutor) -> None:
        self._sink = sink
        self._threads = threads
        self._filling, self._spare = bytearray(), bytearray()
        self._waiting = 0
        self._size = 0
        self._under_way: asyncio.Future[list[None]] | None = None
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha512 = hashlib.sha512()

    async def write(self, block: bytes) -> None:
        """Append the next bytes; this waits for the disk when it is slower than they come."""
        start = 0
        while start < len(block):
            if not self._filling:
                self._filling = bytearray(BLOCK)
            taken = memoryview(block)[start : start + BLOCK - self._waiting]
            self._filling[self._waiting : self._waiting + len(taken)] = taken
            self._waiting += len(taken)
            start += len(taken)
            if self._waiting == BLOCK:
                await self._flush()

    async def finish(self) -> Written:
        """Make what was written durable and say what it is."""
        await self._flush()
        await self._settle()
        await self._do(self._sink.close)
        return Written(self._size, self._md5.hexdigest(), self._sha512.hexdigest())

    async def discard(self) -> None:
        """Remove what was written."""
        with contextlib.suppress(Full, OSError):
            await self._settle()
        await self._do(self._sink.remove)

    async def _flush(self) -> None:
        await self._settle()
        data = memoryview(self._filling)[: self._waiting]
        self._size += self._waiting
        self._filling, self._spare, self._waiting = self._spare, self._filling, 0
        work = (self._sink.append, self._md5.update, self._sha512.update)
        self._under_way = asyncio.gather(*(self._do(lambda one=one: one(data)) for one in work))  # type: ignore[misc]  # each its own

    async def _settle(self) -> None:
        """Wait until what was flushed is written. Raises Full."""
        if self._under_way is not None:
            under_way, self._under_way = self._under_way, None
            await under_way

    async def _do(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except OSError as error:
            if error.errno in _FULL:
                raise Full from error
            raise
