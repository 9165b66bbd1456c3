"""A host's end of the bus: dials the control plane, and again whenever that was away."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from cumulo.core import errors
from cumulo.core.bus.bus import Verb, reply
from cumulo.core.bus.failures import Failure, pack
from cumulo.core.drivers import Unsupported
from cumulo.runtime.wire.peer import Frame, Kind, Peer

R = TypeVar("R")
E = TypeVar("E", bound=msgspec.Struct)
log = structlog.get_logger(__name__)

_AGAIN = 0.5  # seconds until the control plane is dialled again
_PATIENCE = 5.0  # seconds that an event waits for a connection before it is lost


class Spoke:
    """A `Bus` of a process that is no control plane. What it serves it announces at each connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._verbs: dict[str, dict[str, Verb]] = {}
        self._peer: Peer | None = None
        self._connected = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to dial."""
        self._keeping = asyncio.create_task(self._keep(), name="bus")

    async def stop(self) -> None:
        """Hang up."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    async def call(
        self,
        host: str,
        verb: str,
        argument: msgspec.Struct | None,
        result: type[R],
        *,
        timeout: float = 60,  # noqa: ASYNC109  the contract's
    ) -> R:
        """Ask the control plane, or through it another host."""
        request = b"" if argument is None else msgspec.msgpack.encode(argument)
        try:
            async with asyncio.timeout(timeout) as limit:
                await self._connected.wait()
                if self._peer is None:
                    raise errors.Unavailable("The control plane is not there.", host=host)
                answer = await self._peer.ask(host, verb, request)
        except TimeoutError:
            if not limit.expired():
                raise
            raise errors.Unavailable(f"Host {host} did not answer in time.", host=host) from None
        return msgspec.msgpack.decode(answer, type=result)

    async def serve(self, host: str, verbs: Mapping[str, Verb]) -> None:
        """Answer these verbs in the name of a host."""
        self._verbs.setdefault(host, {}).update(verbs)
        if self._peer is not None:
            with contextlib.suppress(errors.Unavailable):
                await self._peer.tell(Frame(Kind.SERVE, host=host))

    async def withdraw(self, host: str) -> None:
        """Answer nothing more in the name of a host."""
        self._verbs.pop(host, None)
        if self._peer is not None:
            with contextlib.suppress(errors.Unavailable):
                await self._peer.tell(Frame(Kind.WITHDRAW, host=host))

    async def publish(self, topic: str, event: msgspec.Struct) -> None:
        """Tell all who subscribed at the control plane; lost when that is away for long."""
        with contextlib.suppress(TimeoutError, errors.Unavailable):
            async with asyncio.timeout(_PATIENCE):
                await self._connected.wait()
            if self._peer is not None:
                await self._peer.tell(Frame(Kind.PUBLISH, verb=topic, body=msgspec.msgpack.encode(event)))

    def subscribe(self, topic: str, type_: type[E], handler: Callable[[E], Awaitable[None]]) -> None:
        """Refuse: events go to the control plane, and none comes from there to hosts."""
        del type_, handler
        raise Unsupported(f"a host hears of no {topic}")

    async def _keep(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_unix_connection(self._path)
                await self._talk(Peer(reader, writer, self._answer, lambda _frame: None))
                log.warning("bus.cut")
            await asyncio.sleep(_AGAIN)

    async def _talk(self, peer: Peer) -> None:
        """Announce what is served, and answer until the connection ends."""
        listening = asyncio.create_task(peer.listen(), name="bus listening")
        try:
            self._peer = peer  # first: what is served from now on announces itself
            with contextlib.suppress(errors.Unavailable):
                for host in list(self._verbs):
                    await peer.tell(Frame(Kind.SERVE, host=host))
            self._connected.set()
            await listening
        finally:
            self._peer = None
            self._connected.clear()
            listening.cancel()
            await peer.close()

    async def _answer(self, frame: Frame) -> bytes | Failure:
        verb = self._verbs.get(frame.host, {}).get(frame.verb)
        if verb is None:
            return pack(Unsupported(f"host {frame.host} does not know {frame.verb}"))
        return await reply(verb, frame.body)
