"""Writing VMware's VMDK as a stream. (Layout: Virtual Disk Format 5.0, hosted sparse extents; little-endian.)

Header, the description, the directory of grains' tables, those tables, then the grains of 64 KiB in order:
one file that names no other.
"""

import random
import struct
from collections.abc import AsyncIterator, Iterator, Sequence

from cumulo.contracts.volumes import Extent
from cumulo.services.block_storage.writing.runs import Read, content_of, padded, runs_of, tables_of, units_of

GRAIN = 1 << 16
SECTOR = 512
PER_TABLE = 512  # grains of a table
TABLE = 4 * PER_TABLE // SECTOR  # sectors of a table
DESCRIPTION = 20  # sectors
HEADER = struct.Struct("<4sIIQQQQIQQQB4sH433s")
NEWLINES_ARE_WHOLE = 1  # a flag: the header's line ends tell of a damaged file
TEXT = """# Disk DescriptorFile
version=1
CID={identity:08x}
parentCID=ffffffff
createType="monolithicSparse"

# Extent description
RW {sectors} SPARSE "disk.vmdk"

# The Disk Data Base
#DDB

ddb.virtualHWVersion = "4"
ddb.geometry.cylinders = "{cylinders}"
ddb.geometry.heads = "255"
ddb.geometry.sectors = "63"
ddb.adapterType = "lsilogic"
"""


async def vmdk(size: int, extents: Sequence[Extent], read: Read) -> AsyncIterator[bytes]:
    """Yield a sparse VMDK of a device of `size` bytes."""
    runs = runs_of(extents, GRAIN)
    grains = -(-size // GRAIN)
    directory = 1 + DESCRIPTION
    first_table = directory + len(padded(bytes(4 * -(-grains // PER_TABLE)), SECTOR)) // SECTOR
    tables = tables_of(runs, PER_TABLE)
    first_grain = -(-(first_table + TABLE * len(tables)) // (GRAIN // SECTOR)) * (GRAIN // SECTOR)
    sectors = size // SECTOR
    yield HEADER.pack(
        *(b"KDMV", 1, NEWLINES_ARE_WHOLE, sectors, GRAIN // SECTOR, 1, DESCRIPTION, PER_TABLE),
        *(0, directory, first_grain, 0, b"\n \r\n", 0, b""),
    )
    yield _description(sectors).ljust(DESCRIPTION * SECTOR, b"\0")
    entries = [0] * -(-grains // PER_TABLE)
    for number, table in enumerate(tables):
        entries[table] = first_table + TABLE * number
    yield padded(struct.pack(f"<{len(entries)}I", *entries), SECTOR)
    for part in _tables(units_of(runs), first_grain):
        yield part
    yield bytes((first_grain - first_table - TABLE * len(tables)) * SECTOR)
    async for part in content_of(runs, GRAIN, size, read):
        yield part


def _description(sectors: int) -> bytes:
    identity = random.getrandbits(32) or 1
    return TEXT.format(identity=identity, sectors=sectors, cylinders=sectors // (255 * 63)).encode()


def _tables(grains: Iterator[int], first_grain: int) -> Iterator[bytes]:
    """Yield the tables of grains: where each is."""
    current, table = -1, [0] * PER_TABLE
    for place, grain in enumerate(grains):
        if grain // PER_TABLE != current:
            if current >= 0:
                yield struct.pack(f"<{PER_TABLE}I", *table)
            current, table = grain // PER_TABLE, [0] * PER_TABLE
        table[grain % PER_TABLE] = first_grain + place * (GRAIN // SECTOR)
    if current >= 0:
        yield struct.pack(f"<{PER_TABLE}I", *table)
