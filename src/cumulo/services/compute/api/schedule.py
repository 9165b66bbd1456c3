"""Cumulo's own question to the scheduler, for administrators."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.domain import explaining
from cumulo.services.compute.schema.schedule import Question

routes = RouteSet()


@routes.route(
    "POST", "/OS-CUMULO/schedule/explain", policy=policy.SCHEDULE_EXPLAIN, envelope="server", status=200
)
async def explain(ctx: Ctx, body: Question) -> Any:
    """Say where a server would go, and of each host why or why not; nothing is promised."""
    return {"schedule": await explaining.explain(ctx, body)}
