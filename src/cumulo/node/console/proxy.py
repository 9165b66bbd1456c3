"""Carry bytes between a WebSocket and a guest's VNC server, each side as fast as the other reads.

noVNC speaks RFB in binary messages. The handshake and the token are the caller's: `proxy` is called
for a WebSocket that was not accepted yet, and accepts it once the machine answers.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog

from cumulo.contracts.hypervisor import ConsoleAddress

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CHUNK = 65536  # bytes read from the machine at a time
SUBPROTOCOL = "binary"
UNAVAILABLE = 1011  # RFC 6455, 7.4.1: the server cannot fulfil the request
NORMAL = 1000

log = structlog.get_logger(__name__)


async def proxy(
    receive: Receive, send: Send, address: ConsoleAddress, *, subprotocols: tuple[str, ...] = ()
) -> None:
    """Accept the WebSocket (`binary` when offered) and carry bytes until either side ends.

    `receive` and `send` are ASGI's, of a WebSocket of which nothing was received or sent yet. When the
    machine does not answer, the WebSocket is closed with 1011.
    """
    if (await receive())["type"] != "websocket.connect":
        return
    chosen = SUBPROTOCOL if SUBPROTOCOL in subprotocols else None
    try:
        reader, writer = await asyncio.open_unix_connection(address.socket_path)
    except OSError as error:
        log.warning("console.unreachable", path=address.socket_path, reason=str(error))
        await send({"type": "websocket.accept", "subprotocol": chosen})
        await send({"type": "websocket.close", "code": UNAVAILABLE})
        return
    try:
        await send({"type": "websocket.accept", "subprotocol": chosen})
        await _carry(receive, send, reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _carry(
    receive: Receive, send: Send, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Carry both ways until one side ends; then end the other."""
    ways = {
        asyncio.create_task(_to_machine(receive, writer)),
        asyncio.create_task(_to_browser(reader, send)),
    }
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _to_machine(receive: Receive, writer: asyncio.StreamWriter) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        data = message.get("bytes") or (message.get("text") or "").encode()
        writer.write(data)
        await writer.drain()


async def _to_browser(reader: asyncio.StreamReader, send: Send) -> None:
    while data := await reader.read(CHUNK):
        await send({"type": "websocket.send", "bytes": data})
    await send({"type": "websocket.close", "code": NORMAL})
