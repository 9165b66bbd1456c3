"""Work that goes on without a request: removing the bytes of deleted images, and what dead uploads left.

A store that does not answer holds up no other: what is to go there goes when it is back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog

from cumulo.core import clock
from cumulo.core.db import become
from cumulo.core.errors import Conflict, Unavailable
from cumulo.core.tasks import ReconcileRun, reconciler, schedule
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.drivers import Store
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.model import (
    CachedImage,
    Image,
    ImageLocation,
    ImageStatus,
    ImageTask,
    TaskStatus,
    image_of,
)

log = structlog.get_logger()
REMOVE_BYTES = "image.bytes"


@contextmanager
def asking(store: Store, silent: set[str]) -> Iterator[None]:
    """Pass over a store that does not answer, and note its name."""
    try:
        yield
    except Unavailable as error:
        silent.add(store.name)
        log.warning("store.silent", store=store.name, reason=str(error))


@reconciler(every=60.0, name=REMOVE_BYTES)
async def remove_bytes(run: ReconcileRun) -> None:
    """Remove the bytes of deleted images, then their rows; and those that leave one store of several."""
    stores = run.use(Stores)
    async with run.database.read() as db:
        gone = await db.all(Image, Image.c.status == ImageStatus.PENDING_DELETE)
        leaving = await db.all(ImageLocation, ImageLocation.c.leaving.is_(True))
    silent: set[str] = set()
    leaving_all = {image.id for image in gone}
    for store in stores.all if gone else ():
        with asking(store, silent):
            for name in await store.names():
                if image_of(name) in leaving_all:
                    await store.remove(name)
    for image in () if silent else gone:
        async with run.database.begin() as tx:
            await tx.delete(CachedImage, CachedImage.c.image_id == image.id)
            await tx.delete(Image, Image.c.id == image.id)
    for place in leaving:
        if place.store in stores.kept:
            with asking(stores.get(place.store), silent):
                await stores.get(place.store).remove(place.data)
        if place.store in silent:
            continue
        here = (ImageLocation.c.image_id == place.image_id, ImageLocation.c.store == place.store)
        async with run.database.begin() as tx:
            await tx.delete(ImageLocation, *here, ImageLocation.c.leaving.is_(True))
    await _empty_staging(run)


async def _empty_staging(run: ReconcileRun) -> None:
    """Remove staged data that no image waits for any more."""
    staging = run.use(Stores).staging
    there = await staging.names()
    async with run.database.read() as db:  # after the look, so that what came since is not mistaken
        waiting = await db.all(Image, Image.c.status.in_([ImageStatus.UPLOADING, ImageStatus.IMPORTING]))
        tasks = await db.all(ImageTask, ImageTask.c.status.in_([TaskStatus.PENDING, TaskStatus.PROCESSING]))
    known = {*(image.id for image in waiting), *(task.id for task in tasks)}
    for name in there:
        if name.split(".")[0] not in known:
            await staging.remove(name)


@reconciler(every=600.0, name="image.strays")
async def remove_strays(run: ReconcileRun) -> None:
    """Remove bytes that an overtaken upload or import brought for an image that has others' by now.

    Bytes of images that nobody knows are left alone: after a restore of an old backup they are all there is.
    """
    for store in (kept.store for kept in run.use(Stores).kept.values()):
        with asking(store, set()):
            await _remove_strays(run, store)


async def _remove_strays(run: ReconcileRun, store: Store) -> None:
    there = await store.names()
    async with run.database.read() as db:  # after the look, as above
        rows = await db.all(ImageLocation, ImageLocation.c.store == store.name)
    data = {row.image_id: row.data for row in rows}
    for name in there:
        if data.get(image_of(name), name) != name:
            await store.remove(name)


@reconciler(every=10.0, name="image.uploads")
async def give_up_uploads(run: ReconcileRun) -> None:
    """Put images whose upload died back to queued, and remove what dead uploads and imports had written."""
    async with run.database.read() as db:
        under_way = await db.all(Image, Image.c.status.in_([ImageStatus.SAVING, ImageStatus.UPLOADING]))
        imports = await db.all(ImageTask, ImageTask.c.status.in_([TaskStatus.PENDING, TaskStatus.PROCESSING]))
    now = clock.now()
    for image in under_way:
        if image.staged is None and (image.upload_until is None or image.upload_until < now):
            await _requeue(run, image)
    known = frozenset({*(image.upload_id or "" for image in under_way), *(task.id for task in imports)})
    for store in run.use(Stores).all:
        with asking(store, set()):
            for upload_id in await store.abandoned(known, run.use(ImageSettings).upload_silence):
                await store.discard(upload_id)


@schedule(every=3600.0, name="image.tasks")
async def forget_tasks(run: ReconcileRun) -> None:
    """Forget tasks whose time is over."""
    async with run.database.begin() as tx:
        await tx.delete(ImageTask, ImageTask.c.expires_at < clock.now())


async def _requeue(run: ReconcileRun, image: Image) -> None:
    """Let a client upload again, unless the upload has come back to life in the meantime."""
    async with run.database.begin() as tx:
        row = await tx.one(
            Image,
            Image.c.id == image.id,
            Image.c.upload_id == image.upload_id,
            Image.c.upload_until == image.upload_until,
            for_update=True,
        )
        if row is None:
            return
        try:
            await become(tx, Image, image.id, ImageStatus.QUEUED, upload_id=None, upload_until=None)
        except Conflict:
            return
    if image.upload_id:
        for store in run.use(Stores).all:
            with asking(store, set()):
                await store.discard(image.upload_id)


def lease(settings: ImageSettings) -> timedelta:
    """Return for how long an upload that just spoke counts as alive."""
    return timedelta(seconds=settings.upload_silence)
