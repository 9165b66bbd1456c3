"""Taking an upload in: while blocks come, those before are written and hashed.

Blocks that come whole are taken as they are; smaller ones are gathered in buffers that are used in turn:
fresh memory for each block costs as much time as hashing it.
"""

import asyncio
import contextlib
import errno
import hashlib
import mmap
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from cumulo.services.image.drivers import Full, Written

T = TypeVar("T")
BLOCK = 2 << 20
_AHEAD = 4  # blocks that are worked on when `write` returns
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
    """A `Writer`. Writing and the two hashes each go through the blocks at their own pace, in threads."""

    def __init__(self, sink: Sink, threads: ThreadPoolExecutor, algorithm: str) -> None:
        self._sink = sink
        self._threads = threads
        self._buffers: deque[memoryview] = deque()
        self._waiting = 0
        self._size = 0
        self._under_way: deque[asyncio.Future[list[None]]] = deque()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._digest = hashlib.new(algorithm)
        work = (sink.append, self._md5.update, self._digest.update)
        self._lanes: dict[Callable[[memoryview], None], asyncio.Future[None] | None] = dict.fromkeys(work)

    async def write(self, block: bytes | memoryview) -> None:
        """Append the next bytes; this waits for the disk when it is slower than they come.

        A memoryview of BLOCK bytes must stay as it is until two more blocks were written.
        """
        if isinstance(block, memoryview) and len(block) == BLOCK and not self._waiting:
            await self._flush(block)
            return
        start = 0
        while start < len(block):
            filling = self._filling()
            taken = memoryview(block)[start : start + BLOCK - self._waiting]
            filling[self._waiting : self._waiting + len(taken)] = taken
            self._waiting += len(taken)
            start += len(taken)
            if self._waiting == BLOCK:
                await self._flush_buffer()

    async def finish(self) -> Written:
        """Make what was written durable and say what it is."""
        if self._waiting:
            await self._flush_buffer()
        await self._settle(0)
        await self._do(self._sink.close)
        return Written(self._size, self._md5.hexdigest(), self._digest.hexdigest())

    async def discard(self) -> None:
        """Remove what was written."""
        while self._under_way:
            with contextlib.suppress(Full, OSError):
                await self._settle(0)
        await self._do(self._sink.remove)

    def _filling(self) -> memoryview:
        """Return the buffer that is being filled: the one that is done with for longest."""
        if not self._buffers or (not self._waiting and len(self._buffers) <= len(self._under_way)):
            self._buffers.appendleft(memoryview(mmap.mmap(-1, BLOCK)))  # whole pages, for direct writing
        return self._buffers[0]

    async def _flush_buffer(self) -> None:
        data = self._buffers[0][: self._waiting]
        self._buffers.rotate(-1)
        self._waiting = 0
        await self._flush(data)

    async def _flush(self, data: memoryview) -> None:
        self._size += len(data)
        for work, before in self._lanes.items():
            self._lanes[work] = asyncio.ensure_future(self._after(before, work, data))
        self._under_way.append(asyncio.gather(*filter(None, self._lanes.values())))
        await self._settle(_AHEAD)

    async def _after(
        self, before: asyncio.Future[None] | None, work: Callable[[memoryview], None], data: memoryview
    ) -> None:
        """Work on a block once the same was done with the block before. Raises Full."""
        if before is not None:
            await before
        await self._do(lambda: work(data))

    async def _settle(self, most: int) -> None:
        """Wait until at most so many blocks are worked on. Raises Full."""
        while len(self._under_way) > most:
            first = self._under_way[0]
            try:
                await asyncio.shield(first)  # who is cancelled must not close a file that is written to
            finally:
                if first.done():
                    self._under_way.popleft()

    async def _do(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except OSError as error:
            if error.errno in _FULL:
                raise Full from error
            raise
