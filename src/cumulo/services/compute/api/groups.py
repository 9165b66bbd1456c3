"""Server groups."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.domain import groups as domain
from cumulo.services.compute.schema.bodies import GroupBody

routes = RouteSet()


def owner(ctx: Ctx) -> str | None:
    """Return whose groups the caller may touch; None for an administrator: everybody's."""
    return None if ctx.identity.is_admin else ctx.identity.project_id


@routes.route("GET", "/os-server-groups", policy=policy.GROUPS_OF_SERVERS_LIST)
async def list_server_groups(ctx: Ctx) -> Any:
    """List server groups."""
    return {"server_groups": await domain.documents(ctx, await domain.listed(ctx))}


@routes.route(
    "POST",
    "/os-server-groups",
    policy=policy.GROUPS_OF_SERVERS_CREATE,
    envelope="server_group",
)
async def create_server_group(ctx: Ctx, body: GroupBody) -> Any:
    """Create a server group."""
    return {"server_group": (await domain.documents(ctx, [await domain.create(ctx, body)]))[0]}


@routes.route("GET", "/os-server-groups/{group_id}", policy=policy.GROUPS_OF_SERVERS_SHOW)
async def show_server_group(ctx: Ctx, group_id: str) -> Any:
    """Show a server group."""
    group = await domain.find(ctx.db, group_id, project_id=owner(ctx))
    return {"server_group": (await domain.documents(ctx, [group]))[0]}


@routes.route("DELETE", "/os-server-groups/{group_id}", policy=policy.GROUPS_OF_SERVERS_DELETE, status=204)
async def delete_server_group(ctx: Ctx, group_id: str) -> None:
    """Delete a server group; its servers stay."""
    await domain.delete(ctx, await domain.find(ctx.db, group_id, project_id=owner(ctx)))
