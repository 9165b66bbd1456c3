"""Logging in: from what a client proves to the claims of a token.

Whatever fails is the same refusal at the same cost: a user that does not exist, is disabled or has no
password is checked against nothing as slowly as a real one against its hash.
"""

import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

import msgspec
from msgspec import UNSET, UnsetType

from cumulo.core import clock
from cumulo.core.auth import Identity
from cumulo.core.auth.passwords import Passwords
from cumulo.core.auth.tokens import Claims, Keyring, audit_id
from cumulo.core.db import Reader
from cumulo.core.errors import Forbidden, Invalid, Unauthenticated
from cumulo.services.identity.domain.authority import identity_of
from cumulo.services.identity.domain.delegations import is_past, standing_trust, usable_user
from cumulo.services.identity.domain.secrets import Ec2Key
from cumulo.services.identity.errors import AuthMethodUnknown, ScopeWithCredential, WrongPassword
from cumulo.services.identity.model import ApplicationCredential, Credential, Domain, Project, Trust, User
from cumulo.services.identity.schema.auth import (
    AuthRequest,
    CredentialMethod,
    Named,
    ProjectNamed,
    Scope,
    TrustNamed,
    UserNamed,
)

Reading = Callable[[], AbstractAsyncContextManager[Reader]]


class Principal(msgspec.Struct, kw_only=True):
    """A user who has proved to be one. `chain` and `expires_at` are of the token that was used, if any."""

    user: User
    methods: tuple[str, ...]
    expires_at: datetime | None = None
    chain: str | None = None
    credential: ApplicationCredential | None = None
    password: str | None = msgspec.field(default=None)  # only when its hash is to be renewed


async def log_in(read: Reading, passwords: Passwords, keyring: Keyring, request: AuthRequest) -> Principal:
    """Verify every method that the client names; raise Unauthenticated, Invalid for a malformed request.

    `read` opens a reader: none is held while a password is verified.
    """
    methods = request.identity.methods
    if not methods:
        raise Invalid("Expecting to find methods in identity.")
    principal: Principal | None = None
    for method in methods:
        match method:
            case "password":
                found = await _by_password(read, passwords, request)
            case "token":
                found = await _by_token(read, keyring, request)
            case "application_credential":
                found = await _by_credential(read, passwords, request)
            case _:
                raise AuthMethodUnknown
        principal = found if principal is None else _same(principal, found)
    if principal is None:  # pragma: no cover  there is at least one method
        raise Unauthenticated
    return principal


def _same(one: Principal, other: Principal) -> Principal:
    """Join two proofs, which must be of one user."""
    if one.user.id != other.user.id:
        raise Unauthenticated
    return Principal(
        user=one.user,
        methods=tuple(dict.fromkeys(one.methods + other.methods)),
        expires_at=one.expires_at or other.expires_at,
        chain=one.chain or other.chain,
        credential=one.credential or other.credential,
        password=one.password or other.password,
    )


async def _by_password(read: Reading, passwords: Passwords, request: AuthRequest) -> Principal:
    proof = request.identity.password
    if isinstance(proof, UnsetType) or isinstance(proof.user.password, UnsetType):
        raise Invalid("Expecting to find password in identity.")
    async with read() as db:
        user = await find_user(db, proof.user)
    secret = proof.user.password
    usable = user is not None and user.enabled
    stored = user.password_hash if user is not None and usable else None
    if not await passwords.verify(secret, stored) or user is None or stored is None:
        raise Unauthenticated
    if user.password_expires_at is not None and user.password_expires_at <= clock.now():
        raise WrongPassword
    renewed = secret if passwords.is_outdated(stored) else None
    return Principal(user=user, methods=("password",), password=renewed)


