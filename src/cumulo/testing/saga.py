"""Proof that a saga survives anything: a failure or a death at every moment of every part.

`check_saga` runs a saga again and again in fresh worlds:
- once undisturbed: it must be done;
- with a failure before and after each part: it must end failed, with everything undone;
- with a death at each moment of each part, then a new worker: it must be done (so each effect runs twice);
- with a failure at the end and a death before and after each undo: it must end failed (each undo runs
  twice).
"""

from collections.abc import Awaitable, Callable
from typing import Any

from cumulo.core.drivers import Permanent
from cumulo.core.tasks import Effect, Saga, Task, Tasks, TaskState

Prepare = Callable[[], Awaitable[Any]]
Clean = Callable[[bool], Awaitable[Any]]


class Death(BaseException):
    """The process is no more: nothing may catch this."""


class Injected(Permanent):
    """A failure that `check_saga` causes."""


async def check_saga(
    make_tasks: Callable[[], Tasks],
    saga: Callable[[], Saga],
    prepare: Prepare,
    clean: Clean,
) -> None:
    """Run the whole programme of disturbances on a saga.

    make_tasks: a new worker on the same database and bindings. saga: its parameters. prepare: makes the
    world ready for it, whatever was there. clean(succeeded): asserts that the world is as it must be after
    success, or that nothing is left after failure, and tidies.
    """
    check = _Check(make_tasks, saga, prepare, clean)
    await check.run({})
    last = ""
    for name, part in type(saga()).parts.items():
        points = ("before", "after") if isinstance(part, Effect) else ("before", "done")
        ran = False
        for point in points:
            if await check.run({f"{name}:{point}": Injected("a failure")}):
                last, ran = f"{name}:{point}", True
        for point in ("before", "done", "after") if ran else ():
            await check.run({f"{name}:{point}": Death()})
    for name, part in type(saga()).parts.items():
        for point in ("undo", "undone") if part.undoing is not None else ():
            disturbances = {last: Injected("a failure"), f"{name}:{point}": Death()}
            await check.run(disturbances)


class _Check:
    def __init__(
        self,
        make_tasks: Callable[[], Tasks],
        saga: Callable[[], Saga],
        prepare: Prepare,
        clean: Clean,
    ) -> None:
        self._make_tasks = make_tasks
        self._saga = saga
        self._prepare = prepare
        self._clean = clean

    async def run(self, disturbances: dict[str, BaseException]) -> bool:
        """Run the saga once; return whether it met every disturbance (a part left out meets none)."""
        waiting = dict(disturbances)
        await self._prepare()
        prefix = f"{type(self._saga()).__name__}."

        def probe(here: str) -> None:
            disturbance = waiting.pop(here.removeprefix(prefix), None)
            if disturbance is not None:
                raise disturbance

        task = await self._through(probe)
        met = disturbances.keys() - waiting.keys()
        failed = any(isinstance(disturbances[point], Injected) for point in met)
        expected = TaskState.FAILED if failed else TaskState.DONE
        assert task.state is expected, f"{disturbances}: {task.state}, not {expected}: {task.error}"
        await self._clean(not failed)
        return not waiting

    async def _through(self, probe: Callable[[str], None]) -> Task:
        """Start the saga; after each death go on with a new worker, until it ends."""
        tasks = self._make_tasks()
        tasks.probe = probe
        await tasks.start_workers()
        async with tasks.database.begin() as tx:
            task_id = await tasks.start(tx, self._saga(), request_id="req-check")
        for _ in range(9):
            await tasks.settle()
            async with tasks.database.read() as reader:
                task = await reader.get(Task, task_id)
            if task is not None and task.finished_at is not None:
                await tasks.stop()
                return task
            await tasks.abandon()
            tasks = self._make_tasks()
            tasks.probe = probe
            await tasks.start_workers()
        raise AssertionError(f"the saga does not end: {task}")
