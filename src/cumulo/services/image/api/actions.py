"""Forbidding and allowing the download of an image's data."""

from cumulo.core.http import Ctx
from cumulo.services.image import policy
from cumulo.services.image.api.images import images
from cumulo.services.image.domain import images as domain
from cumulo.services.image.model import Image


@images.member("POST", "/actions/deactivate", policy=policy.DEACTIVATE, status=204)
async def deactivate(ctx: Ctx, image: Image) -> None:
    """Forbid the download of an image's data."""
    await domain.deactivate(ctx, image)


@images.member("POST", "/actions/reactivate", policy=policy.REACTIVATE, status=204)
async def reactivate(ctx: Ctx, image: Image) -> None:
    """Allow the download of an image's data again."""
    await domain.reactivate(ctx, image)
