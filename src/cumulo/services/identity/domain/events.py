"""Asking the audit log, and its events as CADF 1.0 (DMTF DSP0262) writes them."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import and_, or_

from cumulo.core.db import Reader
from cumulo.services.identity.domain.audit import AUTHENTICATE
from cumulo.services.identity.errors import EventNotFound
from cumulo.services.identity.model import AuditEvent

#: What events can be asked for by: the columns, and `request_id` by either of a request's ids.
FILTERS = (
    "action",
    "outcome",
    "target_id",
    "target_type",
    "initiator_id",
    "initiator_project_id",
    "project_id",
    "domain_id",
    "request_id",
    "address",
)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are wanted. having: a filter's name → value, None for any; marker: the last one seen."""

    having: dict[str, str | None]
    since: datetime | None = None
    until: datetime | None = None
    marker: str | None = None


async def page(db: Reader, asked: Asked, limit: int) -> list[AuditEvent]:
    """Return events, the newest first; raise EventNotFound for an unknown marker."""
    c = AuditEvent.c
    equal = {name: value for name, value in asked.having.items() if value is not None}
    either = equal.pop("request_id", None)
    where = [c[name] == value for name, value in equal.items()]
    where += [or_(c.request_id == either, c.global_request_id == either)] if either is not None else []
    where += [c.at >= asked.since] if asked.since is not None else []
    where += [c.at < asked.until] if asked.until is not None else []
    if asked.marker is not None:
        last = await db.one(AuditEvent, c.id == asked.marker, *where)
        if last is None:
            raise EventNotFound(id=asked.marker)
        where.append(or_(c.at < last.at, and_(c.at == last.at, c.id > last.id)))
    return await db.all(AuditEvent, *where, order_by=[c.at.desc(), c.id], limit=limit)


def shape(event: AuditEvent) -> dict[str, Any]:
    """Return an event as CADF 1.0 writes it."""
    shown: dict[str, Any] = {
        "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event",
        "id": event.id,
        "eventType": "control" if event.action == AUTHENTICATE else "activity",
        "eventTime": event.at.isoformat(),
        "action": event.action,
        "outcome": event.outcome,
        "initiator": _initiator(event),
        "target": {
            "id": event.target_id,
            "typeURI": event.target_type,
            "name": event.target_name,
            "project_id": event.project_id,
            "domain_id": event.domain_id,
        },
        "observer": {"typeURI": "service", "id": event.target_type.partition("/")[0]},
        "repetitions": event.times or 1,
        "attachments": [
            {"name": name, "typeURI": "mime:application/json", "content": content}
            for name, content in event.details.items()
        ],
    }
    if event.status is not None or event.reason is not None:
        shown["reason"] = {"reasonType": "HTTP", "reasonCode": str(event.status or "")}
        shown["reason"] |= {"policyId": event.reason} if event.reason is not None else {}
    return shown


def _initiator(event: AuditEvent) -> dict[str, Any]:
    return {
        "typeURI": "service/security/account/user",
        "id": event.initiator_id,
        "name": event.initiator_name,
        "project_id": event.initiator_project_id,
        "request_id": event.request_id,
        "global_request_id": event.global_request_id,
        "host": {"address": event.address, "agent": event.agent},
    }
