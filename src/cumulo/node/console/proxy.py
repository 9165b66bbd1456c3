"""Carry bytes between a WebSocket and a guest's VNC server or serial port, each as fast as the other reads.

noVNC speaks RFB in binary messages; those to a serial port are what is typed. The handshake and the token
are the caller's: `proxy` is called for a WebSocket that was not accepted yet, and accepts it once the
machine answers.
"""

import asyncio
import contextlib
import fcntl
import os
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Protocol

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
    connecting = _at_terminal(address.terminal) if address.terminal else _at_socket(address.socket_path)
    async with contextlib.AsyncExitStack() as connections:
        try:
            machine = await connections.enter_async_context(connecting)
        except OSError as error:
            place = address.terminal or address.socket_path
            log.warning("console.unreachable", path=place, reason=str(error))
            await send({"type": "websocket.accept", "subprotocol": chosen})
            await send({"type": "websocket.close", "code": UNAVAILABLE})
            return
        await send({"type": "websocket.accept", "subprotocol": chosen})
        await _carry(receive, send, machine)


class Machine(Protocol):
    """The machine's end of a console."""

    async def read(self) -> bytes:
        """Return what it says next; nothing once it has ended."""

    async def write(self, data: bytes) -> None:
        """Tell it something, as fast as it takes it."""


@contextlib.asynccontextmanager
async def _at_socket(path: str) -> AsyncIterator[Machine]:
    """Connect to a Unix socket. OSError."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        yield Socket(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


class Socket:
    """A machine at a socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        """Return what it says next."""
        return await self._reader.read(CHUNK)

    async def write(self, data: bytes) -> None:
        """Tell it something."""
        self._writer.write(data)
        await self._writer.drain()


@contextlib.asynccontextmanager
async def _at_terminal(path: str) -> AsyncIterator[Machine]:
    """Open a terminal device, at which nobody else is. OSError, also when somebody is."""
    device = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        fcntl.flock(device, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tty.setraw(device)
        yield Terminal(device)
    finally:
        os.close(device)


class Terminal:
    """A machine at a terminal device. (The pipes of event loops do not all take terminals.)"""

    def __init__(self, device: int) -> None:
        self._device = device
        self._loop = asyncio.get_running_loop()

    async def read(self) -> bytes:
        """Return what it says next; a machine that ended leaves an error in its terminal."""
        while True:
            try:
                return os.read(self._device, CHUNK)
            except BlockingIOError:
                await self._until(self._loop.add_reader, self._loop.remove_reader)
            except OSError:
                return b""

    async def write(self, data: bytes) -> None:
        """Tell it something."""
        while data:
            try:
                data = data[os.write(self._device, data) :]
            except BlockingIOError:
                await self._until(self._loop.add_writer, self._loop.remove_writer)

    async def _until(self, add: Callable[..., None], remove: Callable[[int], bool]) -> None:
        ready = asyncio.Event()
        add(self._device, ready.set)
        try:
            await ready.wait()
        finally:
            remove(self._device)


async def _carry(receive: Receive, send: Send, machine: Machine) -> None:
    """Carry both ways until one side ends; then end the other."""
    ways = {
        asyncio.create_task(_to_machine(receive, machine)),
        asyncio.create_task(_to_browser(machine, send)),
    }
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _to_machine(receive: Receive, machine: Machine) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        await machine.write(message.get("bytes") or (message.get("text") or "").encode())


async def _to_browser(machine: Machine, send: Send) -> None:
    while data := await machine.read():
        await send({"type": "websocket.send", "bytes": data})
    await send({"type": "websocket.close", "code": NORMAL})
