"""A whole disk with a GUID partition table (UEFI specification, 5.3)."""

import struct

from cumulo.services.image.inspection.reading import Content, check_size
from cumulo.services.image.inspection.signatures import ContentMismatch, Malformed, recognise

_HEADER = struct.Struct("<8sIIIIQQQQ")
_HEADS = 64 * 1024


def check(content: Content, largest: int) -> int:
    """Return the disk's size in bytes. Raises ContentMismatch or Malformed."""
    for block in (512, 4096):
        raw = content.up_to(block, _HEADER.size)
        if raw.startswith(b"EFI PART") and len(raw) == _HEADER.size:
            break
    else:
        raise ContentMismatch("it is declared as gpt but has no such partition table")
    known = recognise(content.up_to(0, _HEADS))
    if known not in (None, "iso"):
        raise ContentMismatch(f"it is declared as gpt but looks like {known}")
    last = _HEADER.unpack(raw)[8]
    if (last + 1) * block > content.size:
        raise Malformed("the file is cut off: partitions lie beyond its end")
    return check_size(content.size, largest)
