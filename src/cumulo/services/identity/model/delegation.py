"""What users give out of their authority, and the secrets they keep with us."""

from datetime import datetime, timedelta
from typing import Any

from cumulo.core import clock, ids
from cumulo.core.db import Binary, Boolean, Index, Integer, Json, Model, String, When, column

ACCESS_LASTS = timedelta(days=1)  # Keystone's default
_ID = String(64)


class Credential(Model, table="identity_credentials"):
    """A secret of a user, such as an EC2 key or a TOTP seed. Its text is sealed, bound to its id.

    The id of an EC2 key is the SHA-256 of its access key.
    """

    id: str = column(_ID, key=True, default_factory=ids.plain)
    user_id: str = column(_ID, index=True)
    project_id: str | None = column(_ID, default=None, index=True)
    type: str = column(String(255))
    sealed: bytes = column(Binary)


class Policy(Model, table="identity_policies"):
    """A text that services may fetch; identity itself does not read it."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    type: str = column(String(255))
    blob: Any = column(Json)
    extra: dict[str, Any] = column(Json, default_factory=dict)


class Trust(Model, table="identity_trusts"):
    """Roles of the trustor on a project that the trustee may use, by itself or impersonating the other.

    `remaining_uses` None: any number. `redelegation_count`: how many trusts more may be chained on this one.
    """

    id: str = column(_ID, key=True, default_factory=ids.plain)
    trustor_user_id: str = column(_ID, index=True)
    trustee_user_id: str = column(_ID, index=True)
    project_id: str | None = column(_ID, default=None, index=True)
    impersonation: bool = column(Boolean)
    role_ids: list[str] = column(Json, default_factory=list)
    expires_at: datetime | None = column(When, default=None)
    remaining_uses: int | None = column(Integer, default=None)
    redelegated_trust_id: str | None = column(_ID, default=None, index=True)
    redelegation_count: int = column(Integer, default=0)
    created_at: datetime = column(When, default_factory=clock.now)


class Consumer(Model, table="identity_consumers"):
    """A program that may ask users for access by OAuth 1.0a. Its secret is sealed, bound to its id."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    description: str | None = column(String(255), default=None)
    sealed: bytes = column(Binary)
    extra: dict[str, Any] = column(Json, default_factory=dict)


class RequestToken(Model, table="identity_request_tokens"):
    """A consumer's request for roles on a project, until a user grants it and gives out the verifier."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    consumer_id: str = column(_ID, references="identity_consumers.id", on_delete="CASCADE")
    project_id: str = column(_ID)
    sealed: bytes = column(Binary)
    verifier: str | None = column(String(64), default=None)
    user_id: str | None = column(_ID, default=None)
    role_ids: list[str] = column(Json, default_factory=list)
    expires_at: datetime = column(When)


class AccessToken(Model, table="identity_access_tokens"):
    """What a user granted to a consumer: some of the user's roles on a project."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    consumer_id: str = column(_ID, references="identity_consumers.id", on_delete="CASCADE")
    user_id: str = column(_ID, references="identity_users.id", on_delete="CASCADE")
    project_id: str = column(_ID, index=True)
    sealed: bytes = column(Binary)
    role_ids: list[str] = column(Json, default_factory=list)
    expires_at: datetime | None = column(When, default=None)
    __extra__ = (Index("user_id"),)


class Nonce(Model, table="identity_nonces"):
    """A request that OAuth has seen: it counts once."""

    key: str = column(_ID, key=True)
    expires_at: datetime = column(When, index=True)
