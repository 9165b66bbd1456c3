"""What a node needs of a hypervisor driver beyond the contract, and the registry of drivers."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from cumulo.contracts.hypervisor import Hypervisor, LifecycleEvent
from cumulo.contracts.migration import LiveMigration

Listener = Callable[[LifecycleEvent], Awaitable[None]]


class HypervisorDriver(Hypervisor, LiveMigration, Protocol):
    """A hypervisor that can be started, stopped and listened to."""

    async def start(self) -> None:
        """Connect; guests that run already are found as they are."""

    async def stop(self) -> None:
        """Disconnect; guests keep running."""

    def subscribe(self, listener: Listener) -> None:
        """Have `listener` awaited for each change of a guest's power state."""

    async def tidy(self, *, older_than: float) -> list[str]:
        """Remove what nobody used since `older_than` (epoch seconds); return what that was."""
