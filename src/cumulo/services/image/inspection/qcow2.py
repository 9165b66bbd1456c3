"""QEMU's qcow2 header, checked field by field (QEMU: docs/interop/qcow2.txt).

All numbers are big-endian. What names another file, is encrypted, or uses a feature that is not known here is
refused; so is what could not be true of an honest image.
"""

import struct

import msgspec

from cumulo.services.image.inspection.reading import Content
from cumulo.services.image.inspection.signatures import HEAD, ContentMismatch, Malformed

MAGIC = b"QFI\xfb"
VERSION_2, VERSION_3 = 2, 3
_FIXED = struct.Struct(">4sIQIIQIIQQIIQ")  # version 2: 72 bytes
_MORE = struct.Struct(">QQQII")  # version 3 goes on: features, refcount order, header length
_LENGTH_3 = _FIXED.size + _MORE.size  # 104
_SMALLEST_CLUSTER, _LARGEST_CLUSTER = 9, 21  # powers of two; the format's own limits
_WIDEST_REFCOUNT = 6
_DIRTY, _CORRUPT, _DATA_FILE, _COMPRESSION, _EXTENDED_L2 = (1 << bit for bit in range(5))
_ALLOWED = _DIRTY | _COMPRESSION | _EXTENDED_L2
_END, _BACKING_FORMAT, _DATA_FILE_NAME, _ENCRYPTION = 0, 0xE2792ACA, 0x44415441, 0x0537BE77
_IS_COMPRESSED = 1 << 62
_COMPRESSED_BITS = 62 + 8  # of these, a compressed cluster's entry has as many fewer as clusters have bits
_OFFSET = 0x00FF_FFFF_FFFF_FE00  # the bits of a table's entry that say where
_L1_LIMIT = 32 * 1024 * 1024  # bytes; QEMU's own limit
_REFCOUNT_TABLE_LIMIT = 8 * 1024 * 1024


class Header(msgspec.Struct, frozen=True):
    """What of a header is still needed once it is found good. Offsets and sizes in bytes."""

    virtual_size: int
    cluster: int  # a cluster's length
    extended: bool  # entries of level 2 tables have 16 bytes, not 8
    table_at: int  # the level 1 table's offset
    table_entries: int
    tables_end: int


class _Fields(msgspec.Struct, frozen=True):
    version: int
    backing_offset: int
    backing_length: int
    cluster_bits: int
    size: int
    encryption: int
    l1_entries: int
    l1_offset: int
    refcount_offset: int
    refcount_clusters: int


def check_header(head: bytes, *, largest: int) -> Header:
    """Check the header in the first bytes of a file. Raises ContentMismatch or Malformed."""
    if not head.startswith(MAGIC):
        raise ContentMismatch("it is declared as qcow2 but is not")
    if len(head) < _FIXED.size:
        raise Malformed("the qcow2 header is cut off")
    _, *numbers, _snapshots, _snapshots_at = _FIXED.unpack_from(head)
    fields = _Fields(*numbers)
    _check_outside(fields)
    cluster = _check_geometry(fields, largest)
    length = _check_version_3(head, cluster) if fields.version == VERSION_3 else _FIXED.size
    _check_extensions(head[:cluster], length)
    extended = fields.version == VERSION_3 and bool(_features(head) & _EXTENDED_L2)
    end = _check_tables(fields, cluster, extended=extended)
    return Header(fields.size, cluster, extended, fields.l1_offset, fields.l1_entries, end)


def check(content: Content, largest: int) -> int:
    """Return a whole file's virtual size in bytes. Raises ContentMismatch or Malformed."""
    header = check_header(content.up_to(0, HEAD), largest=largest)
    if content.size < header.tables_end:
        raise Malformed("the qcow2 file is cut off: its tables lie beyond its end")
    room, what = content.size, "the qcow2's level 1 table"
    for table in content.numbers(header.table_at, header.table_entries, "Q", what, big=True):
        for at in filter(None, (entry & _OFFSET for entry in table)):
            room -= header.cluster  # or one table, named again and again, would be work without end
            if room < 0:
                raise Malformed("the qcow2 names more level 2 tables than it can hold")
            _check_clusters(content, header, at)
    return header.virtual_size


