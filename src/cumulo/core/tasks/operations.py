"""What is shown of tasks: each with its steps, times, retries and error."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cumulo.core import errors
from cumulo.core.db import Reader
from cumulo.core.tasks.model import PartState, Task, TaskPart, TaskState
from cumulo.core.tasks.saga import SAGAS, Saga


async def list_operations(
    db: Reader,
    *,
    project_id: str | None = None,
    state: str | None = None,
    limit: int = 100,
    before: datetime | None = None,
) -> list[dict[str, Any]]:
    """Return operations, newest first, without their steps. `before`: only those created earlier."""
    where = []
    if project_id is not None:
        where.append(Task.c.project_id == project_id)
    if state is not None:
        if state not in [known.value for known in TaskState]:
            raise errors.Invalid(f"There is no state {state!r}.")
        where.append(Task.c.state == TaskState(state))
    if before is not None:
        where.append(Task.c.created_at < before)
    order = [Task.c.created_at.desc(), Task.c.id]
    return [summarise(task) for task in await db.all(Task, *where, order_by=order, limit=limit)]


async def show_operation(db: Reader, id: str) -> dict[str, Any]:
    """Return an operation with its steps, those still to come included. Raises NotFound."""
    task = await db.get(Task, id)
    if task is None:
        raise errors.NotFound(f"There is no operation {id}.")
    order = [TaskPart.c.position]
    started = await db.all(TaskPart, TaskPart.c.task_id == id, order_by=order)
    return {**summarise(task), "steps": _steps(task, started)}


def summarise(task: Task) -> dict[str, Any]:
    """Return what is told of a task in a list. Seconds: as long as it has taken, or took."""
    saga = SAGAS.get(task.saga)
    end = task.finished_at or task.updated_at
    error: Mapping[str, Any] = task.error or {}
    return {
        "id": task.id,
        "name": task.saga,
        "summary": saga.summary() if saga else "",
        "state": task.state.value,
        "step": task.part,
        "resource": task.resource,
        "project_id": task.project_id,
        "request_id": task.request_id,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
        "finished_at": task.finished_at,
        "seconds": (end - task.created_at).total_seconds(),
        "error": error.get("message"),
        "public_error": error.get("public"),
    }


def _steps(task: Task, started: list[TaskPart]) -> list[dict[str, Any]]:
    saga = SAGAS.get(task.saga)
    shown = [_step(part, saga) for part in started]
    if saga is None or task.state in (TaskState.UNDOING, TaskState.FAILED):
        return shown
    known = {part.part for part in started}
    return shown + [
        {
            "name": name,
            "summary": part.summary,
            "state": "waiting",
            "retries": task.attempt if name == task.part else 0,
            "progress": None,
            "error": None,
            "started_at": None,
            "finished_at": None,
            "seconds": None,
        }
        for name, part in saga.parts.items()
        if name not in known and task.state is not TaskState.STUCK
    ]


def _step(part: TaskPart, saga: type[Saga] | None) -> dict[str, Any]:
    declared = saga.parts.get(part.part) if saga else None
    seconds = None
    if part.finished_at is not None:
        seconds = (part.finished_at - part.started_at).total_seconds()
    return {
        "name": part.part,
        "summary": declared.summary if declared else "",
        "state": PartState(part.state).value,
        "retries": part.attempt,
        "progress": part.progress,
        "error": part.error,
        "started_at": part.started_at,
        "finished_at": part.finished_at,
        "seconds": seconds,
    }