async def _by_token(read: Reading, keyring: Keyring, request: AuthRequest) -> Principal:
    proof = request.identity.token
    if isinstance(proof, UnsetType):
        raise Invalid("Expecting to find token in identity.")
    claims = keyring.open(proof.id)
    async with read() as db:
        await identity_of(db, claims)
        user = await db.get(User, claims.user_id)
    if claims.application_credential_id or claims.trust_id or claims.access_token_id:
        raise Forbidden("A token that acts by delegation may not be used to get another.")
    if user is None:
        raise Unauthenticated
    return Principal(
        user=user,
        methods=tuple(dict.fromkeys((*claims.methods, "token"))),
        expires_at=claims.expires_at,
        chain=claims.audit_ids[-1],
    )


async def _by_credential(read: Reading, passwords: Passwords, request: AuthRequest) -> Principal:
    proof = request.identity.application_credential
    if isinstance(proof, UnsetType):
        raise Invalid("Expecting to find application_credential in identity.")
    async with read() as db:
        credential = await _find_credential(db, proof)
        user = await db.get(User, credential.user_id) if credential is not None else None
    usable = (
        credential is not None and user is not None and user.enabled and not is_past(credential.expires_at)
    )
    stored = credential.secret_hash if credential is not None and usable else None
    if not await passwords.verify(proof.secret, stored) or credential is None or user is None:
        raise Unauthenticated
    return Principal(
        user=user,
        methods=("application_credential",),
        expires_at=credential.expires_at,
        credential=credential,
    )


async def _find_credential(db: Reader, proof: CredentialMethod) -> ApplicationCredential | None:
    if proof.id is not None:
        return await db.get(ApplicationCredential, proof.id)
    if proof.name is None or proof.user is None:
        raise Invalid("Expecting to find id, or name and user, in application_credential.")
    user = await find_user(db, proof.user)
    c = ApplicationCredential.c
    return await db.one(ApplicationCredential, c.user_id == user.id, c.name == proof.name) if user else None


async def find_user(db: Reader, named: UserNamed) -> User | None:
    """Return the user that a request names, of an enabled domain; None when there is none."""
    if named.id is not None:
        user = await db.get(User, named.id)
        domain = await db.get(Domain, user.domain_id) if user is not None else None
        return user if domain is not None and domain.enabled else None
    if named.name is None or named.domain is None:
        raise Invalid(_EXPECTED.format("domain" if named.name else "id or name", "user"))
    domain = await find_domain(db, named.domain)
    if domain is None or not domain.enabled:
        return None
    return await db.one(User, User.c.domain_id == domain.id, User.c.name == named.name)


async def find_domain(db: Reader, named: Named) -> Domain | None:
    """Return the domain that a request names; None when there is none."""
    if named.id is not None:
        return await db.get(Domain, named.id)
    if named.name is None:
        raise Invalid(_EXPECTED.format("id or name", "domain"))
    return await db.one(Domain, Domain.c.name == named.name)


async def find_project(db: Reader, named: ProjectNamed) -> Project | None:
    """Return the project that a request names; None when there is none."""
    if named.id is not None:
        return await db.get(Project, named.id)
    if named.name is None or named.domain is None:
        raise Invalid(_EXPECTED.format("domain" if named.name else "id or name", "project"))
    domain = await find_domain(db, named.domain)
    if domain is None:
        return None
    return await db.one(Project, Project.c.domain_id == domain.id, Project.c.name == named.name)


_EXPECTED = "Expecting to find {} in {}."


async def issue(
    db: Reader, principal: Principal, scope: Scope | str | UnsetType, seconds: int
) -> tuple[Claims, Identity]:
    """Return a new token in the wanted scope, unsealed; raise Unauthenticated when it is not for the user."""

    async def in_scope(kind: str, scope_id: str | None) -> tuple[Claims, Identity]:
        claims = claims_for(principal, kind, scope_id, seconds)
        return claims, await identity_of(db, claims)

    if principal.credential is not None:
        if scope is not UNSET:
            raise ScopeWithCredential
        return await in_scope("project", principal.credential.project_id)
    if isinstance(scope, Scope) and not isinstance(scope.trust, UnsetType):
        return await _by_trust(db, principal, scope.trust, seconds)
    if scope is not UNSET:
        return await in_scope(*await _wanted(db, scope))
    default = principal.user.default_project_id
    if default is not None:
        with contextlib.suppress(Unauthenticated):
            return await in_scope("project", default)
    return await in_scope("", None)


