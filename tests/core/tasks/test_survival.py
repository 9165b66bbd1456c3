"""Whatever dies or fails, at whatever moment: tasks end."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.core.tasks.journeys import Journey, Steps, World

from cumulo.core import clock, errors
from cumulo.core.db import Database, failures
from cumulo.core.tasks import (
    Saga,
    StepRun,
    Task,
    Tasks,
    TaskState,
    journal,
    step,
)
from cumulo.testing.database import Cluster
from cumulo.testing.saga import check_saga


async def begin(tasks: Tasks, saga: Saga) -> str:
    async with tasks.database.begin() as tx:
        return await tasks.start(tx, saga, request_id="req-1")


async def state_of(database: Database, id: str) -> TaskState:
    async with database.read() as reader:
        task = await reader.get(Task, id)
        assert task is not None
        return task.state


async def test_a_good_saga_passes_the_check(make: Callable[..., Tasks], world: World) -> None:
    async def prepare() -> None:
        world.here.clear()

    async def clean(succeeded: bool) -> None:
        assert world.here == ({"ann"} if succeeded else set())

    await check_saga(make, lambda: Journey("ann", by_bus=False), prepare, clean)
    assert world.done["ride"] == 0


async def test_a_saga_that_leaks_does_not_pass(make: Callable[..., Tasks], world: World) -> None:
    async def prepare() -> None:
        world.here.clear()

    async def clean(succeeded: bool) -> None:
        assert succeeded or world.done["travel_back"] > world.done["travel"]

    with pytest.raises(AssertionError):
        await check_saga(make, lambda: Journey("ann"), prepare, clean)


async def test_a_step_never_runs_twice_however_often_the_worker_dies(
    make: Callable[..., Tasks], database: Database
) -> None:
    counted: list[str] = []

    class Count(Saga):
        @step
        async def first(self, run: StepRun) -> None:
            run.after_commit(lambda: counted.append("first"))

        @step
        async def second(self, run: StepRun) -> None:
            run.after_commit(lambda: counted.append("second"))

    async def nothing(*_: Any) -> None: ...

    await check_saga(lambda: Tasks(database, sagas=[Count]), Count, nothing, nothing)
    undisturbed, deaths_each, failures_of_second = 1, 3, 2
    assert counted.count("second") == undisturbed + 2 * deaths_each
    assert counted.count("first") == undisturbed + 2 * deaths_each + failures_of_second


async def test_a_worker_takes_over_at_once_what_its_dead_self_had(
    make: Callable[..., Tasks], database: Database
) -> None:
    dead = make()
    await dead.start_workers()
    async with database.begin() as tx:
        task_id = await dead.start(tx, Journey("ann"), request_id="req-1")
        tx.callbacks.clear()  # dies between the commit and its first look
    await dead.abandon()
    stranger = make(instance="other")
    await stranger.start_workers()
    await stranger.settle()
    assert await state_of(database, task_id) is TaskState.PENDING  # its lease runs
    await stranger.stop()
    heir = make()
    await heir.start_workers()
    await heir.settle()
    assert await state_of(database, task_id) is TaskState.DONE
    await heir.stop()


async def test_a_worker_takes_over_from_another_when_the_lease_has_run_out(
    make: Callable[..., Tasks], database: Database, world: World
) -> None:
    dead = make(instance="dead")
    await dead.start_workers()
    async with database.begin() as tx:
        task_id = await dead.start(tx, Journey("ann"), request_id="req-1")
        tx.callbacks.clear()
        await tx.update(Task, lease_until=clock.now() - timedelta(seconds=1))
    await dead.abandon()
    other = make(instance="other")
    await other.start_workers()
    await other.settle()
    assert await state_of(database, task_id) is TaskState.DONE
    await other.stop()


async def test_who_lost_the_lease_changes_nothing_more(
    make: Callable[..., Tasks], database: Database, world: World
) -> None:
    slow, quick = make(instance="slow"), make(instance="quick")
    await slow.start_workers()
    reached, go = asyncio.Event(), asyncio.Event()
    original = Journey.travel.body

    async def waits(saga: Any, run: Any) -> Any:
        if not reached.is_set():
            reached.set()
            await go.wait()
        return await original(saga, run)

    Journey.travel.body = waits
    try:
        task_id = await begin(slow, Journey("ann"))
        await reached.wait()
        async with database.begin() as tx:
            await tx.update(Task, lease_until=clock.now() - timedelta(seconds=1))
        await quick.start_workers()
        await quick.settle()
        assert await state_of(database, task_id) is TaskState.DONE
        done = world.done["arrive"]
        go.set()
        await slow.settle()
        assert world.done["arrive"] == done == 1
        assert await state_of(database, task_id) is TaskState.DONE
    finally:
        Journey.travel.body = original
        await slow.stop()
        await quick.stop()


async def test_stopping_lets_the_next_worker_go_on(
    make: Callable[..., Tasks], database: Database, world: World
) -> None:
    first = make()
    await first.start_workers()
    reached = asyncio.Event()
    original = Journey.travel.body

    async def waits(saga: Any, run: Any) -> Any:
        reached.set()
        await asyncio.Event().wait()

    Journey.travel.body = waits
    try:
        task_id = await begin(first, Journey("ann"))
        await reached.wait()
        await first.stop()
    finally:
        Journey.travel.body = original
    assert await state_of(database, task_id) is TaskState.RUNNING
    second = make(instance="another")
    await second.start_workers()
    await second.settle()
    await second.stop()
    assert await state_of(database, task_id) is TaskState.DONE
    assert world.done["reserve"] == 1


async def test_leases_of_active_tasks_are_renewed(tasks: Tasks, database: Database) -> None:
    task_id = await begin(tasks, Steps(name="x"))
    async with database.begin() as tx:
        await tx.update(Task, Task.c.id == task_id, lease_owner="main", lease_until=clock.now())
    await journal.renew(database, "other", [task_id])
    await journal.renew(database, "main", [])
    before = clock.now() + journal.LEASE / 2
    await journal.renew(database, "main", [task_id])
    async with database.read() as reader:
        task = await reader.get(Task, task_id)
    assert task is not None
    assert task.lease_until is not None
    assert task.lease_until > before


async def test_stopping_does_not_wait_for_an_effect_that_will_not_end(
    make: Callable[..., Tasks], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cumulo.core.tasks.worker._FAREWELL", 0.01)
    reached, go = asyncio.Event(), asyncio.Event()

    async def stubborn(saga: Any, run: Any) -> None:
        reached.set()
        while not go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await go.wait()

    monkeypatch.setattr(Journey.travel, "body", stubborn)
    tasks = make()
    await tasks.start_workers()
    await begin(tasks, Journey("ann"))
    await reached.wait()
    running = list(tasks._active.values())
    await tasks.stop()
    go.set()
    await asyncio.wait(running)


PROGRAM = """
import asyncio, sys
from pathlib import Path
from cumulo.core.db import Database, failures
from cumulo.core.tasks import Task, Tasks, TaskState
from tests.core.tasks.journeys import Journey, World

