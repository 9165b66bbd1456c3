"""A client of one NBD export on a Unix socket, enough to read and write pieces (NBD protocol, proto.md).

It speaks the fixed newstyle handshake with NBD_OPT_GO and simple replies, one request at a time.
"""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from pathlib import Path

from cumulo.core.drivers import Permanent, Temporary

_INIT_MAGIC = b"NBDMAGIC"
_OPTION_MAGIC = b"IHAVEOPT"
_OPTION_REPLY_MAGIC = 0x0003E889045565A9
_REQUEST_MAGIC = 0x25609513
_REPLY_MAGIC = 0x67446698
_FIXED_NEWSTYLE, _NO_ZEROES = 1, 2
_OPT_GO = 7
_REP_ACK, _REP_INFO = 1, 3
_INFO_EXPORT = 0
_READ, _WRITE, _DISCONNECT = 0, 1, 2
_SECONDS = 60.0  # that a daemon may take for a piece: one whose disk hangs must not hold a volume for ever
_FUA = 1  # the reply to a write means that it is on disk

OPTION = struct.Struct(">8sII")
OPTION_REPLY = struct.Struct(">QIII")
REQUEST = struct.Struct(">IHHQQI")
REPLY = struct.Struct(">IIQ")


class NbdClient:
    """A connection to an export of `size` bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = asyncio.Lock()
        self.size = 0

    @classmethod
    async def connect(cls, path: Path, export: str) -> "NbdClient":
        """Connect to an export by its name. Temporary when nobody listens, Permanent when it is unknown."""
        try:
            client = cls(*await asyncio.open_unix_connection(path))
        except OSError as error:
            raise Temporary(f"the storage daemon does not answer: {error.strerror}") from error
        async with client._all_or_hung_up():
            await client._shake_hands(export.encode())
        return client

    async def read(self, offset: int, length: int) -> bytes:
        """Return a piece."""
        return await self._ask(_READ, offset, length)

    async def write(self, offset: int, data: bytes) -> None:
        """Write a piece; it is on disk when this returns."""
        await self._ask(_WRITE, offset, len(data), data)

    async def close(self) -> None:
        """Say farewell, and wait until the connection is gone."""
        try:
            async with asyncio.timeout(_SECONDS):
                self._writer.write(REQUEST.pack(_REQUEST_MAGIC, 0, _DISCONNECT, 0, 0, 0))
                await self._writer.drain()
                self._writer.close()
                await self._writer.wait_closed()
        except OSError:  # TimeoutError is one
            self.abort()

    @property
    def closed(self) -> bool:
        """Whether the connection is gone."""
        return self._writer.transport.is_closing() or self._reader.at_eof()

    def abort(self) -> None:
        """Drop the connection."""
        self._writer.transport.abort()

    async def _shake_hands(self, name: bytes) -> None:
        magic = await self._take(18)
        if magic[:8] != _INIT_MAGIC or magic[8:16] != _OPTION_MAGIC:
            raise Permanent("the storage daemon does not speak NBD")
        self._writer.write(struct.pack(">I", _FIXED_NEWSTYLE | _NO_ZEROES))
        data = struct.pack(">I", len(name)) + name + struct.pack(">H", 0)
        self._writer.write(OPTION.pack(_OPTION_MAGIC, _OPT_GO, len(data)) + data)
        while True:
            _, _, kind, length = OPTION_REPLY.unpack(await self._take(OPTION_REPLY.size))
            body = await self._take(length)
            if kind == _REP_ACK:
                return
            if kind != _REP_INFO:
                reason = body.decode(errors="replace")
                raise Permanent(f"the storage daemon refuses export {name.decode()}: {reason}")
            if struct.unpack(">H", body[:2])[0] == _INFO_EXPORT:
                self.size = struct.unpack(">Q", body[2:10])[0]

    async def _ask(self, command: int, offset: int, length: int, data: bytes = b"") -> bytes:
        async with self._lock, self._all_or_hung_up():
            flags = _FUA if command == _WRITE else 0
            self._writer.write(REQUEST.pack(_REQUEST_MAGIC, flags, command, 0, offset, length) + data)
            await self._drain()
            magic, error, _ = REPLY.unpack(await self._take(REPLY.size))
            if magic != _REPLY_MAGIC:
                raise Permanent("the storage daemon's reply is no NBD")
            if error:
                raise Permanent(f"the storage daemon failed with error {error} at byte {offset}")
            return await self._take(length) if command == _READ else b""

    @contextlib.asynccontextmanager
    async def _all_or_hung_up(self) -> AsyncIterator[None]:
        """Hang up when a request is left in the middle: its reply must not be taken for the next one's.

        Temporary for one that is not answered in time.
        """
        try:
            async with asyncio.timeout(_SECONDS):
                yield
        except TimeoutError:
            self.abort()
            raise Temporary(f"the storage daemon did not answer within {_SECONDS:.0f} s") from None
        except BaseException:
            self.abort()
            raise

    async def _drain(self) -> None:
        try:
            await self._writer.drain()
        except OSError as error:
            raise Temporary("the storage daemon hung up") from error

    async def _take(self, length: int) -> bytes:
        try:
            return await self._reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise Temporary("the storage daemon hung up") from error
