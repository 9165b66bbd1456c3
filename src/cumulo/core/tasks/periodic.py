"""Reconcilers and schedules: work without input, done again and again.

A reconciler makes the world as the rows say, for the first time and for repair with the same code: it runs at
the start, each period, and whenever it is woken. A schedule is housekeeping. What fails is tried again soon.
Of several processes that share a database one at a time does it: see `duties`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from cumulo.core import ids
from cumulo.core.errors import Unavailable
from cumulo.core.tasks.duties import Duties, duty_of
from cumulo.core.tasks.runs import Promises, ReconcileRun

log = structlog.get_logger()

Body = Callable[[ReconcileRun], Awaitable[None]]


class Periodic:
    """A function that is called at the start, every `every` seconds, and when its name is woken."""

    def __init__(self, body: Body, *, name: str, every: float) -> None:
        self.body = body
        self.name = name
        self.every = every
        self.summary = " ".join((body.__doc__ or name).split())

    async def __call__(self, run: ReconcileRun) -> None:
        """Do the work once."""
        await self.body(run)


class Reconciler(Periodic):
    """Keeps desired state true."""


class Schedule(Periodic):
    """Keeps house."""


def reconciler(*, every: float, name: str) -> Callable[[Body], Reconciler]:
    """Declare a reconciler, by the name that `wake` uses."""
    return lambda body: Reconciler(body, name=name, every=every)


def schedule(*, every: float, name: str) -> Callable[[Body], Schedule]:
    """Declare housekeeping."""
    return lambda body: Schedule(body, name=name, every=every)


class Beat:
    """One reconciler or schedule at work in this process; never twice at the same time."""

    def __init__(self, declared: Periodic, tasks: Promises, duties: Duties) -> None:
        self.declared = declared
        self.duty = duty_of(declared.name)
        self._tasks = tasks
        self._duties = duties
        self._woken = asyncio.Event()
        self._running = asyncio.Lock()
        self._failures = 0

    @property
    def is_busy(self) -> bool:
        """Whether it runs, or was woken and is about to."""
        return self._woken.is_set() or self._running.locked()

    def wake(self) -> None:
        """Have it look again at once, or once more after the run that is under way."""
        self._woken.set()

    async def forever(self) -> None:
        """Run each time it is woken, and each period, while this process has the duty."""
        await self._woken.wait()
        while True:
            if not self._duties.ours(self.duty):
                self._woken.clear()
                await self._woken.wait()
                continue
            await self.once()
            wait = self.declared.every
            if self._failures:
                wait = min(wait, 2.0**self._failures)
            try:
                async with asyncio.timeout(wait):
                    await self._woken.wait()
            except TimeoutError:
                self._woken.set()

    async def once(self) -> None:
        """Run once; a failure is logged."""
        async with self._running:
            self._woken.clear()
            started = time.monotonic()
            name, request_id = self.declared.name, ids.request()
            try:
                async with self._duties.within(self.duty):
                    await self.declared(ReconcileRun(self._tasks, request_id))
            except Unavailable as error:
                self._failures = min(self._failures + 1, 16)
                reason = error.fields.get("reason", str(error))
                log.warning("reconciler.failed", name=name, request_id=request_id, reason=reason)
            except Exception:
                self._failures = min(self._failures + 1, 16)
                log.exception("reconciler.failed", name=name, request_id=request_id)
            else:
                if self._failures:
                    log.info("reconciler.recovered", name=name)
                self._failures = 0
                ms = round((time.monotonic() - started) * 1000, 1)
                log.debug("reconciler.finished", name=name, request_id=request_id, ms=ms)
