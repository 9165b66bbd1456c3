"""The archive: a gzip-compressed tar whose first member names the format and whose last lists all others.

    cumulo-backup       {"format": "cumulo control plane", "version": 1}
    state/...           files of the state folder, by their paths in it
    database/...        the rows: SQLite's file, or a file a table as PostgreSQL's COPY writes it
    manifest.json       `Manifest`: whose it is, and of each member its length and SHA-256

`tar -tzf` shows it. We read it by ourselves, a header of 512 bytes at a time (POSIX ustar): only plain files
with the names above are members, so that nothing in a hostile archive can lead out of the folder, and links
and long names cannot fill our memory. Whoever reads checks every byte first, then reads it again.
"""

import gzip
import hashlib
import io
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from cumulo.runtime.backup.contents import DATA, FILES, IMAGES, KEYS, OF_HOST
from cumulo.runtime.backup.errors import BadArchive, CannotBackUp
from cumulo.runtime.hosts.folder import FOLDER

FORMAT, VERSION = "cumulo control plane", 1
_FIRST, _LAST = "cumulo-backup", "manifest.json"


def _any(names: Iterable[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, names))})"


_NAME = re.compile(
    rf"state/(?:{_any(FILES)}|{_any(KEYS)}/\d{{3}}\.key|{IMAGES}/{DATA})"
    rf"|state/{FOLDER}/[A-Za-z0-9-]{{1,60}}/{_any(OF_HOST)}"
    r"|database/(?:sqlite\.db|[a-z_]{1,60}\.copy)"
)
_BLOCK = tarfile.BLOCKSIZE
_PIECE = 1 << 20
_MOST_MEMBERS = 100_000
_LONGEST_LIST = 64 << 20  # bytes of a manifest
_UNREADABLE = (EOFError, zlib.error, gzip.BadGzipFile, tarfile.HeaderError, UnicodeError, ValueError)


class Member(msgspec.Struct, frozen=True):
    """A file in the archive. size: bytes; sha256: in hexadecimal digits."""

    name: str
    size: int
    sha256: str


class Table(msgspec.Struct, frozen=True):
    """A table of PostgreSQL's: the columns in the order of its file, and how many rows it has."""

    columns: list[str]
    rows: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive holds. database: `SQLite` or `PostgreSQL`; revision: of its tables."""

    cloud: str
    host: str
    made: datetime
    database: str
    revision: str
    tables: dict[str, Table] = {}
    images: bool = False
    members: list[Member] = []

    @property
    def size(self) -> int:
        """How many bytes its members take when they are unpacked."""
        return sum(member.size for member in self.members)


class Head(msgspec.Struct, frozen=True):
    """The first member."""

    format: str
    version: int


Take = Callable[[str, Iterator[bytes]], None]


class Writer:
    """Writes an archive into an open file, member by member; `finish` ends it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=1)
        self.members: list[Member] = []
        self._add(_FIRST, io.BytesIO(msgspec.json.encode(Head(FORMAT, VERSION))))

    def add(self, name: str, path: Path) -> None:
        """Add a file as it is now. FileNotFoundError: it is gone; CannotBackUp: it changes meanwhile."""
        if not _NAME.fullmatch(name):
            raise CannotBackUp(f"{path} has a name that an archive cannot hold")
        with path.open("rb") as file:
            self.members.append(self._add(name, file))

    def finish(self, manifest: Manifest) -> Manifest:
        """Add the manifest, and end the archive; return the manifest with all members in it."""
        whole = msgspec.structs.replace(manifest, members=self.members)
        self._add(_LAST, io.BytesIO(msgspec.json.encode(whole)))
        self._file.write(bytes(2 * _BLOCK))
        self._file.close()
        return whole

    def _add(self, name: str, file: BinaryIO) -> Member:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        header = tarfile.TarInfo(name)
        header.size, header.mode = size, 0o600
        self._file.write(header.tobuf(tarfile.GNU_FORMAT))
        digest, left = hashlib.sha256(), size
        while left:
            piece = file.read(min(_PIECE, left))
            if not piece:
                raise CannotBackUp(f"{name} became shorter while it was read: try again")
            digest.update(piece)
            self._file.write(piece)
            left -= len(piece)
        self._file.write(bytes(-size % _BLOCK))
        return Member(name, size, digest.hexdigest())


