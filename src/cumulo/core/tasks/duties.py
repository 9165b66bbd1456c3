"""Which process beats which reconcilers, where several share a database.

All reconcilers and schedules of one service are one duty (the part of their names before the dot), for they
keep out of each other's way by locks inside a process. A duty has an owner and a lease: who is frozen, or cut
off from the database, ends its runs when the lease does, before another takes over. A database of one process
alone needs no leases.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime

from cumulo.core import clock
from cumulo.core.db import Database, Model, String, When, column
from cumulo.core.tasks.journal import LEASE


class Duty(Model, table="tasks_duties"):
    """One service's recurring work. owner: the instance that does it, until `until`; None: anybody may."""

    name: str = column(String(64), key=True)
    owner: str = column(String(255))
    until: datetime | None = column(When, default=None)


def duty_of(name: str) -> str:
    """Return the duty that a reconciler or schedule belongs to."""
    return name.partition(".")[0]


class Duties:
    """What this process has of the duties it could do."""

    def __init__(self, database: Database, owner: str, names: Iterable[str]) -> None:
        self._database = database
        self._owner = owner
        self._names = sorted(set(names))
        self._ends: dict[str, float] = {}  # of those that are ours; on the loop's clock
        self._limits: dict[asyncio.Timeout, str] = {}  # of what runs at present

    def ours(self, name: str) -> bool:
        """Say whether this process is to do a duty now."""
        return self._ends.get(name, 0) > asyncio.get_running_loop().time()

    async def keep(self) -> set[str]:
        """Prolong what is ours and take what nobody has; return what is new. Unavailable changes nothing."""
        before = {name for name in self._names if self.ours(name)}
        end = asyncio.get_running_loop().time() + LEASE.total_seconds()
        ours = await self._claimed() if self._database.shared else self._names
        self._ends = dict.fromkeys(ours, end if self._database.shared else math.inf)
        for limit, name in self._limits.items():
            if not limit.expired():
                limit.reschedule(self._ends.get(name, 0) if self._database.shared else None)
        return self._ends.keys() - before

    async def _claimed(self) -> list[str]:
        """Write our name beside each duty that is ours or nobody's; return these."""
        now = clock.now()
        async with self._database.begin() as tx:
            await tx.lock("duties")
            known = {duty.name: duty for duty in await tx.all(Duty, Duty.c.name.in_(self._names))}
            lacking = [name for name in self._names if name not in known]
            await tx.insert_all([Duty(name=name, owner=self._owner) for name in lacking])
            free = [d.name for d in known.values() if d.until is None or d.until < now]
            held = [d.name for d in known.values() if d.owner == self._owner]
            ours = sorted({*lacking, *free, *held})
            await tx.update(Duty, Duty.c.name.in_(ours), owner=self._owner, until=now + LEASE)
        return ours

    async def release(self) -> None:
        """Let others take what is ours."""
        self._ends = {}
        if self._database.shared:
            async with self._database.begin() as tx:
                await tx.update(Duty, Duty.c.owner == self._owner, until=None)

    @asynccontextmanager
    async def within(self, name: str) -> AsyncIterator[None]:
        """End what is done inside with TimeoutError when the duty's lease ends and was not prolonged."""
        end = self._ends.get(name, math.inf)
        async with asyncio.timeout_at(None if end == math.inf else end) as limit:
            self._limits[limit] = name
            try:
                yield
            finally:
                del self._limits[limit]
