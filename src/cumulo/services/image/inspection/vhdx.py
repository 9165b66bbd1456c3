"""Microsoft's VHDX ([MS-VHDX]). All numbers are little-endian.

The regions' table says where the metadata is, the metadata say how large the disk is and whether it has a
parent.
"""

import struct
import uuid
from collections.abc import Iterator

from cumulo.services.image.inspection.reading import Content, check_size, is_power_of_two
from cumulo.services.image.inspection.signatures import ContentMismatch, Malformed

_KIB, _MIB = 1 << 10, 1 << 20
_HEADERS = (64 * _KIB, 128 * _KIB)
_HEADER = struct.Struct("<4sIQ16s16s16sHHIQ")
_REGIONS = (192 * _KIB, 256 * _KIB)
_TABLE = 64 * _KIB
_METADATA = uuid.UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e").bytes_le
_BLOCK_TABLE = uuid.UUID("2dc27766-f623-4200-9d64-115e9bfd4a08").bytes_le
_FILE_PARAMETERS = uuid.UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b").bytes_le
_DISK_SIZE = uuid.UUID("2fa54224-cd1b-4876-b211-5dbed83bf4b8").bytes_le
_PARENT_LOCATOR = uuid.UUID("a8d35f2d-b30b-454d-abf7-d3d84834ab0c").bytes_le
_HAS_PARENT = 2
_OFFSET = 0xFFFF_FFFF_FFF0_0000  # the bits of a block table's entry that say where
_MOST_ENTRIES = 2047
_LARGEST_BLOCK = 256 * _MIB


def check(content: Content, largest: int) -> int:
    """Return the virtual size in bytes. Raises ContentMismatch or Malformed."""
    if content.up_to(0, 8) != b"vhdxfile":
        raise ContentMismatch("it is declared as vhdx but is not")
    _check_headers(content)
    regions = dict(_regions(content, _REGIONS[0]))
    if regions != dict(_regions(content, _REGIONS[1])):
        raise Malformed("the vhdx's two tables of regions differ")
    if regions.keys() != {_METADATA, _BLOCK_TABLE}:
        raise Malformed("the vhdx has regions that are not known")
    for at, length in regions.values():
        content.at(at + length - 1, 1, "a vhdx region")
    size, block = _check_metadata(content, *regions[_METADATA], largest)
    _check_blocks(content, regions[_BLOCK_TABLE], size, block)
    return size


def _check_headers(content: Content) -> None:
    """Have one good header, and a log with nothing to play back."""
    found = [_HEADER.unpack_from(content.at(at, _HEADER.size, "the vhdx header")) for at in _HEADERS]
    good = [header for header in found if header[0] == b"head"]
    if not good:
        raise Malformed("the vhdx header is broken")
    newest = max(good, key=lambda header: int(header[2]))
    if any(newest[5]):
        raise Malformed("the vhdx was not closed cleanly: its log is to be played back")


def _regions(content: Content, at: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    raw = content.at(at, _TABLE, "the vhdx's table of regions")
    mark, _, count, _ = struct.unpack_from("<4sIII", raw)
    if mark != b"regi" or count > _MOST_ENTRIES:
        raise Malformed("the vhdx's table of regions is broken")
    for number in range(count):
        kind, offset, length, _ = struct.unpack_from("<16sQII", raw, 16 + 32 * number)
        if offset < _MIB or offset % _MIB or length % _MIB or not length:
            raise Malformed("a vhdx region is at no allowed place")
        yield kind, (offset, length)


def _check_blocks(content: Content, region: tuple[int, int], size: int, block: int) -> None:
    """Check that what the block table points to is in the file.

    Between its entries stand those for bitmaps, which only a disk with a parent has.
    """
    at, length = region
    entries = min(length // 8, 2 * (-(-size // block) + 1))
    for table in content.numbers(at, entries, "Q", "the vhdx block table"):
        last = max(entry & _OFFSET for entry in table)
        if last and last + block > content.size:
            raise Malformed("the file is cut off: vhdx blocks lie beyond its end")


def _check_metadata(content: Content, at: int, length: int, largest: int) -> tuple[int, int]:
    """Return the size of the disk and of its blocks, in bytes."""
    items = dict(_items(content, at, length))
    if _PARENT_LOCATOR in items:
        raise Malformed("the vhdx has a parent file")
    if not {_FILE_PARAMETERS, _DISK_SIZE} <= items.keys():
        raise Malformed("the vhdx does not say how large it is")
    block, flags = struct.unpack("<II", items[_FILE_PARAMETERS])
    if flags & _HAS_PARENT:
        raise Malformed("the vhdx has a parent file")
    if not (is_power_of_two(block) and _MIB <= block <= _LARGEST_BLOCK):
        raise Malformed(f"vhdx blocks of {block} bytes are not allowed")
    return check_size(int.from_bytes(items[_DISK_SIZE], "little"), largest), block


def _items(content: Content, at: int, length: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield each item's id and the first 8 bytes of its value, of which nobody needs more."""
    raw = content.at(at, _TABLE, "the vhdx metadata")
    mark, _, count = struct.unpack_from("<8sHH", raw)
    if mark != b"metadata" or count > _MOST_ENTRIES:
        raise Malformed("the vhdx metadata are broken")
    for number in range(count):
        kind, offset, size, _ = struct.unpack_from("<16sIII", raw, 32 + 32 * number)
        if offset < _TABLE or size > _MIB or offset + size > length:
            raise Malformed("a vhdx metadata item is at no allowed place")
        yield kind, content.at(at + offset, 8, "the vhdx metadata")
