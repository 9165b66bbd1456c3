"""Keeping house."""

from cumulo.contracts.image import Images
from cumulo.core import clock
from cumulo.core.db import Reader
from cumulo.core.errors import NotFound
from cumulo.core.tasks import ReconcileRun, schedule
from cumulo.services.block_storage.model import ImageKey, Message


@schedule(every=3600.0, name="block_storage.image_keys")
async def keys_of_gone_images(run: ReconcileRun) -> None:
    """Forget what opened images that are gone."""
    async with run.database.read() as db:
        gone = [key.image_id for key in await db.all(ImageKey) if not await _exists(run, db, key.image_id)]
    async with run.database.begin() as tx:
        await tx.delete(ImageKey, ImageKey.c.image_id.in_(gone))


async def _exists(run: ReconcileRun, db: Reader, image_id: str) -> bool:
    try:
        await run.use(Images).get(db, image_id, project_id=None, is_admin=True)
    except NotFound:
        return False
    return True


@schedule(every=3600.0, name="block_storage.messages")
async def expired_messages(run: ReconcileRun) -> None:
    """Forget messages whose time is over."""
    async with run.database.begin() as db:
        await db.delete(Message, Message.c.expires_at < clock.now())
