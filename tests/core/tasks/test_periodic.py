import asyncio
from collections.abc import Callable

from cumulo.core.db import Database
from cumulo.core.tasks import ReconcileRun, Tasks, reconciler, schedule


async def test_a_reconciler_runs_at_the_start_and_when_woken(database: Database) -> None:
    runs: list[str] = []

    @reconciler(every=1000, name="test.things")
    async def things(run: ReconcileRun) -> None:
        """Make things so."""
        async with run.database.read():
            runs.append(run.request_id)

    tasks = Tasks(database, reconcilers=[things], bindings={})
    await tasks.start_workers()
    await tasks.settle()
    assert len(runs) == 1
    async with tasks.work("req-2") as work:
        work.wake("test.things")
        work.wake("test.things")
    await tasks.settle()
    assert len(runs) == 2
    assert len(set(runs)) == 2
    await tasks.stop()
    assert things.summary == "Make things so."


async def test_waking_during_a_run_makes_another_run(database: Database) -> None:
    running, go = asyncio.Event(), asyncio.Event()
    count = 0

    @reconciler(every=1000, name="test.slow")
    async def slow(run: ReconcileRun) -> None:
        nonlocal count
        count += 1
        running.set()
        await go.wait()

    tasks = Tasks(database, reconcilers=[slow])
    await tasks.start_workers()
    await running.wait()
    tasks.wake("test.slow")
    go.set()
    await tasks.settle()
    assert count == 2
    await tasks.stop()


async def test_a_failing_reconciler_goes_on(database: Database) -> None:
    count = 0

    @reconciler(every=1000, name="test.fails")
    async def fails(run: ReconcileRun) -> None:
        nonlocal count
        count += 1
        raise ZeroDivisionError

    tasks = Tasks(database, reconcilers=[fails])
    await tasks.start_workers()
    await tasks.settle()
    tasks.wake("test.fails")
    await tasks.settle()
    assert count == 2
    await tasks.stop()


async def test_a_schedule_runs_each_period(database: Database) -> None:
    third = asyncio.Event()
    count = 0

    @schedule(every=0.001, name="test.tick")
    async def tick(run: ReconcileRun) -> None:
        nonlocal count
        count += 1
        if count == 3:
            third.set()

    tasks = Tasks(database, schedules=[tick])
    await tasks.start_workers()
    await asyncio.wait_for(third.wait(), 10)
    await tasks.stop()


async def test_settling_without_workers_runs_what_is_woken(
    database: Database, make: Callable[..., Tasks]
) -> None:
    count = 0

    @reconciler(every=1000, name="test.once")
    async def once(run: ReconcileRun) -> None:
        nonlocal count
        count += 1

    tasks = Tasks(database, reconcilers=[once])
    await tasks.settle()
    assert count == 0
    tasks.wake("test.once")
    await tasks.settle()
    assert count == 1
