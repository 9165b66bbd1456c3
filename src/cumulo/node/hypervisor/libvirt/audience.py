"""Those who hear what guests do by themselves."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from cumulo.contracts.hypervisor import GuestState, LifecycleEvent, PowerState
from cumulo.node.hypervisor.driver import Listener

log = structlog.get_logger(__name__)


class Audience:
    """The listeners to the guests of `host`, and what they are being told."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._listeners: list[Listener] = []
        self._telling: set[asyncio.Task[None]] = set()

    def subscribe(self, listener: Listener) -> None:
        """Have `listener` awaited for each change of a guest's power state."""
        self._listeners.append(listener)

    def tell(self, look: Callable[[], Awaitable[Sequence[GuestState]]]) -> None:
        """Look and tell all what guests do now: an event's own word may be outdated by the next."""
        task = asyncio.ensure_future(self._tell(look))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def stop(self) -> None:
        """Tell nobody any more."""
        for task in list(self._telling):
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def _tell(self, look: Callable[[], Awaitable[Sequence[GuestState]]]) -> None:
        try:
            for state in await look():
                if state.power is not PowerState.MISSING:
                    event = LifecycleEvent(
                        host=self._host, server_id=state.server_id, power=state.power, reason=state.reason
                    )
                    for listener in self._listeners:
                        await listener(event)
        except Exception as error:  # noqa: BLE001  neither libvirt nor the bus may be there; guests are looked at
            log.warning("hypervisor.event_lost", host=self._host, reason=str(error))
