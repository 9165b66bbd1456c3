"""Virtuozzo's ploop, which is Parallels' expanding disk (QEMU: docs/interop/parallels.txt); little-endian."""

import struct

from cumulo.services.image.inspection.reading import SECTOR, Content, check_size
from cumulo.services.image.inspection.signatures import ContentMismatch, Malformed

_HEADER = struct.Struct("<16sIIIIIQIIIQ")
_MARKS = (b"WithoutFreeSpace", b"WithouFreSpacExt")
_VERSION = 2
_MOST_ENTRIES = 1 << 27


def check(content: Content, largest: int) -> int:
    """Return the virtual size in bytes. Raises ContentMismatch or Malformed."""
    if not content.up_to(0, 16).startswith(_MARKS):
        raise ContentMismatch("it is declared as ploop but is not")
    raw = content.at(0, _HEADER.size, "the ploop header")
    mark, version, _, _, block, entries, sectors, _, _, _, extension = _HEADER.unpack(raw)
    if version != _VERSION:
        raise Malformed(f"ploop version {version} is not known")
    if mark == _MARKS[0]:
        sectors &= 0xFFFFFFFF  # the older kind has 32 bits for it
    size = check_size(sectors * SECTOR, largest)
    if extension:
        raise Malformed("the ploop needs features that are not known")
    if not block or not -(-sectors // block) <= entries <= _MOST_ENTRIES:
        raise Malformed("the ploop's table does not fit its size")
    unit = SECTOR if mark == _MARKS[0] else SECTOR * block
    for table in content.numbers(_HEADER.size, entries, "I", "the ploop block table"):
        if max(table) * unit > content.size:
            raise Malformed("the file is cut off: ploop blocks lie beyond its end")
    return size
