"""What projects used."""

from typing import Any

from cumulo.core.http import Ctx, Page, RouteSet, relation_links
from cumulo.services.compute import policy
from cumulo.services.compute.domain import usage as domain

routes = RouteSet()


def project(ctx: Ctx) -> dict[str, str]:
    """Return what the policy is checked against: the project in the path."""
    return {"project_id": ctx.params["project_id"]}


def next_page(ctx: Ctx, name: str, marker: str | None) -> dict[str, Any]:
    """Return the link to the next page, where there is one."""
    return relation_links(Page(ctx.root_url + ctx.request.path, ctx.request.query, name, marker))


@routes.route("GET", "/os-simple-tenant-usage", policy=policy.USAGE_LIST)
async def list_usage(ctx: Ctx) -> Any:
    """Show what every project used."""
    usages, marker = await domain.of_all(ctx)
    return {"tenant_usages": usages, **next_page(ctx, "tenant_usages", marker)}


@routes.route("GET", "/os-simple-tenant-usage/{project_id}", policy=policy.USAGE_SHOW, target=project)
async def show_usage(ctx: Ctx, project_id: str) -> Any:
    """Show what a project used."""
    usage, marker = await domain.of_project(ctx, project_id)
    return {"tenant_usage": usage, **next_page(ctx, "tenant_usage", marker)}
