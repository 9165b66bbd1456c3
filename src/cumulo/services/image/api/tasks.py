"""Tasks: work on images, as administrators see and create it."""

from collections.abc import Sequence
from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.resource import Resource
from cumulo.services.image import policy
from cumulo.services.image.domain import imports as domain
from cumulo.services.image.errors import TaskNotFound, TasksStay
from cumulo.services.image.model import ImageTask
from cumulo.services.image.schema.images import TaskBrief, TaskCreate, TaskView


def owned(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: the project's own; administrators see all."""
    return () if ctx.identity.is_admin else (model.c.owner == ctx.identity.project_id,)


tasks = Resource(
    "task",
    "/tasks",
    model=ImageTask,
    view=TaskView,
    scope=owned,
    order=("created_at:desc", "id:desc"),
    missing=TaskNotFound,
)
tasks.list(policy=policy.TASKS_API, brief=TaskBrief)
tasks.show(policy=policy.TASKS_API)
routes = RouteSet()


@tasks.create(policy=policy.TASKS_API)
async def create_task(ctx: Ctx, body: TaskCreate) -> ImageTask:
    """Create a task."""
    task = await domain.create_task(ctx, body)
    ctx.headers["Location"] = f"{ctx.base_url}/tasks/{task.id}"
    return task


@routes.route("DELETE", "/tasks/{task_id}", policy=policy.TASKS_API)
async def delete_task(ctx: Ctx, task_id: str) -> Any:
    """Refuse to delete a task."""
    del task_id
    ctx.headers["Allow"] = "GET, HEAD"
    raise TasksStay
