"""Audits of usage that hosts may be set up to send. Here none is: usage is read off the servers."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.domain import audits as domain

routes = RouteSet()


@routes.route("GET", "/os-instance_usage_audit_log", policy=policy.USAGE_AUDITS_LIST)
async def list_audits(ctx: Ctx) -> Any:
    """Tell of the audits of the last whole month."""
    return {"instance_usage_audit_logs": await domain.told(ctx, None)}


@routes.route("GET", "/os-instance_usage_audit_log/{before}", policy=policy.USAGE_AUDITS_SHOW)
async def show_audits(ctx: Ctx, before: str) -> Any:
    """Tell of the audits of the last whole month before an instant."""
    return {"instance_usage_audit_log": await domain.told(ctx, before)}
