"""Backups in a folder of this host, or of a share that is mounted there.

An archive is a folder of three files: `data`, the chunks one after the other; `index`, which chunk lies
where with which hash; `manifest.json`, written last, with the hashes of the index and of the archive it
builds on. A folder without a manifest is what a killed process left: making the archive again begins it anew.
"""

import asyncio
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from cumulo.core.drivers import Gone, Permanent
from cumulo.services.block_storage.drivers import CHUNK, Archived, Piece, Proof
from cumulo.services.block_storage.drivers.chunks import Entry, Located, entries, merged, zeroes

T = TypeVar("T")
DATA, INDEX, MANIFEST = "data", "index", "manifest.json"
LONGEST_CHAIN = 1000
_NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PIECE = 4 << 20  # bytes of content given at a time
_ZEROES = bytes(CHUNK)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive is. index: SHA-256 of the index; base_digest: of the base's manifest."""

    format: int = 1
    location: str
    base: str | None
    base_digest: str | None
    size: int
    chunk: int
    chunks: int
    stored: int
    index: str


class FileBackups:
    """A `BackupStore` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def keep(
        self, location: str, pieces: AsyncIterator[Piece], *, base: str | None, size: int
    ) -> Archived:
        """Keep a device's pieces."""
        archive = await _thread(lambda: _Archive(self, location, base, size))
        try:
            async for piece in pieces:
                await _thread(archive.take, piece)
            return await _thread(archive.finish)
        finally:
            await _thread(archive.close)

    async def content(self, location: str) -> AsyncIterator[Piece]:
        """Yield a device's content, checked."""
        pieces = await _thread(self._pieces, location)
        while (piece := await _thread(next, pieces, None)) is not None:
            yield piece

    async def find(self, location: str) -> Archived:
        """Return what an archive is, with all that it builds on."""
        manifest, digest = await _thread(self._whole, location)
        return Archived(digest=digest, chunks=manifest.chunks, stored=manifest.stored)

    async def verify(self, location: str) -> Proof:
        """Hold an archive's own chunks against their hashes."""
        return await asyncio.to_thread(self.prove, location)

    async def remove(self, location: str) -> None:
        """Remove an archive: first what makes it one."""
        await _thread(self.erase, location)

    def path(self, location: str, name: str = "") -> Path:
        """Return where an archive, or a file of it, is. Permanent for a name that is no id."""
        if not _NAME.fullmatch(location):
            raise Permanent(f"'{location}' is no backup's id")
        return self.folder / location / name

    def locations(self) -> list[str]:
        """Return the archives that are there, whole or not."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if _NAME.fullmatch(path.name))

    def manifest(self, location: str) -> tuple[Manifest, str]:
        """Return an archive's manifest and its hash. Gone when there is none."""
        path = self.path(location, MANIFEST)
        try:
            text = path.read_bytes()
            return msgspec.json.decode(text, type=Manifest), hashlib.sha256(text).hexdigest()
        except FileNotFoundError as error:
            raise Gone(f"backup {location} is not in the backup folder") from error
        except msgspec.MsgspecError as error:
            raise Permanent(f"backup {location} has a damaged manifest") from error

    def chain(self, location: str) -> list[tuple[str, Path]]:
        """Return an archive and all that it builds on, the newest first, with their indexes."""
        found: list[tuple[str, Path]] = []
        named: str | None = location
        expected: str | None = None
        while named is not None:
            manifest, digest = self.manifest(named)
            if expected not in (None, digest) or len(found) == LONGEST_CHAIN:
                raise Permanent(f"backup {location} builds on {named}, which is not what it was")
            found.append((named, self.path(named, INDEX)))
            named, expected = manifest.base, manifest.base_digest
        return found

    def prove(self, location: str) -> Proof:
        """Return what is found of an archive; every byte of it is read."""
        try:
            manifest, _ = self.manifest(location)
            self.chain(location)
            problems = list(self._problems(location, manifest))
        except (Permanent, OSError) as error:
            return Proof(location=location, problems=(_sentence(error),))
        return Proof(
            location=location,
            base=manifest.base,
            chunks=manifest.chunks,
            stored=manifest.stored,
            problems=tuple(problems),
        )

    def _problems(self, location: str, manifest: Manifest) -> Iterator[str]:
        index = self.path(location, INDEX)
        with index.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != manifest.index:
                yield "its index is not what was written"
                return
        found = stored = 0
        with self.path(location, DATA).open("rb") as data:
            for entry in entries(index):
                found += 1
                stored += entry.length
                if entry.length and not _is_good(data, entry):
                    yield f"the chunk at byte {entry.number * CHUNK} is not what was written"
        if (found, stored) != (manifest.chunks, manifest.stored):
            yield "it has not as many chunks as were written"

    def _whole(self, location: str) -> tuple[Manifest, str]:
        self.chain(location)
        return self.manifest(location)

    def _pieces(self, location: str) -> Iterator[Piece]:
        """Yield neighbouring chunks as one, up to _PIECE bytes."""
        held: list[bytes] = []
        start = length = 0
        for found in merged(self.chain(location)):
            offset = found.entry.number * CHUNK
            if held and (offset != start + length or length + found.entry.length > _PIECE):
                yield Piece(start, b"".join(held))
                held, length = [], 0
            start = start if held else offset
            held.append(self._read(found))
            length += found.entry.length
        if held:
            yield Piece(start, b"".join(held))

    def _read(self, found: Located) -> bytes:
        with self.path(found.location, DATA).open("rb") as file:
            file.seek(found.entry.place)
            data = file.read(found.entry.length)
        if hashlib.sha256(data).digest() != found.entry.digest:
            where = found.entry.number * CHUNK
            raise Permanent(f"backup {found.location} is damaged: the chunk at byte {where} has another hash")
        return data

    def erase(self, location: str) -> None:
        """Remove an archive's files: first the one that makes them an archive."""
        folder = self.path(location)
        (folder / MANIFEST).unlink(missing_ok=True)
        if folder.exists():
            shutil.rmtree(folder)


