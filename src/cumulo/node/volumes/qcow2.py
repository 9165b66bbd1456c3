"""qcow2 files: making empty ones without a process, reading what lies under one (QEMU's docs/interop/qcow2).

Version 3, clusters of 64 KiB, 16-bit reference counts. A file made here has the header, the table and one
block of reference counts, the first table of the disk (L1), and with first content its second table (L2).
"""

import struct

import msgspec

from cumulo.core.drivers import Permanent

CLUSTER = 1 << 16
HEADER_READ = CLUSTER  # bytes from which `parse` learns all
_HEADER = struct.Struct(">4sIQIIQIIQQIIQQQQII")
MAGIC = b"QFI\xfb"
_BACKING_FORMAT = 0xE2792ACA  # a header extension
_L2_COVERS = CLUSTER * CLUSTER // 8  # bytes of disk
_COPIED = 1 << 63  # an entry whose cluster has one reference


class Header(msgspec.Struct, frozen=True):
    """What a qcow2 header says: bytes of disk, and the name of the file below it."""

    size: int
    backing: str | None


def empty(size: int, *, backing: tuple[str, str] | None = None, content: bytes = b"") -> bytes:
    """Return a qcow2 file for a disk of `size` bytes that begins with `content` (at most 512 MiB).

    backing: name and format of the file that shows where nothing was written.
    """
    l1_entries = -(-size // _L2_COVERS)
    l1_clusters = max(1, -(-l1_entries * 8 // CLUSTER))
    l2_at = 3 + l1_clusters  # in clusters: header, table and block of counts, L1
    used = -(-len(content) // CLUSTER)
    clusters = l2_at + (1 + used if used else 0)
    table = struct.pack(">Q", 2 * CLUSTER)
    counts = struct.pack(f">{clusters}H", *[1] * clusters)
    parts = [_header(size, l1_entries, backing), table, counts]
    if used:
        parts.append(_padded(struct.pack(">Q", _COPIED | l2_at * CLUSTER), l1_clusters))
        entries = [_COPIED | (l2_at + 1 + number) * CLUSTER for number in range(used)]
        parts.append(struct.pack(f">{used}Q", *entries))
        parts.append(_padded(content, used))
    else:
        parts.append(bytes(l1_clusters * CLUSTER))
    return b"".join(_padded(part) if len(part) < CLUSTER else part for part in parts)


def parse(start: bytes) -> Header:
    """Return what the first 64 KiB of a qcow2 file say. Permanent when it is none."""
    if len(start) < _HEADER.size or start[:4] != MAGIC:
        raise Permanent("it is no qcow2 file")
    _, _, backing_at, backing_length, _, size, *_ = _HEADER.unpack_from(start)
    backing = start[backing_at : backing_at + backing_length].decode() if backing_at else None
    return Header(size, backing)


def _header(size: int, l1_entries: int, backing: tuple[str, str] | None) -> bytes:
    extensions = b""
    name = b""
    if backing is not None:
        name, format_ = backing[0].encode(), backing[1].encode()
        padded = format_.ljust(-(-len(format_) // 8) * 8, b"\0")
        extensions = struct.pack(">II", _BACKING_FORMAT, len(format_)) + padded
    extensions += struct.pack(">II", 0, 0)
    backing_at = _HEADER.size + len(extensions) if backing is not None else 0
    fields = (MAGIC, 3, backing_at, len(name), 16, size, 0, l1_entries, 3 * CLUSTER, CLUSTER, 1, 0, 0)
    features = (0, 0, 0)  # incompatible, compatible, autoclear
    return _HEADER.pack(*fields, *features, 4, _HEADER.size) + extensions + name


def _padded(part: bytes, clusters: int = 1) -> bytes:
    return part.ljust(clusters * CLUSTER, b"\0")
