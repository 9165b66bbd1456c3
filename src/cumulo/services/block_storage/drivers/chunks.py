"""An archive's index: which of a device's chunks it holds, where, and the hash of each.

A record is `>QQI32s`: the chunk's number, its place in the archive's data, its length, its SHA-256. A chunk
that reads as zeroes has length 0: in an archive that builds on another one, it hides the other's chunk. The
records are in the order of the numbers, so that a chain of archives is read as one by merging, in constant
memory however large the device.
"""

import heapq
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

RECORD = struct.Struct(">QQI32s")
_AT_ONCE = 4096  # records read at a time
NO_DIGEST = bytes(32)


class Entry(msgspec.Struct, frozen=True):
    """A chunk: its number, its place in the data, its length in bytes (0: zeroes), its SHA-256."""

    number: int
    place: int
    length: int
    digest: bytes

    def packed(self) -> bytes:
        """Return the record."""
        return RECORD.pack(self.number, self.place, self.length, self.digest)


class Located(msgspec.Struct, frozen=True):
    """An entry, and the archive that holds it."""

    location: str
    entry: Entry


def zeroes(number: int) -> Entry:
    """Return the entry of a chunk that reads as zeroes."""
    return Entry(number, 0, 0, NO_DIGEST)


def entries(index: Path) -> Iterator[Entry]:
    """Yield an index's entries; the file is open only while it is read."""
    position = 0
    while True:
        with index.open("rb") as file:
            file.seek(position)
            records = file.read(_AT_ONCE * RECORD.size)
        if not records:
            return
        position += len(records)
        for values in RECORD.iter_unpack(records):
            yield Entry(*values)


def merged(chain: Sequence[tuple[str, Path]]) -> Iterator[Located]:
    """Yield what a chain of archives holds together, the newest archive first in `chain`; no zeroes."""
    last = -1
    for number, _, found in heapq.merge(*(_aged(age, *one) for age, one in enumerate(chain))):
        if number != last and found.entry.length:
            yield found
        last = number


def _aged(age: int, location: str, index: Path) -> Iterator[tuple[int, int, Located]]:
    for entry in entries(index):
        yield entry.number, age, Located(location, entry)
