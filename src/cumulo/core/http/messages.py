"""A request and a response, as thin as ASGI allows."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, unquote

import msgspec

from cumulo.core.errors import TooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = "application/json"


class Disconnected(Exception):
    """The client went away while its body was read."""


class Headers:
    """Request headers: names in any case, values as text; the first of several wins."""

    __slots__ = ("_raw", "_seen")

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._raw = raw
        self._seen: dict[str, str] | None = None

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return a header's value."""
        return self.all().get(name.lower(), default)

    def all(self) -> Mapping[str, str]:
        """Return every header, names in lower case."""
        if self._seen is None:
            self._seen = {}
            for name, value in self._raw:
                self._seen.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
        return self._seen


class Request:
    """One HTTP request. `path` is the decoded path; `segments` splits it before decoding."""

    __slots__ = ("_query", "_receive", "_whole", "headers", "method", "path", "raw_query", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self._receive = receive
        self.method: str = scope.get("method", "GET")
        self.path: str = scope["path"]
        self.raw_query: str = scope.get("query_string", b"").decode("latin-1")
        self.headers = Headers(scope["headers"])
        self._query: dict[str, list[str]] | None = None
        self._whole: bytes | None = None

    def segments(self) -> list[str]:
        """Return the path's parts, each decoded by itself, so that `%2F` stays inside one."""
        raw = self.scope.get("raw_path") or self.path.encode()
        parts = raw.decode("latin-1").split("?", 1)[0].strip("/").split("/")
        return [unquote(part) if "%" in part else part for part in parts if part]

    @property
    def query(self) -> dict[str, list[str]]:
        """The query's values, by name, in order."""
        if self._query is None:
            self._query = {}
            if self.raw_query:
                for name, value in parse_qsl(self.raw_query, keep_blank_values=True):
                    self._query.setdefault(name, []).append(value)
        return self._query

    def first(self, name: str) -> str | None:
        """Return the first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else None

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; the server reads no further than we do. Disconnected."""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                return

    def blocks(self) -> AsyncIterator[bytes]:
        """Yield the body in large blocks where the server can; each is good until two more are asked for."""
        direct = self.scope.get("extensions", {}).get("cumulo.blocks")
        return self.stream() if direct is None else direct()

    @property
    def sends_files(self) -> bool:
        """Whether a `FileBody` can be sent to this client."""
        return FileBody.MESSAGE in self.scope.get("extensions", {})

    async def body(self, limit: int) -> bytes:
        """Return the whole body, read once. TooLarge beyond `limit` bytes, before it is read when told."""
        if self._whole is not None:
            return self._whole
        announced = self.headers.get("content-length")
        if announced is not None and announced.isdigit() and int(announced) > limit:
            raise TooLarge(limit=limit)
        parts: list[bytes] = []
        size = 0
        async for part in self.stream():
            size += len(part)
            if size > limit:
                raise TooLarge(limit=limit)
            parts.append(part)
        self._whole = parts[0] if len(parts) == 1 else b"".join(parts)
        return self._whole


class FileBody:
    """`count` bytes of an open file from `start` on, sent by the kernel and closed then."""

    MESSAGE = "http.response.zerocopysend"

    def __init__(self, file: BinaryIO, start: int, count: int) -> None:
        self.file = file
        self._message = {"type": self.MESSAGE, "file": file, "offset": start, "count": count}

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Yield the message that sends it."""
        with self.file:
            yield self._message


class Response:
    """What to answer. `body`: bytes as they are, an async iterator streamed, a `FileBody`, else JSON.

    `headers` keep their case; Content-Type and Content-Length are filled in when absent.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(
        self,
        status: int = 200,
        body: Any = b"",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.headers = dict(headers or {})
        if not isinstance(body, bytes) and not hasattr(body, "__aiter__"):
            body = msgspec.json.encode(body)
            self.headers.setdefault("Content-Type", JSON)
        self.body: bytes | AsyncIterator[bytes] | FileBody = body

    async def send(self, send: Send, *, head: bool = False) -> None:
        """Write the response; with `head`, all but the body."""
        headers = self.headers
        body = self.body
        if isinstance(body, bytes) and self.status not in (204, 304):
            headers.setdefault("Content-Length", str(len(body)))
        raw = [(n.encode("latin-1"), v.encode("latin-1", "replace")) for n, v in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        if head or isinstance(body, bytes):
            await send({"type": "http.response.body", "body": b"" if head else body})
            return
        async for part in body:
            told: Message = {"type": "http.response.body", "body": part, "more_body": True}
            await send(part if isinstance(part, dict) else told)
        await send({"type": "http.response.body", "body": b""})
