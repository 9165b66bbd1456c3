"""Migrations as operators see them, and those that only they begin."""

from typing import Any

from msgspec import UNSET

from cumulo.core.http import Ctx, Page, Response, RouteSet, relation_links
from cumulo.services.compute import policy
from cumulo.services.compute.api.servers import servers
from cumulo.services.compute.domain import creation, journeys
from cumulo.services.compute.domain import moves as domain
from cumulo.services.compute.model import Server, Wish
from cumulo.services.compute.schema.bodies import EvacuateBody, ForceCompleteBody, LiveMigrateBody

routes = RouteSet()


@routes.route("GET", "/os-migrations", policy=policy.MIGRATIONS)
async def list_migrations(ctx: Ctx) -> Any:
    """List how servers moved between hosts and flavors."""
    rows, more = await domain.listed(ctx)
    url = ctx.root_url + ctx.request.path
    links = relation_links(Page(url, ctx.request.query, "migrations", rows[-1].id if more and rows else None))
    return {"migrations": [domain.document(ctx, row) for row in rows], **links}


@servers.action("os-migrateLive", policy=policy.MIGRATE_LIVE, status=202)
async def live_migrate(ctx: Ctx, server: Server, body: LiveMigrateBody) -> None:
    """Move a server to another host while it runs."""
    await journeys.live_migrate(ctx, server, body)


@servers.action("evacuate", policy=policy.EVACUATE, status=200)
async def evacuate(ctx: Ctx, server: Server, body: EvacuateBody) -> Response:
    """Make a server anew on another host, because its own is lost."""
    await journeys.evacuate(ctx, server, body)
    if ctx.version is not None and ctx.version >= (2, 14):
        return Response(200, b"")
    return Response(200, {"adminPass": creation.password() if body.admin_pass is UNSET else body.admin_pass})


@servers.member("GET", "/migrations", policy=policy.JOURNEYS_LIST, since="2.23")
async def list_journeys(ctx: Ctx, server: Server) -> Any:
    """List a server's live migrations that are under way."""
    return {"migrations": await journeys.of_server(ctx, server)}


@servers.member("GET", "/migrations/{migration_id}", policy=policy.JOURNEYS_SHOW, since="2.23")
async def show_journey(ctx: Ctx, server: Server, migration_id: str) -> Any:
    """Show a server's live migration that is under way."""
    return {"migration": await journeys.shown(ctx, server, migration_id)}


@servers.member(
    "DELETE", "/migrations/{migration_id}", policy=policy.JOURNEYS_ABORT, status=202, since="2.24"
)
async def abort_journey(ctx: Ctx, server: Server, migration_id: str) -> None:
    """Abort a live migration: the server stays where it is."""
    await journeys.wish(ctx, server, migration_id, Wish.ABORT)


@servers.member(
    "POST", "/migrations/{migration_id}/action", policy=policy.JOURNEYS_COMPLETE, status=202, since="2.22"
)
async def complete_journey(ctx: Ctx, server: Server, migration_id: str, body: ForceCompleteBody) -> None:
    """Have a live migration end soon: the server does nothing until then."""
    del body
    await journeys.wish(ctx, server, migration_id, Wish.COMPLETE)
