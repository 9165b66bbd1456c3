"""The worker: runs the tasks of this process, takes over those of dead ones, and beats the reconcilers.

A task that is started here is leased to this process in the very transaction that promises it, and runs when
that has committed: no queue, no second look at the database. Everything else (another process's task, one
whose worker died, one that an operator resumed) is found by looking every few seconds, and at the start.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import structlog

from cumulo.core import errors, ids
from cumulo.core.db import Database, Transaction
from cumulo.core.tasks import journal
from cumulo.core.tasks.duties import Duties, duty_of
from cumulo.core.tasks.execution import Execution
from cumulo.core.tasks.model import Task, TaskPart, TaskState
from cumulo.core.tasks.periodic import Beat, Periodic, schedule
from cumulo.core.tasks.runs import ReconcileRun, StepRun
from cumulo.core.tasks.saga import Saga

log = structlog.get_logger()

_LOOK = 2.0  # seconds between two looks for tasks that nobody works on
_RENEW = journal.LEASE.total_seconds() / 3
_FAREWELL = 10.0  # seconds that parts have to notice that they were cancelled
_CLAIMED = 64  # tasks taken up at a look


@schedule(every=3600.0, name="tasks.forget")
async def forget(run: ReconcileRun) -> None:
    """Remove tasks that ended a month ago."""
    await journal.forget(run.database)


def killer() -> Callable[[str], None]:
    """Return a probe that ends this process, as `kill -9` would, at the point CUMULO_KILL_AT names.

    The point is `Saga.part:moment`; the moments: before, done (of a step, before its commit), after, undo
    and undone. For tests of what survives.
    """
    point = os.environ.get("CUMULO_KILL_AT")

    def probe(here: str) -> None:
        if here == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return probe


class Tasks:
    """All durable work of one process.

    bindings: what `run.use` returns, by type. instance: this worker's name; a worker that starts takes over
    at once what a dead one of the same name had, so no two that run may share a name. concurrency: how many
    effects may be under way; steps wait for the database only.
    """

    def __init__(
        self,
        database: Database,
        *,
        sagas: Iterable[type[Saga]] = (),
        reconcilers: Iterable[Periodic] = (),
        schedules: Iterable[Periodic] = (),
        bindings: Mapping[type, Any] | None = None,
        concurrency: int = 16,
        instance: str = "main",
    ) -> None:
        self.database = database
        self.bindings: Mapping[type, Any] = {} if bindings is None else bindings
        self.sagas = _named(sagas)
        self.slots = asyncio.Semaphore(concurrency)
        self.probe = killer()
        self.instance = instance
        periodic = (*reconcilers, *schedules, forget)
        self._duties = Duties(database, instance, (duty_of(one.name) for one in periodic))
        self._beats = {one.name: Beat(one, self, self._duties) for one in periodic}
        self._active: dict[str, asyncio.Task[None]] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._works = False  # takes tasks up: started, or settling
        self._hurry = asyncio.Event()
        self._look = asyncio.Event()
        self._claiming = asyncio.Lock()

    async def start(
        self, tx: Transaction, saga: Saga, *, request_id: str, project_id: str | None = None
    ) -> str:
        """Promise a saga in the caller's transaction; return its operation id. It runs after the commit.

        TaskRunning (a Conflict) while another unfinished task holds the saga's lock.
        """
        name, lock = type(saga).__name__, saga.locked()
        if name not in self.sagas:
            raise errors.Bug(f"{name} is not among the sagas of this process")
        task = Task(
            saga=name,
            params=msgspec.Raw(msgspec.json.encode(saga)),
            lock=lock,
            resource=lock,
            request_id=request_id,
            project_id=project_id,
        )
        await journal.add(tx, task, self.instance if self._works else None)
        tx.after_commit(lambda: self._launch(task))
        return task.id

    def wake(self, reconciler: str) -> None:
        """Have a reconciler look again at once, in whichever process has it."""
        beat = self._beats.get(reconciler)
        if beat is not None and (not self._loops or self._duties.ours(beat.duty)):
            beat.wake()
        else:
            self.database.tell(reconciler)

    @asynccontextmanager
    async def work(
        self, request_id: str | None = None, project_id: str | None = None
    ) -> AsyncIterator[StepRun]:
        """Give a `Work` in a transaction of its own, for what comes neither by request nor by saga."""
        async with self.database.begin() as tx:
            yield StepRun(tx, self, request_id or ids.request(), project_id)

    async def resume(self, tx: Transaction, task_id: str) -> None:
        """Let a stuck task try again."""
        await journal.resume(tx, task_id)
        tx.after_commit(self._look.set)

    async def start_workers(self) -> None:
        """Begin to work: first on what a dead worker of this name left behind."""
        await journal.release(self.database, self.instance)
        self._works = True
        await self._claim()
        await self._keep()
        self._loops = [asyncio.create_task(beat.forever()) for beat in self._beats.values()]
        self._loops += [asyncio.create_task(self._looking()), asyncio.create_task(self._renewing())]
        self.database.hear(self._heard)

    async def stop(self) -> None:
        """Drop all work where it is, and let others (or the next start) take it up."""
        await self.abandon()
        await journal.release(self.database, self.instance)
        await self._duties.release()

    async def abandon(self) -> None:
        """Drop all work and keep the leases, as a death would; for tests."""
        self._works = False
        doomed = [*self._loops, *self._active.values()]
        for one in doomed:
            one.cancel()
        if doomed:
            await asyncio.wait(doomed, timeout=_FAREWELL)
        self._loops = []

    async def settle(self) -> None:
        """Run all promised work to its end, without waiting between tries; for tests."""
        worked, self._works = self._works, True
        self._hurry.set()
        try:
            while await self._claim() or self._active or await self._beat():
                await asyncio.wait([*self._active.values()] or [_moment()])
        finally:
            self._hurry.clear()
            self._works = worked

    async def pause(self, seconds: float) -> None:
        """Wait before another try; not when settling."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()

    async def _beat(self) -> bool:
        """Return whether a reconciler is busy; run those that are woken if nothing else does."""
        busy = [beat for beat in self._beats.values() if beat.is_busy]
        if not self._loops:
            for beat in busy:
                await beat.once()
        return bool(busy)

    async def _claim(self) -> int:
        """Take up tasks that are due and that nobody works on."""
        async with self._claiming:
            busy = list(self._active)
            tasks = await journal.claim(self.database, self.instance, busy, _CLAIMED)
            for task in tasks:
                self._launch(task)
        return len(tasks)

    def _launch(self, task: Task) -> None:
        if not self._works or task.id in self._active:
            return
        running = asyncio.get_running_loop().create_task(self._execute(task))
        self._active[task.id] = running
        running.add_done_callback(lambda _: self._ended(task.id))

    def _ended(self, task_id: str) -> None:
        running = self._active.pop(task_id)
        if not running.cancelled():
            running.exception()  # noted: only a simulated death gets here, and is handled by its test

    async def _execute(self, task: Task) -> None:
        if task.saga not in self.sagas:
            await self._strand(task)
            return
        try:
            records: dict[str, TaskPart] = {}
            if task.state is not TaskState.PENDING:
                async with self.database.read() as reader:
                    records = await journal.parts_of(reader, task.id)
            await Execution(self, task, records).run()
        except journal.LeaseLost:
            log.warning("task.lease_lost", operation=task.id, saga=task.saga)
        except msgspec.ValidationError:
            log.exception("task.unreadable", operation=task.id, saga=task.saga)
            await self._strand(task)
        except Exception:
            # Left as it is, with its lease: it is taken up again when that runs out.
            log.exception("task.crashed", operation=task.id, saga=task.saga)

    async def _strand(self, task: Task) -> None:
        """Stop at a task whose saga or parameters this version does not know."""
        log.error("task.stranded", operation=task.id, saga=task.saga)
        async with self.database.begin() as tx:
            await journal.save(tx, msgspec.structs.replace(task, state=TaskState.STUCK))

    async def _looking(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._look.wait()
            self._look.clear()
            with _bearing("tasks.look_failed"):
                await self._claim()

    async def _renewing(self) -> None:
        while True:
            await asyncio.sleep(_RENEW)
            with _bearing("tasks.renewal_failed"):
                if self._active:
                    await journal.renew(self.database, self.instance, list(self._active))
                await self._keep()

    async def _keep(self) -> None:
        """Keep the duties that are ours; begin with those that are new."""
        new = await self._duties.keep()
        for beat in self._beats.values():
            if beat.duty in new:
                beat.wake()

    def _heard(self, text: str) -> None:
        """Wake what another process asks for; when something may have been missed, look for ourselves."""
        if not text:
            self._look.set()
        for beat in self._beats.values():
            if text in ("", beat.declared.name) and self._duties.ours(beat.duty):
                beat.wake()


@contextlib.contextmanager
def _bearing(event: str) -> Iterator[None]:
    """Note a failure, and go on: a database that is away comes back, and none would start the loop anew."""
    try:
        yield
    except errors.Unavailable as error:
        log.warning(event, reason=error.fields.get("reason", str(error)))
    except Exception:
        log.exception(event)


def _moment() -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(asyncio.sleep(0.001))


def _named(sagas: Iterable[type[Saga]]) -> dict[str, type[Saga]]:
    named: dict[str, type[Saga]] = {}
    for saga in sagas:
        if named.setdefault(saga.__name__, saga) is not saga:
            raise ValueError(f"two sagas are named {saga.__name__}")
    return named
