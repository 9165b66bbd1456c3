"""Migrations, as operators see them."""

from typing import Any

from cumulo.core.http import Ctx, Page, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.api.dialect import next_link
from cumulo.services.compute.domain import moves as domain

routes = RouteSet()


@routes.route("GET", "/os-migrations", policy=policy.MIGRATIONS)
async def list_migrations(ctx: Ctx) -> Any:
    """List how servers moved between hosts and flavors."""
    rows, more = await domain.listed(ctx)
    url = ctx.root_url + ctx.request.path
    links = next_link(Page(url, ctx.request.query, "migrations", rows[-1].id if more and rows else None))
    return {"migrations": [domain.document(ctx, row) for row in rows], **links}
