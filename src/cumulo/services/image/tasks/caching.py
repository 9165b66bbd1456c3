"""The cache: copies, on this machine, of images that stores keep."""

import structlog
from sqlalchemy import select

from cumulo.core import clock
from cumulo.core.errors import Unavailable
from cumulo.core.tasks import ReconcileRun, reconciler
from cumulo.services.image.drivers import Full, Writer
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.inspection import BOOTABLE
from cumulo.services.image.model import CachedImage, CacheState, Image, ImageLocation, ImageStatus
from cumulo.services.image.tasks.placing import Place, places_of

log = structlog.get_logger()
FILL_CACHE = "image.cache"


@reconciler(every=60.0, name=FILL_CACHE)
async def fill_cache(run: ReconcileRun) -> None:
    """Fetch what is queued for the cache, forget what cannot be fetched, remove what was taken out of it.

    What the cache should have and has not is fetched, too: a restored backup knows of it without its bytes.
    """
    await _want_distant(run)
    async with run.database.read() as db:
        rows = await db.all(CachedImage)
    wanted = {row.image_id for row in rows}
    there = set(await run.use(Stores).cache.names())
    for image_id in there:
        if image_id not in wanted:
            await run.use(Stores).cache.remove(image_id)
    for row in rows:
        if row.state is CacheState.CACHED and row.image_id in there:
            continue
        try:
            size = await _fetch(run, row.image_id)
        except Unavailable as error:  # its store is away: others' images need not wait for that
            log.warning("image.not_cached", image_id=row.image_id, reason=str(error))
            continue
        here = CachedImage.c.image_id == row.image_id
        async with run.database.begin() as tx:
            if size is None:
                await tx.delete(CachedImage, here)
                continue
            values = {"state": CacheState.CACHED, "size": size, "modified_at": clock.now()}
            kept = await tx.update(CachedImage, here, **values)
        if not kept:  # taken out of the queue meanwhile
            await run.use(Stores).cache.remove(row.image_id)


async def _want_distant(run: ReconcileRun) -> None:
    """Queue what servers and volumes start from and no store has on this machine."""
    stores = run.use(Stores)
    if not stores.distant:
        return
    near = (ImageLocation.c.store.not_in(stores.distant), ImageLocation.c.leaving.is_(False))
    cached = select(CachedImage.c.image_id)
    async with run.database.begin() as tx:
        rows = await tx.all(
            Image,
            Image.c.status == ImageStatus.ACTIVE,
            Image.c.container_format == "bare",
            Image.c.disk_format.in_(BOOTABLE),
            Image.c.id.in_(select(ImageLocation.c.image_id)),
            Image.c.id.not_in(select(ImageLocation.c.image_id).where(*near)),
            Image.c.id.not_in(cached),
        )
        await tx.insert_all([CachedImage(image_id=image.id) for image in rows])


async def _fetch(run: ReconcileRun, image_id: str) -> int | None:
    """Copy an image into the cache; return its size in bytes, None when there is no room or no image."""
    stores = run.use(Stores)
    async with run.database.read() as db:
        image = await db.get(Image, image_id)
        places = await places_of(db, stores, image_id)
    if image is None or image.status is not ImageStatus.ACTIVE or not places:
        return None
    await stores.cache.discard(image_id)
    writer = await stores.cache.begin(image_id)
    try:
        await _copy(places[0], writer)
        written = await writer.finish()
    except (Full, FileNotFoundError):
        await writer.discard()
        return None
    except BaseException:
        await writer.discard()
        raise
    await stores.cache.publish(image_id, image_id)
    return written.size


async def _copy(source: Place, writer: Writer) -> None:
    async for block in source.store.read(source.data):
        await writer.write(block)
