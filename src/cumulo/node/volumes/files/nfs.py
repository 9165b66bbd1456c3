"""A folder on an NFS share, reached by libnfs (the client that QEMU has too): nothing is mounted.

The functions and structs are those of nfsc/libnfs.h, version 4. A context serves one thread at a time.
QEMU speaks NFS version 3, and so does this: what one side wrote, the other must see.
"""

import asyncio
import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from cumulo.core.drivers import Permanent, Unsupported
from cumulo.node.volumes.driver import Room
from cumulo.node.volumes.files.folder import failure

R = TypeVar("R")
_LIBRARY = "libnfs.so.13"
_REGULAR = 1  # NF3REG
_PIECE = 1 << 16
_HOLE = bytes(_PIECE)
_TIMEOUT = 30_000  # ms until a server that is silent counts as away


class _Entry(ctypes.Structure):
    """The beginning of struct nfsdirent."""


_Entry._fields_ = [
    ("next", ctypes.POINTER(_Entry)),
    ("name", ctypes.c_char_p),
    ("inode", ctypes.c_uint64),
    ("type", ctypes.c_uint32),
]


class _Stat(ctypes.Structure):
    """struct nfs_stat_64."""

    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            *("dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks"),
            *("atime", "mtime", "ctime", "atime_nsec", "mtime_nsec", "ctime_nsec", "used"),
        )
    ]


