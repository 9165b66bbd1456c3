"""The pools of a host: served on the bus, and reported.

volumes = VolumeHost("host1", bus, {"local": pool}, report_every=10)
await volumes.start()
...
await volumes.stop()        # exports stay open
"""

import asyncio
from collections.abc import Mapping

import structlog

from cumulo.contracts.volumes import VolumePool
from cumulo.core.bus import Bus, verbs
from cumulo.node.volumes.driver import PoolDriver

log = structlog.get_logger(__name__)

REPORT = "pool.report"
PREFIX = "pool"


class VolumeHost:
    """All pools of a host, by their backends' names. The bus reaches one as `host@backend`."""

    def __init__(
        self, host: str, bus: Bus, pools: Mapping[str, PoolDriver], *, report_every: float = 10.0
    ) -> None:
        self.pools = dict(pools)
        self._host = host
        self._bus = bus
        self._seconds = report_every
        self._tasks: list[asyncio.Task[None]] = []
        self._serving: set[str] = set()

    async def start(self) -> None:
        """Begin with every pool; one whose engine is away is tried again and again."""
        lives = [_Life(f"{self._host}@{name}", pool) for name, pool in self.pools.items()]
        await asyncio.gather(*map(self._live, lives))  # at once: none waits for another's engine
        for life in lives:
            self._tasks.append(asyncio.create_task(self._go_on(life), name=f"pool {life.name}"))

    async def stop(self) -> None:
        """Stop serving. What is exported stays so."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        for name, pool in self.pools.items():
            await self._bus.withdraw(f"{self._host}@{name}")
            await pool.stop()
        self._serving.clear()

    async def _go_on(self, life: "_Life") -> None:
        while True:
            await asyncio.sleep(self._seconds)
            await self._live(life)

    async def _live(self, life: "_Life") -> None:
        """Start a pool that is not started, and report it. A reason for failing is logged once."""
        try:
            if life.name not in self._serving:
                await life.pool.start()
                await self._bus.serve(life.name, verbs(PREFIX, VolumePool, life.pool))
                self._serving.add(life.name)
            await self._bus.publish(REPORT, await life.pool.report())
        except Exception as error:  # noqa: BLE001  one pool's engine must not take the others with it
            reason = str(error) or type(error).__name__
            if reason != life.trouble:
                log.warning("volumes.pool_failed", pool=life.name, reason=reason)
            life.trouble = reason
        else:
            life.trouble = ""


class _Life:
    """A pool, the name it is served under, and what was last wrong with it."""

    def __init__(self, name: str, pool: PoolDriver) -> None:
        self.name = name
        self.pool = pool
        self.trouble = ""
