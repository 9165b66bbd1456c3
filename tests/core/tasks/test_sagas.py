import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.core.tasks.journeys import Hidden, Journey, Parent, Steps, World

from cumulo.core import clock, errors
from cumulo.core.db import Database
from cumulo.core.drivers import Gone, Permanent, Temporary
from cumulo.core.tasks import (
    Saga,
    Task,
    TaskRunning,
    Tasks,
    TaskState,
    list_operations,
    show_operation,
)


async def begin(tasks: Tasks, saga: Saga) -> str:
    async with tasks.database.begin() as tx:
        return await tasks.start(tx, saga, request_id="req-1", project_id="p1")


async def shown(tasks: Tasks, id: str) -> dict[str, Any]:
    async with tasks.database.read() as reader:
        return await show_operation(reader, id)


async def run(tasks: Tasks, saga: Saga) -> dict[str, Any]:
    task_id = await begin(tasks, saga)
    await tasks.settle()
    return await shown(tasks, task_id)


def steps(operation: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["state"] for step in operation["steps"]}


async def test_a_saga_runs_each_part_once(tasks: Tasks, world: World) -> None:
    operation = await run(tasks, Journey("ann"))
    assert operation["state"] == "done"
    assert operation["resource"] == "traveller:ann"
    assert operation["finished_at"] is not None
    assert operation["summary"] == "Reserve, travel, arrive."
    assert world.done == {"reserve": 1, "travel": 1, "arrive": 1}
    assert steps(operation) == {
        "reserve": "done",
        "travel": "done",
        "ride": "skipped",
        "arrive": "done",
    }
    travel = operation["steps"][1]
    assert travel["progress"] == "on the way"
    assert travel["summary"] == "Go there."


async def test_a_task_of_a_rolled_back_transaction_never_was(tasks: Tasks, world: World) -> None:
    with pytest.raises(ZeroDivisionError):
        async with tasks.database.begin() as tx:
            await tasks.start(tx, Journey("ann"), request_id="req-1")
            raise ZeroDivisionError
    await tasks.settle()
    assert not world.done


async def test_a_failure_undoes_what_started_newest_first(tasks: Tasks, world: World) -> None:
    world.failures["arrive"] = [Permanent("the door is shut", public="Shut.")]
    order: list[str] = []
    act = world.act
    world.act = lambda name: (order.append(name), act(name))[1]  # type: ignore[method-assign]
    operation = await run(tasks, Journey("ann"))
    assert operation["state"] == "failed"
    assert (operation["error"], operation["public_error"]) == ("the door is shut", "Shut.")
    assert order == ["reserve", "travel", "arrive", "travel_back", "cancel", "give_up"]
    assert world.here == set()
    assert world.rows == {"ann": "arrive: Shut."}
    assert steps(operation) == {
        "reserve": "undone",
        "travel": "undone",
        "ride": "skipped",
        "arrive": "failed",
    }


async def test_the_failing_effect_is_undone_too(tasks: Tasks, world: World) -> None:
    world.failures["travel"] = [Hidden("secret", public="")]
    operation = await run(tasks, Journey("ann"))
    assert operation["state"] == "failed"
    assert world.here == set()
    assert world.done["travel_back"] == 1
    assert world.rows == {"ann": "travel: None"}


async def test_what_is_temporary_is_tried_again(tasks: Tasks, world: World) -> None:
    world.failures["travel"] = [Temporary("fog", retry_in=30), errors.Unavailable("fog")]
    world.failures["reserve"] = [TimeoutError()]
    operation = await run(tasks, Journey("ann"))
    assert operation["state"] == "done"
    assert world.done["travel"] == 3
    assert world.done["reserve"] == 2
    assert operation["steps"][1]["retries"] == 2
    assert operation["steps"][1]["error"] is None


async def test_what_stays_temporary_fails(tasks: Tasks, world: World) -> None:
    world.failures["travel"] = [Temporary("fog") for _ in range(9)]
    operation = await run(tasks, Journey("ann"))
    assert operation["state"] == "failed"
    assert world.done["travel"] == 3


async def test_an_unknown_error_fails_without_telling_users(tasks: Tasks, world: World) -> None:
    world.failures["reserve"] = [ZeroDivisionError("inner detail")]
    operation = await run(tasks, Journey("ann"))
    assert operation["state"] == "failed"
    assert operation["public_error"] is None
    assert world.done["cancel"] == 1


async def test_an_undo_that_fails_is_tried_again_then_stuck_then_resumed(tasks: Tasks, world: World) -> None:
    world.failures["arrive"] = [Permanent("no")]
    world.failures["travel_back"] = [Permanent("broken") for _ in range(9)]
    operation = await run(tasks, Journey("ann"))
    assert operation["state"] == "stuck"
    assert world.done["travel_back"] == 9
    assert world.done["give_up"] == 0
    assert steps(operation)["travel"] == "done"
    with pytest.raises(TaskRunning):  # it keeps its lock: the world is in doubt
        await begin(tasks, Journey("ann"))
    async with tasks.database.begin() as tx:
        await tasks.resume(tx, operation["id"])
    await tasks.settle()
    operation = await shown(tasks, operation["id"])
    assert operation["state"] == "failed"
    assert world.rows == {"ann": "arrive: no"}
    assert world.done["cancel"] == 1
    with pytest.raises(errors.Conflict):
        async with tasks.database.begin() as tx:
            await tasks.resume(tx, operation["id"])
    with pytest.raises(errors.NotFound):
        async with tasks.database.begin() as tx:
            await tasks.resume(tx, "absent")


