"""VirtualBox's VDI. All numbers are little-endian (VirtualBox: VDICore.h)."""

import struct

import msgspec

from cumulo.services.image.inspection.reading import SECTOR, Content, check_size, is_power_of_two
from cumulo.services.image.inspection.signatures import ContentMismatch, Malformed

_HEADER = struct.Struct("<64s4sIIII256sIIIIIIIQIIII16s16s16s16s")
_MARK = bytes.fromhex("7f10dabe")
_VERSION = 0x00010001
_DYNAMIC, _STATIC = 1, 2


class _Header(msgspec.Struct, frozen=True):
    text: bytes
    mark: bytes
    version: int
    length: int
    kind: int
    flags: int
    description: bytes
    map_at: int
    data_at: int
    cylinders: int
    heads: int
    sectors: int
    sector_size: int
    unused: int
    disk_size: int
    block_size: int
    block_extra: int
    blocks: int
    allocated: int
    uuid: bytes
    snapshot: bytes
    link: bytes
    parent: bytes


def check(content: Content, largest: int) -> int:
    """Return the virtual size in bytes. Raises ContentMismatch or Malformed."""
    if content.up_to(64, 4) != _MARK:
        raise ContentMismatch("it is declared as vdi but is not")
    header = _Header(*_HEADER.unpack(content.at(0, _HEADER.size, "the vdi header")))
    if header.version != _VERSION:
        raise Malformed(f"vdi version {header.version:#x} is not known")
    if header.kind not in (_DYNAMIC, _STATIC):
        raise Malformed(f"vdi images of type {header.kind} are not allowed")
    if any(header.link) or any(header.parent):
        raise Malformed("the vdi has a parent file")
    if header.sector_size != SECTOR or header.block_extra or not is_power_of_two(header.block_size):
        raise Malformed("the vdi has blocks of no allowed size")
    size = check_size(header.disk_size, largest)
    if header.blocks != -(-size // header.block_size) or header.allocated > header.blocks:
        raise Malformed("the vdi's number of blocks does not fit its size")
    content.at(header.map_at, header.blocks * 4, "the vdi block map")
    if header.data_at + header.allocated * header.block_size > content.size:
        raise Malformed("the file is cut off: vdi blocks lie beyond its end")
    return size