class _Archive:
    """An archive that is being made, in a thread."""

    def __init__(self, store: FileBackups, location: str, base: str | None, size: int) -> None:
        self.store = store
        self.location = location
        self.base = base
        self.size = size
        self.base_digest = store.manifest(base)[1] if base is not None else None
        self._old = merged(store.chain(base)) if base is not None else iter(())
        self._next = next(self._old, None)
        self.chunks = self.stored = 0
        store.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        store.erase(location)
        store.path(location).mkdir(mode=0o700)
        self._data = _created(store.path(location, DATA))
        self._index = _created(store.path(location, INDEX))
        self._hash = hashlib.sha256()

    def take(self, piece: Piece) -> None:
        """Keep what of a piece the base does not have."""
        for start in range(0, len(piece.data), CHUNK):
            data = piece.data[start : start + CHUNK]
            number = (piece.offset + start) // CHUNK
            if data != _ZEROES[: len(data)]:
                self._keep(number, data)

    def _keep(self, number: int, data: bytes) -> None:
        self._hide_until(number)
        digest = hashlib.sha256(data).digest()
        old = self._next.entry if self._next is not None else None
        if old is not None and old.number == number:
            self._next = next(self._old, None)
            if (old.length, old.digest) == (len(data), digest):
                return
        self._note(Entry(number, self.stored, len(data), digest))
        self._data.write(data)
        self.stored += len(data)

    def _hide_until(self, number: int | None) -> None:
        """Note that the base's chunks before this one read as zeroes now."""
        while self._next is not None and (number is None or self._next.entry.number < number):
            self._note(zeroes(self._next.entry.number))
            self._next = next(self._old, None)

    def _note(self, entry: Entry) -> None:
        packed = entry.packed()
        self._index.write(packed)
        self._hash.update(packed)
        self.chunks += 1

    def finish(self) -> Archived:
        """Have all of it on the disk, then the manifest that makes it an archive."""
        self._hide_until(None)
        for file in (self._data, self._index):
            file.flush()
            os.fsync(file.fileno())
        manifest = Manifest(
            location=self.location,
            base=self.base,
            base_digest=self.base_digest,
            size=self.size,
            chunk=CHUNK,
            chunks=self.chunks,
            stored=self.stored,
            index=self._hash.hexdigest(),
        )
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        folder = self.store.path(self.location)
        unfinished = folder / ".manifest"
        with _created(unfinished) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(folder / MANIFEST)
        for changed in (folder, self.store.folder):
            _sync(changed)
        return Archived(digest=hashlib.sha256(text).hexdigest(), chunks=self.chunks, stored=self.stored)

    def close(self) -> None:
        """Let go of the files."""
        self._data.close()
        self._index.close()


def _is_good(data: BinaryIO, entry: Entry) -> bool:
    data.seek(entry.place)
    return hashlib.sha256(data.read(entry.length)).digest() == entry.digest


def _created(path: Path) -> BinaryIO:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    return os.fdopen(handle, "wb")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"a file of it cannot be read: {error.strerror}"
    return str(error)


async def _thread(work: Callable[..., T], *arguments: Any) -> T:
    """Do it in a thread; what the disk refuses is Permanent, told without its path."""
    try:
        return await asyncio.to_thread(work, *arguments)
    except OSError as error:
        raise Permanent(f"the backup folder cannot be used: {error.strerror}") from error
