"""The journal: one row a task, one a part of it that has started."""

from datetime import datetime
from enum import StrEnum

import msgspec

from cumulo.core import clock, ids
from cumulo.core.db import BigInteger, Index, Integer, Json, Model, RawJson, String, Text, When, column


class TaskState(StrEnum):
    """Where a task is. Undoing leads to failed; stuck is an undo that cannot be done."""

    PENDING = "pending"
    RUNNING = "running"
    UNDOING = "undoing"
    STUCK = "stuck"
    DONE = "done"
    FAILED = "failed"


RUNNABLE = (TaskState.PENDING, TaskState.RUNNING, TaskState.UNDOING)
FINISHED = (TaskState.DONE, TaskState.FAILED)


class PartState(StrEnum):
    """Where a part of a task is. A step is never running: it commits when it is done."""

    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNDONE = "undone"


class Task(Model, table="tasks_tasks"):
    """A saga under way, or ended.

    part: the one that runs or runs next. lease_owner: the instance that works on it, until lease_until.
    fence: grows with each lease; who works under an older one is refused.
    """

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    saga: str = column(String(64))
    params: msgspec.Raw = column(RawJson)
    state: TaskState = column(String(16), default=TaskState.PENDING)
    part: str | None = column(String(64), default=None)
    attempt: int = column(Integer, default=0)
    run_at: datetime = column(When, default_factory=clock.now)
    lease_owner: str | None = column(String(255), default=None)
    lease_until: datetime | None = column(When, default=None)
    fence: int = column(BigInteger, default=0)
    lock: str | None = column(String(255), default=None)
    request_id: str = column(String(64))
    project_id: str | None = column(String(64), default=None)
    resource: str | None = column(String(255), default=None)
    error: dict[str, str | None] | None = column(Json, default=None)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)
    finished_at: datetime | None = column(When, default=None)
    __extra__ = (
        Index(
            "lock",
            name="uq_tasks_tasks_lock",
            unique=True,
            where="state IN ('pending', 'running', 'undoing', 'stuck')",
        ),
        Index("state", "run_at"),
        Index("project_id", "created_at"),
    )


class TaskPart(Model, table="tasks_parts"):
    """A part that has started. attempt: how often it was tried again."""

    task_id: str = column(String(36), key=True, references="tasks_tasks.id", on_delete="CASCADE")
    part: str = column(String(64), key=True)
    position: int = column(Integer)
    state: PartState = column(String(16))
    result: msgspec.Raw | None = column(RawJson, default=None)
    attempt: int = column(Integer, default=0)
    progress: str | None = column(Text, default=None)
    error: str | None = column(Text, default=None)
    started_at: datetime = column(When, default_factory=clock.now)
    finished_at: datetime | None = column(When, default=None)
