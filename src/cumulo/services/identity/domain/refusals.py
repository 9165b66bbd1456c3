"""Refused logins and changes, for the audit log: each kind at once, its repetitions as a number.

Anybody can be refused as often as it likes, so what refusals write is bounded: in a minute one row for each
kind of refusal, at most `audit_refusals` kinds, and one row for the rest. They are written after the answer,
so that neither the row nor its absence can be told from how long the answer took.
"""

from datetime import datetime, timedelta

import msgspec
import structlog

from cumulo.core import clock
from cumulo.core.auth import ANONYMOUS
from cumulo.core.db import Database
from cumulo.core.errors import Error, Forbidden, NotFound, OverQuota, Unauthenticated
from cumulo.core.http import Ctx
from cumulo.core.tasks import ReconcileRun, schedule
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain.audit import LOGINS, asked
from cumulo.services.identity.model import AuditEvent

log = structlog.get_logger(__name__)
_WINDOW = timedelta(minutes=1)
_PROOFS = LOGINS | {"/users/{user_id}/password", "/OS-OAUTH1/request_token", "/OS-OAUTH1/access_token"}
_OTHER = "others: too many kinds of refusals at once"

Key = tuple[str | None, ...]


class _Counted(msgspec.Struct):
    """A kind of refusal: the row that stands for it, since when, and how often it came again unwritten."""

    event_id: str
    since: datetime
    again: int = 0


class Refusals:
    """Decides what of refusals is written. One for each process."""

    def __init__(self) -> None:
        self._kinds: dict[Key, _Counted] = {}

    async def refused(self, ctx: Ctx, error: Exception) -> None:
        """Keep that a login or a change was refused; never raises, for the answer has been given."""
        try:
            event = _event(ctx, error)
            if event is not None:
                most = ctx.use(IdentitySettings).audit_refusals
                await self._keep(ctx.engine.database, event, most)
        except Error as failure:
            log.warning("audit.refusal_lost", request_id=ctx.request_id, reason=failure.message)

    async def _keep(self, database: Database, event: AuditEvent, most: int) -> None:
        key: Key = (event.action, event.target_type, event.initiator_id, event.address, event.reason)
        over = self._over(event.at)
        known = self._kinds.get(key)
        if known is None and len(self._kinds) >= most:
            key, event = (_OTHER,), _any_other(event)
            known = self._kinds.get(key)
        if known is not None:
            known.again += 1
            await _write(database, over)
        else:
            self._kinds[key] = _Counted(event.id, event.at)
            await _write(database, over, event)

    def _over(self, now: datetime) -> list[_Counted]:
        """Take out the kinds that are older than a minute."""
        over = [key for key, each in self._kinds.items() if each.since + _WINDOW <= now]
        return [self._kinds.pop(key) for key in over]

    async def write(self, database: Database) -> None:
        """Write how often each kind that is older than a minute came again."""
        await _write(database, self._over(clock.now()))


def _any_other(event: AuditEvent) -> AuditEvent:
    return AuditEvent(
        action="refuse",
        outcome="failure",
        reason=_OTHER,
        target_type=event.target_type,
        target_id="",
        request_id=event.request_id,
    )


async def _write(database: Database, over: list[_Counted], event: AuditEvent | None = None) -> None:
    repeated = [each for each in over if each.again]
    if event is None and not repeated:
        return
    async with database.begin() as db:
        for each in repeated:
            await db.update(AuditEvent, AuditEvent.c.id == each.event_id, times=1 + each.again)
        if event is not None:
            await db.insert(event)


def _event(ctx: Ctx, error: Exception) -> AuditEvent | None:
    """Return the event of a failure, if it was a refusal of a login or of a change."""
    operation = getattr(ctx, "operation", None)
    hidden = isinstance(error, NotFound) and isinstance(error.__cause__, Forbidden)
    forbidden = hidden or (isinstance(error, Forbidden) and not isinstance(error, OverQuota))
    if operation is None or not operation.changes:
        return None
    proving = operation.path in _PROOFS and ctx.identity is ANONYMOUS
    failed_proof = proving and isinstance(error, Unauthenticated | NotFound | Forbidden)
    if not (forbidden or failed_proof):
        return None
    event = asked(ctx, ctx.identity)
    event.outcome, event.status = "failure", ctx.service.dialect.status_of(error)  # type: ignore[arg-type]  # every error of ours has a status
    fields = getattr(error, "fields", {})
    event.reason = str(fields.get("why") or getattr(error, "message", error))[:255]
    if failed_proof:
        event.initiator_id = fields.get("user_id") or ctx.noted.get("initiator_id")
        event.target_id = event.initiator_id or ""
        event.target_name, event.domain_id = None, fields.get("domain_id") or event.domain_id
    return event


@schedule(every=60.0, name="identity.count_refusals")
async def count_refusals(run: ReconcileRun) -> None:
    """Write how often refusals came again that are in the audit log once."""
    await run.use(Refusals).write(run.database)