class _Room(ctypes.Structure):
    """struct statvfs of 64-bit Linux."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("bsize", "frsize", "blocks", "bfree", "bavail")] + [
        ("rest", ctypes.c_char * 72)
    ]


class NfsFolder:
    """A folder of a share: `host`'s export, and below it a path."""

    def __init__(self, host: str, export: str, path: str = "") -> None:
        self._host = host
        self._export = export.rstrip("/") or "/"
        self._path = path.strip("/")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nfs")
        self._library: Any = None
        self._context: Any = None

    @property
    def can_reserve(self) -> bool:
        """Whether room can be set aside: version 3 has no way."""
        return False

    def file(self, name: str) -> dict[str, Any]:
        """Return QEMU's options of a file."""
        path = "/".join(part for part in (self._export.rstrip("/"), self._path, name) if part)
        return {"driver": "nfs", "server": {"type": "inet", "host": self._host}, "path": path}

    async def prepare(self, *folders: str) -> None:
        """Have these folders."""

        def make() -> None:
            parts = self._path.split("/") if self._path else []
            paths = ["/" + "/".join(parts[: count + 1]) for count in range(len(parts))]
            for path in [*paths, *(self._at(name) for name in folders)]:
                status = self._library.nfs_mkdir(self._context, path.encode())
                if status not in {0, -errno.EEXIST}:
                    self._check(status, path)

        await self._work(make)

    async def room(self) -> Room:
        """Return how much there is."""

        def room() -> Room:
            found = _Room()
            self._call("nfs_statvfs", self._at(""), ctypes.byref(found))
            return Room(found.blocks * found.frsize, found.bavail * found.frsize)

        return await self._work(room)

    async def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder."""
        return await self._work(lambda: self._names(self._at(folder)))

    async def start_of(self, name: str, length: int) -> bytes:
        """Return a file's first bytes."""
        return await self._work(lambda: self._start(self._at(name), length))

    async def size(self, name: str) -> int:
        """Return how long a file is."""
        return int((await self._stat(name)).size)

    async def used(self, name: str) -> int:
        """Return how many bytes a file takes up."""
        return int((await self._stat(name)).used)

    async def create(self, name: str, content: bytes, *, size: int = 0, reserve: bool = False) -> None:
        """Make a new file."""
        if reserve:
            raise Unsupported("on NFS no room can be set aside: its volumes are thin")
        await self._work(lambda: self._create(self._at(name), content, size))

    async def replace(self, name: str, content: bytes) -> None:
        """Make a small file hold this."""

        def replace() -> None:
            folder, _, last = self._at(name).rpartition("/")
            beside = f"{folder}/.{last}"
            self._create(beside, content, 0)
            self._call("nfs_rename", beside, self._at(name).encode())

        await self._work(replace)

    async def rename(self, name: str, new: str) -> None:
        """Move a file."""
        await self._work(lambda: self._call("nfs_rename", self._at(name), self._at(new).encode()))

    async def remove(self, name: str) -> None:
        """Remove a file."""

        def remove() -> None:
            status = self._library.nfs_unlink(self._context, self._at(name).encode())
            if status != -errno.ENOENT:
                self._check(status, name)

        await self._work(remove)

    async def resize(self, name: str, size: int) -> None:
        """Give a raw file another length."""
        await self._work(lambda: self._call("nfs_truncate", self._at(name), ctypes.c_uint64(size)))

    async def flush(self, name: str) -> None:
        """Have on disk what was written to a file."""

        def flush() -> None:
            with self._opened(self._at(name), os.O_RDWR) as file:
                self._check(self._library.nfs_fsync(self._context, file), name)

        await self._work(flush)

    async def _stat(self, name: str) -> _Stat:
        found = _Stat()
        await self._work(lambda: self._call("nfs_stat64", self._at(name), ctypes.byref(found)))
        return found

    async def _work(self, work: Callable[[], R]) -> R:
        """Run what blocks in the share's thread, mounted in libnfs's sense."""

        def mounted() -> R:
            if self._context is None:
                self._mount()
            try:
                return work()
            except OSError as error:
                if error.errno in {errno.EIO, errno.ETIMEDOUT, errno.ECONNRESET, errno.ESTALE}:
                    self._context = None  # the next one begins anew; this one is left to its connection
                raise

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, mounted)
        except OSError as error:
            raise failure(error) from error

    def _mount(self) -> None:
        try:
            self._library = self._library or ctypes.CDLL(_LIBRARY)
        except OSError as error:
            raise Permanent("the package libnfs13 is not installed") from error
        library = self._library
        for name in ("nfs_init_context", "nfs_readdir"):
            getattr(library, name).restype = ctypes.c_void_p
        library.nfs_get_error.restype = ctypes.c_char_p
        context = ctypes.c_void_p(library.nfs_init_context())
        library.nfs_set_timeout(context, _TIMEOUT)
        status = library.nfs_mount(context, self._host.encode(), self._export.encode())
        if status < 0:
            reason = library.nfs_get_error(context).decode(errors="replace")
            library.nfs_destroy_context(context)
            raise OSError(errno.EAGAIN, f"{self._host}:{self._export} cannot be reached: {reason}")
        self._context = context

    def _at(self, name: str) -> str:
        return "/" + "/".join(part for part in (self._path, name) if part)

    def _call(self, function: str, path: str, *more: Any) -> None:
        self._check(getattr(self._library, function)(self._context, path.encode(), *more), path)

    def _check(self, status: int, path: str) -> None:
        if status < 0:
            raise OSError(-status, os.strerror(-status), path)

    @contextmanager
    def _opened(self, path: str, flags: int) -> Iterator[ctypes.c_void_p]:
        file = ctypes.c_void_p()
        self._call("nfs_open", path, flags, ctypes.byref(file))
        try:
            yield file
        finally:
            self._library.nfs_close(self._context, file)

    def _names(self, path: str) -> list[str]:
        folder = ctypes.c_void_p()
        self._call("nfs_opendir", path, ctypes.byref(folder))
        found = []
        try:
            while (address := self._library.nfs_readdir(self._context, folder)) is not None:
                entry = ctypes.cast(address, ctypes.POINTER(_Entry)).contents
                if entry.type == _REGULAR:
                    found.append(entry.name.decode())
        finally:
            self._library.nfs_closedir(self._context, folder)
        return sorted(found)

    def _start(self, path: str, length: int) -> bytes:
        parts = []
        with self._opened(path, os.O_RDONLY) as file:
            for offset in range(0, length, _PIECE):
                buffer = ctypes.create_string_buffer(_PIECE)
                wanted = min(_PIECE, length - offset)
                at, count = ctypes.c_uint64(offset), ctypes.c_uint64(wanted)
                got = self._library.nfs_pread(self._context, file, at, count, buffer)
                self._check(got, path)
                parts.append(buffer.raw[:got])
                if got < wanted:
                    break
        return b"".join(parts)

    def _create(self, path: str, content: bytes, size: int) -> None:
        file = ctypes.c_void_p()
        self._library.nfs_unlink(self._context, path.encode())
        self._call("nfs_creat", path, 0o600, ctypes.byref(file))
        try:
            for offset in range(0, len(content), _PIECE):
                part = content[offset : offset + _PIECE]
                if part != _HOLE:
                    at, count = ctypes.c_uint64(offset), ctypes.c_uint64(len(part))
                    self._check(self._library.nfs_pwrite(self._context, file, at, count, part), path)
            length = ctypes.c_uint64(max(size, len(content)))
            self._check(self._library.nfs_ftruncate(self._context, file, length), path)
            self._check(self._library.nfs_fsync(self._context, file), path)
        finally:
            self._library.nfs_close(self._context, file)
