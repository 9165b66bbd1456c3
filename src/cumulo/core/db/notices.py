"""What processes that share a PostgreSQL tell each other: LISTEN and NOTIFY, on a connection of their own.

A notice may get lost, when a connection breaks for instance; whoever listens is told "" when that may have
been, and looks for itself.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

log = structlog.get_logger()

_CHANNEL = "cumulo"
_SEND = "SELECT pg_notify($1, text) FROM unnest($2::text[]) AS text"
_PAUSE = 1.0  # seconds before another try to connect


class Notices:
    """Both directions, once somebody listens. `broken`: what a connection that breaks raises."""

    def __init__(
        self, connect: Callable[[], Awaitable[Any]], broken: tuple[type[BaseException], ...]
    ) -> None:
        self._connect = connect
        self._broken = broken
        self._handler: Callable[[str], None] | None = None
        self._speaking: asyncio.Task[None] | None = None
        self._waiting: dict[str, None] = {}  # each text once
        self._more = asyncio.Event()

    def tell(self, text: str) -> None:
        """Say something to all other processes, soon."""
        self._waiting[text] = None
        self._more.set()

    def hear(self, handler: Callable[[str], None]) -> None:
        """Begin to listen, and to send what is told."""
        self._handler = handler
        if self._speaking is None:
            self._speaking = asyncio.get_running_loop().create_task(self._forever())

    async def close(self) -> None:
        """Listen and speak no more."""
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.gather(self._speaking, return_exceptions=True)
            self._speaking = None

    async def _forever(self) -> None:
        missed = False
        while True:
            with contextlib.suppress(*self._broken):
                await self._speak(await self._connect(), missed=missed)
            missed = True
            await asyncio.sleep(_PAUSE)

    async def _speak(self, connection: Any, *, missed: bool) -> None:
        """Listen and send, until the connection breaks."""
        try:
            connection.add_termination_listener(lambda _: self._more.set())
            await connection.add_listener(_CHANNEL, self._heard)
            if missed:
                log.info("notices.resumed")
                self._call("")
            while not connection.is_closed():
                await self._more.wait()
                self._more.clear()
                texts = list(self._waiting)
                if texts:
                    await connection.fetch(_SEND, _CHANNEL, texts)
                for text in texts:
                    self._waiting.pop(text, None)
        finally:
            log.info("notices.ended")
            with contextlib.suppress(*self._broken):
                connection.terminate()

    def _heard(self, connection: Any, sender: int, _channel: str, text: str) -> None:
        """Pass on what another process said."""
        if sender != connection.get_server_pid():
            self._call(text)

    def _call(self, text: str) -> None:
        if self._handler is not None:
            try:
                self._handler(text)
            except Exception:
                log.exception("notices.handler_failed")
