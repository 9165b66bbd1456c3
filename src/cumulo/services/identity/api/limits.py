"""Unified limits: what is registered, and what projects and domains have instead."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import false, or_

from cumulo.core.errors import Invalid
from cumulo.core.http import Ctx, RouteSet
from cumulo.core.resource import GLOBAL, Resource
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import links
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain import limits as domain
from cumulo.services.identity.domain.projects import require_project
from cumulo.services.identity.errors import LimitNotFound, RegisteredLimitNotFound
from cumulo.services.identity.model import Limit, Project, RegisteredLimit
from cumulo.services.identity.schema.limits import (
    LimitCreate,
    LimitUpdate,
    LimitView,
    RegisteredCreate,
    RegisteredUpdate,
    RegisteredView,
)

registered = Resource(
    "registered_limit",
    "/registered_limits",
    model=RegisteredLimit,
    view=RegisteredView,
    scope=GLOBAL,
    missing=RegisteredLimitNotFound,
)
registered.list(policy=policy.LIST_REGISTERED_LIMITS)
registered.show(policy=policy.GET_REGISTERED_LIMIT)
limit_routes = RouteSet()


@limit_routes.route(
    "POST",
    registered.path,
    policy=policy.CREATE_REGISTERED_LIMITS,
    status=201,
    envelope="registered_limits",
)
async def create_registered_limits(ctx: Ctx, body: list[RegisteredCreate]) -> dict[str, Any]:
    """Register limits, several at once."""
    rows = [await domain.register(ctx, RegisteredLimit(**each.given())) for each in body]
    return {"registered_limits": await RegisteredView.render(ctx, rows), **links(ctx, "registered_limits")}


@registered.update(policy=policy.UPDATE_REGISTERED_LIMIT)
async def update_registered_limit(ctx: Ctx, row: RegisteredLimit, body: RegisteredUpdate) -> RegisteredLimit:
    """Change a registered limit."""
    return await domain.change_registered(ctx, row, body.given())


@registered.delete(policy=policy.DELETE_REGISTERED_LIMIT)
async def delete_registered_limit(ctx: Ctx, row: RegisteredLimit) -> None:
    """Delete a registered limit."""
    await domain.unregister(ctx, row)


def _visible(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: in lists the limits of the token's own project or domain, unless it may see all."""
    identity = ctx.identity
    if not ctx.operation.lists or ctx.may(policy.GET_LIMIT, {"project_id": ""}):
        return ()
    if identity.domain_id is not None:
        inside = sqlalchemy.select(Project.c.id).where(Project.c.domain_id == identity.domain_id)
        return (or_(model.c.domain_id == identity.domain_id, model.c.project_id.in_(inside)),)
    return (model.c.project_id == identity.project_id,) if identity.project_id else (false(),)


async def _of_limit(ctx: Ctx) -> dict[str, Any]:
    """Fetch a limit and what the policy asks of it."""
    row: Limit = await limits.load(ctx)
    home = (await require_project(ctx.db, row.project_id)).domain_id if row.project_id else None
    about = {"project_id": row.project_id, "project": {"domain_id": home}, "domain": {"id": row.domain_id}}
    return {"row": row, "target": {"limit": about}}


limits = Resource("limit", "/limits", model=Limit, view=LimitView, scope=_visible, missing=LimitNotFound)
limits.list(policy=policy.LIST_LIMITS)


def _of_registered(name: str) -> Any:
    def condition(_ctx: Ctx, value: str) -> Any:
        column = RegisteredLimit.c[name]
        return Limit.c.registered_limit_id.in_(sqlalchemy.select(RegisteredLimit.c.id).where(column == value))

    return condition


for _name in ("service_id", "region_id", "resource_name"):
    limits.filter(_name)(_of_registered(_name))


@limit_routes.route("GET", "/limits/model", policy=policy.GET_LIMIT_MODEL)
async def show_model(ctx: Ctx) -> dict[str, Any]:
    """Show how limits relate to each other."""
    model = ctx.use(IdentitySettings).limit_model
    return {"model": {"name": model, "description": _MODELS[model]}}


_MODELS = {
    "flat": "Limits of projects and domains are independent of each other.",
    "strict_two_level": "No project's limit may be above its domain's or parent's.",
}


@limit_routes.route("GET", "/limits/{limit_id}", policy=policy.GET_LIMIT, load=_of_limit)
async def show_limit(ctx: Ctx, found: dict[str, Any]) -> dict[str, Any]:
    """Show a limit."""
    return {"limit": (await LimitView.render(ctx, [found["row"]]))[0]}


@limit_routes.route("POST", limits.path, policy=policy.CREATE_LIMITS, status=201, envelope="limits")
async def create_limits(ctx: Ctx, body: list[LimitCreate]) -> dict[str, Any]:
    """Create limits, several at once."""
    rows = []
    for each in body:
        if (each.project_id is None) == (each.domain_id is None):
            raise Invalid("A limit is of a project or of a domain.", field="project_id")
        row = Limit(
            registered_limit_id="",
            project_id=each.project_id,
            domain_id=each.domain_id,
            resource_limit=each.resource_limit,
            description=each.description,
        )
        rows.append(
            await domain.create_limit(ctx, (each.service_id, each.region_id, each.resource_name), row)
        )
    return {"limits": await LimitView.render(ctx, rows), **links(ctx, "limits")}


@limits.update(policy=policy.UPDATE_LIMIT)
async def update_limit(ctx: Ctx, row: Limit, body: LimitUpdate) -> Limit:
    """Change a limit."""
    return await domain.change_limit(ctx, row, body.given())


limits.delete(policy=policy.DELETE_LIMIT, plain=True)
