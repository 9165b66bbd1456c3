"""The cache of images' data."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.image import policy
from cumulo.services.image.api.images import images
from cumulo.services.image.domain import caching as domain
from cumulo.services.image.model import Image

routes = RouteSet()
TARGET = "x-image-cache-clear-target"


@routes.route("GET", "/cache", policy=policy.CACHE_LIST)
async def show_cache(ctx: Ctx) -> dict[str, Any]:
    """Show what the cache holds and what is queued for it."""
    return await domain.contents(ctx)


@routes.route("DELETE", "/cache", policy=policy.CACHE_DELETE, status=204)
async def clear_cache(ctx: Ctx) -> None:
    """Empty the cache, its queue, or both."""
    await domain.clear(ctx, ctx.request.headers.get(TARGET) or "")


@routes.route("PUT", "/cache/{image_id}", policy=policy.CACHE_IMAGE, status=202, load=images.load)
async def queue_image(ctx: Ctx, image: Image) -> None:
    """Queue an image for the cache."""
    await domain.queue(ctx, image)


@routes.route("DELETE", "/cache/{image_id}", policy=policy.CACHE_DELETE, status=204)
async def drop_image(ctx: Ctx, image_id: str) -> None:
    """Take an image out of the cache or its queue."""
    await domain.drop(ctx, image_id)


@routes.route("POST", "/cache/clean", policy=policy.CACHE_MANAGE)
async def clean_cache(ctx: Ctx) -> dict[str, int]:
    """Remove from the cache what no image stands for, or was left half written."""
    return await domain.clean(ctx)


@routes.route("POST", "/cache/prune", policy=policy.CACHE_MANAGE)
async def prune_cache(ctx: Ctx) -> dict[str, int]:
    """Drop what was used least recently, until the cache is within its limit."""
    return await domain.prune(ctx)


@routes.route("GET", "/cache/nodes/{image_id}", policy=policy.CACHE_LIST, load=images.load)
async def cache_nodes(ctx: Ctx, image: Image) -> dict[str, Any]:
    """List the nodes whose cache has an image."""
    return await domain.nodes(ctx, image)
