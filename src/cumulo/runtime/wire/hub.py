"""The control plane's end of the bus: hosts in this process, and hosts that have dialled in."""

import asyncio
import socket
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from cumulo.core import errors
from cumulo.core.bus.bus import LocalBus, reply
from cumulo.core.bus.failures import Failure, pack
from cumulo.runtime.wire.peer import Frame, Kind, Peer

R = TypeVar("R")
log = structlog.get_logger(__name__)


class Hub(LocalBus):
    """A bus whose hosts are in this process or at the other end of a connection to a Unix socket.

    Only root may connect: the socket lies in the state folder. A host that dials in under a name that
    another connection has takes it over, for it is the same host started anew.
    """

    def __init__(self) -> None:
        super().__init__()
        self._far: dict[str, Peer] = {}
        self._server: asyncio.Server | None = None
        self._peers: set[Peer] = set()

    async def open(self, path: Path) -> None:
        """Let hosts dial in at a Unix socket."""
        path.unlink(missing_ok=True)  # noqa: ASYNC240  at the start, before anything is served
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        path.chmod(0o600)  # noqa: ASYNC240  before anybody can connect; a umask would be all threads'
        self._server = await asyncio.start_unix_server(self._come, sock=listener)

    async def close(self) -> None:
        """Let no more hosts in, and hang up on those that are there."""
        if self._server is not None:
            self._server.close()
        for peer in list(self._peers):
            await peer.close()

    async def call(
        self,
        host: str,
        verb: str,
        argument: msgspec.Struct | None,
        result: type[R],
        *,
        timeout: float = 60,  # noqa: ASYNC109  the contract's
    ) -> R:
        """Ask a host, near or far, and return its answer."""
        peer = self._far.get(host)
        if peer is None or host in self._hosts:
            return await super().call(host, verb, argument, result, timeout=timeout)
        request = b"" if argument is None else msgspec.msgpack.encode(argument)
        try:
            async with asyncio.timeout(timeout) as limit:
                answer = await peer.ask(host, verb, request)
        except TimeoutError:
            if not limit.expired():
                raise
            raise errors.Unavailable(f"Host {host} did not answer in time.", host=host) from None
        return msgspec.msgpack.decode(answer, type=result)

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, self._answer, lambda frame: self._hear(peer, frame))
        self._peers.add(peer)
        try:
            await peer.listen()
        finally:
            self._peers.discard(peer)
            for host in [name for name, there in self._far.items() if there is peer]:
                log.warning("bus.host_left", host=host)
                del self._far[host]

    async def _answer(self, frame: Frame) -> bytes | Failure:
        """Answer a host's question to somebody on this bus."""
        verb = self._hosts.get(frame.host, {}).get(frame.verb)
        if verb is not None:
            return await reply(verb, frame.body)
        if (peer := self._far.get(frame.host)) is None:
            return pack(errors.Unavailable(f"Host {frame.host} is not there.", host=frame.host))
        try:
            return await peer.ask(frame.host, frame.verb, frame.body)
        except Exception as error:  # noqa: BLE001  it is the caller's to judge
            return pack(error)

    def _hear(self, peer: Peer, frame: Frame) -> None:
        if frame.kind is Kind.SERVE:
            log.info("bus.host_came", host=frame.host)
            self._far[frame.host] = peer
        elif frame.kind is Kind.WITHDRAW:
            if self._far.get(frame.host) is peer:  # else the host, started anew, is another's by now
                del self._far[frame.host]
        elif frame.kind is Kind.PUBLISH:
            for subscription in self._subscriptions.get(frame.verb, ()):
                subscription.take(frame.body)
