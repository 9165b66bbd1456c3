"""One end of a connection: questions and answers, several at a time, as frames of msgpack."""

import asyncio
import contextlib
import itertools
import struct
from collections.abc import Awaitable, Callable
from enum import StrEnum

import msgspec
import structlog

from cumulo.core.bus.failures import Failure, pack, unpack
from cumulo.core.drivers import Permanent
from cumulo.core.errors import Unavailable

log = structlog.get_logger(__name__)

LARGEST = 64 << 20  # bytes of a frame; pieces of disks are the largest
_LENGTH = struct.Struct("!I")


class Kind(StrEnum):
    """What a frame is."""

    CALL = "call"
    ANSWER = "answer"
    FAILURE = "failure"
    SERVE = "serve"  # `host` is reached over this connection from now on
    WITHDRAW = "withdraw"
    PUBLISH = "publish"  # `verb` is the topic


class Frame(msgspec.Struct, array_like=True):
    """A message. `number` pairs an answer with its question."""

    kind: Kind
    number: int = 0
    host: str = ""
    verb: str = ""
    body: bytes = b""


Answer = Callable[[Frame], Awaitable[bytes | Failure]]

_FRAME = msgspec.msgpack.Decoder(Frame)
_FAILURE = msgspec.msgpack.Decoder(Failure)


class Peer:
    """The other end of a connection. `answer` is awaited for each question, `heard` called for the rest."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: Answer,
        heard: Callable[[Frame], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._heard = heard
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._working: set[asyncio.Task[None]] = set()

    async def ask(self, host: str, verb: str, request: bytes) -> bytes:
        """Return what a host answers; raise what it raised, and Unavailable when the connection ends."""
        number = next(self._numbers)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await self.tell(Frame(Kind.CALL, number, host, verb, request))
            return await answer
        finally:
            del self._waiting[number]

    async def tell(self, frame: Frame) -> None:
        """Send a frame. Unavailable when the connection has ended; Permanent when nobody would take it."""
        packed = msgspec.msgpack.encode(frame)
        if len(packed) > LARGEST:  # the other side would hang up, on all others too
            raise Permanent(f"{len(packed)} bytes are too many for one message of {frame.verb or 'the bus'}")
        try:
            self._writer.write(_LENGTH.pack(len(packed)) + packed)
            await self._writer.drain()
        except (OSError, RuntimeError) as error:
            raise Unavailable("The other end of the bus is gone.") from error

    async def listen(self) -> None:
        """Take in frames until the connection ends; what still waits for an answer then fails."""
        try:
            while True:
                self._take(await self._next())
        except (OSError, asyncio.IncompleteReadError):
            pass  # the usual end
        except (ValueError, TypeError, msgspec.DecodeError) as error:
            log.warning("bus.nonsense", reason=str(error))
        finally:
            self._end()

    async def _next(self) -> Frame:
        (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
        if length > LARGEST:
            raise ValueError(f"a frame of {length} bytes")
        return _FRAME.decode(await self._reader.readexactly(length))

    async def close(self) -> None:
        """End the connection."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def _take(self, frame: Frame) -> None:
        if frame.kind is Kind.CALL:
            task = asyncio.get_running_loop().create_task(self._reply(frame))
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        elif frame.kind in (Kind.ANSWER, Kind.FAILURE):
            waiting = self._waiting.get(frame.number)
            if waiting is None or waiting.done():
                return  # whoever asked has given up
            if frame.kind is Kind.ANSWER:
                waiting.set_result(frame.body)
            else:
                waiting.set_exception(unpack(_FAILURE.decode(frame.body)))
        else:
            self._heard(frame)

    async def _reply(self, frame: Frame) -> None:
        found = await self._answer(frame)
        with contextlib.suppress(Unavailable):  # whoever asked has gone, and asks again
            if not isinstance(found, Failure):
                try:
                    await self.tell(Frame(Kind.ANSWER, frame.number, verb=frame.verb, body=found))
                except Permanent as error:
                    found = pack(error)
            if isinstance(found, Failure):
                await self.tell(Frame(Kind.FAILURE, frame.number, body=msgspec.msgpack.encode(found)))

    def _end(self) -> None:
        self._writer.close()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Unavailable("The host went away before it answered."))
