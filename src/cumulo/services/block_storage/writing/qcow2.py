"""Writing QCOW2 as a stream. (Format: QEMU's docs/interop/qcow2, version 3.)

Header, L1 table, refcount table, refcount blocks, L2 tables, then the clusters in order.
"""

import struct
from collections.abc import AsyncIterator, Iterator, Sequence

from cumulo.contracts.volumes import Extent
from cumulo.services.block_storage.writing.runs import Read, content_of, padded, runs_of, tables_of

CLUSTER = 1 << 16
PER_TABLE = CLUSTER // 8  # entries of an L2 or refcount table
PER_BLOCK = CLUSTER // 2  # refcounts of 16 bits
COPIED = 1 << 63  # the flag of an entry whose cluster is used once
HEADER = struct.Struct(">4sIQIIQIIQQIIQQQQII")


class Layout:
    """Where everything lies in a file for `size` bytes of which `runs` of clusters hold data."""

    def __init__(self, size: int, runs: Sequence[tuple[int, int]]) -> None:
        self.size = size
        self.runs = runs
        self.tables = tables_of(runs, PER_TABLE)
        self.entries = max(1, -(-size // (CLUSTER * PER_TABLE)))
        self.l1 = max(1, -(-self.entries * 8 // CLUSTER))
        data = sum(end - first for first, end in runs)
        fixed = 1 + self.l1 + len(self.tables) + data
        self.blocks, self.index = 1, 1
        while True:  # refcounts count their own clusters too
            blocks = -(-(fixed + self.blocks + self.index) // PER_BLOCK)
            index = -(-blocks * 8 // CLUSTER)
            if (blocks, index) == (self.blocks, self.index):
                break
            self.blocks, self.index = blocks, index
        self.total = fixed + self.blocks + self.index
        self.first_block = 1 + self.l1 + self.index
        self.first_table = self.first_block + self.blocks
        self.first_data = self.first_table + len(self.tables)

    def header(self) -> bytes:
        """Return the header's cluster."""
        fields = (
            *(b"QFI\xfb", 3, 0, 0, 16, self.size, 0, self.entries),
            *(CLUSTER, (1 + self.l1) * CLUSTER, self.index, 0, 0, 0, 0, 0, 4, HEADER.size),
        )
        return _padded(HEADER.pack(*fields))

    def l1_table(self) -> bytes:
        """Return the L1 table: where the L2 tables are."""
        entries = [0] * self.entries
        for number, table in enumerate(self.tables):
            entries[table] = (self.first_table + number) * CLUSTER | COPIED
        return _padded(struct.pack(f">{self.entries}Q", *entries))

    def refcounts(self) -> Iterator[bytes]:
        """Yield the refcount table and its blocks: every cluster is used once."""
        places = [(self.first_block + number) * CLUSTER for number in range(self.blocks)]
        yield _padded(struct.pack(f">{self.blocks}Q", *places))
        for number in range(self.blocks):
            used = min(PER_BLOCK, self.total - number * PER_BLOCK)
            yield (b"\x00\x01" * used).ljust(CLUSTER, b"\0")

    def l2_tables(self) -> Iterator[bytes]:
        """Yield the L2 tables: where each cluster is."""
        place = self.first_data
        current, table = -1, [0] * PER_TABLE
        for first, end in self.runs:
            for cluster in range(first, end):
                if cluster // PER_TABLE != current:
                    if current >= 0:
                        yield struct.pack(f">{PER_TABLE}Q", *table)
                    current, table = cluster // PER_TABLE, [0] * PER_TABLE
                table[cluster % PER_TABLE] = place * CLUSTER | COPIED
                place += 1
        if current >= 0:
            yield struct.pack(f">{PER_TABLE}Q", *table)


def _padded(data: bytes) -> bytes:
    return padded(data, CLUSTER)


async def qcow2(size: int, extents: Sequence[Extent], read: Read) -> AsyncIterator[bytes]:
    """Yield a QCOW2 file of a device of `size` bytes; what lies between extents takes no room."""
    layout = Layout(size, runs_of(extents, CLUSTER))
    yield layout.header()
    yield layout.l1_table()
    for part in layout.refcounts():
        yield part
    for part in layout.l2_tables():
        yield part
    async for part in content_of(layout.runs, CLUSTER, size, read):
        yield part
