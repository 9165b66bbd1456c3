"""Identity's housekeeping."""

from datetime import timedelta

from cumulo.core import clock
from cumulo.core.tasks import ReconcileRun, schedule
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain.refusals import Refusals
from cumulo.services.identity.model import AuditEvent, Nonce, RequestToken


@schedule(every=3600.0, name="identity.forget")
async def forget(run: ReconcileRun) -> None:
    """Delete old events of the audit log, and what OAuth needs no longer."""
    days, now = run.use(IdentitySettings).audit_days, clock.now()
    async with run.database.begin() as db:
        await db.delete(Nonce, Nonce.c.expires_at <= now)
        await db.delete(RequestToken, RequestToken.c.expires_at <= now)
        if days:
            await db.delete(AuditEvent, AuditEvent.c.at < now - timedelta(days=days))


@schedule(every=60.0, name="identity.count_refusals")
async def count_refusals(run: ReconcileRun) -> None:
    """Write how often refusals came again that are in the audit log once."""
    await run.use(Refusals).write(run.database)
