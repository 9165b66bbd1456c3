"""What was changed or refused, to whom, by whom: the fields of a CADF event."""

from datetime import datetime
from typing import Any

from cumulo.core import clock, ids
from cumulo.core.db import Index, Integer, Json, Model, String, When, column

_ID = String(64)


class AuditEvent(Model, table="identity_audit_events"):
    """One change, login or refusal: `initiator` did `action` to `target`, with `outcome`.

    project_id, domain_id: whose the target is, for who may see the event. reason: why it was refused, in
    words that the client was not told. status: of the answer. times: how often, where the same refusal came
    again soon; None: once. global_request_id: what the client calls the request. details: CADF's
    attachments, never a secret.
    """

    __extra__ = (Index("project_id", "at"),)

    id: str = column(_ID, key=True, default_factory=ids.plain)
    at: datetime = column(When, default_factory=clock.now, index=True)
    action: str = column(String(32))
    outcome: str = column(String(16), default="success")
    reason: str | None = column(String(255), default=None)
    status: int | None = column(Integer, default=None)
    times: int | None = column(Integer, default=None)
    target_type: str = column(String(64))
    target_id: str = column(String(255), index=True)
    target_name: str | None = column(String(255), default=None)
    project_id: str | None = column(_ID, default=None)
    domain_id: str | None = column(_ID, default=None)
    initiator_id: str | None = column(_ID, default=None, index=True)
    initiator_name: str | None = column(String(255), default=None)
    initiator_project_id: str | None = column(_ID, default=None)
    request_id: str = column(_ID)
    global_request_id: str | None = column(_ID, default=None)
    address: str | None = column(_ID, default=None)
    agent: str | None = column(String(255), default=None)
    details: dict[str, Any] = column(Json, default_factory=dict)