def read(path: Path, take: Take | None = None) -> Manifest:
    """Read a whole archive and check every byte of it; give each member to `take`. BadArchive.

    Nothing that `take` gets is known to be true before this has returned.
    """
    with _complaining(path), gzip.open(path, "rb") as opened:
        file = _Whole(opened)
        _check_head(path, file)
        found: dict[str, Member] = {}
        while (header := _header(file)) is not None and header.name != _LAST:
            if not _NAME.fullmatch(header.name) or header.name in found or len(found) >= _MOST_MEMBERS:
                raise BadArchive(f"{path} is not to be trusted: it has a member {header.name!r}")
            found[header.name] = _taken(file, header, take)
        if header is None or header.size > _LONGEST_LIST:
            raise BadArchive(f"{path} is damaged: it ends without its list of contents; use another backup")
        manifest = msgspec.json.decode(b"".join(_content(file, header.size)), type=Manifest)
        while opened.read(_PIECE):  # to the end, where gzip has its own checksum
            pass
    _compare(path, manifest, found)
    return manifest


def _check_head(path: Path, file: "_Whole") -> None:
    header = _header(file)
    if header is None or header.name != _FIRST or header.size > _BLOCK:
        raise BadArchive(f"{path} is no backup of Cumulo")
    head = msgspec.json.decode(b"".join(_content(file, header.size)), type=Head)
    if head.format != FORMAT:
        raise BadArchive(f"{path} is no backup of Cumulo's control plane: it says {head.format!r}")
    if head.version > VERSION:
        which = f"format {head.version}, this one reads {VERSION}"
        raise BadArchive(f"{path} was made by a newer Cumulo ({which}): restore it with that")


def _taken(file: "_Whole", header: tarfile.TarInfo, take: Take | None) -> Member:
    """Read a member, giving it to `take` on the way."""
    digest = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        for piece in _content(file, header.size):
            digest.update(piece)
            yield piece

    content = pieces()
    if take is not None:
        take(header.name, content)
    for _ in content:
        pass
    return Member(header.name, header.size, digest.hexdigest())


def _compare(path: Path, manifest: Manifest, found: dict[str, Member]) -> None:
    listed = {member.name: member for member in manifest.members}
    for name in sorted({*listed, *found}):
        if listed.get(name) != found.get(name):
            raise BadArchive(f"{path} is damaged: {name} is not what was put in; use another backup")


class _Whole:
    """A stream of which what is asked for is there, or it is damaged."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file

    def read(self, length: int) -> bytes:
        content = self._file.read(length)
        if len(content) != length:
            raise EOFError
        return content


def _header(file: _Whole) -> tarfile.TarInfo | None:
    """Return the next member's header, None at the end; only plain files are read."""
    block = file.read(_BLOCK)
    if not any(block):
        return None
    header = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or header.size < 0:
        raise BadArchive(f"the archive is not to be trusted: {header.name!r} is no plain file")
    return header


def _content(file: _Whole, size: int) -> Iterator[bytes]:
    left = size
    while left:
        piece = file.read(min(_PIECE, left))
        left -= len(piece)
        yield piece
    file.read(-size % _BLOCK)


@contextmanager
def _complaining(path: Path) -> Iterator[None]:
    """Say in words what cannot be read."""
    try:
        yield
    except gzip.BadGzipFile as error:
        if "Not a gzipped" in str(error):
            raise BadArchive(f"{path} is no backup of Cumulo") from error
        raise BadArchive(f"{path} is damaged: {error}; use another backup") from error
    except (*_UNREADABLE, msgspec.MsgspecError) as error:
        why = "it ends too early" if isinstance(error, EOFError) else str(error)
        raise BadArchive(f"{path} is damaged: {why}; use another backup") from error
