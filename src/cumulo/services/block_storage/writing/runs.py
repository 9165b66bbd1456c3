"""A device's content on its way into an image: what holds data, in units of the format."""

import asyncio
import sys
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

from cumulo.contracts.volumes import Extent

PIECE = 4 << 20
LEAST = 1 << 16  # a plain stream's unit

Read = Callable[[int, int], Awaitable[bytes]]
"""Returns `length` bytes at `offset`."""
Runs = Sequence[tuple[int, int]]
"""Units that hold data, each run from a first one up to but without an end, in order."""


def runs_of(extents: Sequence[Extent], unit: int) -> list[tuple[int, int]]:
    """Return which units hold data."""
    runs: list[tuple[int, int]] = []
    for extent in extents:
        if extent.length <= 0:
            continue
        first = extent.offset // unit
        end = -(-(extent.offset + extent.length) // unit)
        if runs and first <= runs[-1][1]:
            runs[-1] = (runs[-1][0], max(runs[-1][1], end))
        else:
            runs.append((first, end))
    return runs


def units_of(runs: Runs) -> Iterator[int]:
    """Yield each unit that holds data."""
    for first, end in runs:
        yield from range(first, end)


def count_of(runs: Runs) -> int:
    """Return how many units hold data."""
    return sum(end - first for first, end in runs)


def tables_of(runs: Runs, entries: int) -> list[int]:
    """Return which tables, of so many units each, hold any unit with data: of units there may be millions."""
    found: dict[int, None] = {}
    for first, end in runs:
        found.update(dict.fromkeys(range(first // entries, (end - 1) // entries + 1)))
    return list(found)


async def content_of(runs: Runs, unit: int, size: int, read: Read) -> AsyncIterator[bytes]:
    """Yield the content of runs, the last unit filled up with zeroes where the device ends in it."""
    for first, end in runs:
        async for part in pieces(first * unit, min(end * unit, size), read):
            yield part
        if end * unit > size:
            yield bytes(end * unit - size)


async def pieces(start: int, end: int, read: Read) -> AsyncIterator[bytes]:
    """Yield the bytes from `start` up to `end`, some MiB at a time."""
    for offset in range(start, end, PIECE):
        yield await read(offset, min(PIECE, end - offset))


async def raw(size: int, extents: Sequence[Extent], read: Read) -> AsyncIterator[bytes]:
    """Yield a device's bytes as they are, zeroes between extents included."""
    at = 0
    for first, end in runs_of(extents, LEAST):
        for zeroes in _zeroes(first * LEAST - at):
            yield zeroes
        at = min(end * LEAST, size)
        async for part in pieces(first * LEAST, at, read):
            yield part
    for zeroes in _zeroes(size - at):
        yield zeroes


async def table_of(
    runs: Runs, length: int, empty: int, entry: Callable[[int], int], kind: str = "I"
) -> "array[int]":
    """Return a table of so many units: `empty`, and of the nth unit that holds data `entry(n)`.

    kind: as in `array`. Made in a thread: of a large disk it takes seconds.
    """

    def make() -> "array[int]":
        table = array(kind, [empty]) * length
        for place, unit in enumerate(units_of(runs)):
            table[unit] = entry(place)
        return table

    return await asyncio.to_thread(make)


def ordered(table: "array[int]", *, big: bool = False) -> bytes:
    """Return a table's bytes: little-endian, or big-endian."""
    if big == (sys.byteorder == "little"):
        table.byteswap()
    return table.tobytes()


def padded(data: bytes, unit: int) -> bytes:
    """Return data filled up with zeroes to whole units."""
    return data.ljust(-(-len(data) // unit) * unit, b"\0")


def _zeroes(length: int) -> Iterator[bytes]:
    for offset in range(0, length, PIECE):
        yield bytes(min(PIECE, length - offset))
