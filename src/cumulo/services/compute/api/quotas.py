"""Limits and quotas."""

from typing import Annotated, Any

from msgspec import Meta

from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.domain import quotas as domain

routes = RouteSet()
Limit = Annotated[int, Meta(ge=-1, le=0x7FFFFFFF)]


def project(ctx: Ctx) -> dict[str, str]:
    """Return what the policy is checked against: the project in the path."""
    return {"project_id": ctx.params["project_id"]}


@routes.route("GET", "/limits", policy=policy.LIMITS)
async def show_limits(ctx: Ctx) -> Any:
    """Show limits and usage of the caller's project, or of another."""
    asked = ctx.request.first("tenant_id")
    if asked is not None and asked != ctx.identity.project_id:
        ctx.authorise(policy.LIMITS_OTHER)
    return await domain.absolute(ctx, asked or ctx.identity.project_id or "")


@routes.route("GET", "/os-quota-sets/{project_id}", policy=policy.QUOTAS_SHOW, target=project)
async def show_quotas(ctx: Ctx, project_id: str) -> Any:
    """Show a project's quotas."""
    return await domain.quota_set(ctx, project_id)


@routes.route("GET", "/os-quota-sets/{project_id}/detail", policy=policy.QUOTAS_DETAIL, target=project)
async def detail_quotas(ctx: Ctx, project_id: str) -> Any:
    """Show a project's quotas and usage."""
    return await domain.quota_detail(ctx, project_id)


@routes.route("GET", "/os-quota-sets/{project_id}/defaults", policy=policy.QUOTAS_DEFAULTS, target=project)
async def default_quotas(ctx: Ctx, project_id: str) -> Any:
    """Show the quotas of a project that has none of its own."""
    return await domain.quota_defaults(ctx, project_id)


@routes.route(
    "PUT",
    "/os-quota-sets/{project_id}",
    policy=policy.QUOTAS_UPDATE,
    target=project,
    envelope="quota_set",
)
async def update_quotas(ctx: Ctx, project_id: str, body: dict[str, Limit | bool | str]) -> Any:
    """Set a project's quotas."""
    await domain.set_quotas(ctx, project_id, body)
    document = await domain.quota_set(ctx, project_id)
    del document["quota_set"]["id"]
    return document


@routes.route("DELETE", "/os-quota-sets/{project_id}", policy=policy.QUOTAS_DELETE, target=project)
async def reset_quotas(ctx: Ctx, project_id: str) -> Response:
    """Return a project to the default quotas."""
    await ctx.engine.quota.reset(ctx.db, domain.SERVICE, project_id)
    return Response(202)


@routes.route("GET", "/os-quota-class-sets/{name}", policy=policy.QUOTA_CLASSES_SHOW)
async def show_quota_class(ctx: Ctx, name: str) -> Any:
    """Show the quotas of a class."""
    return await domain.quota_class(ctx, name)


@routes.route(
    "PUT",
    "/os-quota-class-sets/{name}",
    policy=policy.QUOTA_CLASSES_UPDATE,
    envelope="quota_class_set",
)
async def update_quota_class(ctx: Ctx, name: str, body: dict[str, Limit]) -> Any:
    """Set the quotas of projects that have none of their own."""
    return await domain.set_quota_class(ctx, name, body)
