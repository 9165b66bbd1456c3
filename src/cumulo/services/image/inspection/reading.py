"""Reading a file from a stranger at places that the file itself names."""

import os
import sys
from array import array
from collections.abc import Iterator
from typing import BinaryIO

from cumulo.services.image.inspection.signatures import Malformed

SECTOR = 512
_PIECE = 1 << 20  # bytes of a table that are in memory at once


class Content:
    """A whole file, read here and there. `size`: its length in bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)

    def at(self, offset: int, length: int, what: str) -> bytes:
        """Return exactly these bytes; Malformed names `what` lies beyond the end."""
        if offset < 0 or offset + length > self.size:
            raise Malformed(f"the file is cut off: {what} lies beyond its end")
        self._file.seek(offset)
        return self._file.read(length)

    def numbers(
        self, offset: int, count: int, kind: str, what: str, *, big: bool = False
    ) -> Iterator["array[int]"]:
        """Yield a table of whole numbers in pieces, for a stranger says how long it is.

        kind: as in `array`; big: they are big-endian, else little-endian. Malformed as `at`, at once.
        """
        width = array(kind).itemsize
        end = offset + count * width
        if count:
            self.at(end - 1, 1, what)
        for start in range(offset, end, _PIECE):
            piece = array(kind, self.at(start, min(_PIECE, end - start), what))
            if big == (sys.byteorder == "little"):
                piece.byteswap()
            yield piece

    def up_to(self, offset: int, length: int) -> bytes:
        """Return these bytes, or as many of them as there are."""
        self._file.seek(offset)
        return self._file.read(length)


def check_size(size: int, largest: int) -> int:
    """Return a disk's size in bytes when it is one that is allowed."""
    if not 0 < size <= largest:
        raise Malformed(f"a virtual size of {size} bytes is not allowed (at most {largest})")
    return size


def is_power_of_two(number: int) -> bool:
    """Say whether a number is 1, 2, 4, 8, …"""
    return number > 0 and not number & (number - 1)
