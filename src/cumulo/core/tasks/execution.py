"""One task's way through its saga: forward part by part, and back when a part fails.

Everything that is known is in the journal; the copy here changes only after the commit that changed the
journal. So a task that is dropped at any moment can be taken up by anyone from the journal.

Each commit waits for the disk, so two things share one: a step's end with the next effect's beginning, and an
effect's end with the step after it. Whoever dies between the two latter does the effect again, as it would
had it died a moment earlier.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from cumulo.core import clock, errors
from cumulo.core.db import Transaction, failures
from cumulo.core.drivers import DriverError, Gone, Temporary
from cumulo.core.tasks import journal
from cumulo.core.tasks.model import FINISHED, PartState, Task, TaskPart, TaskState
from cumulo.core.tasks.runs import EffectRun, StepRun, TaskError
from cumulo.core.tasks.saga import Effect, Part, Saga, Step

if TYPE_CHECKING:
    from cumulo.core.tasks.worker import Tasks

log = structlog.get_logger()

UNDO_RETRIES = 8
UNDO_TIMEOUT = 600.0
_PROGRESS = 0.25  # seconds between two writings of progress
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 60.0

replace = msgspec.structs.replace


class Unwind(Exception):
    """The part has failed for good."""


class Execution:
    """A task that this process has the lease of."""

    def __init__(self, tasks: "Tasks", task: Task, records: dict[str, TaskPart]) -> None:
        self.tasks = tasks
        self.task = task
        self.records = records
        self._unwritten: TaskPart | None = None  # of an effect that has ended, for the next commit
        kind = tasks.sagas[task.saga]
        self.saga: Saga = msgspec.json.decode(task.params, type=kind)
        self.parts = list(kind.parts.values())
        self.log = log.bind(
            request_id=task.request_id, operation=task.id, saga=task.saga, resource=task.resource
        )

    async def run(self) -> None:
        """Work until the task is finished or stuck."""
        with contextlib.suppress(Unwind):
            if self.task.state in (TaskState.PENDING, TaskState.RUNNING):
                await self._forward()
        with contextlib.suppress(Unwind):
            if self.task.state is TaskState.UNDOING:
                await self._backward()

    async def _forward(self) -> None:
        for part in self.parts:
            record = self.records.get(part.name)
            if record is None or record.state is PartState.RUNNING:
                act = self._effect if isinstance(part, Effect) else self._step
                await self._persist(part.name, part.retries, act, part)

    async def _backward(self) -> None:
        known = {part.name: part for part in self.parts}
        for record in reversed(list(self.records.values())):
            part = known.get(record.part)
            if part is None or part.undoing is None:
                continue
            if record.state not in (PartState.SKIPPED, PartState.UNDONE):
                act = self._undo_effect if isinstance(part, Effect) else self._undo_step
                await self._persist(part.name, UNDO_RETRIES, act, part)
        await self._persist("on_failure", UNDO_RETRIES, self._end_failed)

    async def _persist(
        self, name: str, retries: int, act: Callable[..., Awaitable[None]], *arguments: Any
    ) -> None:
        """Do something of a part, again and again if need be; Unwind when it cannot be done."""
        started = clock.monotonic()
        undoing = self.task.state is TaskState.UNDOING
        while True:
            self.log.debug("part.started", part=name, undoing=undoing, attempt=self.task.attempt)
            try:
                await act(*arguments)
            except journal.LeaseLost:
                raise
            except Exception as error:
                if isinstance(error, failures.Lost) and await self._is_through(name, undoing=undoing):
                    return
                delay = self._delay(error, retries, undoing=undoing)
                if not isinstance(error, DriverError | errors.Error | TimeoutError):
                    self.log.exception("part.crashed", part=name)
                if delay is None:
                    await self._give_up(name, error, undoing=undoing)
                    raise Unwind from error
                await self._put_off(name, error, delay)
            else:
                ms = round((clock.monotonic() - started) * 1000, 1)
                left_out = name in self.records and self.records[name].state is PartState.SKIPPED
                tell = self.log.debug if left_out else self.log.info
                tell("part.undone" if undoing else "part.finished", part=name, ms=ms)
                return

    async def _is_through(self, name: str, *, undoing: bool) -> bool:
        """Ask the journal whether a part is: its commit may have been made without our hearing of it.

        Or may yet be: the server holds the row until it has ended a transaction that we gave up.
        """
        while True:
            try:
                async with self.tasks.database.begin() as db:
                    task = await db.one(Task, Task.c.id == self.task.id, for_update=True)
                    records = await journal.parts_of(db, self.task.id)
                break
            except errors.Unavailable:
                await asyncio.sleep(_FIRST_DELAY)
        if task is None or task.fence != self.task.fence:
            raise journal.LeaseLost(self.task.id)
        states = (PartState.UNDONE,) if undoing else (PartState.DONE, PartState.SKIPPED)
        through = task.state in FINISHED or (name in records and records[name].state in states)
        if through:
            self.task, self.records, self._unwritten = task, records, None
        return through

    def _delay(self, error: Exception, retries: int, *, undoing: bool) -> float | None:
        """Return in how many seconds to try again; None: not again."""
        passing = isinstance(error, Temporary | errors.Unavailable | TimeoutError)
        if isinstance(error, failures.Lost):
            retries = max(retries, UNDO_RETRIES)  # the database's failure is not the part's
        if self.task.attempt >= retries or not (passing or undoing):
            return None
        if isinstance(error, Temporary) and error.retry_in is not None:
            return error.retry_in
        return float(min(_LONGEST_DELAY, _FIRST_DELAY * 2**self.task.attempt))

    async def _put_off(self, name: str, error: Exception, delay: float) -> None:
        """Note that the part is to be tried again, and wait. The lease stays: it is renewed meanwhile."""
        self.log.warning("part.retried", part=name, error=_text(error), retry_in=delay)
        task = replace(self.task, attempt=self.task.attempt + 1, part=name)
        record = self.records.get(name)
        if record is not None:
            record = replace(record, attempt=task.attempt, error=_text(error))
        await self._commit(task, record)
        await self.tasks.pause(delay)

    async def _give_up(self, name: str, error: Exception, *, undoing: bool) -> None:
        """Note that the part has failed for good: turn back, or be stuck when that was the way back."""
        record = self.records.get(name)
        if undoing:
            self.log.error("task.stuck", part=name, error=_text(error))
            task = replace(self.task, state=TaskState.STUCK, part=name)
            record = None if record is None else replace(record, error=_text(error))
        else:
            described = describe(error, name)
            self.log.warning("task.undoing", part=name, error=described.message)
            reason = msgspec.structs.asdict(described)
            task = replace(self.task, state=TaskState.UNDOING, part=name, attempt=0, error=reason)
            facts = {"attempt": self.task.attempt, "error": _text(error), "finished_at": clock.now()}
            record = replace(record or self._new_record(name), state=PartState.FAILED, **facts)
        await self._commit(task, record)

    async def _step(self, part: Part[Any]) -> None:
        self._probe(part, "before")
        record = self._new_record(part.name)
        async with self.tasks.database.begin() as tx:
            run = self._step_run(tx)
            if part.when is None or part.when(self.saga, run):
                result = await part.body(self.saga, run)
                record = self._done(record, result)
            else:
                record = replace(record, state=PartState.SKIPPED, finished_at=clock.now())
            self._probe(part, "done")
            task = self._advanced(part)
            following = self._at_once(part)
            await self._put(tx, task, record, following)
        self._keep(task, record, following)
        self._probe(part, "after")

    async def _effect(self, part: Part[Any]) -> None:
        record = self.records.get(part.name) or self._new_record(part.name)
        if part.when is not None and not part.when(self.saga, self._effect_run(lambda _: None)):
            record = replace(record, state=PartState.SKIPPED, finished_at=clock.now())
            await self._commit(self._advanced(part), record)
            return
        if part.name not in self.records:
            await self._commit(replace(self.task, part=part.name, state=TaskState.RUNNING), record)
        self._probe(part, "before")
        async with self._speaking(part.name) as run, asyncio.timeout(part.timeout):
            result = await part.body(self.saga, run)
        self._probe(part, "after")
        record = self._done(self.records[part.name], result)
        if isinstance(self._after(part), Step):
            self.task, self.records[part.name], self._unwritten = self._advanced(part), record, record
        else:
            await self._commit(self._advanced(part), record)

    async def _undo_step(self, part: Part[Any]) -> None:
        self._probe(part, "undo")
        record = replace(self.records[part.name], state=PartState.UNDONE)
        task = replace(self.task, part=part.name, attempt=0)
        async with self.tasks.database.begin() as tx:
            if part.undoing is not None:
                await part.undoing(self.saga, self._step_run(tx))
            await self._put(tx, task, record)
        self._keep(task, record)
        self._probe(part, "undone")

    async def _undo_effect(self, part: Part[Any]) -> None:
        self._probe(part, "undo")
        if part.undoing is not None:
            with contextlib.suppress(Gone):  # it is not there any more: so it is undone
                async with self._speaking(part.name) as run, asyncio.timeout(UNDO_TIMEOUT):
                    await part.undoing(self.saga, run)
        self._probe(part, "undone")
        record = replace(self.records[part.name], state=PartState.UNDONE)
        await self._commit(replace(self.task, part=part.name, attempt=0), record)

    async def _end_failed(self) -> None:
        """Run `on_failure` in the transaction that ends the task."""
        task = replace(self.task, state=TaskState.FAILED, attempt=0, finished_at=clock.now())
        failure = type(self.saga).failure
        async with self.tasks.database.begin() as tx:
            if failure is not None:
                error = msgspec.convert(self.task.error, TaskError)
                await failure.body(self.saga, self._step_run(tx), error)
            await self._put(tx, task, None)
        self._keep(task, None)

    def _after(self, part: Part[Any]) -> Part[Any] | None:
        """Return the part that comes after one; None after the last."""
        following = self.parts.index(part) + 1
        return self.parts[following] if following < len(self.parts) else None

    def _at_once(self, part: Part[Any]) -> TaskPart | None:
        """Return the record of the effect that begins as soon as a step has ended, if one surely does."""
        following = self._after(part)
        if isinstance(following, Effect) and following.when is None and following.name not in self.records:
            return self._new_record(following.name)
        return None

    def _advanced(self, part: Part[Any]) -> Task:
        """Return the task as it is once this part is done."""
        following = self._after(part)
        if following is None:
            return replace(self.task, state=TaskState.DONE, part=None, attempt=0, finished_at=clock.now())
        return replace(self.task, state=TaskState.RUNNING, part=following.name, attempt=0)

    def _new_record(self, name: str) -> TaskPart:
        position = [part.name for part in self.parts].index(name)
        return TaskPart(task_id=self.task.id, part=name, position=position, state=PartState.RUNNING)

    def _done(self, record: TaskPart, result: Any) -> TaskPart:
        raw = None if result is None else msgspec.Raw(msgspec.json.encode(result))
        facts = {"result": raw, "attempt": self.task.attempt, "error": None, "finished_at": clock.now()}
        return replace(record, state=PartState.DONE, **facts)

    async def _commit(self, task: Task, record: TaskPart | None) -> None:
        """Write to the journal; as long as the database cannot, wait."""
        while True:
            try:
                async with self.tasks.database.begin() as tx:
                    await self._put(tx, task, record)
            except errors.Unavailable as error:
                self.log.warning("journal.unavailable", error=str(error))
                await asyncio.sleep(_FIRST_DELAY)
            except errors.Duplicate:
                self._keep(self.task, record)  # it is there: an earlier try was made after all
            else:
                self._keep(task, record)
                return

    async def _put(self, tx: Transaction, task: Task, *records: TaskPart | None) -> None:
        await journal.save(tx, task)
        for record in (self._unwritten, *records):
            if record is not None and record.part in self.records:
                await tx.save(record)
            elif record is not None:
                await tx.insert(record)

    def _keep(self, task: Task, *records: TaskPart | None) -> None:
        """Believe what is committed."""
        self.task, self._unwritten = task, None
        self.records.update({record.part: record for record in records if record is not None})

    def _step_run(self, tx: Transaction) -> StepRun:
        return StepRun(tx, self.tasks, self.task.request_id, self.task.project_id, self._results())

    def _effect_run(self, say: Callable[[str], None]) -> EffectRun:
        arguments = (self.tasks, self.task.request_id, self.task.project_id, self._results())
        return EffectRun(say, self.task.fence, *arguments)

    @contextlib.asynccontextmanager
    async def _speaking(self, name: str) -> AsyncIterator[EffectRun]:
        """Give an effect's run when there is a slot for it; what it says is written meanwhile."""
        said = Progress(self, name)
        try:
            async with self.tasks.slots:
                yield self._effect_run(said)
        finally:
            await said.stop()

    def _results(self) -> dict[str, msgspec.Raw | None]:
        return {name: record.result for name, record in self.records.items()}

    def _probe(self, part: Part[Any], moment: str) -> None:
        self.tasks.probe(f"{self.task.saga}.{part.name}:{moment}")


