"""Endpoint filters: which endpoints a project sees in its catalog, one by one or by groups."""

from collections.abc import Awaitable, Callable
from typing import Any

from cumulo.core.auth import Rule
from cumulo.core.http import Ctx, RouteSet
from cumulo.core.resource import GLOBAL, Resource
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import listed
from cumulo.services.identity.domain import filters as domain
from cumulo.services.identity.domain.authority import changed
from cumulo.services.identity.domain.projects import require_project
from cumulo.services.identity.errors import EndpointGroupNotFound
from cumulo.services.identity.model import (
    Endpoint,
    EndpointGroup,
    Project,
    ProjectEndpoint,
    ProjectEndpointGroup,
)
from cumulo.services.identity.schema.catalog import EndpointView
from cumulo.services.identity.schema.filters import (
    EndpointGroupCreate,
    EndpointGroupUpdate,
    EndpointGroupView,
)
from cumulo.services.identity.schema.projects import ProjectView

endpoint_groups = Resource(
    "endpoint_group",
    "/OS-EP-FILTER/endpoint_groups",
    model=EndpointGroup,
    view=EndpointGroupView,
    scope=GLOBAL,
    missing=EndpointGroupNotFound,
)
endpoint_groups.list(policy=policy.LIST_ENDPOINT_GROUPS)
endpoint_groups.show(policy=policy.GET_ENDPOINT_GROUP)


@endpoint_groups.create(policy=policy.CREATE_ENDPOINT_GROUP)
async def create_endpoint_group(ctx: Ctx, body: EndpointGroupCreate) -> EndpointGroup:
    """Create an endpoint group."""
    row = EndpointGroup(**body.given() | {"filters": domain.check_filters(body.filters)})
    await ctx.db.insert(row)
    return row


@endpoint_groups.update(policy=policy.UPDATE_ENDPOINT_GROUP)
async def update_endpoint_group(ctx: Ctx, group: EndpointGroup, body: EndpointGroupUpdate) -> EndpointGroup:
    """Change an endpoint group."""
    return await domain.save_group(ctx, group, body.given())


@endpoint_groups.delete(policy=policy.DELETE_ENDPOINT_GROUP)
async def delete_endpoint_group(ctx: Ctx, group: EndpointGroup) -> None:
    """Delete an endpoint group."""
    await ctx.db.delete(EndpointGroup, EndpointGroup.c.id == group.id)
    await changed(ctx.db)


@endpoint_groups.member("GET", "/endpoints", policy=policy.LIST_ENDPOINTS_OF_GROUP)
async def list_endpoints_of_group(ctx: Ctx, group: EndpointGroup) -> dict[str, Any]:
    """List the endpoints in a group."""
    rows = await ctx.db.all(Endpoint, order_by=[Endpoint.c.id])
    inside = [row for row in rows if domain.fits(row, group.filters)]
    return await listed(ctx, "endpoints", EndpointView, inside)


async def _projects(ctx: Ctx, link: Any, where: Any) -> dict[str, Any]:
    ids = [row.project_id for row in await ctx.db.all(link, where)]
    rows = await ctx.db.all(Project, Project.c.id.in_(ids), order_by=[Project.c.name]) if ids else []
    return await listed(ctx, "projects", ProjectView, rows)


@endpoint_groups.member("GET", "/projects", policy=policy.LIST_PROJECTS_OF_GROUP)
async def list_projects_of_group(ctx: Ctx, group: EndpointGroup) -> dict[str, Any]:
    """List the projects that see a group."""
    return await _projects(ctx, ProjectEndpointGroup, ProjectEndpointGroup.c.group_id == group.id)


filter_routes = RouteSet()


@filter_routes.route(
    "GET", "/OS-EP-FILTER/endpoints/{endpoint_id}/projects", policy=policy.LIST_PROJECTS_FOR_ENDPOINT
)
async def list_projects_for_endpoint(ctx: Ctx, endpoint_id: str) -> dict[str, Any]:
    """List the projects that see an endpoint."""
    await domain.require_endpoint(ctx.db, endpoint_id)
    return await _projects(ctx, ProjectEndpoint, ProjectEndpoint.c.endpoint_id == endpoint_id)


_PROJECT = "/OS-EP-FILTER/projects/{project_id}"