def _check_clusters(content: Content, header: Header, at: int) -> None:
    """Check that what a level 2 table points to is in the file."""
    what = "a level 2 table of the qcow2"
    within = (1 << (_COMPRESSED_BITS - (header.cluster.bit_length() - 1))) - 1
    step = 2 if header.extended else 1
    for clusters in content.numbers(at, header.cluster // 8, "Q", what, big=True):
        last = max(entry & (within if entry & _IS_COMPRESSED else _OFFSET) for entry in clusters[::step])
        if last >= content.size:
            raise Malformed("the qcow2 file is cut off: clusters lie beyond its end")


def _check_outside(fields: _Fields) -> None:
    if fields.version not in (VERSION_2, VERSION_3):
        raise Malformed(f"qcow2 version {fields.version} is not known")
    if fields.backing_offset or fields.backing_length:
        raise Malformed("the qcow2 has a backing file")
    if fields.encryption:
        raise Malformed("the qcow2 is encrypted")


def _check_geometry(fields: _Fields, largest: int) -> int:
    if not _SMALLEST_CLUSTER <= fields.cluster_bits <= _LARGEST_CLUSTER:
        raise Malformed(f"qcow2 clusters of 2^{fields.cluster_bits} bytes are not allowed")
    if not 0 < fields.size <= largest:
        raise Malformed(f"a virtual size of {fields.size} bytes is not allowed (at most {largest})")
    return 1 << fields.cluster_bits


def _features(head: bytes) -> int:
    return int.from_bytes(head[_FIXED.size : _FIXED.size + 8], "big")


def _check_version_3(head: bytes, cluster: int) -> int:
    if len(head) < _LENGTH_3:
        raise Malformed("the qcow2 header is cut off")
    incompatible, _, _, refcount_order, length = _MORE.unpack_from(head, _FIXED.size)
    if incompatible & _DATA_FILE:
        raise Malformed("the qcow2 keeps its data in another file")
    if incompatible & _CORRUPT:
        raise Malformed("the qcow2 is marked as corrupt")
    if incompatible & ~_ALLOWED:
        raise Malformed(f"the qcow2 needs features that are not known ({incompatible & ~_ALLOWED:#x})")
    if refcount_order > _WIDEST_REFCOUNT:
        raise Malformed("the qcow2 has reference counts of more than 64 bits")
    if not _LENGTH_3 <= length <= cluster or length % 8:
        raise Malformed(f"a qcow2 header of {length} bytes is not allowed")
    compression = head[_LENGTH_3 : _LENGTH_3 + 1] if length > _LENGTH_3 else b""
    if incompatible & _COMPRESSION and compression not in (b"\0", b"\1"):
        raise Malformed("the qcow2 is compressed in a way that is not known")
    return int(length)


def _check_extensions(first_cluster: bytes, offset: int) -> None:
    """Walk the header's extensions: type, length, data padded to 8. Version 2 may have them too."""
    while offset + 8 <= len(first_cluster):
        kind, length = struct.unpack_from(">II", first_cluster, offset)
        if kind == _END:
            return
        if kind == _BACKING_FORMAT:
            raise Malformed("the qcow2 names the format of a backing file")
        if kind == _DATA_FILE_NAME:
            raise Malformed("the qcow2 names a file with its data")
        if kind == _ENCRYPTION:
            raise Malformed("the qcow2 is encrypted")
        offset += 8 + length + -length % 8
        if offset > len(first_cluster):
            raise Malformed("a qcow2 header extension reaches beyond the first cluster")


def _check_tables(fields: _Fields, cluster: int, *, extended: bool) -> int:
    """Check where the tables are and how large; return the end of the last one."""
    per_table = cluster // (16 if extended else 8)
    needed = -(-fields.size // (cluster * per_table))
    if not needed <= fields.l1_entries <= _L1_LIMIT // 8:
        raise Malformed(f"a qcow2 of this size cannot have {fields.l1_entries} level 1 entries")
    refcounts = fields.refcount_clusters * cluster
    if not 0 < refcounts <= max(_REFCOUNT_TABLE_LIMIT, cluster):
        raise Malformed("the qcow2's reference count table is of no allowed size")
    for offset in (fields.l1_offset, fields.refcount_offset):
        if offset % cluster or not 0 < offset < 1 << 56:
            raise Malformed("a table of the qcow2 is at no allowed place")
    return max(fields.l1_offset + fields.l1_entries * 8, fields.refcount_offset + cluster)
