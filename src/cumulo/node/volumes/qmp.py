"""QEMU's monitor protocol on a Unix socket: commands, one at a time; events are passed over."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from cumulo.core.drivers import DriverError, Permanent, Temporary

_LINE_LIMIT = 16 << 20  # bytes; descriptions of long chains are long
SECONDS = 60.0


class Refused(Permanent):
    """QEMU refused a command; the message holds its words."""


class Monitor:
    """A connection to a monitor."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = asyncio.Lock()

    @classmethod
    async def connect(cls, path: Path) -> "Monitor":
        """Connect. Temporary when nobody answers."""
        try:
            monitor = cls(*await asyncio.open_unix_connection(path, limit=_LINE_LIMIT))
        except OSError as error:
            raise Temporary(f"the storage daemon does not answer: {error.strerror}") from error
        try:
            async with asyncio.timeout(SECONDS):
                await monitor._line()
            await monitor.ask("qmp_capabilities")
        except (TimeoutError, DriverError) as error:
            monitor.close()
            raise Temporary("the storage daemon does not answer") from error
        return monitor

    async def ask(self, command: str, **arguments: Any) -> Any:
        """Run a command, underscores in arguments' names meaning dashes. Refused, Temporary."""
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        request = msgspec.json.encode({"execute": command, "arguments": named})
        async with self._lock:
            try:
                async with asyncio.timeout(SECONDS):
                    return await self._answer(request)
            except asyncio.CancelledError:
                self.close()  # its answer must not be taken for the next one's
                raise
            except TimeoutError:
                self.close()
                raise Temporary(f"the storage daemon did not finish {command} in {SECONDS:.0f} s") from None

    def close(self) -> None:
        """Drop the connection."""
        self._writer.transport.abort()

    @property
    def closed(self) -> bool:
        """Whether the other side or we hung up."""
        return self._writer.transport.is_closing() or self._reader.at_eof()

    async def _answer(self, request: bytes) -> Any:
        try:
            self._writer.write(request + b"\n")
            await self._writer.drain()
        except OSError as error:
            raise Temporary("the storage daemon hung up") from error
        while True:
            reply = msgspec.json.decode(await self._line())
            if "error" in reply:
                raise Refused(reply["error"].get("desc", "QEMU refused"), public="the storage daemon failed")
            if "return" in reply:
                return reply["return"]

    async def _line(self) -> bytes:
        try:
            line = await self._reader.readline()
        except OSError as error:
            raise Temporary("the storage daemon hung up") from error
        if not line:
            self.close()
            raise Temporary("the storage daemon hung up")
        return line
