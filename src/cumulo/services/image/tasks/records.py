"""What tasks say of themselves."""

from datetime import timedelta
from typing import Any

from cumulo.core import clock
from cumulo.core.tasks import StepRun, TaskError
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.model import ImageTask, TaskStatus


async def processing(run: StepRun, task_id: str) -> None:
    """Note that a task is at work."""
    here = ImageTask.c.id == task_id
    await run.db.update(ImageTask, here, status=TaskStatus.PROCESSING, updated_at=clock.now())


async def succeeded(run: StepRun, task_id: str, result: dict[str, Any], message: str = "") -> None:
    """Note that a task has done it."""
    await _ended(run, task_id, status=TaskStatus.SUCCESS, result=result, message=message)


async def failed(run: StepRun, task_id: str, error: TaskError) -> None:
    """Note that a task has failed, and why."""
    message = error.public or "An internal error occurred."
    await _ended(run, task_id, status=TaskStatus.FAILURE, message=message)


async def _ended(run: StepRun, task_id: str, **values: Any) -> None:
    now = clock.now()
    until = now + timedelta(hours=run.use(ImageSettings).task_hours)
    await run.db.update(ImageTask, ImageTask.c.id == task_id, expires_at=until, updated_at=now, **values)
