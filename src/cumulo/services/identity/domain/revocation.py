"""Revoking single tokens."""

from datetime import datetime

from cumulo.core import clock
from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain.authority import changed
from cumulo.services.identity.domain.expired import kept_since
from cumulo.services.identity.model import RevokedToken


async def revoke(work: Work, audit_id: str, expires_at: datetime) -> None:
    """Refuse this token from now on; forget revoked tokens that have been over by themselves for long."""
    kept = kept_since(work.use(IdentitySettings))
    await work.db.delete(RevokedToken, RevokedToken.c.expires_at <= kept)
    if await work.db.get(RevokedToken, audit_id) is None:
        await work.db.insert(RevokedToken(audit_id=audit_id, expires_at=expires_at))
    await changed(work.db)


async def revoked(db: Reader, since: datetime | None) -> list[RevokedToken]:
    """Return the tokens that were revoked (since a moment) and would live without it, in order of time."""
    c = RevokedToken.c
    wanted = [c.expires_at > clock.now()] + ([c.revoked_at >= since] if since else [])
    return list(await db.all(RevokedToken, *wanted, order_by=[c.revoked_at, c.audit_id]))
