"""Bytes in memory of which only those that were written take room."""

from collections.abc import Iterator

from cumulo.contracts.volumes import Extent

BLOCK = 64 * 1024
_ZEROES = bytes(BLOCK)


class SparseBytes:
    """A device of `size` bytes, all zero at first."""

    def __init__(self, size: int, blocks: dict[int, bytes] | None = None) -> None:
        self.size = size
        self._blocks = blocks or {}

    def copy(self, size: int | None = None) -> "SparseBytes":
        """Return a device with the same content, and more zeroes when it is to be larger."""
        return SparseBytes(self.size if size is None else size, dict(self._blocks))

    def read(self, offset: int, length: int) -> bytes:
        """Return a piece."""
        parts = []
        for number, begin, end in _pieces(offset, length):
            parts.append(self._blocks.get(number, _ZEROES)[begin:end])
        return b"".join(parts)

    def write(self, offset: int, data: bytes) -> None:
        """Write a piece."""
        taken = 0
        for number, begin, end in _pieces(offset, len(data)):
            block = bytearray(self._blocks.get(number, _ZEROES))
            block[begin:end] = data[taken : taken + end - begin]
            taken += end - begin
            if any(block):
                self._blocks[number] = bytes(block)
            else:
                self._blocks.pop(number, None)

    def extents(self) -> list[Extent]:
        """Return where something was written, in order, neighbours as one."""
        found: list[Extent] = []
        for number in sorted(self._blocks):
            offset = number * BLOCK
            length = min(BLOCK, self.size - offset)
            if found and found[-1].offset + found[-1].length == offset:
                length += found[-1].length
                offset = found.pop().offset
            found.append(Extent(offset=offset, length=length))
        return found


def _pieces(offset: int, length: int) -> Iterator[tuple[int, int, int]]:
    """Yield of each block that a range touches its number, and where in it the range begins and ends."""
    end = offset + length
    while offset < end:
        number, begin = divmod(offset, BLOCK)
        stop = min(BLOCK, begin + end - offset)
        yield number, begin, stop
        offset += stop - begin
