"""Reconcilers of several processes that share a database: each runs in one of them at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from cumulo.core import clock
from cumulo.core.db import Database
from cumulo.core.tasks import Reconciler, ReconcileRun, Tasks, reconciler
from cumulo.core.tasks.duties import Duties, Duty
from cumulo.testing.database import Cluster

PATIENCE = 20  # seconds after which a test gives up


class Runs:
    """What ran, by the process's name."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.changed = asyncio.Event()

    def of(self, name: str) -> Reconciler:
        """Return a process's copy of the reconciler `test.things`."""

        @reconciler(every=1000, name="test.things")
        async def things(run: ReconcileRun) -> None:
            """Note who runs."""
            del run
            self.names.append(name)
            self.changed.set()

        return things

    async def until(self, ran: Callable[[list[str]], bool]) -> None:
        """Wait until the list of who ran is so."""
        async with asyncio.timeout(PATIENCE):
            while not ran(self.names):
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
def runs() -> Runs:
    return Runs()


Processes = Callable[[str], Tasks]


@pytest.fixture
async def process(postgresql: Cluster | None, runs: Runs) -> AsyncIterator[Processes]:
    """Make workers on one PostgreSQL, each with a database handle of its own as a process has."""
    if postgresql is None:
        pytest.skip("no PostgreSQL server on this machine")
    made: list[Tasks] = []
    async with postgresql.database() as first:
        second = await Database.open(postgresql.url(postgresql.shared))
        handles = [second, first]

        def make(name: str) -> Tasks:
            made.append(Tasks(handles.pop(), reconcilers=[runs.of(name)], instance=name))
            return made[-1]

        yield make
        for tasks in made:
            await tasks.stop()
        await second.close()


async def lapse(database: Database) -> None:
    """Let every lease run out."""
    async with database.begin() as tx:
        await tx.update(Duty, until=clock.now() - timedelta(seconds=1))


@pytest.mark.postgres
async def test_one_process_at_a_time_runs_a_reconciler(process: Processes, runs: Runs) -> None:
    one, two = process("one"), process("two")
    await one.start_workers()
    await two.start_workers()
    one.wake("test.things")
    await runs.until(lambda names: len(names) >= 2)
    await two.settle()
    assert set(runs.names) == {"one"}


@pytest.mark.postgres
async def test_another_process_takes_over_from_a_dead_one(
    process: Processes, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cumulo.core.tasks.worker._RENEW", 0.02)
    one, two = process("one"), process("two")
    await one.start_workers()
    await runs.until(lambda names: "one" in names)
    await two.start_workers()
    await one.abandon()
    assert "two" not in runs.names
    await lapse(two.database)
    await runs.until(lambda names: "two" in names)


@pytest.mark.postgres
async def test_another_process_takes_over_from_one_that_stops(
    process: Processes, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cumulo.core.tasks.worker._RENEW", 0.02)
    one, two = process("one"), process("two")
    await one.start_workers()
    await two.start_workers()
    await one.stop()
    await runs.until(lambda names: "two" in names)
    async with two.database.read() as db:
        assert {duty.owner for duty in await db.all(Duty)} == {"two"}


@pytest.mark.postgres
async def test_waking_crosses_to_the_process_that_has_the_duty(process: Processes, runs: Runs) -> None:
    one, two = process("one"), process("two")
    await one.start_workers()
    await two.start_workers()
    await runs.until(lambda names: names == ["one"])
    async with asyncio.timeout(PATIENCE):
        while len(runs.names) == 1:  # what is told before the other listens is lost
            two.wake("test.things")
            await asyncio.sleep(0.01)
    assert set(runs.names) == {"one"}


@pytest.mark.postgres
async def test_a_run_ends_with_the_lease(process: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = process("one")
    duties = Duties(tasks.database, "one", ["test"])
    monkeypatch.setattr("cumulo.core.tasks.duties.LEASE", timedelta(seconds=0.2))
    assert await duties.keep() == {"test"}
    with pytest.raises(TimeoutError):
        async with duties.within("test"):
            await asyncio.Event().wait()
    assert not duties.ours("test")


@pytest.mark.postgres
async def test_a_run_ends_when_another_has_taken_the_duty(process: Processes) -> None:
    tasks = process("one")
    mine, others = (Duties(tasks.database, name, ["test"]) for name in ("one", "two"))
    assert await mine.keep() == {"test"}
    assert await others.keep() == set()
    await lapse(tasks.database)
    with pytest.raises(TimeoutError):
        async with mine.within("test"):
            assert await others.keep() == {"test"}
            assert await mine.keep() == set()
            await asyncio.Event().wait()


@pytest.mark.postgres
async def test_keeping_a_duty_lets_a_run_go_on(process: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = process("one")
    duties = Duties(tasks.database, "one", ["test"])
    monkeypatch.setattr("cumulo.core.tasks.duties.LEASE", timedelta(seconds=0.5))
    await duties.keep()
    loop = asyncio.get_running_loop()
    enough = loop.time() + 1
    async with duties.within("test"):
        while loop.time() < enough:
            assert await duties.keep() == set()
            await asyncio.sleep(0.05)


async def test_a_database_of_one_process_keeps_no_leases(database: Database) -> None:
    duties = Duties(database, "one", ["test"])
    assert await duties.keep() == {"test"}
    assert await duties.keep() == set()
    assert duties.ours("test")
    async with database.read() as db:
        assert await db.count(Duty) == (1 if database.shared else 0)
    await duties.release()
    assert not duties.ours("test")
