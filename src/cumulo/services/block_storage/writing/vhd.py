"""Writing Microsoft's VHD as a stream. (Virtual Hard Disk Image Format Specification 1.0; big-endian.)

The footer's copy, the header of dynamic disks, the table of blocks, then the blocks of 2 MiB in order, each
with a map of its sectors before it, and the footer.
"""

import struct
import uuid
from collections.abc import AsyncIterator, Sequence

from cumulo.contracts.volumes import Extent
from cumulo.services.block_storage.writing.runs import (
    Read,
    content_of,
    ordered,
    padded,
    runs_of,
    table_of,
    units_of,
)

BLOCK = 2 << 20
SECTOR = 512
SECTORS_MAP = b"\xff" * (BLOCK // SECTOR // 8)  # every sector of a block is there
DYNAMIC = 3
NOWHERE = 0xFFFF_FFFF
FOOTER = struct.Struct(">8sIIQI4sHH4sQQHBBII16sB427s")
HEADER = struct.Struct(">8sQQIIII16sII512s192s256s")
# Whose sizes are meant as they stand; of other programs' disks, readers believe the geometry.
CREATOR = b"qem2"
_MOST_SECTORS = 65535 * 16 * 255
_MOST_HEADS = 16


async def vhd(size: int, extents: Sequence[Extent], read: Read) -> AsyncIterator[bytes]:
    """Yield a dynamic VHD of a device of `size` bytes."""
    runs = runs_of(extents, BLOCK)
    blocks = -(-size // BLOCK)
    at = FOOTER.size + HEADER.size + len(padded(bytes(4 * blocks), SECTOR))
    step = len(SECTORS_MAP) + BLOCK
    places = await table_of(runs, blocks, NOWHERE, lambda place: (at + place * step) // SECTOR)
    footer = _footer(size)
    yield footer
    yield _header(blocks)
    yield padded(ordered(places, big=True), SECTOR)
    for block in units_of(runs):
        yield SECTORS_MAP
        async for part in content_of([(block, block + 1)], BLOCK, size, read):
            yield part
    yield footer


def _footer(size: int) -> bytes:
    geometry = _geometry(size // SECTOR)

    def packed(checksum: int) -> bytes:
        return FOOTER.pack(
            *(b"conectix", 2, 0x0001_0000, FOOTER.size, 0, CREATOR, 1, 0, b"Wi2k", size, size),
            *(*geometry, DYNAMIC, checksum, identity, 0, b""),
        )

    identity = uuid.uuid4().bytes
    return packed(_checksum(packed(0)))


def _header(blocks: int) -> bytes:
    def packed(checksum: int) -> bytes:
        table = FOOTER.size + HEADER.size
        return HEADER.pack(
            *(b"cxsparse", (1 << 64) - 1, table, 0x0001_0000, blocks, BLOCK, checksum),
            *(b"", 0, 0, b"", b"", b""),
        )

    return packed(_checksum(packed(0)))


def _checksum(data: bytes) -> int:
    return ~sum(data) & 0xFFFF_FFFF


def _geometry(sectors: int) -> tuple[int, int, int]:
    """Return cylinders, heads and sectors of a track, as the specification's appendix computes them."""
    sectors = min(sectors, _MOST_SECTORS)
    if sectors >= 65535 * 16 * 63:
        return sectors // 255 // 16, 16, 255
    track = 17
    turns = sectors // track
    heads = max(4, (turns + 1023) // 1024)
    if turns >= heads * 1024 or heads > _MOST_HEADS:
        track, heads = 31, _MOST_HEADS
        turns = sectors // track
    if turns >= heads * 1024:
        track, heads = 63, _MOST_HEADS
        turns = sectors // track
    return turns // heads, heads, track