@filter_routes.route("GET", f"{_PROJECT}/endpoints", policy=policy.LIST_ENDPOINTS_FOR_PROJECT)
async def list_endpoints_for_project(ctx: Ctx, project_id: str) -> dict[str, Any]:
    """List the endpoints that a project sees, by itself and by groups."""
    await require_project(ctx.db, project_id)
    rows = await ctx.db.all(Endpoint, order_by=[Endpoint.c.id])
    seen = (await domain.seen_by_project(ctx.db, rows)).get(project_id, frozenset())
    return await listed(ctx, "endpoints", EndpointView, [row for row in rows if row.id in seen])


@filter_routes.route("GET", f"{_PROJECT}/endpoint_groups", policy=policy.LIST_GROUPS_FOR_PROJECT)
async def list_groups_for_project(ctx: Ctx, project_id: str) -> dict[str, Any]:
    """List the groups that a project sees."""
    await require_project(ctx.db, project_id)
    links = await ctx.db.all(ProjectEndpointGroup, ProjectEndpointGroup.c.project_id == project_id)
    ids = [link.group_id for link in links]
    rows = await ctx.db.all(EndpointGroup, EndpointGroup.c.id.in_(ids)) if ids else []
    return await listed(ctx, "endpoint_groups", EndpointGroupView, rows)


Link = ProjectEndpoint | ProjectEndpointGroup


async def _endpoint(ctx: Ctx) -> Link:
    await require_project(ctx.db, ctx.params["project_id"])
    endpoint = await domain.require_endpoint(ctx.db, ctx.params["endpoint_id"])
    return ProjectEndpoint(project_id=ctx.params["project_id"], endpoint_id=endpoint.id)


async def _group(ctx: Ctx) -> Link:
    await require_project(ctx.db, ctx.params["project_id"])
    group = await domain.require_endpoint_group(ctx.db, ctx.params["endpoint_group_id"])
    return ProjectEndpointGroup(project_id=ctx.params["project_id"], group_id=group.id)


async def _check(ctx: Ctx, link: Link) -> None:
    await domain.require_link(ctx.db, link)


def _declare(
    method: str,
    path: str,
    *,
    rule: Rule,
    load: Callable[[Ctx], Awaitable[Link]],
    does: Callable[[Ctx, Link], Awaitable[None]],
    text: str,
) -> None:
    async def run(ctx: Ctx, link: Link) -> Any:
        await does(ctx, link)
        if does is _check and isinstance(link, ProjectEndpointGroup):
            group = await domain.require_endpoint_group(ctx.db, link.group_id)
            shape = (await EndpointGroupView.render(ctx, [group]))[0]
            return ctx.respond(200, {"endpoint_group": shape})
        return None

    run.__doc__ = text
    run.__name__ = text.rstrip(".").lower().replace(" ", "_")
    filter_routes.route(method, path, policy=rule, status=204, load=load)(run)


_ENDPOINT_PATH = f"{_PROJECT}/endpoints/{{endpoint_id}}"
_GROUP_PATH = f"{endpoint_groups.item}/projects/{{project_id}}"
Row = tuple[str, str, Rule, Any, Any, str]
ROWS: tuple[Row, ...] = (
    ("GET", _ENDPOINT_PATH, policy.CHECK_ENDPOINT_IN_PROJECT, _endpoint, _check, "Check an endpoint."),
    ("PUT", _ENDPOINT_PATH, policy.ADD_ENDPOINT_TO_PROJECT, _endpoint, domain.show_to, "Show an endpoint."),
    ("GET", _GROUP_PATH, policy.GET_GROUP_IN_PROJECT, _group, _check, "Check a group of endpoints."),
    ("PUT", _GROUP_PATH, policy.ADD_GROUP_TO_PROJECT, _group, domain.show_to, "Show a group of endpoints."),
)
HIDING: tuple[Row, ...] = (
    ("DELETE", _ENDPOINT_PATH, policy.REMOVE_ENDPOINT_FROM_PROJECT, _endpoint, domain.hide_from, "Hide one."),
    ("DELETE", _GROUP_PATH, policy.REMOVE_GROUP_FROM_PROJECT, _group, domain.hide_from, "Hide a group."),
)
for _method, _path, _rule, _load, _does, _text in (*ROWS, *HIDING):
    _declare(_method, _path, rule=_rule, load=_load, does=_does, text=_text)
