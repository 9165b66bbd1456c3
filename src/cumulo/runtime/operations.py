"""`/operations`: what Cumulo is doing, step by step. An extension of its own, for people and the console."""

from typing import Any

from cumulo.core.auth import ADMIN, PROJECT_READER_OR_ADMIN, Rule
from cumulo.core.errors import NotFound
from cumulo.core.http import Ctx, Dialect, RouteSet, Service
from cumulo.core.resource import as_int
from cumulo.core.tasks import Tasks, list_operations, show_operation

LIST = Rule("cumulo:operations:list", PROJECT_READER_OR_ADMIN, "List a project's operations.")
SHOW = Rule("cumulo:operations:show", PROJECT_READER_OR_ADMIN, "Show an operation with its steps.")
RESUME = Rule("cumulo:operations:resume", ADMIN, "Let a stuck operation try again.")
MOST = 1000

routes = RouteSet()


class NoSuchOperation(NotFound):
    """There is no operation {id}."""


@routes.route("GET", "", policy=LIST)
async def index(ctx: Ctx) -> dict[str, Any]:
    """List operations, newest first: of the caller's project, or of all for an administrator."""
    limit = min(as_int("limit", ctx.request.first("limit") or "100", least=1), MOST)
    owner = ctx.request.first("project_id") if ctx.identity.is_admin else ctx.identity.project_id
    state = ctx.request.first("state")
    return {"operations": await list_operations(ctx.db, project_id=owner, state=state, limit=limit)}


@routes.route("GET", "/{id}", policy=SHOW)
async def show(ctx: Ctx, id: str) -> dict[str, Any]:
    """Show an operation with its steps, times, retries and error."""
    found = await show_operation(ctx.db, id)
    if not ctx.identity.is_admin and found["project_id"] != ctx.identity.project_id:
        raise NoSuchOperation(id=id)
    return {"operation": found}


@routes.route("POST", "/{id}/resume", policy=RESUME, status=202)
async def resume(ctx: Ctx, id: str) -> None:
    """Let a stuck operation try again."""
    await ctx.use(Tasks).resume(ctx.db, id)


SERVICE = Service(
    name="operations",
    types=("operations",),
    dialect=Dialect(path="/operations"),
    parts=(routes,),
    rules=(LIST, SHOW, RESUME),
    description="What Cumulo is doing, step by step.",
)
