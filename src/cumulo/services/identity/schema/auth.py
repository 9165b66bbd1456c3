"""What a client sends to log in, and what a token looks like."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from cumulo.core.auth import Identity
from cumulo.core.http import OpenBody, microseconds
from cumulo.services.identity.model import AccessToken, ApplicationCredential, Domain, User


class Named(msgspec.Struct, kw_only=True):
    """A domain by its id or its name."""

    id: str | None = None
    name: str | None = None


class ProjectNamed(msgspec.Struct, kw_only=True):
    """A project by its id, or by its name and domain."""

    id: str | None = None
    name: str | None = None
    domain: Named | None = None


class UserNamed(ProjectNamed, kw_only=True):
    """A user by its id, or by its name and domain."""

    password: str | UnsetType = UNSET


class PasswordMethod(msgspec.Struct, kw_only=True):
    """Log in by a password."""

    user: UserNamed


class TokenMethod(msgspec.Struct, kw_only=True):
    """Log in by a token that one has."""

    id: str


class CredentialMethod(msgspec.Struct, kw_only=True):
    """Log in by an application credential: its id, or its name and user; and its secret."""

    secret: str
    id: str | None = None
    name: str | None = None
    user: UserNamed | None = None


class Totp(ProjectNamed, kw_only=True):
    """A user and its code of the moment."""

    passcode: str


class TotpMethod(msgspec.Struct, kw_only=True):
    """Log in by a code that a device shows."""

    user: Totp


class Methods(msgspec.Struct, kw_only=True):
    """The ways to log in that the client chose."""

    methods: list[str]
    password: PasswordMethod | UnsetType = UNSET
    token: TokenMethod | UnsetType = UNSET
    application_credential: CredentialMethod | UnsetType = UNSET
    totp: TotpMethod | UnsetType = UNSET


class TrustNamed(msgspec.Struct, kw_only=True):
    """A trust by its id."""

    id: str


class Scope(msgspec.Struct, kw_only=True):
    """What the token is wanted for; one of these."""

    project: ProjectNamed | UnsetType = UNSET
    domain: Named | UnsetType = UNSET
    system: dict[str, Any] | UnsetType = UNSET
    unscoped: dict[str, Any] | UnsetType = UNSET
    trust: TrustNamed | UnsetType = msgspec.field(name="OS-TRUST:trust", default=UNSET)


class AuthRequest(OpenBody):
    """The body of `POST /v3/auth/tokens`, inside `auth`."""

    identity: Methods
    scope: Scope | str | UnsetType = UNSET


def token_body(
    identity: Identity,
    delegation: ApplicationCredential | AccessToken | None,
    catalog: list[Any] | None,
) -> dict[str, Any]:
    """Return a token as the API shows it."""
    token: dict[str, Any] = {
        "methods": list(identity.methods),
        "user": {
            "domain": {"id": identity.user_domain_id, "name": identity.user_domain_name},
            "id": identity.user_id,
            "name": identity.user_name,
            "password_expires_at": _moment(identity.password_expires_at),
        },
        "audit_ids": list(identity.audit_ids),
        "expires_at": microseconds(identity.expires_at),
        "issued_at": microseconds(identity.issued_at),
    }
    token |= _scope(identity)
    if identity.roles:
        pairs = zip(identity.role_ids, identity.roles, strict=True)
        token["roles"] = [{"id": role_id, "name": name} for role_id, name in pairs]
    if catalog is not None and identity.roles:
        token["catalog"] = catalog
    if isinstance(delegation, ApplicationCredential):
        token["application_credential"] = _credential(delegation, identity)
    elif delegation is not None:
        named = {"access_token_id": delegation.id, "consumer_id": delegation.consumer_id}
        token["OS-OAUTH1"] = named
    if identity.trust_id is not None:
        token["OS-TRUST:trust"] = {
            "id": identity.trust_id,
            "impersonation": identity.user_id == identity.trustor_id,
            "trustor_user": {"id": identity.trustor_id},
            "trustee_user": {"id": identity.trustee_id},
        }
    return {"token": token}


def receipt_body(
    user: User, home: Domain, methods: tuple[str, ...], issued_at: datetime, expires_at: datetime
) -> dict[str, Any]:
    """Return a receipt as the API shows it: what a user has proved so far."""
    receipt = {
        "methods": list(methods),
        "user": {"id": user.id, "name": user.name, "domain": {"id": home.id, "name": home.name}},
        "issued_at": microseconds(issued_at),
        "expires_at": microseconds(expires_at),
    }
    return {"receipt": receipt}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else microseconds(moment)


def _scope(identity: Identity) -> dict[str, Any]:
    if identity.project_id is not None:
        home = {"id": identity.project_domain_id, "name": identity.project_domain_name}
        project = {"domain": home, "id": identity.project_id, "name": identity.project_name}
        return {"project": project, "is_domain": False}
    if identity.domain_id is not None:
        return {"domain": {"id": identity.domain_id, "name": identity.domain_name}}
    return {"system": {"all": True}} if identity.system else {}


def _credential(credential: ApplicationCredential, identity: Identity) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "id": credential.id,
        "name": credential.name,
        "restricted": not credential.unrestricted,
    }
    if identity.access_rules is not None:
        shape["access_rules"] = [
            {"id": rule.id, "service": rule.service, "method": rule.method, "path": rule.path}
            for rule in identity.access_rules
        ]
    return shape
