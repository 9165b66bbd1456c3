"""A commit may be made without anybody hearing of it: what was done in it is done once all the same."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
from tests.core.tasks.test_survival import begin, state_of

from cumulo.core import errors
from cumulo.core.db import Database, Transaction, failures
from cumulo.core.tasks import (
    EffectRun,
    Saga,
    StepRun,
    TaskError,
    Tasks,
    TaskState,
    effect,
    journal,
    on_failure,
    step,
)


class Unheard:
    """A database of which one COMMIT, the `lost`-th of `Tasks`, is made and never heard of.

    late: it is made only after those who waited for it have given up.
    """

    def __init__(self, database: Database, lost: int, *, late: bool) -> None:
        self._database = database
        self._left = lost
        self._late = late
        self.ending: asyncio.Task[None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @contextlib.asynccontextmanager
    async def begin(self, **options: bool) -> AsyncIterator[Transaction]:
        async with contextlib.AsyncExitStack() as stack:
            yield await stack.enter_async_context(self._database.begin(**options))
            self._left -= 1
            if self._left:
                return
            ends = stack.pop_all()
        self.ending = asyncio.create_task(self._end(ends))
        if not self._late:
            await self.ending
        raise failures.lost("the server went away while it committed")

    async def _end(self, transaction: contextlib.AsyncExitStack) -> None:
        if self._late:
            await asyncio.sleep(0.2)
        await transaction.aclose()


@pytest.mark.parametrize("lost", range(1, 9))
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("late", [False, True])
async def test_what_was_committed_unheard_is_not_done_again(
    database: Database, lost: int, fails: bool, late: bool
):
    done: list[str] = []

    class Count(Saga):
        lock: ClassVar[str] = "count"

        @step
        async def first(self, run: StepRun) -> None:
            run.after_commit(lambda: done.append("first"))

        @first.undo
        async def unfirst(self, run: StepRun) -> None:
            run.after_commit(lambda: done.append("unfirst"))

        @effect
        async def second(self, run: EffectRun) -> None:
            pass

        @step
        async def third(self, run: StepRun) -> None:
            if fails:
                raise errors.Invalid("No.")
            run.after_commit(lambda: done.append("third"))

        @on_failure
        async def fail(self, run: StepRun, error: TaskError) -> None:
            run.after_commit(lambda: done.append("fail"))

    tasks = Tasks(database, sagas=[Count])
    task = await begin(tasks, Count())
    unheard = Unheard(database, lost + 1, late=late)  # the first is that which takes the task up
    tasks.database = unheard
    await tasks.settle()
    if unheard.ending is not None:
        await unheard.ending
    await journal.release(database, "main")  # as its lease ends
    await Tasks(database, sagas=[Count]).settle()
    assert await state_of(database, task) is (TaskState.FAILED if fails else TaskState.DONE)
    assert done == (["first", "unfirst", "fail"] if fails else ["first", "third"])
