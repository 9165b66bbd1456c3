"""Images in a pool of a Ceph cluster: RBD images `<image id>.<attempt>`; uploads under way are `upload-ID`.

The bindings are of Debian's own Python of the same version, outside this environment's path. All of them
block, and are called in the store's threads. QEMU reads what is here only from the cache's copy, for an
image's bytes are in the format of its upload, not raw as RBD's clones need them.
"""

import asyncio
import importlib
import io
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from cumulo.core.errors import Unavailable
from cumulo.services.image.config import SHA512, StoreSettings
from cumulo.services.image.drivers.writing import SinkWriter

T = TypeVar("T")
_BINDINGS = "/usr/lib/python3/dist-packages"
_SECONDS = 10  # until a cluster that does not answer counts as away
_UPLOAD = "upload-"
_BLOCK = 4 << 20
_STEP = 256 << 20  # bytes that an image grows by while it is written
_AWAY = {"TimedOut", "ConnectionShutdown", "NotConnected", "ObjectNotFound", "ImageBusy"}


@cache
def _bindings(name: str) -> Any:
    sys.path.append(_BINDINGS)
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Unavailable(f"The package python3-{name} is not installed.") from error
    finally:
        sys.path.remove(_BINDINGS)


class Pool:
    """A pool of a cluster; the connection is made when it is first used."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._cluster: Any = None
        self._io: Any = None

    @property
    def io(self) -> Any:
        """The pool, as the bindings take it."""
        with self._lock:
            if self._io is None:
                said = self._settings
                options = {"keyring": said.keyring, "client_mount_timeout": str(_SECONDS)}
                options |= {"rados_mon_op_timeout": str(_SECONDS), "rados_osd_op_timeout": str(3 * _SECONDS)}
                cluster = _bindings("rados").Rados(rados_id=said.user, conffile=said.conf, conf=options)
                cluster.connect(timeout=_SECONDS)
                self._cluster, self._io = cluster, cluster.open_ioctx(said.ceph_pool)
            return self._io

    @contextmanager
    def image(self, name: str, *, read_only: bool = False) -> Iterator[Any]:
        """Give an open image. FileNotFoundError without one."""
        rbd = _bindings("rbd")
        try:
            opened = rbd.Image(self.io, name, read_only=read_only)
        except rbd.ImageNotFound as error:
            raise FileNotFoundError(name) from error
        with opened as image:
            yield image

    def create(self, name: str) -> None:
        """Make an empty image, in place of what there is of that name."""
        self.remove(name)
        _bindings("rbd").RBD().create(self.io, name, 0, old_format=False)

    def remove(self, name: str) -> None:
        """Remove an image; none is no error."""
        with suppress(_bindings("rbd").ImageNotFound):
            _bindings("rbd").RBD().remove(self.io, name)

    def rename(self, name: str, new: str) -> None:
        """Give an image another name; one that has it already is no error."""
        with suppress(_bindings("rbd").ImageNotFound):
            _bindings("rbd").RBD().rename(self.io, name, new)

    def names(self) -> list[str]:
        """Return the names of all images."""
        return list(_bindings("rbd").RBD().list(self.io))

    def close(self) -> None:
        """Hang up."""
        if self._cluster is not None:
            self._io.close()
            self._cluster.shutdown()


class RbdStore:
    """A pool of a Ceph cluster that holds nothing else."""

    def __init__(self, settings: StoreSettings, *, name: str, threads: int = 4) -> None:
        self.name = name
        self._pool = Pool(settings)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=f"image-store-{name}")

    async def begin(self, upload_id: str, algorithm: str = SHA512) -> SinkWriter:
        """Start an upload that is hashed with one of ALGORITHMS."""
        name = _UPLOAD + upload_id
        await self._do(lambda: self._pool.create(name))
        return SinkWriter(_RbdSink(self._pool, name), self._threads, algorithm)

    async def adopt(self, upload_id: str, path: Path) -> bool:
        """Take no file of this machine: it has to be copied."""
        del upload_id, path
        return False

    async def examine(self, name: str, look: Callable[[BinaryIO], T]) -> T:
        """Give an upload or published bytes, as a file, to a function that runs in a thread."""

        def open_and_look() -> T:
            for each in (_UPLOAD + name, name):
                with suppress(FileNotFoundError), self._pool.image(each, read_only=True) as image:
                    return look(cast("BinaryIO", io.BufferedReader(_Reading(image), _BLOCK)))
            raise FileNotFoundError(name)

        return await self._do(open_and_look)

    async def publish(self, upload_id: str, name: str, twin: str | None = None) -> None:
        """Give a finished upload its name; here twins share nothing."""
        del twin
        await self._do(lambda: self._pool.rename(_UPLOAD + upload_id, name))

    async def remove(self, name: str) -> None:
        """Remove bytes."""
        await self._do(lambda: self._pool.remove(name))

    async def names(self) -> list[str]:
        """Return the names of all bytes that were published."""
        return [name for name in await self._do(self._pool.names) if not name.startswith(_UPLOAD)]

    async def abandoned(self, known: frozenset[str], age: float) -> list[str]:
        """Return uploads that are not `known` and were not written to for `age` seconds."""

        def look() -> list[str]:
            found = [name.removeprefix(_UPLOAD) for name in self._pool.names() if name.startswith(_UPLOAD)]
            unknown = [name for name in found if name.partition(".")[0] not in known]
            return [name for name in unknown if self._is_old(name, age)]

        return await self._do(look)

    def _is_old(self, upload_id: str, age: float) -> bool:
        with suppress(FileNotFoundError), self._pool.image(_UPLOAD + upload_id, read_only=True) as image:
            return bool(image.modify_timestamp().timestamp() < time.time() - age)
        return False

    async def discard(self, upload_id: str) -> None:
        """Remove an upload."""
        await self._do(lambda: self._pool.remove(_UPLOAD + upload_id))

    async def read(self, name: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes in large blocks; while one is used, the next is read."""
        opening = self._pool.image(name, read_only=True)
        image = await self._do(opening.__enter__)
        ahead: asyncio.Task[bytes] | None = None
        try:
            size = await self._do(image.size)
            end = size if length is None else min(size, start + length)
            ahead = self._ahead(image, start, end)
            while ahead is not None:
                block = await ahead
                start += len(block)
                ahead = self._ahead(image, start, end)
                yield block
        finally:
            if ahead is not None:
                await asyncio.gather(ahead, return_exceptions=True)
            await self._do(lambda: opening.__exit__(None, None, None))

    def _ahead(self, image: Any, start: int, end: int) -> asyncio.Task[bytes] | None:
        """Begin to read the next block of those before `end`; None when none are left."""
        if start >= end:
            return None
        return asyncio.create_task(self._do(lambda: bytes(image.read(start, min(_BLOCK, end - start)))))

    def close(self) -> None:
        """Hang up; the store is used no more."""
        self._threads.shutdown()
        self._pool.close()

    def path(self, name: str) -> Path | None:
        """Say that the bytes lie on no machine."""
        del name
        return None

    async def _do(self, work: Callable[[], T]) -> T:
        """Run what blocks in a thread. Unavailable when the cluster does not answer."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except Exception as error:
            if type(error).__name__ in _AWAY:
                raise Unavailable(f"The image store {self.name} does not answer at present.") from error
            raise


class _RbdSink:
    """An upload into an RBD image, which grows by large steps and is cut at the end."""

    def __init__(self, pool: Pool, name: str) -> None:
        self._pool = pool
        self._name = name
        self._size = 0
        self._room = 0

    def append(self, data: memoryview) -> None:
        """Write the next bytes."""
        with self._pool.image(self._name) as image:
            if self._size + len(data) > self._room:
                self._room = self._size + len(data) + _STEP
                image.resize(self._room)
            image.write(bytes(data), self._size)
            self._size += len(data)

    def close(self) -> None:
        """Make all that was written durable."""
        with self._pool.image(self._name) as image:
            image.flush()
            image.resize(self._size)

    def remove(self) -> None:
        """Remove what was written."""
        self._pool.remove(self._name)


class _Reading(io.RawIOBase):
    """An open image, read like a file."""

    def __init__(self, image: Any) -> None:
        super().__init__()
        self._image = image
        self._size = int(image.size())
        self._at = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read anywhere."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; return it."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read what fits."""
        length = max(0, min(len(buffer), self._size - self._at))
        if length:
            buffer[:length] = self._image.read(self._at, length)
            self._at += length
        return length
