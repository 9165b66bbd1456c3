"""What the rules on passwords must remember."""

from datetime import datetime

from cumulo.core import clock, ids
from cumulo.core.db import Boolean, Integer, Model, String, When, column

_ID = String(64)


class PastPassword(Model, table="identity_past_passwords"):
    """A password that a user has or had; `chosen`: by the user itself, not by an administrator."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    user_id: str = column(_ID, index=True, references="identity_users.id", on_delete="CASCADE")
    hash: str = column(String(255))
    chosen: bool = column(Boolean, default=False)
    created_at: datetime = column(When, default_factory=clock.now)


class LoginRecord(Model, table="identity_login_records"):
    """How often in a row a user's password was wrong, and when last; and the step of the last TOTP code."""

    user_id: str = column(_ID, key=True, references="identity_users.id", on_delete="CASCADE")
    failures: int = column(Integer, default=0)
    failed_at: datetime | None = column(When, default=None)
    totp_step: int = column(Integer, default=0)
