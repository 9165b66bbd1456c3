"""One connection of a server. uvicorn's own protocol waits for ever, and keeps whatever it is sent.

A head that never ends or trickles, a body that does, trailers without end, a thousand requests in a row
without reading an answer, an answer that is never read, connections that say nothing: each ends after a
bounded time and holds a bounded part of the memory. Who sends such a thing is told so where it can be.
"""

import asyncio
import itertools
import sys
from enum import Enum
from http import HTTPStatus
from typing import Any, ClassVar, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cumulo.serving.bounds import Bounds, Pace

_SOME = 64  # idle connections, of which the longest idle one makes room


class Stage(Enum):
    """What the parser expects."""

    BETWEEN = "a request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"


class Refused(Exception):
    """The parser is to stop: the client has been told why."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `bounds`: what it is held to."""

    bounds: ClassVar[Bounds] = Bounds()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.stage = Stage.BETWEEN
        self.since = self._looked = self.loop.time()  # when the stage, or an answer's end, was reached
        self._coming = b""  # what is being parsed
        self._unparsed = 0  # bytes since the parser last finished something
        self._pace = Pace(self.bounds)
        self._pausing: float | None = None  # since when the client takes nothing
        self._leaving = False
        self._look_again: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Take a connection; when there are too many, at the cost of one that has long been idle."""
        super().connection_made(transport)
        self._look_again = self.loop.call_later(self.bounds.every, self._look)
        if len(self.connections) > self.bounds.connections:
            idle = (one for one in self.connections if isinstance(one, BoundedProtocol) and one.is_idle)
            some = itertools.islice(idle, _SOME)  # all of them, each time, would take longer than the flood
            min(some, key=lambda one: one.since).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Look after it no more."""
        self._let_go()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the protocol of WebSockets, which may be silent for hours."""
        self._let_go()
        super().handle_websocket_upgrade()

    @property
    def _declines_upgrade(self) -> bool:
        return self.parser.should_upgrade() and not self._should_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        """Serve a request as if it spoke of no other protocol (RFC 9110, 7.8), as of HTTP/2 in the clear.

        The parser has stopped behind its head: uvicorn would serve it without a body, and no other after it.
        """
        stopped = cast("httptools.HttpParserUpgrade", sys.exc_info()[1])
        rest = self._coming[stopped.args[0] :]
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/", self.parser.get_http_version().encode()]
        for name, value in self.headers:
            if name != b"upgrade":
                head += [b"\r\n", name, b": ", value]
        self.parser = httptools.HttpRequestParser(self)
        self._coming = b"".join([*head, b"\r\n\r\n", rest])
        super().data_received(self._coming)  # for the next such request it calls us again

    def _let_go(self) -> None:
        if self._look_again is not None:
            self._look_again.cancel()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being done for the client."""
        ended = self._leaving or self.transport.is_closing()
        return not ended and not self._works and self.stage is not Stage.BODY

    @property
    def _works(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """Parse what came; none of it is kept that leads nowhere."""
        if self._leaving:
            return
        self._unparsed += len(data)
        self._coming = data
        super().data_received(data)
        self._coming = b""
        if self._unparsed > self.bounds.head_bytes:
            self.refuse(_TOO_LONG if self.stage is Stage.HEAD else HTTPStatus.BAD_REQUEST)

    def on_message_begin(self) -> None:
        """Begin with a request."""
        super().on_message_begin()
        self._enter(Stage.HEAD)
        if len(self.pipeline) >= self.bounds.queued:
            self.transport.abort()  # where answers are due, none can be told that it is too many
            raise Refused

    def on_headers_complete(self) -> None:
        """Have the request served, unless its head is too long."""
        if self._unparsed > self.bounds.head_bytes:  # of which some may be the body's
            length = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if length > self.bounds.head_bytes:
                self.refuse(_TOO_LONG)
                raise Refused
        if self._declines_upgrade:
            if self.parser.get_method() == b"CONNECT":
                self.refuse(HTTPStatus.BAD_REQUEST)
                raise Refused
            return
        self._enter(Stage.BODY)
        self._pace = Pace(self.bounds)
        super().on_headers_complete()
        if not self.parser.should_upgrade():
            self.headers = []  # trailers are nobody's headers

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on."""
        self._unparsed = 0
        self._pace.came(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Be ready for another request."""
        if self._declines_upgrade:
            return
        super().on_message_complete()
        self._enter(Stage.BETWEEN)

    def on_response_complete(self) -> None:
        """Begin to wait for another request, or for the end of this one."""
        self.since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Note since when the client takes nothing."""
        self._pausing = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that it takes something."""
        self._pausing = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Tell what is no HTTP that it is none."""
        self.refuse(HTTPStatus.BAD_REQUEST, msg)

    def refuse(self, status: HTTPStatus, text: str = "") -> None:
        """Send the client away; what it is still sending is not looked at."""
        if self._leaving or self.transport.is_closing():
            return
        self._leaving, self.since = True, self.loop.time()
        if self.pipeline or (self._works and self.cycle.response_started):
            self.transport.abort()  # in the middle of an answer nothing can be said
            return
        if self._works:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        body = (text or status.phrase).encode()
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()  # closed at once, with bytes unread, the answer could get lost
        else:
            self.transport.close()

    def _enter(self, stage: Stage) -> None:
        self.stage, self._unparsed = stage, 0 if stage is not Stage.HEAD else self._unparsed
        self.since = self.loop.time()

    def _look(self) -> None:
        """See whether the client lets us wait for too long."""
        now = self.loop.time()
        waited, self._looked = now - self._looked, now
        self._look_again = self.loop.call_later(self.bounds.every, self._look)
        bounds, lasted = self.bounds, now - self.since
        if self._leaving:
            if lasted > bounds.leaving_seconds:
                self.transport.abort()
        elif self.transport.is_closing():  # once the client has taken what it was answered
            if lasted > bounds.taking_seconds:
                self.transport.abort()
        elif self._pausing is not None:
            if now - self._pausing > bounds.taking_seconds:
                self.transport.abort()
        elif self.stage is Stage.BODY:
            self._look_at_body(waited, lasted)
        elif not self._works and self.stage is Stage.HEAD and lasted > bounds.head_seconds:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif not self._works and self.stage is Stage.BETWEEN and lasted > bounds.idle_seconds:
            self.transport.close()

    def _look_at_body(self, waited: float, lasted: float) -> None:
        if not self._works:
            if lasted > self.bounds.rest_seconds:
                self.transport.abort()
        elif not self.flow.read_paused and not self.cycle.waiting_for_100_continue:
            self._pace.waited(waited)
            if self._pace.left <= 0:
                self.refuse(HTTPStatus.REQUEST_TIMEOUT)


_TOO_LONG = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
