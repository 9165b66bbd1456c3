"""uvicorn's HTTP/1.1, with ways around Python for long bodies on plain connections.

A file is sent by the kernel (`http.response.zerocopysend`, an extension that ASGI defines). A long request
body is received straight into large buffers (`cumulo.blocks`, our own): uvicorn's parser would copy each byte
four times. Both use the connection's socket from a thread, through a descriptor of their own, while the event
loop leaves it alone. Over TLS, and for what says not how long it is, nothing of this is offered.
"""

import asyncio
import contextlib
import functools
import mmap
import os
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.protocols.utils import is_ssl

from cumulo.core.http import Disconnected
from cumulo.serving import BoundedProtocol, Bounds, Pace, Stage

BLOCK = 2 << 20  # bytes received before they are handed on
_LONG = 1 << 20  # bytes of a body from which on it is received so
_BUFFERS = 5  # used in turn: a block stays as it is until two more were asked for
_SENT = 32 << 20  # bytes sent, and as many read ahead
_MOMENT = 0.01  # seconds between looks whether headers have gone
_PATIENCE = 50  # ms that a thread waits for the client, before it helps others
_THREADS = ThreadPoolExecutor(4, thread_name_prefix="http-stream")
_ZERO_COPY = "http.response.zerocopysend"
_SENDS: dict[str, Any] = {_ZERO_COPY: {}}


class StreamingProtocol(BoundedProtocol):
    """One connection."""

    def on_headers_complete(self) -> None:
        """Begin a request, and say in its scope what can be done for long bodies."""
        super().on_headers_complete()
        cycle = self.cycle
        if type(cycle) is not RequestResponseCycle or is_ssl(self.transport):
            return
        cycle.__class__ = _Cycle  # uvicorn has no place to name one's own; the task has not begun yet
        cycle.bounds = self.bounds  # type: ignore[attr-defined]  # it is a `_Cycle` by now
        length = _length(self.scope["headers"])
        self.scope["extensions"] = extensions = dict(_SENDS)
        if length >= _LONG:
            reception = _Reception(self, cycle, length)
            cycle.reception = reception  # type: ignore[attr-defined]  # it is a `_Cycle` by now
            extensions["cumulo.blocks"] = reception.blocks

    def begin_anew(self) -> None:
        """Expect the next request: the last one's body was taken past the parser."""
        self.parser = httptools.HttpRequestParser(self)
        self._enter(Stage.BETWEEN)


class _Cycle(RequestResponseCycle):
    """One request and its response."""

    bounds: Bounds
    reception: "_Reception | None" = None

    async def send(self, message: Any) -> None:
        """Send a message of the application, also one that names a file."""
        if message["type"] == _ZERO_COPY:
            await self._send_file(message["file"].fileno(), message["offset"], message["count"])
            return
        is_last = message["type"] == "http.response.body" and not message.get("more_body")
        if is_last and self.reception is not None and self.reception.left:
            # Answered before the client had sent all: it hears so at once, and may end what it says.
            await super().send(message | {"more_body": True})
            await self.reception.discard()
            message = {"type": "http.response.body", "body": b""}
        await super().send(message)

    async def _send_file(self, file: int, start: int, count: int) -> None:
        if self.disconnected or self.scope["method"] == "HEAD":
            return
        pace = Pace(self.bounds, self.bounds.taking_seconds)
        await asyncio.sleep(0)
        while self.transport.get_write_buffer_size() and pace.left > 0:  # the headers go first
            await asyncio.sleep(_MOMENT)
            pace.waited(_MOMENT)
        with _own(self.transport) as out:
            try:
                for at in range(start, start + count, _SENT):
                    length = min(_SENT, start + count - at)
                    # Only a hint: the next stretch is read while this one is sent.
                    os.posix_fadvise(file, at, length + _SENT, os.POSIX_FADV_WILLNEED)
                    part = functools.partial(_push, out, file)
                    await _each(pace, out, select.POLLOUT, range(at, at + length), part)
            except OSError:
                self.disconnected = True
                self.transport.abort()
                return
        self.expected_content_length -= count


