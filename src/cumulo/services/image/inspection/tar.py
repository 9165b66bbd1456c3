"""Reading the list of a tar archive from a stranger (POSIX ustar and pax, GNU's large numbers).

Nothing is unpacked. Python's own reader takes whatever a header announces into memory (long names, pax
records, sparse maps) and follows what a pax record says of sizes and links; here each is bounded or refused.
"""

from collections.abc import Iterator

import msgspec

from cumulo.services.image.inspection.reading import Content
from cumulo.services.image.inspection.signatures import Malformed, is_tar

BLOCK = 512
_MOST_MEMBERS = 64
_MOST_HEADERS = 4 * _MOST_MEMBERS  # each file may have records before it
_LARGEST_RECORDS = 64 << 10
_LONGEST_NAME = 255
_FILE, _PAX = (b"0", b"\0"), (b"x", b"g")
_NAME, _SIZE, _SUM, _TYPE, _PREFIX = slice(0, 100), slice(124, 136), slice(148, 156), 156, slice(345, 500)
_USTAR = b"ustar\0"
_BINARY = 0x80  # the first bit of a number that is not written in octal digits


class Member(msgspec.Struct, frozen=True):
    """A file in an archive: where its bytes are."""

    name: str
    offset: int
    size: int


def read_members(content: Content) -> dict[str, Member]:
    """Return the files of an archive, all of them plain and in no folder. Malformed."""
    found: dict[str, Member] = {}
    for member in _walk(content):
        if member.name in found or len(found) >= _MOST_MEMBERS:
            raise Malformed("the appliance's archive names a file twice, or holds too many")
        _check_name(member.name)
        if member.offset + member.size > content.size:
            raise Malformed(f"the file is cut off: {member.name} lies beyond its end")
        found[member.name] = member
    return found


def _walk(content: Content) -> Iterator[Member]:
    offset, said, count = 0, dict[str, str](), 0
    while offset < content.size:
        if (count := count + 1) > _MOST_HEADERS:
            raise Malformed("the appliance's archive holds too many headers")
        header = content.at(offset, BLOCK, "a header of the archive")
        if not any(header):
            return
        _check(header)
        size, kind = _number(header[_SIZE]), header[_TYPE : _TYPE + 1]
        if kind in _PAX:
            if size > _LARGEST_RECORDS:
                raise Malformed("the appliance's archive has overlong records")
            records = _records(content.at(offset + BLOCK, size, "a record of the archive"))
            said |= records
        elif kind in _FILE:
            size = _decimal(said["size"]) if "size" in said else size
            yield Member(said.get("path") or _name(header), offset + BLOCK, size)
            said = {}
        else:
            raise Malformed("the appliance's archive holds more than plain files")
        offset += BLOCK + -(-size // BLOCK) * BLOCK


def _check(header: bytes) -> None:
    """Refuse what is no header: the sum of its bytes is in it, counted with blanks in the sum's place."""
    total = sum(header) - sum(header[_SUM]) + 8 * ord(" ")
    if not is_tar(header) or total != _number(header[_SUM]):
        raise Malformed("the appliance's archive is broken")


def _number(field: bytes) -> int:
    if field[0] & _BINARY:
        return int.from_bytes(bytes([field[0] & ~_BINARY]) + field[1:], "big")
    digits = field.strip(b" \0")
    if not all(ord("0") <= digit <= ord("7") for digit in digits):
        raise Malformed("the appliance's archive is broken")
    return int(digits or b"0", 8)


def _name(header: bytes) -> str:
    prefix = header[_PREFIX].partition(b"\0")[0] if header[257:263] == _USTAR else b""
    name = header[_NAME].partition(b"\0")[0]
    try:
        return (prefix + b"/" + name if prefix else name).decode()
    except UnicodeDecodeError as error:
        raise Malformed("a file of the appliance's archive has a name that is no text") from error


def _check_name(name: str) -> None:
    if not 0 < len(name) <= _LONGEST_NAME or name in (".", "..") or "/" in name or "\\" in name:
        raise Malformed("the appliance's archive holds more than plain files")
    if not name.isprintable():
        raise Malformed("a file of the appliance's archive has a name that is no text")


def _records(data: bytes) -> dict[str, str]:
    """Return pax records (`LENGTH NAME=VALUE`, a newline) that count: sparse files are refused."""
    found: dict[str, str] = {}
    while data:
        length, _, _ = data.partition(b" ")
        whole = _decimal(length.decode("ascii", "replace"))
        name, equals, value = data[len(length) + 1 : whole - 1].partition(b"=")
        if not len(length) < whole <= len(data) or not equals or data[whole - 1 : whole] != b"\n":
            raise Malformed("the appliance's archive is broken")
        if name.startswith(b"GNU.sparse"):
            raise Malformed("the appliance's archive holds more than plain files")
        if name in (b"path", b"size"):
            found[name.decode()] = value.decode("utf-8", "replace")
        data = data[whole:]
    return found


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):  # noqa: PLR2004  64 bits
        raise Malformed("the appliance's archive is broken")
    return int(text)
