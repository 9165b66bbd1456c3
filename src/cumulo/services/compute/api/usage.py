"""What projects used."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.domain import usage as domain

routes = RouteSet()


def project(ctx: Ctx) -> dict[str, str]:
    """Return what the policy is checked against: the project in the path."""
    return {"project_id": ctx.params["project_id"]}


@routes.route("GET", "/os-simple-tenant-usage", policy=policy.USAGE_LIST)
async def list_usage(ctx: Ctx) -> Any:
    """Show what every project used."""
    return await domain.of_all(ctx)


@routes.route("GET", "/os-simple-tenant-usage/{project_id}", policy=policy.USAGE_SHOW, target=project)
async def show_usage(ctx: Ctx, project_id: str) -> Any:
    """Show what a project used."""
    return await domain.of_project(ctx, project_id)
