"""What it costs to find who has room, among very many providers written straight into a cloud's database.

Before each request one provider has changed, as it is where servers come and go. Of 10,000 as many are asked
for as OpenStack's scheduler asks for: 1,000.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from cumulo.core import ids
from cumulo.core.db import Database, Model
from cumulo.runtime.bench.client import Client
from cumulo.runtime.bench.meter import Figure, cpu_seconds
from cumulo.runtime.database import open_database
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.services.placement import domain
from cumulo.services.placement.model import Allocation, Consumer, Provider, ProviderTrait, Stock

STEPS = ((1_000, 10.0), (10_000, 60.0))  # providers, ms of processor time
CALLS = 20
LIMIT = 1000
HAS = {"VCPU": (64, 4.0), "MEMORY_MB": (262_144, 1.0), "DISK_GB": (2_000, 1.0)}  # in all, ratio
WANTS = {"VCPU": 1, "MEMORY_MB": 512, "DISK_GB": 10}
TRAITS = ("COMPUTE_NODE", "HW_CPU_X86_AVX2")
QUERY = ",".join(f"{name}:{amount}" for name, amount in WANTS.items())


class Candidates:
    """Calls as an administrator against the process `pid`."""

    def __init__(self, state: StateFolder, client: Client, pid: int) -> None:
        self.state = state
        self.client = client
        self.pid = pid
        self.providers: list[str] = []
        client.issue()

    def figures(self) -> Iterator[Figure]:
        """Measure all, one line of the table after another."""
        for count, reach in STEPS:
            self._write(partial(self._fill, count=count))
            self._ask()
            spent = [self._measured(self.providers[number]) for number in range(CALLS)]
            mean = sum(spent) / len(spent) * 1000
            name = f"allocation candidates of {count:,}"
            yield Figure(name=name, count=CALLS, cpu_ms=mean, value=mean, unit="ms CPU", reach=reach)

    def _measured(self, changed: str) -> float:
        """Return the processor time of a request after a provider has changed, in seconds."""
        self._write(lambda database: _touch(database, changed))
        before = cpu_seconds(self.pid)
        self._ask()
        return cpu_seconds(self.pid) - before

    def _ask(self) -> bytes:
        url = f"/placement/allocation_candidates?resources={QUERY}&limit={LIMIT}"
        return self.client.call("GET", url, headers={"OpenStack-API-Version": "placement 1.39"})

    def _write(self, work: Callable[[Database], Awaitable[None]]) -> None:
        async def run() -> None:
            database = await open_database(self.state, runtime_settings(self.state).database)
            try:
                await work(database)
            finally:
                await database.close()

        asyncio.run(run())

    async def _fill(self, database: Database, count: int) -> None:
        rows: dict[type[Model], list[Any]] = {}
        for number in range(len(self.providers), count):
            self.providers.append(ids.dashed())
            for row in _host(self.providers[-1], number):
                rows.setdefault(type(row), []).append(row)
        async with database.begin() as tx:
            for kind in rows.values():
                await tx.insert_all(kind)


def _host(id_: str, number: int) -> Iterator[Model]:
    """Yield a provider, what it has and is, and a consumer of a part of it."""
    consumer = ids.dashed()
    yield Provider(id=id_, name=f"bench-{number:05}", root_id=id_)
    yield Consumer(id=consumer, project_id="bench", user_id="bench")
    for name, (total, ratio) in HAS.items():
        yield Stock(provider_id=id_, resource=name, total=total, allocation_ratio=ratio)
        yield Allocation(consumer_id=consumer, provider_id=id_, resource=name, used=WANTS[name])
    for trait in TRAITS:
        yield ProviderTrait(provider_id=id_, trait=trait)


async def _touch(database: Database, provider_id: str) -> None:
    async with database.begin() as tx:
        await domain.touch(tx, [provider_id])
