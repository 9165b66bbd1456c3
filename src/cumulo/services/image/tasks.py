"""Work that goes on without a request: removing the bytes of deleted images, and what dead uploads left."""

from datetime import timedelta

from cumulo.core import clock
from cumulo.core.db import become
from cumulo.core.errors import Conflict
from cumulo.core.tasks import ReconcileRun, reconciler
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.drivers import Store
from cumulo.services.image.model import Image, ImageStatus

REMOVE_BYTES = "image.bytes"


@reconciler(every=60.0, name=REMOVE_BYTES)
async def remove_bytes(run: ReconcileRun) -> None:
    """Remove the bytes of deleted images, then their rows."""
    store = run.use(Store)
    async with run.database.read() as db:
        gone = await db.all(Image, Image.c.status == ImageStatus.PENDING_DELETE)
    for image in gone:
        await store.remove(image.id)
        async with run.database.begin() as tx:
            await tx.delete(Image, Image.c.id == image.id)


@reconciler(every=10.0, name="image.uploads")
async def give_up_uploads(run: ReconcileRun) -> None:
    """Put images whose upload died back to queued, and remove what the uploads had written."""
    store = run.use(Store)
    async with run.database.read() as db:
        saving = await db.all(Image, Image.c.status == ImageStatus.SAVING)
    now = clock.now()
    for image in saving:
        if image.upload_until is None or image.upload_until < now:
            await _requeue(run, image)
    known = frozenset(image.upload_id for image in saving if image.upload_id)
    for upload_id in await store.abandoned(known, run.use(ImageSettings).upload_silence):
        await store.discard(upload_id)


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
        await run.use(Store).discard(image.upload_id)


def lease(settings: ImageSettings) -> timedelta:
    """Return for how long an upload that just spoke counts as alive."""
    return timedelta(seconds=settings.upload_silence)
