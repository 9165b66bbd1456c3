"""Housekeeping of consoles."""

from cumulo.core import clock
from cumulo.core.tasks import ReconcileRun, schedule
from cumulo.services.compute.model import ConsoleToken


@schedule(every=300.0, name="compute.console_tokens")
async def expired_tokens(run: ReconcileRun) -> None:
    """Forget console tokens that are out of date."""
    async with run.database.begin() as db:
        await db.delete(ConsoleToken, ConsoleToken.c.expires_at < clock.now())