async def main(url):
    database = await Database.open(url)
    await database.create_all()
    tasks = Tasks(database, sagas=[Journey], bindings={World: World()}, instance=sys.argv[2])
    await tasks.start_workers()
    async with database.read() as reader:
        fresh = not await reader.exists(Task)
    if fresh:
        async with database.begin() as tx:
            await tasks.start(tx, Journey("ann"), request_id="req-1")
    await tasks.settle()
    async with database.read() as reader:
        [task] = await reader.all(Task)
        print(task.state.value)
    await tasks.stop()
    await database.close()

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.parametrize(
    "point", ["reserve:before", "reserve:done", "travel:before", "travel:after", "arrive:after"]
)
def test_a_killed_process_resumes(tmp_path: Path, point: str) -> None:
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}/src:{root}"}
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), f"sqlite:///{tmp_path}/k.db", "main"]
    killed = {**environment, "CUMULO_KILL_AT": f"Journey.{point}"}
    first = subprocess.run(command, env=killed, capture_output=True, check=False)
    assert first.returncode == -signal.SIGKILL
    second = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert second.stdout.decode().split()[-1] == "done"


@pytest.mark.postgres
@pytest.mark.parametrize("point", ["reserve:done", "travel:before", "travel:after", "arrive:after"])
async def test_another_process_ends_what_a_killed_one_began(
    postgresql: Cluster | None, world: World, point: str
) -> None:
    if postgresql is None:
        pytest.skip("no PostgreSQL server on this machine")
    async with postgresql.database() as database:
        other = Tasks(database, sagas=[Journey], bindings={World: world}, instance="other")
        await other.start_workers()
        root = Path(__file__).parents[3]
        killed = {**os.environ, "PYTHONPATH": f"{root}/src:{root}", "CUMULO_KILL_AT": f"Journey.{point}"}
        url = postgresql.url(postgresql.shared)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", textwrap.dedent(PROGRAM), url, "dying", env=killed
        )
        assert await process.wait() == -signal.SIGKILL
        async with database.begin() as tx:
            [task] = await tx.all(Task)
            assert (task.lease_owner, task.finished_at is None) == ("dying", point != "arrive:after")
            await tx.update(Task, lease_until=clock.now() - timedelta(seconds=1))
        await other.settle()
        assert await state_of(database, task.id) is TaskState.DONE
        await other.stop()


