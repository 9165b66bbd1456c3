"""A WebSocket, as a handler sees it."""

from typing import Any, TypeVar, cast
from urllib.parse import parse_qs

from cumulo.core.http.messages import Receive, Scope, Send

P = TypeVar("P")


class WebSocket:
    """One connection. `accept` or `refuse` first; `receive` returns None once it is closed."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, bindings: Any) -> None:
        self.scope = scope
        self.raw_receive = receive
        self.raw_send = send
        self._bindings = bindings
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        self.query = {name: values[0] for name, values in query.items()}
        self.subprotocols: list[str] = list(scope.get("subprotocols", ()))

    def use(self, contract: type[P]) -> P:
        """Return the adapter, driver or settings bound to a type."""
        return cast("P", self._bindings[contract])

    async def accept(self, subprotocol: str | None = None) -> None:
        """Complete the handshake."""
        await self.raw_receive()
        await self.raw_send({"type": "websocket.accept", "subprotocol": subprotocol})

    async def refuse(self) -> None:
        """Answer 403 instead of a handshake."""
        await self.raw_receive()
        await self.raw_send({"type": "websocket.close", "code": 1008})

    async def receive(self) -> bytes | None:
        """Return the next message, text encoded; None when the client has gone."""
        message = await self.raw_receive()
        if message["type"] != "websocket.receive":
            return None
        data = message.get("bytes")
        return data if data is not None else (message.get("text") or "").encode()

    async def send(self, data: bytes) -> None:
        """Send a binary message."""
        await self.raw_send({"type": "websocket.send", "bytes": data})

    async def close(self, code: int = 1000) -> None:
        """End the connection."""
        await self.raw_send({"type": "websocket.close", "code": code})
