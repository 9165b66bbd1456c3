"""Writing Microsoft's VHDX as a stream. ([MS-VHDX]; little-endian.)

The first MiB says who wrote it and where the rest is; then an empty log, the metadata, the table of blocks,
and the blocks of 2 MiB in order.
"""

import struct
import uuid
from collections.abc import AsyncIterator, Sequence

from cumulo.contracts.volumes import Extent
from cumulo.services.block_storage.writing.runs import Read, content_of, ordered, runs_of, table_of

KIB, MIB = 1 << 10, 1 << 20
BLOCK = 2 * MIB
SECTOR = 512
RATIO = (1 << 23) * SECTOR // BLOCK  # blocks' entries of the table between two for bitmaps
WHOLE = 6  # an entry's state: the block is there
REQUIRED, VIRTUAL = 4, 6  # what reading it needs; that it describes the disk, too
LOG, METADATA, TABLE = MIB, 2 * MIB, 3 * MIB
HEADER = struct.Struct("<4sIQ16s16s16sHHIQ")
REGION = struct.Struct("<16sQII")
ITEM = struct.Struct("<16sIIII")
ITEMS = 64 * KIB  # where the metadata's values begin
REGIONS = {
    "metadata": "8b7ca206-4790-4b9a-b8fe-575f050f886e",
    "blocks": "2dc27766-f623-4200-9d64-115e9bfd4a08",
}
POLYNOMIAL = 0x82F6_3B78  # of CRC-32C, its bits reversed


async def vhdx(size: int, extents: Sequence[Extent], read: Read) -> AsyncIterator[bytes]:
    """Yield a dynamic VHDX of a device of `size` bytes."""
    runs = runs_of(extents, BLOCK)
    blocks = -(-size // BLOCK)
    length = -(-8 * (blocks + (blocks - 1) // RATIO) // MIB) * MIB
    entries = await table_of(runs, blocks, 0, lambda place: (TABLE + length + place * BLOCK) | WHOLE, "Q")
    yield _beginning(length)
    yield bytes(MIB)  # the log
    yield _metadata(size)
    chunks = (entries[at : at + RATIO] for at in range(0, blocks, RATIO))
    yield bytes(8).join(map(ordered, chunks)).ljust(length, b"\0")
    async for part in content_of(runs, BLOCK, size, read):
        yield part


def _beginning(table: int) -> bytes:
    """Return the first MiB: the mark, two headers, two tables of regions. table: the block table's length."""
    found = bytearray(MIB)
    found[0:8] = b"vhdxfile"
    found[8:20] = "Cumulo".encode("utf-16-le")
    file, data = uuid.uuid4().bytes_le, uuid.uuid4().bytes_le
    for number, at in enumerate((64 * KIB, 128 * KIB)):
        fields = (b"head", 0, number + 1, file, data, bytes(16), 0, 1, MIB, LOG)
        found[at : at + 4 * KIB] = _summed(HEADER.pack(*fields).ljust(4 * KIB, b"\0"))
    places = {"blocks": (TABLE, table), "metadata": (METADATA, MIB)}
    rows = b"".join(REGION.pack(_id(REGIONS[name]), *places[name], 1) for name in places)
    regions = _summed((struct.pack("<4sIII", b"regi", 0, len(places), 0) + rows).ljust(64 * KIB, b"\0"))
    for at in (192 * KIB, 256 * KIB):
        found[at : at + 64 * KIB] = regions
    return bytes(found)


def _metadata(size: int) -> bytes:
    items = (
        ("caa16737-fa36-4d43-b3b6-33f0aa44e76b", REQUIRED, struct.pack("<II", BLOCK, 0)),
        ("2fa54224-cd1b-4876-b211-5dbed83bf4b8", VIRTUAL, struct.pack("<Q", size)),
        ("beca12ab-b2e6-4523-93ef-c309e000c746", VIRTUAL, uuid.uuid4().bytes_le),
        ("8141bf1d-a96f-4709-ba47-f233a8faab5f", VIRTUAL, struct.pack("<I", SECTOR)),
        ("cda348c7-445d-4471-9cc9-e9885251c556", VIRTUAL, struct.pack("<I", 4096)),
    )
    rows, values = b"", b""
    for name, flags, value in items:
        rows += ITEM.pack(_id(name), ITEMS + len(values), len(value), flags, 0)
        values += value
    head = struct.pack("<8sHH20s", b"metadata", 0, len(items), b"")
    return ((head + rows).ljust(ITEMS, b"\0") + values).ljust(MIB, b"\0")


def _id(text: str) -> bytes:
    return uuid.UUID(text).bytes_le


def _summed(data: bytes) -> bytes:
    """Return a structure with its checksum, of which it has room after its mark."""
    return data[:4] + struct.pack("<I", crc32c(data)) + data[8:]


def crc32c(data: bytes) -> int:
    """Return the CRC-32C (Castagnoli) of some bytes."""
    value = 0xFFFF_FFFF
    for byte in data:
        value = value >> 8 ^ _SUMS[(value ^ byte) & 0xFF]
    return value ^ 0xFFFF_FFFF


def _sum_of(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (POLYNOMIAL if byte & 1 else 0)
    return byte


_SUMS = tuple(_sum_of(byte) for byte in range(256))
