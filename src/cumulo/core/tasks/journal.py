"""Writing the journal: every change of a task is fenced, so that whoever lost its lease changes nothing."""

from collections.abc import Collection
from datetime import timedelta

import sqlalchemy

from cumulo.core import clock, errors
from cumulo.core.db import Database, Reader, Transaction
from cumulo.core.tasks.model import FINISHED, RUNNABLE, Task, TaskPart, TaskState

LEASE = timedelta(seconds=30)
KEPT = timedelta(days=30)


class LeaseLost(Exception):
    """Another worker has taken the task over."""


class TaskRunning(errors.Conflict):
    """Another operation on {lock} is under way."""


def next_fence(previous: int = 0) -> int:
    """Return a number larger than every one before it: microseconds of the clock, or one more."""
    return max(previous + 1, int(clock.now().timestamp() * 1_000_000))


async def add(tx: Transaction, task: Task, owner: str | None) -> None:
    """Insert a task, leased already when `owner` is to work on it. TaskRunning while its lock is held."""
    if task.lock is not None:
        held = (Task.c.lock == task.lock) & Task.c.state.in_([*RUNNABLE, TaskState.STUCK])
        if await tx.exists(Task, held):
            raise TaskRunning(lock=task.lock)
    if owner is not None:
        task.lease_owner, task.lease_until = owner, clock.now() + LEASE
        task.fence = next_fence()
    try:
        await tx.insert(task)
    except errors.Duplicate as error:
        raise TaskRunning(lock=task.lock) from error


async def claim(database: Database, owner: str, busy: Collection[str], limit: int) -> list[Task]:
    """Lease tasks that are due and that nobody works on, the longest waiting first."""
    now = clock.now()
    due = (
        sqlalchemy.select(Task.table)
        .where(
            Task.c.state.in_(RUNNABLE),
            Task.c.run_at <= now,
            Task.c.lease_until.is_(None) | (Task.c.lease_until < now),
            Task.c.id.not_in(busy),
        )
        .order_by(Task.c.run_at, Task.c.id)
        .limit(limit)
    )
    async with database.read() as reader:
        if not await reader.rows(due):
            return []  # the usual case costs no transaction
    async with database.begin() as tx:
        tasks = await tx.models(Task, due.with_for_update(skip_locked=True))
        for task in tasks:
            task.lease_owner, task.lease_until = owner, now + LEASE
            task.fence = next_fence(task.fence)
            await tx.save(task, "lease_owner", "lease_until", "fence")
    return tasks


async def parts_of(db: Reader, task_id: str) -> dict[str, TaskPart]:
    """Return the parts of a task that have started, by name, in their order."""
    found = await db.all(TaskPart, TaskPart.c.task_id == task_id, order_by=[TaskPart.c.position])
    return {part.part: part for part in found}


async def renew(database: Database, owner: str, task_ids: Collection[str]) -> None:
    """Prolong the leases of these tasks, as far as the instance still holds them."""
    async with database.begin() as tx:
        await tx.update(
            Task,
            Task.c.id.in_(task_ids),
            Task.c.lease_owner == owner,
            lease_until=clock.now() + LEASE,
        )


async def release(database: Database, owner: str) -> None:
    """Let go of every lease of an instance: one that ends, or one that begins and had died before."""
    async with database.begin() as tx:
        await tx.update(Task, Task.c.lease_owner == owner, Task.c.state.in_(RUNNABLE), lease_until=None)


async def forget(database: Database) -> None:
    """Remove tasks that ended longer ago than they are kept, with their parts."""
    async with database.begin() as tx:
        old = Task.c.finished_at < clock.now() - KEPT
        await tx.delete(Task, Task.c.state.in_(FINISHED), old)


async def save(tx: Transaction, task: Task) -> None:
    """Write where a task is. LeaseLost when another worker has it now, or it has ended."""
    task.updated_at = clock.now()
    matched = await tx.update(
        Task,
        Task.c.id == task.id,
        Task.c.fence == task.fence,
        Task.c.state.not_in(FINISHED),
        state=task.state,
        part=task.part,
        attempt=task.attempt,
        run_at=task.run_at,
        error=task.error,
        updated_at=task.updated_at,
        finished_at=task.finished_at,
    )
    if not matched:
        raise LeaseLost(task.id)


async def resume(tx: Transaction, task_id: str) -> None:
    """Let a stuck task try again. Conflict when it is not stuck, NotFound when there is none."""
    task = await tx.get(Task, task_id)
    if task is None:
        raise errors.NotFound
    state = TaskState.RUNNING if task.error is None else TaskState.UNDOING
    matched = await tx.update(
        Task,
        Task.c.id == task_id,
        Task.c.state == TaskState.STUCK,
        state=state,
        attempt=0,
        run_at=clock.now(),
        lease_until=None,
        updated_at=clock.now(),
    )
    if not matched:
        raise errors.Conflict("The operation is not stuck.")
