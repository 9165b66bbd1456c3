"""The audit log: one event for each change by a known caller, durable together with the change itself."""

from datetime import datetime
from typing import Any

import msgspec

from cumulo.core.db import Reader
from cumulo.core.http import Ctx, Response
from cumulo.services.identity.model import AuditEvent

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
_LONGEST_ACTION, _LONGEST_TYPE, _LONGEST_ID = 32, 64, 255


async def record(ctx: Ctx, response: Response) -> None:
    """Keep who did what to what, in the change's own transaction."""
    await ctx.db.insert(event_of(ctx, response))


def event_of(ctx: Ctx, response: Response) -> AuditEvent:
    """Return the event that a request was. Nothing of its body is kept: it may hold secrets."""
    operation, identity = ctx.operation, ctx.identity
    parts = [part for part in operation.path.split("/") if part and not part.startswith("{")]
    verb = operation.action or _VERBS.get(operation.method, operation.method.lower())
    client = ctx.request.scope.get("client")
    return AuditEvent(
        action=verb[:_LONGEST_ACTION],
        target_type=f"{ctx.service.name}/{'/'.join(parts)}"[:_LONGEST_TYPE],
        target_id=_target_id(ctx, response)[:_LONGEST_ID],
        initiator_id=identity.user_id,
        initiator_project_id=identity.project_id,
        request_id=ctx.request_id,
        address=str(client[0]) if client else None,
        details=_by_whose_leave(ctx) | {"path": dict(ctx.params)},
    )


def _target_id(ctx: Ctx, response: Response) -> str:
    """Return the id of what was made, else the last that the path names."""
    made = _made(response.body) if ctx.operation.method == "POST" and not ctx.operation.action else None
    return made or (list(ctx.params.values()) or [""])[-1]


def _made(body: Any) -> str | None:
    try:
        shape = msgspec.json.decode(body) if isinstance(body, bytes) and body else None
    except msgspec.DecodeError:
        return None
    inner = next(iter(shape.values())) if isinstance(shape, dict) and len(shape) == 1 else shape
    found = inner.get("id") if isinstance(inner, dict) else None
    return found if isinstance(found, str) else None


def _by_whose_leave(ctx: Ctx) -> dict[str, Any]:
    identity = ctx.identity
    ids = {
        "domain_id": identity.domain_id,
        "trust_id": identity.trust_id,
        "application_credential_id": identity.application_credential_id,
        "access_token_id": identity.access_token_id,
    }
    return {name: value for name, value in ids.items() if value is not None}


async def events(
    db: Reader, asked: dict[str, str | None], since: datetime | None, until: datetime | None, limit: int
) -> list[AuditEvent]:
    """Return events, the newest first. `asked`: column → value, None for any."""
    c = AuditEvent.c
    where = [c[name] == value for name, value in asked.items() if value is not None]
    where += [c.at >= since] if since is not None else []
    where += [c.at < until] if until is not None else []
    return await db.all(AuditEvent, *where, order_by=[c.at.desc(), c.id], limit=limit)


def shape(event: AuditEvent) -> dict[str, Any]:
    """Return an event as CADF 1.0 writes it."""
    user = {"id": event.initiator_id, "typeURI": "service/security/account/user"}
    return {
        "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event",
        "id": event.id,
        "eventType": "activity",
        "eventTime": event.at.isoformat(),
        "action": event.action,
        "outcome": event.outcome,
        "initiator": {
            **user,
            "project_id": event.initiator_project_id,
            "request_id": event.request_id,
            "host": {"address": event.address},
        },
        "target": {"id": event.target_id, "typeURI": event.target_type},
        "attachments": event.details,
    }