class _Reception:
    """The body of one request, received past uvicorn. left: bytes taken over and not yet received."""

    def __init__(self, protocol: StreamingProtocol, cycle: Any, length: int) -> None:
        self._protocol = protocol
        self._cycle = cycle
        self._length = length
        self._pace = Pace(protocol.bounds)
        self.left = 0

    async def blocks(self) -> AsyncIterator[memoryview]:
        """Yield the body in blocks; each is good until two more are asked for. Raises Disconnected.

        All but the last have BLOCK bytes.
        """
        head = await self._take_over()
        buffers = [memoryview(mmap.mmap(-1, BLOCK)) for _ in range(min(_BUFFERS, self._length // BLOCK + 1))]
        with _own(self._protocol.transport) as connection:
            turn = 0
            while head or self.left:
                view = buffers[turn % len(buffers)]
                turn += 1
                begun = min(len(head), BLOCK)
                view[:begun], head = head[:begun], head[begun:]
                wanted = min(BLOCK - begun, self.left)
                await self._fill(connection, view[begun : begun + wanted])
                yield view[: begun + wanted]
        self._end()

    async def discard(self) -> None:
        """Receive the rest and forget it; what takes too long ends the connection."""
        with _own(self._protocol.transport) as connection:
            scratch = memoryview(bytearray(_LONG))
            with contextlib.suppress(Disconnected, TimeoutError):
                async with asyncio.timeout(self._protocol.bounds.rest_seconds):
                    while self.left:
                        await self._fill(connection, scratch[: min(_LONG, self.left)])
        self._end()

    async def _take_over(self) -> bytes:
        """Stop the parser; return what it has of the body already."""
        message = await self._cycle.receive()  # says `100 Continue`, where the client waits for it
        if message["type"] == "http.disconnect":
            raise Disconnected
        self._protocol.flow.pause_reading()
        head: bytes = message["body"] + bytes(self._cycle.body)
        self._cycle.body = bytearray()
        self.left = self._length - len(head)
        return head

    async def _fill(self, connection: socket.socket, view: memoryview) -> None:
        try:
            part = functools.partial(_pull, connection, view)
            await _each(self._pace, connection, select.POLLIN, range(len(view)), part)
        except OSError as error:
            self.left, self._cycle.disconnected = 0, True
            self._protocol.transport.abort()
            raise Disconnected from error
        except asyncio.CancelledError:
            # Nobody knows how much of it has come: the answer is the last thing on this connection.
            self.left, self._cycle.keep_alive = 0, False
            raise
        self.left -= len(view)

    def _end(self) -> None:
        if self._cycle.disconnected:
            return
        self._cycle.more_body = False
        self._protocol.begin_anew()


async def _each(
    pace: Pace, connection: socket.socket, event: int, places: range, part: Callable[[int, int], int]
) -> None:
    """Call `part` in a thread with where to go on and how much is left, until all is done. OSError.

    TimeoutError, which is one, when the client is slower than the pace.
    """
    loop = asyncio.get_running_loop()
    at, end = places.start, places.stop
    while at < end:
        begun = loop.time()
        done = await loop.run_in_executor(_THREADS, part, at, end - at)
        at += done
        pace.came(done)
        if not done:
            async with asyncio.timeout(pace.left):
                await _ready(loop, connection, event)
        pace.waited(loop.time() - begun)
        if pace.left <= 0:
            raise TimeoutError


def _ready(loop: asyncio.AbstractEventLoop, connection: socket.socket, event: int) -> Awaitable[None]:
    """Return what ends when the client has sent or taken something."""
    ready: asyncio.Future[None] = loop.create_future()
    number = connection.fileno()
    add, remove = (
        (loop.add_reader, loop.remove_reader)
        if event == select.POLLIN
        else (loop.add_writer, loop.remove_writer)
    )
    add(number, _end_of, ready)
    ready.add_done_callback(lambda _: remove(number))
    return ready


def _end_of(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _push(out: socket.socket, file: int, at: int, left: int) -> int:
    """Send some of a file; return how much, 0 when the client takes nothing."""
    sent = 0
    while sent < left:
        try:
            done = os.sendfile(out.fileno(), file, at + sent, left - sent)
        except BlockingIOError:
            if not _waited(out, select.POLLOUT):
                break
            continue
        if not done:
            raise OSError("the file is shorter than it was")
        sent += done
    return sent


def _pull(connection: socket.socket, view: memoryview, at: int, left: int) -> int:
    """Receive until the view is full; return how much came, less when the client is silent for a moment."""
    taken = 0
    while taken < left:
        try:
            done = connection.recv_into(view[at + taken :])
        except BlockingIOError:
            if not _waited(connection, select.POLLIN):
                break
            continue
        if not done:
            raise ConnectionResetError("the client went away")
        taken += done
    return taken


def _waited(connection: socket.socket, event: int) -> bool:
    waiting = select.poll()
    waiting.register(connection, event)
    return bool(waiting.poll(_PATIENCE))


@contextlib.contextmanager
def _own(transport: Any) -> Any:
    """Give the connection's socket under a descriptor of its own, which the event loop knows nothing of."""
    number = os.dup(transport.get_extra_info("socket").fileno())
    with socket.socket(fileno=number) as connection:
        yield connection


def _length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Return the announced length of a body; 0 without one."""
    said = next((value for name, value in headers if name == b"content-length"), b"")
    return int(said) if said.isdigit() else 0