@pytest.mark.postgres
async def test_a_saga_waits_for_a_database_that_is_away(
    postgresql: Cluster | None, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    if postgresql is None:
        pytest.skip("no PostgreSQL server on this machine")
    original, reached, away = Journey.travel.body, asyncio.Event(), asyncio.Event()

    async def waits(saga: Any, run: Any) -> Any:
        reached.set()
        await away.wait()
        return await original(saga, run)

    monkeypatch.setattr(Journey.travel, "body", waits)
    async with postgresql.database() as database:
        tasks = Tasks(database, sagas=[Journey], bindings={World: world})
        await tasks.start_workers()
        task_id = await begin(tasks, Journey("ann"))
        await reached.wait()
        postgresql.stop()
        try:
            away.set()
            await asyncio.sleep(0)
            with pytest.raises(errors.Unavailable):
                await state_of(database, task_id)
        finally:
            postgresql.start()
        await tasks.settle()
        assert await state_of(database, task_id) is TaskState.DONE
        assert world.here == {"ann"}
        await tasks.stop()


async def test_a_database_that_fails_is_not_a_failure_of_the_part(database: Database) -> None:
    tries = 0

    class Once(Saga):
        @step(retries=0)
        async def only(self, run: StepRun) -> None:
            nonlocal tries
            tries += 1
            if tries < 3:
                raise failures.lost("it went away")

    tasks = Tasks(database, sagas=[Once])
    await tasks.start_workers()
    task_id = await begin(tasks, Once())
    await tasks.settle()
    assert (tries, await state_of(database, task_id)) == (3, TaskState.DONE)
    await tasks.stop()


async def test_a_look_that_crashes_is_not_the_last(database: Database, monkeypatch: pytest.MonkeyPatch):
    """Nobody would start the loop again: what other processes promised would wait for ever."""
    looks: list[int] = []
    real = journal.claim

    async def claim(*arguments: Any) -> Any:
        looks.append(1)
        if len(looks) in (2, 3):  # the first is the start's own
            raise KeyError("a bug")
        return await real(*arguments)

    monkeypatch.setattr(journal, "claim", claim)
    monkeypatch.setattr("cumulo.core.tasks.worker._LOOK", 0.01)
    tasks = Tasks(database, sagas=[Steps])
    await tasks.start_workers()
    id_ = await begin(Tasks(database, sagas=[Steps], instance="other"), Steps("x"))
    async with asyncio.timeout(20):
        while await state_of(database, id_) is not TaskState.DONE:  # noqa: ASYNC110  another's worker tells no event here
            await asyncio.sleep(0.01)
    await tasks.stop()
    assert len(looks) > 3
