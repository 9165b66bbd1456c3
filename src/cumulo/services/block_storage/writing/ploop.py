"""Writing Parallels' expanding disks, which ploop's are. (Layout: QEMU's docs/interop/parallels.txt.)

Header and the table of blocks, then the blocks of 1 MiB in order; all little-endian.
"""

import struct
from collections.abc import AsyncIterator, Sequence

from cumulo.contracts.volumes import Extent
from cumulo.services.block_storage.writing.runs import Read, content_of, ordered, padded, runs_of, table_of

BLOCK = 1 << 20
SECTOR = 512
HEADS = 16
TRACK = 32  # sectors
HEADER = struct.Struct("<16sIIIIIQIII8s")


async def ploop(size: int, extents: Sequence[Extent], read: Read) -> AsyncIterator[bytes]:
    """Yield an expanding disk of a device of `size` bytes."""
    runs = runs_of(extents, BLOCK)
    blocks, sectors = -(-size // BLOCK), -(-size // SECTOR)
    ahead = -(-(HEADER.size + 4 * blocks) // BLOCK)  # blocks that the header and the table take
    table = ordered(await table_of(runs, blocks, 0, lambda place: ahead + place))
    cylinders = -(-sectors // (HEADS * TRACK))
    header = HEADER.pack(
        *(b"WithouFreSpacExt", 2, HEADS, cylinders, BLOCK // SECTOR, blocks, sectors),
        *(0, ahead * BLOCK // SECTOR, 0, b""),
    )
    yield padded(header + table, BLOCK)
    async for part in content_of(runs, BLOCK, size, read):
        yield part
