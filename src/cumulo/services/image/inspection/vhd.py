"""Microsoft's VHD, fixed and dynamic; all numbers are big-endian (Virtual Hard Disk Image Format, 2006).

The footer stands at the end, and of a dynamic disk also at the beginning.
"""

import struct

import msgspec

from cumulo.services.image.inspection.reading import SECTOR, Content, check_size, is_power_of_two
from cumulo.services.image.inspection.signatures import ContentMismatch, Malformed, ends_with_vhd_footer

_FOOTER = struct.Struct(">8sIIQI4sI4sQQ4sII16s")
_SPARSE = struct.Struct(">8sQQIIII16s")
_FIXED, _DYNAMIC, _DIFFERENCING = 2, 3, 4
_UNUSED = 0xFFFFFFFF
_LARGEST_BLOCK = 1 << 26
_CHECKSUM_AT, _SPARSE_CHECKSUM_AT = 64, 36
_SPARSE_LENGTH = 1024


class _Footer(msgspec.Struct, frozen=True):
    mark: bytes
    features: int
    version: int
    sparse_at: int
    time: int
    creator: bytes
    creator_version: int
    host: bytes
    original_size: int
    size: int
    geometry: bytes
    kind: int
    checksum: int
    uuid: bytes


def check(content: Content, largest: int) -> int:
    """Return the virtual size in bytes. Raises ContentMismatch or Malformed."""
    end = content.up_to(max(0, content.size - SECTOR), SECTOR)
    start = content.up_to(0, SECTOR)
    if not ends_with_vhd_footer(end):
        if start.startswith(b"conectix"):
            raise Malformed("the file is cut off: the vhd has no footer")
        raise ContentMismatch("it is declared as vhd but is not")
    footer = _read_footer(end)
    size = check_size(footer.size, largest)
    if footer.kind == _DYNAMIC:
        if _read_footer(start) != footer:
            raise Malformed("the vhd's footer and its copy differ")
        _check_sparse(content, footer)
    elif start.startswith(b"conectix"):
        raise Malformed("the vhd's footer and its copy differ")
    elif size > content.size - SECTOR:
        raise Malformed("the file is cut off: it is shorter than the vhd's size")
    return size


def _read_footer(raw: bytes) -> _Footer:
    if len(raw) < SECTOR or not raw.startswith(b"conectix"):
        raise Malformed("the vhd has no footer")
    footer = _Footer(*_FOOTER.unpack_from(raw))
    if footer.checksum != _checksum(raw, _CHECKSUM_AT):
        raise Malformed("the vhd footer's checksum is wrong")
    if footer.kind == _DIFFERENCING:
        raise Malformed("the vhd has a parent file")
    if footer.kind not in (_FIXED, _DYNAMIC):
        raise Malformed(f"vhd images of type {footer.kind} are not allowed")
    return footer


def _check_sparse(content: Content, footer: _Footer) -> None:
    raw = content.at(footer.sparse_at, _SPARSE_LENGTH, "the vhd header")
    mark, _, table_at, _, entries, block, checksum, parent = _SPARSE.unpack_from(raw)
    if mark != b"cxsparse" or checksum != _checksum(raw, _SPARSE_CHECKSUM_AT):
        raise Malformed("the vhd header is broken")
    if any(parent) or any(raw[64:]):
        raise Malformed("the vhd has a parent file")
    if not (is_power_of_two(block) and SECTOR <= block <= _LARGEST_BLOCK):
        raise Malformed(f"vhd blocks of {block} bytes are not allowed")
    if not -(-footer.size // block) <= entries <= _largest_table(footer.size, block):
        raise Malformed("the vhd's table does not fit its size")
    for table in content.numbers(table_at, entries, "I", "the vhd block table", big=True):
        last = max((entry for entry in table if entry != _UNUSED), default=0)
        if last * SECTOR + block > content.size and last:
            raise Malformed("the file is cut off: vhd blocks lie beyond its end")


def _largest_table(size: int, block: int) -> int:
    """Return how many entries are too many; some writers round up generously."""
    return 2 * -(-size // block) + 1024


def _checksum(raw: bytes, at: int) -> int:
    """Return the one's complement of the sum of all bytes but the checksum's own four."""
    return ~(sum(raw) - sum(raw[at : at + 4])) & 0xFFFFFFFF
