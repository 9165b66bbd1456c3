"""Images: list, show, create, change, delete."""

from typing import Any

from cumulo.core.http import Ctx
from cumulo.core.resource import Resource
from cumulo.services.image import policy
from cumulo.services.image.api import filters
from cumulo.services.image.api.visibility import scope
from cumulo.services.image.domain import images as domain
from cumulo.services.image.domain import patches
from cumulo.services.image.errors import ImageNotFound
from cumulo.services.image.model import Image
from cumulo.services.image.schema.images import ImageView

PATCH_MEDIA = (
    "application/openstack-images-v2.1-json-patch",
    "application/openstack-images-v2.0-json-patch",
)


def own_image(ctx: Ctx) -> dict[str, Any]:
    """Return what a create is checked against: an image of the caller's project."""
    return {**ctx.own(), "owner": ctx.identity.project_id}


images = Resource(
    "image",
    "/images",
    model=Image,
    view=ImageView,
    scope=scope,
    order=("created_at:desc", "id:desc"),
    missing=ImageNotFound,
    target=own_image,
)
filters.declare(images)
images.list(policy=policy.LIST)
images.show(policy=policy.GET)


@images.create(policy=policy.ADD)
async def create(ctx: Ctx, body: dict[str, Any]) -> Image:
    """Register an image; its data is uploaded afterwards."""
    image = await domain.create_image(ctx, body)
    ctx.headers["Location"] = f"{ctx.base_url}/images/{image.id}"
    return image


@images.member("PATCH", "", policy=policy.MODIFY, media=PATCH_MEDIA)
async def update(ctx: Ctx, image: Image, body: tuple[dict[str, Any], ...]) -> Image:
    """Change an image's attributes and properties by a JSON patch."""
    return await patches.apply_patch(ctx, image, body)


@images.delete(policy=policy.DELETE)
async def delete(ctx: Ctx, image: Image) -> None:
    """Delete an image and its data."""
    await domain.delete_image(ctx, image)
