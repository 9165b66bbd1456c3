"""Revoking single tokens."""

from datetime import datetime

from cumulo.core import clock
from cumulo.core.work import Work
from cumulo.services.identity.domain.authority import changed
from cumulo.services.identity.model import RevokedToken


async def revoke(work: Work, audit_id: str, expires_at: datetime) -> None:
    """Refuse this token from now on; forget revoked tokens that have expired by themselves."""
    await work.db.delete(RevokedToken, RevokedToken.c.expires_at <= clock.now())
    if await work.db.get(RevokedToken, audit_id) is None:
        await work.db.insert(RevokedToken(audit_id=audit_id, expires_at=expires_at))
    await changed(work.db)
