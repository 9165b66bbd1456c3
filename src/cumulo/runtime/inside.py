"""Calls on our own API without a socket: what the runtime makes at first, it makes as any client would."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from cumulo.core.http import App

_HOST = b"127.0.0.1"


class CallRefused(Exception):
    """Our own API refused a call; the text says which and why, `status` is HTTP's."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Inside:
    """A client in the server's own process."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._token = b""

    async def log_in(self, user: str, password: str, project: str) -> None:
        """Get a token for a user of the default domain."""
        domain = {"id": "default"}
        identity = {
            "methods": ["password"],
            "password": {"user": {"name": user, "domain": domain, "password": password}},
        }
        scope = {"project": {"name": project, "domain": domain}}
        body = {"auth": {"identity": identity, "scope": scope}}
        answer = await self._send("POST", "/identity/v3/auth/tokens", _once(body), "application/json")
        self._token = answer.headers[b"x-subject-token"]

    async def get(self, path: str) -> Any:
        """Return what a GET answers."""
        return (await self._send("GET", path, _once(None), "")).document()

    async def post(self, path: str, body: Any) -> Any:
        """Return what a POST of a JSON document answers."""
        return (await self._send("POST", path, _once(body), "application/json")).document()

    async def put(self, path: str, parts: AsyncIterator[bytes] | None = None) -> Any:
        """Return what a PUT answers; `parts` are bytes to stream."""
        kind = "application/octet-stream" if parts else ""
        return (await self._send("PUT", path, parts or _once(None), kind)).document()

    async def _send(self, method: str, path: str, parts: AsyncIterator[bytes], kind: str) -> "_Answer":
        bare, _, query = path.partition("?")
        headers = [(b"host", _HOST), (b"content-type", kind.encode())] if kind else [(b"host", _HOST)]
        if self._token:
            headers.append((b"x-auth-token", self._token))
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": bare,
            "raw_path": bare.encode(),
            "query_string": query.encode(),
            "headers": headers,
        }
        answer = _Answer()

        async def receive() -> Mapping[str, Any]:
            async for part in parts:
                return {"type": "http.request", "body": part, "more_body": True}
            return {"type": "http.request", "body": b"", "more_body": False}

        await self._app(scope, receive, answer.send)  # type: ignore[arg-type]  # ASGI's callables, more loosely typed
        if answer.status >= 400:  # noqa: PLR2004  where HTTP's errors begin
            said = bytes(answer.body).decode(errors="replace")
            raise CallRefused(f"{method} {bare}: {answer.status} {said}", answer.status)
        return answer


class _Answer:
    """What the application sends."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = bytearray()

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.lower(): value for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")

    def document(self) -> Any:
        return msgspec.json.decode(self.body) if self.body else None


async def _once(body: Any) -> AsyncIterator[bytes]:
    if body is not None:
        yield msgspec.json.encode(body)
