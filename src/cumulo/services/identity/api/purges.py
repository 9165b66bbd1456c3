"""Purging projects: Cumulo's own addition."""

from typing import Any

from cumulo.contracts.ownership import Owners
from cumulo.core.http import Body, Ctx, Response, RouteSet
from cumulo.services.identity import policy
from cumulo.services.identity.api.projects import projects
from cumulo.services.identity.errors import OwnProjectPurged
from cumulo.services.identity.model import Project
from cumulo.services.identity.purge import PurgeProject, left, purgeable

purges = RouteSet()


class Purge(Body):
    """How to purge. `keep_project`: only empty it. `recursive`: with the projects below it."""

    dry_run: bool = False
    keep_project: bool = False
    recursive: bool = False


@purges.route(
    "POST",
    "/OS-CUMULO/projects/{project_id}/purge",
    policy=policy.PURGE_PROJECT,
    status=202,
    load=projects.load,
)
async def purge_project(ctx: Ctx, project: Project, body: Purge) -> Response:
    """Remove all that a project owns in every service, and the project; or say what that would be."""
    wanted = PurgeProject(project.id, keep_project=body.keep_project, recursive=body.recursive)
    rows = await purgeable(ctx.db, project.id, recursive=body.recursive)
    found: dict[str, Any] = {"projects": [{"id": row.id, "name": row.name} for row in rows]}
    if body.dry_run:
        ctx.recorded = True  # nothing changes
        owned = await left(ctx.db, ctx.use(Owners), [row.id for row in rows], wanted.stages)
        return ctx.respond(200, {"purge": found | {"owned": [each.shape() for each in owned]}})
    if ctx.identity.project_id in [row.id for row in rows]:
        raise OwnProjectPurged
    return ctx.respond(202, {"purge": found | {"operation_id": await ctx.start(wanted)}})