async def test_an_undo_of_what_is_gone_succeeds(tasks: Tasks, world: World) -> None:
    world.failures["arrive"] = [Permanent("no")]
    world.failures["travel_back"] = [Gone("nothing there")]
    operation = await run(tasks, Journey("ann"))
    assert operation["state"] == "failed"
    assert world.done["travel_back"] == 1


async def test_a_lock_admits_one_unfinished_task(tasks: Tasks) -> None:
    async with tasks.database.begin() as tx:
        await tasks.start(tx, Journey("ann"), request_id="req-1")
        await tasks.start(tx, Journey("bob"), request_id="req-1")
        with pytest.raises(TaskRunning, match="traveller:ann"):
            await tasks.start(tx, Journey("ann"), request_id="req-2")
    await tasks.settle()
    await begin(tasks, Journey("ann"))
    await tasks.settle()


async def test_an_effect_that_takes_too_long_is_temporary(
    make: Callable[..., Tasks], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Journey.travel, "timeout", 0.01)
    original = Journey.travel.body

    async def slow(saga: Any, run: Any) -> Any:
        if world.done["travel"] == 0:
            world.done["travel"] += 1
            await asyncio.Event().wait()
        return await original(saga, run)

    monkeypatch.setattr(Journey.travel, "body", slow)
    operation = await run(make(), Journey("ann"))
    assert operation["state"] == "done"
    assert world.done["travel"] == 2


async def test_a_step_may_start_another_saga(tasks: Tasks) -> None:
    await run(tasks, Parent())
    async with tasks.database.read() as reader:
        listed = await list_operations(reader)
        assert {(one["name"], one["state"]) for one in listed} == {
            ("Parent", "done"),
            ("Steps", "done"),
        }
        assert {one["project_id"] for one in listed} == {"p1"}
        assert {one["request_id"] for one in listed} == {"req-1"}
        assert await list_operations(reader, project_id="other") == []
        assert len(await list_operations(reader, state="done", limit=1)) == 1
        with pytest.raises(errors.Invalid):
            await list_operations(reader, state="odd")
        with pytest.raises(errors.NotFound):
            await show_operation(reader, "absent")


async def test_many_tasks_finish(tasks: Tasks) -> None:
    await asyncio.gather(*(begin(tasks, Steps(name=str(n))) for n in range(40)))
    await tasks.settle()
    async with tasks.database.read() as reader:
        assert await reader.count(Task, Task.c.state == TaskState.DONE) == 40


async def test_a_waiting_step_is_shown(database: Database, make: Callable[..., Tasks]) -> None:
    tasks = make()  # no worker: the task waits
    task_id = await begin(tasks, Steps(name="x"))
    operation = await shown(tasks, task_id)
    assert operation["state"] == "pending"
    assert set(steps(operation).values()) == {"waiting"}
    await tasks.settle()
    assert (await shown(tasks, task_id))["state"] == "done"


async def test_a_saga_this_version_does_not_know_is_stuck(tasks: Tasks, database: Database) -> None:
    task_id = await begin(tasks, Steps(name="x"))
    await tasks.settle()
    async with database.begin() as tx:
        await tx.update(Task, Task.c.id == task_id, saga="Forgotten", state=TaskState.RUNNING)
        await tx.update(Task, Task.c.id == task_id, lease_until=None)
    await tasks.settle()
    assert (await shown(tasks, task_id))["state"] == "stuck"


async def test_two_sagas_of_one_name_are_refused(database: Database) -> None:
    other = type("Steps", (Saga,), {})
    with pytest.raises(ValueError, match="named Steps"):
        Tasks(database, sagas=[Steps, other])
    async with database.begin() as tx:
        with pytest.raises(errors.Bug):
            await Tasks(database).start(tx, Steps(name="x"), request_id="r")


async def test_every_try_has_a_larger_fence(tasks: Tasks, world: World) -> None:
    await run(tasks, Journey("ann"))
    await run(tasks, Journey("ann"))
    assert world.fences == sorted(set(world.fences))
    assert len(world.fences) == 2


async def test_old_tasks_are_forgotten(tasks: Tasks, database: Database) -> None:
    old, young = await begin(tasks, Steps(name="x")), await begin(tasks, Steps(name="y"))
    await tasks.settle()
    async with database.begin() as tx:
        await tx.update(Task, Task.c.id == old, finished_at=clock.now() - timedelta(days=31))
    tasks.wake("tasks.forget")
    await tasks.settle()
    async with database.read() as reader:
        assert [task.id for task in await reader.all(Task)] == [young]


async def test_effects_wait_for_a_slot_and_steps_do_not(make: Callable[..., Tasks], world: World) -> None:
    tasks = make(concurrency=1)
    await tasks.start_workers()
    async with tasks.slots:
        travelling = await begin(tasks, Journey("ann"))
        stepping = await begin(tasks, Steps(name="x"))
        while (await shown(tasks, stepping))["state"] != "done":  # noqa: ASYNC110  no event tells
            await asyncio.sleep(0)
        assert world.done["travel"] == 0
    await tasks.settle()
    assert (await shown(tasks, travelling))["state"] == "done"
    await tasks.stop()
