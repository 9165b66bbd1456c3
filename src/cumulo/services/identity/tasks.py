"""Identity's housekeeping."""

from datetime import timedelta

from cumulo.core import clock
from cumulo.core.tasks import ReconcileRun, schedule
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.model import ACCESS_LASTS, AccessToken, AuditEvent, Nonce, RequestToken


@schedule(every=3600.0, name="identity.forget")
async def forget(run: ReconcileRun) -> None:
    """Delete old events of the audit log, and what OAuth needs no longer."""
    days, now = run.use(IdentitySettings).audit_days, clock.now()
    async with run.database.begin() as db:
        await db.delete(Nonce, Nonce.c.expires_at <= now)
        await db.delete(RequestToken, RequestToken.c.expires_at <= now)
        endless = AccessToken.c.expires_at.is_(None)  # granted before all of them ended
        await db.update(AccessToken, endless, expires_at=now + ACCESS_LASTS)
        await db.delete(AccessToken, AccessToken.c.expires_at <= now)
        if days:
            await db.delete(AuditEvent, AuditEvent.c.at < now - timedelta(days=days))
