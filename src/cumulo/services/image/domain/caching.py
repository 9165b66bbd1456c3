"""What the cache holds and what is queued for it."""

from datetime import datetime
from typing import Any

from cumulo.core import clock
from cumulo.core.http import Ctx
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.errors import CacheTargetUnknown, NotCacheable, NotCached
from cumulo.services.image.model import CachedImage, CacheState, Image, ImageStatus
from cumulo.services.image.tasks import FILL_CACHE

_STATES = {
    "": (CacheState.CACHED, CacheState.QUEUED),
    "cache": (CacheState.CACHED,),
    "queue": (CacheState.QUEUED,),
}


async def contents(ctx: Ctx) -> dict[str, Any]:
    """Return what is cached and what is queued."""
    rows = await ctx.db.all(CachedImage, order_by=[CachedImage.c.modified_at])
    return {
        "cached_images": [_shown(row) for row in rows if row.state is CacheState.CACHED],
        "queued_images": [row.image_id for row in rows if row.state is CacheState.QUEUED],
    }


def _shown(row: CachedImage) -> dict[str, Any]:
    return {
        "image_id": row.image_id,
        "hits": row.hits,
        "last_accessed": _moment(row.accessed_at),
        "last_modified": _moment(row.modified_at),
        "size": row.size,
    }


def _moment(when: datetime | None) -> float:
    return when.timestamp() if when is not None else 0.0


async def queue(ctx: Ctx, image: Image) -> None:
    """Queue an image for the cache; one that is there already is no error. NotCacheable."""
    if image.status is not ImageStatus.ACTIVE:
        raise NotCacheable(id=image.id, status=image.status.value)
    if not await ctx.db.exists(CachedImage, CachedImage.c.image_id == image.id):
        await ctx.db.insert(CachedImage(image_id=image.id))
    ctx.wake(FILL_CACHE)


async def drop(ctx: Ctx, image_id: str) -> None:
    """Take an image out of the cache or its queue. NotCached."""
    if not await ctx.db.delete(CachedImage, CachedImage.c.image_id == image_id):
        raise NotCached(id=image_id)
    ctx.wake(FILL_CACHE)


async def clear(ctx: Ctx, target: str) -> None:
    """Empty the cache (`cache`), its queue (`queue`) or both (empty). CacheTargetUnknown."""
    if target not in _STATES:
        raise CacheTargetUnknown(target=target)
    await ctx.db.delete(CachedImage, CachedImage.c.state.in_(_STATES[target]))
    ctx.wake(FILL_CACHE)


async def prune(ctx: Ctx) -> dict[str, int]:
    """Drop what was used least recently until the cache is within its limit."""
    limit = ctx.use(ImageSettings).cache_limit
    rows = await ctx.db.all(CachedImage, CachedImage.c.state == CacheState.CACHED)
    rows.sort(key=lambda row: row.accessed_at or row.modified_at)
    total, gone = sum(row.size for row in rows), []
    while rows and total > limit:
        gone.append(rows.pop(0))
        total -= gone[-1].size
    await ctx.db.delete(CachedImage, CachedImage.c.image_id.in_([row.image_id for row in gone]))
    ctx.wake(FILL_CACHE)
    return {"pruned_images": len(gone), "pruned_bytes": sum(row.size for row in gone)}


async def note_hit(ctx: Ctx, image_id: str) -> None:
    """Note that a download was served from the cache."""
    async with ctx.begin() as tx:
        here = CachedImage.c.image_id == image_id
        await tx.update(CachedImage, here, hits=CachedImage.c.hits + 1, accessed_at=clock.now())


async def clean(ctx: Ctx) -> dict[str, int]:
    """Have files without an entry removed; return how many entries have no image any more and went."""
    rows = await ctx.db.all(CachedImage)
    wanted = [row.image_id for row in rows]
    images = await ctx.db.all(Image, Image.c.id.in_(wanted), Image.c.status == ImageStatus.ACTIVE)
    stale = set(wanted) - {image.id for image in images}
    await ctx.db.delete(CachedImage, CachedImage.c.image_id.in_(sorted(stale)))
    ctx.wake(FILL_CACHE)
    return {"cleaned_images": len(stale)}


async def nodes(ctx: Ctx, image: Image) -> dict[str, list[str]]:
    """Return the nodes whose cache has an image: this one, or none."""
    here = (CachedImage.c.image_id == image.id, CachedImage.c.state == CacheState.CACHED)
    return {"nodes": [ctx.base_url] if await ctx.db.exists(CachedImage, *here) else []}
