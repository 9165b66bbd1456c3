"""Importing data: the staging area, the import call, and the tasks of an image."""

from typing import Any

from cumulo.core.errors import Forbidden, NotFound
from cumulo.core.http import Ctx
from cumulo.services.image import policy
from cumulo.services.image.api.images import images
from cumulo.services.image.api.visibility import scope
from cumulo.services.image.domain import imports as domain
from cumulo.services.image.model import Image, ImageTask
from cumulo.services.image.schema.images import ImportRequest, TaskView


@images.member("POST", "/import", policy=policy.GET, status=202)
async def import_image(ctx: Ctx, image: Image, body: ImportRequest) -> None:
    """Import an image's data."""
    copies = body.method.name == domain.COPY
    ctx.authorise(policy.COPY if copies and image.owner != ctx.identity.project_id else policy.MODIFY, image)
    await domain.start_import(ctx, image, body, await _source(ctx, body))


async def _source(ctx: Ctx, body: ImportRequest) -> Image | None:
    """Return the image that this one is to be filled from, if the caller may download it."""
    wanted = body.method.glance_image_id
    if body.method.name != domain.FROM_GLANCE or not wanted:
        return None
    source = await ctx.db.one(Image, Image.c.id == wanted, *scope(ctx, Image))
    try:
        if source is not None:
            ctx.authorise(policy.DOWNLOAD, source)
    except (Forbidden, NotFound):
        return None
    return source


@images.member("GET", "/tasks", policy=policy.GET)
async def list_image_tasks(ctx: Ctx, image: Image) -> dict[str, Any]:
    """List the tasks of an image."""
    mine = ImageTask.c.image_id == image.id
    rows = await ctx.db.all(ImageTask, mine, order_by=[ImageTask.c.created_at])
    shown = [row for row in rows if ctx.may(policy.GET_TASKS, row)]
    return {"tasks": await TaskView.render(ctx, shown)}