class Progress:
    """What an effect says of itself, written to the journal now and then, without delaying the effect."""

    def __init__(self, execution: Execution, part: str) -> None:
        self._execution = execution
        self._part = part
        self._text: str | None = None
        self._writing: asyncio.Task[None] | None = None

    def __call__(self, text: str) -> None:
        """Remember the text; write it soon."""
        self._text = text
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def stop(self) -> None:
        """Write no more; the last text is kept for the record's next saving."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        if self._text is not None:
            records = self._execution.records
            records[self._part] = replace(records[self._part], progress=self._text)

    async def _write(self) -> None:
        written = None
        while True:
            if written != self._text:
                written = self._text
                with contextlib.suppress(errors.Unavailable):
                    async with self._execution.tasks.database.begin() as tx:
                        here = (TaskPart.c.task_id == self._execution.task.id) & (
                            TaskPart.c.part == self._part
                        )
                        await tx.update(TaskPart, here, progress=written)
            await asyncio.sleep(_PROGRESS)


def describe(error: Exception, part: str) -> TaskError:
    """Return what is told of a failure; users read only what was meant for them."""
    public: str | None = None
    if isinstance(error, DriverError):
        public = error.public or None
    elif isinstance(error, errors.Error) and not isinstance(error, errors.Bug):
        public = error.message
    elif isinstance(error, TimeoutError):
        public = "It took too long."
    return TaskError(part=part, kind=type(error).__name__, message=_text(error), public=public)


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
