"""Who asks: the identity that a verified token stands for, and the contract of whoever verifies it.

An `Identity` is frozen and shared between requests by the authenticator's cache; nothing may be hung on it.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from cumulo.core.db import Reader

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class AccessRule(msgspec.Struct, frozen=True, kw_only=True):
    """One call that an application credential may make: `path` is a pattern with `*`, `**` and `{name}`."""

    service: str
    method: str
    path: str
    id: str = ""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A user with the scope and the roles of one token.

    `roles` holds names, implied ones included, `role_ids` their ids in the same order. At most one of
    `project_id`, `domain_id` and `system` is set; with none of them the token is unscoped.
    `access_rules` is None when the token is not limited to certain calls. `trust_id` and `access_token_id`
    (OAuth) name what the roles were delegated by.
    """

    user_id: str | None = None
    user_name: str | None = None
    user_domain_id: str | None = None
    user_domain_name: str | None = None
    password_expires_at: datetime | None = None
    project_id: str | None = None
    project_name: str | None = None
    project_domain_id: str | None = None
    project_domain_name: str | None = None
    domain_id: str | None = None
    domain_name: str | None = None
    system: bool = False
    roles: tuple[str, ...] = ()
    role_ids: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    issued_at: datetime = _LONG_AGO
    expires_at: datetime = _LONG_AGO
    audit_ids: tuple[str, ...] = ()
    application_credential_id: str | None = None
    access_rules: tuple[AccessRule, ...] | None = None
    trust_id: str | None = None
    trustor_id: str | None = None
    trustee_id: str | None = None
    access_token_id: str | None = None
    is_admin_project: bool = True
    role_keys: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Keep the role names in lower case too: policy compares roles without regard to case."""
        keys = frozenset(name.lower() for name in self.roles)
        msgspec.structs.force_setattr(self, "role_keys", keys)

    @property
    def is_delegated(self) -> bool:
        """Say whether the token acts by a trust or an OAuth access token: it may not delegate anew."""
        return self.trust_id is not None or self.access_token_id is not None

    @property
    def is_admin(self) -> bool:
        """Say whether the token carries the role `admin`."""
        return "admin" in self.role_keys

    @property
    def scope(self) -> str:
        """Return `system`, `domain` or `project`; upstream counts an unscoped token as `project`."""
        if self.system:
            return "system"
        return "domain" if self.domain_id is not None else "project"

    def credential(self, name: str) -> Any:
        """Return what a policy rule reads under this name, or None when the identity has no such thing."""
        return getattr(self, CREDENTIALS[name]) if name in CREDENTIALS else None

    @property
    def system_scope(self) -> str | None:
        """Return `all` for a system-scoped token, else None."""
        return "all" if self.system else None

    def credentials(self) -> dict[str, Any]:
        """Return every credential that has a value, under each name that a policy rule may use."""
        found = ((name, self.credential(name)) for name in CREDENTIALS)
        return {name: list(value) if name == "roles" else value for name, value in found if value is not None}


#: Names that rules may use, in the words of oslo.context and of the older services → attribute.
CREDENTIALS = {
    "user_id": "user_id",
    "user": "user_id",
    "user_name": "user_name",
    "user_domain_id": "user_domain_id",
    "user_domain": "user_domain_id",
    "project_id": "project_id",
    "tenant_id": "project_id",
    "tenant": "project_id",
    "project_name": "project_name",
    "tenant_name": "project_name",
    "project_domain_id": "project_domain_id",
    "project_domain": "project_domain_id",
    "domain_id": "domain_id",
    "domain_name": "domain_name",
    "system_scope": "system_scope",
    "system": "system_scope",
    "token.domain.id": "domain_id",
    "token.project.domain.id": "project_domain_id",
    "roles": "roles",
    "is_admin": "is_admin",
    "is_admin_project": "is_admin_project",
    "application_credential_id": "application_credential_id",
    "trust_id": "trust_id",
    "trustor_id": "trustor_id",
    "trustee_id": "trustee_id",
    "access_token_id": "access_token_id",
}

#: Whoever sends no token: allowed only what is open to all.
ANONYMOUS = Identity()


class Authenticator(Protocol):
    """Turns the text of a token into an identity."""

    async def authenticate(self, db: "Reader", token: str) -> Identity:
        """Verify the token and return whom it stands for; raise `Unauthenticated` otherwise."""
