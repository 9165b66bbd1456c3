"""uvicorn's HTTP/1.1, with ways around Python for long bodies on plain connections.

A file is sent by the kernel (`http.response.zerocopysend`, an extension that ASGI defines). A long request
body is received straight into large buffers (`cumulo.blocks`, our own): uvicorn's parser would copy each byte
four times. Both use the connection's socket from a thread, through a descriptor of their own, while the event
loop leaves it alone. Over TLS, and for what says not how long it is, nothing of this is offered.
"""

import asyncio
import contextlib
import mmap
import os
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import is_ssl

from cumulo.core.http import Disconnected

BLOCK = 2 << 20  # bytes received before they are handed on
_LONG = 1 << 20  # bytes of a body from which on it is received so
_BUFFERS = 5  # used in turn: a block stays as it is until two more were asked for
_SENT = 32 << 20  # bytes sent, and as many read ahead
_PATIENCE = 50  # ms that a thread waits for the client, before it helps others
_THREADS = ThreadPoolExecutor(4, thread_name_prefix="http-stream")
_ZERO_COPY = "http.response.zerocopysend"
_SENDS: dict[str, Any] = {_ZERO_COPY: {}}


class StreamingProtocol(HttpToolsProtocol):
    """One connection."""

    def on_headers_complete(self) -> None:
        """Begin a request, and say in its scope what can be done for long bodies."""
        super().on_headers_complete()
        cycle = self.cycle
        if type(cycle) is not RequestResponseCycle or is_ssl(self.transport):
            return
        cycle.__class__ = _Cycle  # uvicorn has no place to name one's own; the task has not begun yet
        length = _length(self.headers)
        self.scope["extensions"] = extensions = dict(_SENDS)
        if length >= _LONG:
            reception = _Reception(self, cycle, length)
            cycle.reception = reception  # type: ignore[attr-defined]  # it is a `_Cycle` by now
            extensions["cumulo.blocks"] = reception.blocks

    def begin_anew(self) -> None:
        """Expect the next request: the last one's body was taken past the parser."""
        self.parser = httptools.HttpRequestParser(self)


class _Cycle(RequestResponseCycle):
    """One request and its response."""

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
        while self.transport.get_write_buffer_size():  # noqa: ASYNC110  the headers go first, and fit in
            await asyncio.sleep(0)
        with _own(self.transport) as out:
            try:
                for at in range(start, start + count, _SENT):
                    length = min(_SENT, start + count - at)
                    # Only a hint: the next stretch is read while this one is sent.
                    os.posix_fadvise(file, at, length + _SENT, os.POSIX_FADV_WILLNEED)
                    await _each(out, select.POLLOUT, at, length, lambda at, left: _push(out, file, at, left))
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
        """Receive the rest and forget it."""
        with _own(self._protocol.transport) as connection:
            scratch = memoryview(bytearray(_LONG))
            with contextlib.suppress(Disconnected):
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
            await _each(connection, select.POLLIN, 0, len(view), lambda at, _: _pull(connection, view[at:]))
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
    connection: socket.socket, event: int, start: int, count: int, part: Callable[[int, int], int]
) -> None:
    """Call `part` in a thread with where to go on and how much is left, until all is done. OSError."""
    loop = asyncio.get_running_loop()
    at, end = start, start + count
    while at < end:
        done = await loop.run_in_executor(_THREADS, part, at, end - at)
        at += done
        if not done:
            await _ready(loop, connection, event)


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


def _pull(connection: socket.socket, view: memoryview) -> int:
    """Receive until the view is full; return how much came, less when the client is silent for a moment."""
    taken = 0
    while taken < len(view):
        try:
            done = connection.recv_into(view[taken:])
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


def _length(headers: list[tuple[bytes, bytes]]) -> int:
    """Return the announced length of a body; 0 without one."""
    said = next((value for name, value in headers if name == b"content-length"), b"")
    return int(said) if said.isdigit() else 0
