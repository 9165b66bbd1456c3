"""What was changed, by whom: the fields of a CADF event."""

from datetime import datetime
from typing import Any

from cumulo.core import clock, ids
from cumulo.core.db import Json, Model, String, When, column

_ID = String(64)


class AuditEvent(Model, table="identity_audit_events"):
    """One change, or one login: `initiator` did `action` to `target`, with `outcome`."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    at: datetime = column(When, default_factory=clock.now, index=True)
    action: str = column(String(32))
    outcome: str = column(String(16), default="success")
    target_type: str = column(String(64))
    target_id: str = column(String(255), index=True)
    initiator_id: str | None = column(_ID, default=None, index=True)
    initiator_project_id: str | None = column(_ID, default=None)
    request_id: str = column(_ID)
    address: str | None = column(_ID, default=None)
    details: dict[str, Any] = column(Json, default_factory=dict)
