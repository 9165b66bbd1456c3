"""A device's bytes on their way between a pool and the store of backups.

An encrypted volume's bytes pass as they lie in the pool, with the header that its passphrase opens: neither
the store nor its folder ever sees what the guest wrote.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from cumulo.contracts.volumes import Extent, VolumePool
from cumulo.services.block_storage.drivers import CHUNK, BackupStore, Piece

GIB = 1 << 30
LARGEST = 4 << 20  # bytes asked of a pool at a time


def runs(extents: Iterable[Extent], end: int) -> Iterator[tuple[int, int]]:
    """Yield the runs of whole chunks that hold data, (offset, length), at most LARGEST long, up to `end`."""
    start = stop = 0
    for extent in extents:
        first = extent.offset // CHUNK * CHUNK
        last = min(-(-(extent.offset + extent.length) // CHUNK) * CHUNK, end)
        if first <= stop:
            stop = max(stop, last)
            continue
        yield from _split(start, stop)
        start, stop = first, last
    yield from _split(start, stop)


def _split(start: int, stop: int) -> Iterator[tuple[int, int]]:
    for offset in range(start, stop, LARGEST):
        yield offset, min(LARGEST, stop - offset)


def end_of(extents: Sequence[Extent], size_gib: int) -> int:
    """Return where a device ends, as far as it matters: an encrypted one is longer by its header."""
    last = extents[-1].offset + extents[-1].length if extents else 0
    return max(size_gib * GIB, last)


async def read(pool: VolumePool, volume_id: str, snapshot_id: str, size_gib: int) -> AsyncIterator[Piece]:
    """Yield what a snapshot holds; the next piece is under way while one is worked on."""
    extents = await pool.extents(volume_id, snapshot_id)
    ahead: tuple[int, asyncio.Task[bytes]] | None = None
    try:
        for offset, length in runs(extents, end_of(extents, size_gib)):
            begun = asyncio.ensure_future(pool.read(volume_id, snapshot_id, offset, length))
            before, ahead = ahead, (offset, begun)
            if before is not None:
                yield Piece(before[0], await before[1])
        if ahead is not None:
            yield Piece(ahead[0], await ahead[1])
    finally:
        if ahead is not None:
            ahead[1].cancel()


async def write(
    pool: VolumePool, volume_id: str, store: BackupStore, location: str, there: Sequence[Extent] = ()
) -> None:
    """Write a backup's content over a volume. there: where the volume holds data, which becomes zeroes."""
    end = there[-1].offset + there[-1].length if there else 0
    clearing = Clearing(runs(there, end))
    async for piece in store.content(location):
        for offset, length in clearing.until(piece.offset, len(piece.data)):
            await pool.write(volume_id, offset, bytes(length))
        await pool.write(volume_id, piece.offset, piece.data)
    for offset, length in clearing.rest():
        await pool.write(volume_id, offset, bytes(length))


class Clearing:
    """The runs of a volume's old data that new content does not cover."""

    def __init__(self, old: Iterator[tuple[int, int]]) -> None:
        self._old = old
        self._run = next(old, None)

    def until(self, offset: int, length: int) -> Iterator[tuple[int, int]]:
        """Yield what is before the new piece at `offset`; forget what it covers."""
        while self._run is not None and self._run[0] < offset + length:
            start, stop = self._run[0], sum(self._run)
            if start < offset:
                yield start, min(stop, offset) - start
            if stop > offset + length:
                self._run = offset + length, stop - offset - length
                return
            self._run = next(self._old, None)

    def rest(self) -> Iterator[tuple[int, int]]:
        """Yield what is left."""
        while self._run is not None:
            yield self._run
            self._run = next(self._old, None)
