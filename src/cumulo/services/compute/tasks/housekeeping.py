"""Housekeeping: what nobody will ask for any more goes."""

from datetime import timedelta

from sqlalchemy import select

from cumulo.core import clock
from cumulo.core.tasks import ReconcileRun, Tasks, schedule
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.model import ConsoleToken, Server, ServerAction
from cumulo.services.compute.tasks import moves


@schedule(every=300.0, name="compute.console_tokens")
async def expired_tokens(run: ReconcileRun) -> None:
    """Forget console tokens that are out of date."""
    async with run.database.begin() as db:
        await db.delete(ConsoleToken, ConsoleToken.c.expires_at < clock.now())


@schedule(every=3600.0, name="compute.deleted_servers")
async def forgotten_servers(run: ReconcileRun) -> None:
    """Forget servers that were deleted long ago, and what was done to them."""
    long_ago = clock.now() - timedelta(days=run.use(ComputeSettings).deleted_kept_days)
    old = Server.c.deleted_at < long_ago
    async with run.database.begin() as db:
        theirs = ServerAction.c.server_id.in_(select(Server.c.id).where(old))
        await db.delete(ServerAction, theirs)
        await db.delete(Server, old)


@schedule(every=60.0, name="compute.old_moves")
async def old_moves(run: ReconcileRun) -> None:
    """Confirm moves that have waited for longer than the operator lets them."""
    window = run.use(ComputeSettings).resize_confirm_window
    if window:
        async with run.use(Tasks).work(run.request_id) as work:
            await moves.confirm_old(work, clock.now() - timedelta(seconds=window))
