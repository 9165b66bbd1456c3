"""Tags of an image."""

from cumulo.core.http import Ctx
from cumulo.services.image import policy
from cumulo.services.image.api.images import images
from cumulo.services.image.domain import images as domain
from cumulo.services.image.model import Image


@images.member("PUT", "/tags/{tag}", policy=policy.MODIFY, status=204)
async def add_tag(ctx: Ctx, image: Image, tag: str) -> None:
    """Add a tag to an image."""
    await domain.add_tag(ctx, image, tag)


@images.member("DELETE", "/tags/{tag}", policy=policy.MODIFY, status=204)
async def remove_tag(ctx: Ctx, image: Image, tag: str) -> None:
    """Remove a tag from an image."""
    await domain.remove_tag(ctx, image, tag)
