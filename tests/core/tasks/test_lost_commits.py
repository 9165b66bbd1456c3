"""A commit may be made without anybody hearing of it: what was done in it is done once all the same."""

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
    """A database of which one COMMIT, the `lost`-th of `Tasks`, is made and never heard of."""

    def __init__(self, database: Database, lost: int) -> None:
        self._database = database
        self._left = lost

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @contextlib.asynccontextmanager
    async def begin(self, **options: bool) -> AsyncIterator[Transaction]:
        async with self._database.begin(**options) as tx:
            yield tx
        self._left -= 1
        if not self._left:
            raise failures.lost("the server went away while it committed")


@pytest.mark.parametrize("lost", range(1, 9))
@pytest.mark.parametrize("fails", [False, True])
async def test_what_was_committed_unheard_is_not_done_again(database: Database, lost: int, fails: bool):
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
    tasks.database = Unheard(database, lost + 1)  # the first is that which takes the task up
    await tasks.settle()
    await journal.release(database, "main")  # as its lease ends
    await Tasks(database, sagas=[Count]).settle()
    assert await state_of(database, task) is (TaskState.FAILED if fails else TaskState.DONE)
    assert done == (["first", "unfirst", "fail"] if fails else ["first", "third"])
