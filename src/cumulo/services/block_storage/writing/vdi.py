"""Writing VirtualBox's VDI as a stream. (Layout: VDICore.h of VirtualBox, version 1.1; little-endian.)

Header, the map of blocks, then the blocks of 1 MiB in order.
"""

import struct
import uuid
from collections.abc import AsyncIterator, Sequence

from cumulo.contracts.volumes import Extent
from cumulo.services.block_storage.writing.runs import (
    Read,
    content_of,
    count_of,
    ordered,
    padded,
    runs_of,
    table_of,
)

BLOCK = 1 << 20
SECTOR = 512
DYNAMIC = 1
NOWHERE = 0xFFFF_FFFF
HEADER = struct.Struct("<64sIIIII256sIIIIIIIQIIII16s16s16s16s56s")


async def vdi(size: int, extents: Sequence[Extent], read: Read) -> AsyncIterator[bytes]:
    """Yield a dynamic VDI of a device of `size` bytes."""
    runs = runs_of(extents, BLOCK)
    blocks = -(-size // BLOCK)
    written = padded(ordered(await table_of(runs, blocks, NOWHERE, lambda place: place)), SECTOR)
    yield HEADER.pack(
        *(b"<<< Oracle VM VirtualBox Disk Image >>>\n", 0xBEDA107F, 0x0001_0001, 0x180, DYNAMIC, 0, b""),
        *(HEADER.size, HEADER.size + len(written), 0, 0, 0, SECTOR, 0),
        *(size, BLOCK, 0, blocks, count_of(runs)),
        *(uuid.uuid4().bytes_le, uuid.uuid4().bytes_le, bytes(16), bytes(16), b""),
    )
    yield written
    async for part in content_of(runs, BLOCK, size, read):
        yield part
