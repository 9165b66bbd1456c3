"""The bus: calls to hosts and events, between parts of Cumulo that may be on different machines.

It may lose a message at any time; leases and revisions make that harmless. Everything crosses it as msgpack,
also when both ends are in one process, so that nothing slips in that could not cross a wire.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec
import structlog

from cumulo.core import errors
from cumulo.core.bus.failures import Failure, pack, unpack

log = structlog.get_logger()

R = TypeVar("R")
E = TypeVar("E", bound=msgspec.Struct)


Verb = Callable[[bytes], Awaitable[bytes]]
"""What a host can be asked: a packed argument in, a packed answer out. `answering` makes one."""


def answering(argument: Any, function: Callable[..., Awaitable[Any]]) -> Verb:
    """Return the verb that calls `function` with one argument of this type; with none when it is None."""
    decode = None if argument is None else msgspec.msgpack.Decoder(argument).decode

    async def verb(request: bytes) -> bytes:
        result = await (function() if decode is None else function(decode(request)))
        return msgspec.msgpack.encode(result)

    return verb


class Bus(Protocol):
    """Calls to hosts, and events."""

    async def call(
        self,
        host: str,
        verb: str,
        argument: msgspec.Struct | None,
        result: type[R],
        *,
        timeout: float = 60,  # noqa: ASYNC109  a bus with a wire tells it to the other side
    ) -> R:
        """Ask a host and return its answer, decoded as `result`.

        Raises what the host raised; Unavailable when it is not there or silent for `timeout` seconds.
        """

    async def serve(self, host: str, verbs: Mapping[str, Verb]) -> None:
        """Answer these verbs in the name of a host; a second call adds verbs."""

    async def withdraw(self, host: str) -> None:
        """Answer nothing more in the name of a host."""

    async def publish(self, topic: str, event: msgspec.Struct) -> None:
        """Tell all who subscribed to the topic."""

    def subscribe(self, topic: str, type_: type[E], handler: Callable[[E], Awaitable[None]]) -> None:
        """Have `handler` called with each event of the topic, in order, one at a time."""


class LocalBus:
    """A bus inside one process."""

    def __init__(self) -> None:
        self._hosts: dict[str, dict[str, Verb]] = {}
        self._subscriptions: dict[str, list[Subscription]] = {}

    async def call(
        self,
        host: str,
        verb: str,
        argument: msgspec.Struct | None,
        result: type[R],
        *,
        timeout: float = 60,  # noqa: ASYNC109  as above
    ) -> R:
        """Ask a host and return its answer."""
        if host not in self._hosts:
            raise errors.Unavailable(f"Host {host} is not there.", host=host)
        known = self._hosts[host].get(verb)
        if known is None:
            raise errors.Unsupported(f"Host {host} does not know {verb}.")
        request = b"" if argument is None else msgspec.msgpack.encode(argument)
        try:
            async with asyncio.timeout(timeout) as limit:
                answer = await reply(known, request)
        except TimeoutError:
            if not limit.expired():
                raise
            raise errors.Unavailable(f"Host {host} did not answer in time.", host=host) from None
        if isinstance(answer, Failure):
            raise unpack(msgspec.msgpack.decode(msgspec.msgpack.encode(answer), type=Failure))
        return msgspec.msgpack.decode(answer, type=result)

    async def serve(self, host: str, verbs: Mapping[str, Verb]) -> None:
        """Answer these verbs in the name of a host."""
        self._hosts.setdefault(host, {}).update(verbs)

    async def withdraw(self, host: str) -> None:
        """Answer nothing more in the name of a host."""
        self._hosts.pop(host, None)

    async def publish(self, topic: str, event: msgspec.Struct) -> None:
        """Tell all who subscribed to the topic; do not wait for them."""
        message = msgspec.msgpack.encode(event)
        for subscription in self._subscriptions.get(topic, ()):
            subscription.take(message)

    def subscribe(self, topic: str, type_: type[E], handler: Callable[[E], Awaitable[None]]) -> None:
        """Have `handler` called with each event of the topic, in order, one at a time."""
        self._subscriptions.setdefault(topic, []).append(Subscription(topic, type_, handler))

    async def settle(self) -> None:
        """Wait until every event that was published has been handled."""
        subscriptions = self._subscriptions
        while working := [one.working for few in subscriptions.values() for one in few if one.working]:
            await asyncio.gather(*working, return_exceptions=True)


class Subscription:
    """A handler and the events that wait for it."""

    def __init__(self, topic: str, type_: Any, handler: Callable[[Any], Awaitable[None]]) -> None:
        self._topic = topic
        self._type = type_
        self._handler = handler
        self._waiting: deque[bytes] = deque()
        self.working: asyncio.Task[None] | None = None

    def take(self, message: bytes) -> None:
        """Queue an event; handle it when those before it are handled."""
        self._waiting.append(message)
        if self.working is None:
            self.working = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._waiting:
                event = msgspec.msgpack.decode(self._waiting.popleft(), type=self._type)
                try:
                    await self._handler(event)
                except errors.Unavailable as error:
                    log.warning("bus.handler_failed", topic=self._topic, reason=str(error))
                except Exception:
                    log.exception("bus.handler_failed", topic=self._topic)
        finally:
            self.working = None


async def reply(verb: Verb, request: bytes) -> bytes | Failure:
    """Do what a host does with a request. Also for a bus with a wire."""
    try:
        return await verb(request)
    except Exception as error:  # noqa: BLE001  it is the caller's to judge
        return pack(error)
