"""Keeping house."""

from cumulo.core import clock
from cumulo.core.tasks import ReconcileRun, schedule
from cumulo.services.block_storage.model import Message


@schedule(every=3600.0, name="block_storage.messages")
async def expired_messages(run: ReconcileRun) -> None:
    """Forget messages whose time is over."""
    async with run.database.begin() as db:
        await db.delete(Message, Message.c.expires_at < clock.now())