async def _by_trust(
    db: Reader, principal: Principal, named: TrustNamed, seconds: int
) -> tuple[Claims, Identity]:
    """Return a token by a trust, for its trustee only; it shows the trustor when the trust impersonates."""
    trust = await standing_trust(db, named.id)
    if trust.remaining_uses == 0:
        raise Unauthenticated
    if trust.trustee_user_id != principal.user.id:
        raise Forbidden("The trust is for another user.")
    claims = await trust_claims(db, principal, trust, seconds)
    return claims, await identity_of(db, claims)


async def trust_claims(db: Reader, principal: Principal, trust: Trust, seconds: int) -> Claims:
    """Return the claims of a token by a trust; raise Unauthenticated."""
    kind = "" if trust.project_id is None else "project"
    trustor = await usable_user(db, trust.trustor_user_id)
    trustee = await usable_user(db, trust.trustee_user_id)
    claims = claims_for(principal, kind, trust.project_id, seconds)
    expires = claims.expires_at if trust.expires_at is None else min(claims.expires_at, trust.expires_at)
    return msgspec.structs.replace(
        claims,
        user_id=trustor.id if trust.impersonation else trustee.id,
        generation=trustor.generation + trustee.generation,
        expires_at=expires.replace(microsecond=0),
        trust_id=trust.id,
    )


async def _wanted(db: Reader, scope: Scope | str | UnsetType) -> tuple[str, str | None]:
    if isinstance(scope, str | UnsetType):
        if scope == "unscoped":
            return "", None
        raise Invalid("The scope is not understood.")
    given = [name for name in scope.__struct_fields__ if getattr(scope, name) is not UNSET]
    if len(given) != 1:
        raise Invalid("Scoping to both domain and project is not allowed, and there must be one scope.")
    if not isinstance(scope.project, UnsetType):
        project = await find_project(db, scope.project)
        if project is None:
            raise Unauthenticated
        return "project", project.id
    if not isinstance(scope.domain, UnsetType):
        domain = await find_domain(db, scope.domain)
        if domain is None:
            raise Unauthenticated
        return "domain", domain.id
    return ("system", "all") if scope.unscoped is UNSET else ("", None)


def claims_for(principal: Principal, scope: str, scope_id: str | None, seconds: int) -> Claims:
    """Return the claims of a new token; it never outlives the token or credential that it was got with."""
    issued = clock.now().replace(microsecond=0)
    expires = issued + timedelta(seconds=seconds)
    if principal.expires_at is not None:
        expires = min(expires, principal.expires_at.replace(microsecond=0))
    return Claims(
        user_id=principal.user.id,
        generation=principal.user.generation,
        methods=principal.methods,
        scope=scope,
        scope_id=scope_id,
        issued_at=issued,
        expires_at=expires,
        audit_ids=(audit_id(), principal.chain) if principal.chain else (audit_id(),),
        application_credential_id=principal.credential.id if principal.credential else None,
    )


async def by_ec2_key(db: Reader, row: Credential, key: Ec2Key, seconds: int) -> tuple[Claims, Identity]:
    """Return a token for the owner of an EC2 key on its project, by the delegation it was made by, if any."""
    user = await usable_user(db, row.user_id)
    principal = Principal(user=user, methods=("ec2credential",))
    if key.trust_id is not None:
        claims = await trust_claims(db, principal, await standing_trust(db, key.trust_id), seconds)
    else:
        claims = msgspec.structs.replace(
            claims_for(principal, "project", row.project_id, seconds),
            application_credential_id=key.app_cred_id,
            access_token_id=key.access_token_id,
        )
    return claims, await identity_of(db, claims)
