"""Images as files in a folder: `<image id>.<attempt>`, and uploads under way in `uploads/<upload id>`.

Images of the same bytes are names of one file, which goes with its last name.

All work on files and all hashing is done in a few threads of the store's own, in blocks large enough that the
event loop spends its time elsewhere.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, TypeVar

from cumulo.services.image.config import FIRST_STORE, SHA512
from cumulo.services.image.drivers.writing import SinkWriter

T = TypeVar("T")
BLOCK = 1024 * 1024
_PAGE = 4096
_NO_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)


class FileStore:
    """A folder on this machine, closed to other users. It is made when the first upload comes."""

    def __init__(self, folder: Path, *, name: str = FIRST_STORE, threads: int = 4) -> None:
        self.name = name
        self._folder = folder
        self._uploads = folder / "uploads"
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="image-store")

    async def begin(self, upload_id: str, algorithm: str = SHA512) -> SinkWriter:
        """Start an upload that is hashed with one of ALGORITHMS."""

        def create() -> _FileSink:
            self._make_folders()
            return _FileSink(self._uploads / upload_id)

        return SinkWriter(await self._do(create), self._threads, algorithm)

    async def adopt(self, upload_id: str, path: Path) -> bool:
        """Link a file into the uploads, where the file system can."""

        def link() -> bool:
            self._make_folders()
            (self._uploads / upload_id).unlink(missing_ok=True)
            try:
                os.link(path, self._uploads / upload_id)
            except OSError as error:
                if error.errno in _NO_LINK:
                    return False
                raise
            return True

        return await self._do(link)

    async def examine(self, name: str, look: Callable[[BinaryIO], T]) -> T:
        """Give an upload or published bytes, as a file, to a function that runs in a thread."""

        def open_and_look() -> T:
            upload = self._uploads / name
            with (upload if upload.exists() else self._folder / name).open("rb") as file:
                return look(file)

        return await self._do(open_and_look)

    async def publish(self, upload_id: str, name: str, twin: str | None = None) -> None:
        """Give a finished upload its name; to a twin's file when that has the same length."""

        def move() -> None:
            upload = self._uploads / upload_id
            if twin is not None:
                self._share(self._folder / twin, upload)
            with contextlib.suppress(FileNotFoundError):  # a second call
                upload.rename(self._folder / name)
            # Renaming one name of a file onto another of its names does nothing and leaves both.
            upload.unlink(missing_ok=True)
            _sync_folder(self._folder)

        await self._do(move)

    def _share(self, twin: Path, upload: Path) -> None:
        """Put another name of the twin's file in the upload's place; leave the upload when that cannot be."""
        link = upload.with_name(f"{upload.name}.twin")
        link.unlink(missing_ok=True)
        try:
            if twin.stat().st_size != upload.stat().st_size:
                return
            os.link(twin, link)
        except OSError:  # it has gone meanwhile, has too many names, or the upload was published already
            return
        link.rename(upload)
        link.unlink(missing_ok=True)

    def _make_folders(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._uploads.mkdir(exist_ok=True)

    async def remove(self, name: str) -> None:
        """Remove bytes."""
        await self._do(lambda: _remove(self._folder / name))

    async def names(self) -> list[str]:
        """Return the names of all files that were published."""

        def look() -> list[str]:
            if not self._folder.is_dir():
                return []
            return [entry.name for entry in os.scandir(self._folder) if entry.is_file()]

        return await self._do(look)

    async def abandoned(self, known: frozenset[str], age: float) -> list[str]:
        """Return uploads that are not `known` and were not written to for `age` seconds."""

        def look() -> list[str]:
            if not self._uploads.is_dir():
                return []
            oldest = time.time() - age
            found = (entry for entry in os.scandir(self._uploads) if entry.name.split(".")[0] not in known)
            return [entry.name for entry in found if entry.stat().st_mtime < oldest]

        return await self._do(look)

    async def discard(self, upload_id: str) -> None:
        """Remove an upload."""
        await self._do(lambda: _remove(self._uploads / upload_id))

    async def read(self, name: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes in blocks of a MiB; while one is used, the next is read."""
        file = await self._do(lambda: (self._folder / name).open("rb", buffering=0))
        ahead: asyncio.Task[bytes] | None = None
        try:
            await self._do(lambda: file.seek(start))
            left = length
            ahead = self._ahead(file, left)
            while ahead is not None and (block := await ahead):
                left = None if left is None else left - len(block)
                ahead = self._ahead(file, left)
                yield block
        finally:
            if ahead is not None:
                await asyncio.gather(ahead, return_exceptions=True)
            file.close()

    def _ahead(self, file: BinaryIO, left: int | None) -> asyncio.Task[bytes] | None:
        """Begin to read the next block of the `left` bytes (None: of all); None when none are left."""
        if left == 0:
            return None
        wanted = BLOCK if left is None else min(BLOCK, left)
        return asyncio.create_task(self._do(lambda: file.read(wanted)))

    def path(self, name: str) -> Path | None:
        """Say where the bytes lie."""
        return self._folder / name

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


class _FileSink:
    """An upload into a file, past the page cache as long as it comes in whole pages."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number, self._direct = _opened(path)
        self._is_open = True

    def append(self, data: memoryview) -> None:
        """Write the next bytes."""
        if self._direct and len(data) % _PAGE:
            flags = fcntl.fcntl(self._number, fcntl.F_GETFL)
            fcntl.fcntl(self._number, fcntl.F_SETFL, flags & ~os.O_DIRECT)
            self._direct = False
        while data:
            data = data[os.write(self._number, data) :]

    def close(self) -> None:
        """Make all that was written durable."""
        os.fsync(self._number)
        self._end()

    def remove(self) -> None:
        """Remove what was written."""
        self._end()
        self._path.unlink(missing_ok=True)

    def _end(self) -> None:
        if self._is_open:
            self._is_open = False
            os.close(self._number)


def _opened(path: Path) -> tuple[int, bool]:
    """Open a new file for writing; say whether it is written past the page cache, where it can be."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags | os.O_DIRECT, 0o666), True
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        path.unlink(missing_ok=True)  # some file systems make the file and then refuse
        return os.open(path, flags, 0o666), False


def _remove(path: Path) -> None:
    """Remove a file; where there is none, and be it for want of a folder, all is well."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        path.unlink()


def _sync_folder(folder: Path) -> None:
    """Make a rename durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
