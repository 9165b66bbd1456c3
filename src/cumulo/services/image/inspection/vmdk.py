"""VMware's VMDK, of which one file that holds everything is allowed: monolithicSparse and streamOptimized.

(VMware: Virtual Disk Format 5.0.) All numbers are little-endian. A descriptor lists extents, which may be any
files of the machine that opens it, and a parent. So the descriptor must list one sparse extent, itself. QEMU
believes a footer before the header, and takes a header without capacity for a descriptor: both are checked.
"""

import re
import struct

import msgspec

from cumulo.services.image.inspection.reading import SECTOR, Content, check_size, is_power_of_two
from cumulo.services.image.inspection.signatures import ContentMismatch, Malformed

MAGIC = b"KDMV"
_HEADER = struct.Struct("<4sIIQQQQIQQQB4sH")
_MARKER = struct.Struct("<QII")
_NEWEST = 3
_ENTRIES = 512  # grain table entries in a grain table: the format's own constant
_LARGEST_GRAIN = 1 << 16  # sectors
_AT_END = (1 << 64) - 1
_FOOTER = 3
_DESCRIPTOR_AT = 1  # the sector where QEMU looks for a parent's name, whatever the header says
_DESCRIPTOR_LIMIT = (1 << 20) - 1  # bytes; QEMU's own limit
_KINDS = ("monolithicsparse", "streamoptimized")
_EXTENT = re.compile(r'^(?:RW|RDONLY|NOACCESS)\s+\d+\s+(\w+)(?:\s+"([^"]*)")?', re.IGNORECASE)
_NO_PARENT = "ffffffff"


class _Header(msgspec.Struct, frozen=True):
    magic: bytes
    version: int
    flags: int
    capacity: int  # this and all that follows in sectors
    grain: int
    descriptor_at: int
    descriptor_length: int
    entries: int
    redundant_at: int
    directory_at: int
    overhead: int
    unclean: int
    line_ends: bytes
    compression: int


def check(content: Content, largest: int) -> int:
    """Return the virtual size in bytes. Raises ContentMismatch or Malformed."""
    start = content.up_to(0, SECTOR)
    if start.startswith((b"COWD", b"# Disk DescriptorFile")):
        raise Malformed("the vmdk lists its data in other files")
    if not start.startswith(MAGIC):
        raise ContentMismatch("it is declared as vmdk but is not")
    header = _Header(*_HEADER.unpack_from(content.at(0, SECTOR, "the vmdk header")))
    _check_fields(header)
    size = check_size(header.capacity * SECTOR, largest)
    if header.directory_at == _AT_END:
        header = _footer(content, header)
    _check_descriptor(content, header)
    _check_directory(content, header)
    return size


def _check_fields(header: _Header) -> None:
    if not 1 <= header.version <= _NEWEST:
        raise Malformed(f"vmdk version {header.version} is not known")
    if not (is_power_of_two(header.grain) and header.grain <= _LARGEST_GRAIN):
        raise Malformed(f"vmdk grains of {header.grain} sectors are not allowed")
    if header.entries != _ENTRIES:
        raise Malformed(f"vmdk grain tables of {header.entries} entries are not allowed")
    if not (header.descriptor_at and header.descriptor_length):
        raise Malformed("the vmdk has no descriptor inside")
    if header.descriptor_at != _DESCRIPTOR_AT:
        raise Malformed("the vmdk's descriptor is at no allowed place")


def _footer(content: Content, header: _Header) -> _Header:
    """Return the header that closes a stream, which must say what the one at the beginning says."""
    end = content.at(content.size - 3 * SECTOR, 3 * SECTOR, "the vmdk footer")
    _, length, kind = _MARKER.unpack_from(end)
    closing = _Header(*_HEADER.unpack_from(end, SECTOR))
    if length or kind != _FOOTER or closing.magic != MAGIC or any(end[2 * SECTOR :]):
        raise Malformed("the file is cut off: the vmdk has no footer")
    if msgspec.structs.replace(closing, directory_at=_AT_END) != header or closing.directory_at == _AT_END:
        raise Malformed("the vmdk's footer and header differ")
    return closing


def _check_descriptor(content: Content, header: _Header) -> None:
    if header.descriptor_at * SECTOR >= content.size:
        raise Malformed("the file is cut off: the vmdk descriptor lies beyond its end")
    raw = content.up_to(header.descriptor_at * SECTOR, _DESCRIPTOR_LIMIT).split(b"\0", 1)[0]
    text = raw.decode("latin-1")
    if not text.startswith("# Disk DescriptorFile"):
        raise Malformed("the vmdk has no descriptor inside")
    extents = []
    for line in text.splitlines():
        name, _, value = (part.strip().strip('"').lower() for part in line.partition("="))
        if "parentfilenamehint" in line.lower() or (name == "parentcid" and value != _NO_PARENT):
            raise Malformed("the vmdk has a parent file")
        if name == "createtype" and value not in _KINDS:
            raise Malformed(f"vmdk images of type {value[:40]!r} are not allowed")
        if name == "changetrackpath":
            raise Malformed("the vmdk names another file")
        if found := _EXTENT.match(line.strip()):
            extents.append(found)
    if len(extents) != 1 or extents[0][1].lower() != "sparse" or re.search(r"[/\\:]", extents[0][2] or ""):
        raise Malformed("the vmdk lists its data in other files")


def _check_directory(content: Content, header: _Header) -> None:
    """Check that the grain directory and the tables it points to are in the file."""
    tables = -(-header.capacity // (header.grain * _ENTRIES))
    room = content.size
    for directory in content.numbers(header.directory_at * SECTOR, tables, "I", "the vmdk grain directory"):
        for at in filter(None, directory):
            room -= _ENTRIES * 4  # or one table, named again and again, would be work without end
            if room < 0:
                raise Malformed("the vmdk names more grain tables than it can hold")
            for table in content.numbers(at * SECTOR, _ENTRIES, "I", "a vmdk grain table"):
                if max(table) * SECTOR >= content.size:
                    raise Malformed("the file is cut off: vmdk grains lie beyond its end")
