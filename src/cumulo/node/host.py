"""A host of the cloud: serves the hypervisor's verbs on the bus, reports itself, keeps metadata served.

node = Node("host1", bus, driver, settings, switch=switch, metadata=metadata)
await node.start()
...
await node.stop()        # guests, taps and namespaces stay as they are
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from cumulo.contracts.hypervisor import Hypervisor, LifecycleEvent
from cumulo.contracts.migration import LiveMigration, Tenure
from cumulo.contracts.traffic import Traffic
from cumulo.core.bus import Bus, Verb, verbs
from cumulo.node.hypervisor.driver import HypervisorDriver
from cumulo.node.metadata.server import MetadataServer
from cumulo.node.ports.guard import Guard
from cumulo.node.ports.switch import Switch
from cumulo.node.settings import NodeSettings

log = structlog.get_logger(__name__)

REPORT = "host.report"
LIFECYCLE = "host.lifecycle"
ENSURE = "hypervisor.ensure"  # after which a network may have its first guest here


class Node:
    """One host. The bus reaches it under its name `host`."""

    def __init__(
        self,
        host: str,
        bus: Bus,
        hypervisor: HypervisorDriver,
        settings: NodeSettings,
        *,
        switch: Switch | None = None,
        metadata: MetadataServer | None = None,
        tenure: Tenure | None = None,
        guard: Guard | None = None,
        counters: Traffic | None = None,
    ) -> None:
        self.host = host
        self.hypervisor = hypervisor
        self.metadata = metadata
        self._bus = bus
        self._settings = settings
        self._switch = switch
        self._tenure = tenure
        self._guard = guard
        self._counters = counters
        self._tasks: list[asyncio.Task[None]] = []
        self._guest_came = asyncio.Event()

    async def start(self) -> None:
        """Serve the verbs and begin to report; engines that are still starting are waited for later."""
        if self._switch is not None:
            await self._switch.start()
        self.hypervisor.subscribe(self._tell)
        await self.hypervisor.start()
        served = dict(verbs("hypervisor", Hypervisor, self.hypervisor))
        served |= verbs("livemigration", LiveMigration, self.hypervisor)
        if self._counters is not None:
            served |= verbs("traffic", Traffic, self._counters)
        served[ENSURE] = self._noticed(served[ENSURE])
        await self._bus.serve(self.host, served)
        settings = self._settings
        self._repeat(self._report, settings.report_every)
        if self.metadata is not None:
            self._repeat(self.metadata.realise, settings.reconcile_every, self._guest_came)
        if self._guard is not None:
            self._repeat(self._guard.watch, settings.guard_every, self._guest_came)
        self._repeat(self._tidy, settings.tidy_every)

    async def stop(self) -> None:
        """Stop serving. What the host runs goes on."""
        await self._bus.withdraw(self.host)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self.metadata is not None:
            await self.metadata.stop()
        await self.hypervisor.stop()
        if self._switch is not None:
            await self._switch.stop()

    def _repeat(
        self,
        work: Callable[[], Awaitable[object]],
        seconds: float,
        sooner: asyncio.Event | None = None,
    ) -> None:
        """Do `work` now, then every `seconds`, or at once when `sooner` is set."""
        wake = sooner or asyncio.Event()
        attempt = _Attempt(work)

        async def forever() -> None:
            while True:
                wake.clear()
                await attempt()
                try:
                    async with asyncio.timeout(seconds):
                        await wake.wait()
                except TimeoutError:
                    continue

        self._tasks.append(asyncio.create_task(forever(), name=f"node {self.host}"))

    async def _report(self) -> None:
        """Say that the host is there, once it has no guest of another's: it may have been away for long."""
        if self._tenure is not None:
            here = [state.server_id for state in await self.hypervisor.guests()]
            for server_id, fence in (await self._tenure.strangers(self.host, here)).items():
                log.warning("node.stranger_removed", server=server_id)
                await self.hypervisor.remove(server_id, fence=fence)
        await self._bus.publish(REPORT, await self.hypervisor.report())

    async def _tell(self, event: LifecycleEvent) -> None:
        await self._bus.publish(LIFECYCLE, event)

    async def _tidy(self) -> None:
        before = time.time() - self._settings.unused_bases_kept
        removed = await self.hypervisor.tidy(older_than=before)
        if removed:
            log.info("node.tidied", removed=removed)

    def _noticed(self, verb: Verb) -> Verb:
        """Have networks looked at again while the guest that just came boots."""

        async def call(request: bytes) -> bytes:
            try:
                return await verb(request)
            finally:
                self._guest_came.set()

        return call


class _Attempt:
    """Work whose failures are logged, each reason once: an engine may be away for long."""

    def __init__(self, work: Callable[[], Awaitable[object]]) -> None:
        self._work = work
        self._name = getattr(work, "__name__", "work").removeprefix("_")
        self._reason = ""

    async def __call__(self) -> None:
        try:
            await self._work()
        except Exception as error:  # noqa: BLE001  the next round repairs
            reason = str(error) or type(error).__name__
            if reason != self._reason:
                log.warning("node.round_failed", work=self._name, reason=reason)
            self._reason = reason
        else:
            if self._reason:
                log.info("node.round_recovered", work=self._name)
            self._reason = ""
