"""Machines and containers on one host: each call goes to the driver whose guest it is about.

The host is one in placement, so that what containers use, machines do not get.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from cumulo.contracts.hypervisor import DiskSpec, GuestSpec, GuestState, HostReport
from cumulo.node.hypervisor.driver import HypervisorDriver, Listener
from cumulo.node.hypervisor.lxc.driver import LxcHypervisor

CONTAINERS = "CUSTOM_HYPERVISOR_LXC"
"""The trait of a host that runs containers."""


class Hypervisors:
    """A `HypervisorDriver` of two. What is not named here goes by the guest: its spec, or its id."""

    def __init__(self, machines: HypervisorDriver, containers: LxcHypervisor) -> None:
        self._machines = machines
        self._containers = containers

    def __getattr__(self, verb: str) -> Callable[..., Awaitable[Any]]:
        getattr(self._machines, verb)  # AttributeError for what is no verb

        async def call(*arguments: Any, **named: Any) -> Any:
            about = arguments[0] if arguments else named["spec" if "spec" in named else "server_id"]
            return await getattr(self._of(about), verb)(*arguments, **named)

        return call

    def _of(self, about: GuestSpec | str) -> Any:
        if isinstance(about, GuestSpec):
            return self._containers if about.container else self._machines
        return self._containers if self._containers.knows(about) else self._machines

    async def start(self) -> None:
        """Connect; guests that run already are found as they are."""
        await self._machines.start()
        await self._containers.start()

    async def stop(self) -> None:
        """Disconnect; guests keep running."""
        await self._containers.stop()
        await self._machines.stop()

    def subscribe(self, listener: Listener) -> None:
        """Have `listener` awaited for each change of a guest's power state."""
        self._machines.subscribe(listener)
        self._containers.subscribe(listener)

    async def report(self) -> HostReport:
        """Say what the host has, and that it runs containers, too."""
        report = await self._machines.report()
        return msgspec.structs.replace(
            report,
            traits=tuple(sorted({*report.traits, CONTAINERS})),
            supported_instances=(*report.supported_instances, ("x86_64", "lxc", "exe")),
        )

    async def guests(self) -> list[GuestState]:
        """Say of every guest of this cloud on the host what it is doing."""
        return [*await self._machines.guests(), *await self._containers.guests()]

    async def uptime(self) -> str:
        """Say since when the host runs."""
        return await self._machines.uptime()

    async def cache_image(self, disk: DiskSpec) -> None:
        """Have the base of an image ready before the first server needs it."""
        await self._machines.cache_image(disk)

    async def tidy(self, *, older_than: float) -> list[str]:
        """Remove what nobody used for long; folders tell of containers as of machines."""
        return await self._machines.tidy(older_than=older_than)
