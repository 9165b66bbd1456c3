"""One JSON-RPC 1.0 connection: framing, calls, notifications and liveness probes."""

import asyncio
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any, cast

import msgspec


class OvsdbError(Exception):
    """The database or the connection to it failed."""


class Disconnected(OvsdbError):
    """The connection is gone; whether the last transaction was committed is not known."""


class TransactionFailed(OvsdbError):
    """The database refused a transaction; nothing of it was done. `error` is RFC 7047's tag."""

    def __init__(self, error: str, details: str = "") -> None:
        super().__init__(f"{error}: {details}" if details else error)
        self.error = error
        self.details = details


# What is between two braces, whole strings with it; then a brace, or the quote of a string not yet whole.
# No quantifier says that it never goes back, though it does not: those lose the place in Python 3.11.2.
_TO_BRACE = re.compile(rb'(?:[^{}"]+|"[^"\\]*(?:\\.[^"\\]*)*")*([{}"]?)', re.DOTALL)


class Framer:
    """Cuts a stream of JSON objects, sent with nothing between them, into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0
        self._depth = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add what arrived; yield each message that is complete."""
        self._buffer += data
        start = 0
        for end in self._scan():
            yield bytes(self._buffer[start:end])
            start = end
        del self._buffer[:start]
        self._at -= start

    def _scan(self) -> list[int]:
        """Read the bytes not yet looked at; return where messages end."""
        ends: list[int] = []
        while found := _TO_BRACE.match(self._buffer, self._at):
            self._at = found.start(1)
            if found[1] not in (b"{", b"}"):
                break
            self._at += 1
            self._depth += 1 if found[1] == b"{" else -1
            if self._depth == 0:
                ends.append(self._at)
        return ends


class Connection(asyncio.Protocol):
    """A peer that answers calls; notifications go to `notify`, its end resolves `lost`."""

    def __init__(self, notify: Callable[[str, list[Any]], None], *, probe: float = 10.0) -> None:
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._notify = notify
        self._probe = probe
        self._framer = Framer()
        self._ids = itertools.count(1)
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._transport: asyncio.Transport | None = None
        self._silent = 0
        self._timer: asyncio.TimerHandle | None = None

    async def call(self, method: str, params: list[Any]) -> Any:
        """Call a method and return its result."""
        if self._transport is None or self.lost.done():
            raise Disconnected("not connected")
        number = next(self._ids)
        self._write({"method": method, "params": params, "id": number})
        answer = self._calls[number] = asyncio.get_running_loop().create_future()
        try:
            return await answer
        finally:
            self._calls.pop(number, None)

    def close(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport and begin to probe."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail every call that waits."""
        if self._timer is not None:
            self._timer.cancel()
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(Disconnected(str(exc or "connection closed")))
        self._calls.clear()
        if not self.lost.done():
            self.lost.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Handle the messages that are complete."""
        self._silent = 0
        for message in self._framer.feed(data):
            self._handle(msgspec.json.decode(message))

    def _handle(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            answer = self._calls.get(message["id"]) if message.get("id") is not None else None
            if answer is None or answer.done():
                return
            error = message.get("error")
            if error is not None:
                answer.set_exception(OvsdbError(str(error)))
            else:
                answer.set_result(message["result"])
        elif message["method"] == "echo":
            self._write({"result": message["params"], "error": None, "id": message["id"]})
        else:
            self._notify(message["method"], message["params"])

    def _write(self, message: dict[str, Any]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(msgspec.json.encode(message))

    def _watch(self) -> None:
        """Send an echo after a silent period, and give up after a second one."""
        self._silent += 1
        if self._silent > 2:  # noqa: PLR2004  the second period in which nothing came
            self.close()
            return
        if self._silent > 1:
            self._write({"method": "echo", "params": [], "id": "probe"})
        self._timer = asyncio.get_running_loop().call_later(self._probe, self._watch)
