"""From a user who has proved to be one to a token in the scope that is wanted."""

import contextlib
from datetime import timedelta

import msgspec
from msgspec import UNSET, UnsetType

from cumulo.core import clock
from cumulo.core.auth import Identity
from cumulo.core.auth.tokens import Claims, audit_id
from cumulo.core.db import Reader
from cumulo.core.errors import Forbidden, Invalid, Unauthenticated
from cumulo.services.identity.domain.authority import identity_of
from cumulo.services.identity.domain.delegations import standing_trust, usable_user
from cumulo.services.identity.domain.login import Principal
from cumulo.services.identity.domain.named import domain_id_of, project_id_of
from cumulo.services.identity.domain.secrets import Ec2Key
from cumulo.services.identity.domain.standings import Standings
from cumulo.services.identity.errors import ScopeWithCredential
from cumulo.services.identity.model import Credential, Trust
from cumulo.services.identity.schema.auth import Scope, TrustNamed


async def issue(
    db: Reader, standings: Standings, principal: Principal, scope: Scope | str | UnsetType, seconds: int
) -> tuple[Claims, Identity]:
    """Return a new token in the wanted scope, unsealed; raise Unauthenticated when it is not for the user."""

    async def in_scope(kind: str, scope_id: str | None) -> tuple[Claims, Identity]:
        claims = claims_for(principal, kind, scope_id, seconds)
        return claims, await standings.of_new(db, claims)

    if principal.access is not None:
        if scope is not UNSET:
            raise ScopeWithCredential
        claims = claims_for(principal, "project", principal.access.project_id, seconds)
        claims = msgspec.structs.replace(claims, access_token_id=principal.access.id)
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
    return msgspec.structs.replace(
        claims,
        user_id=trustor.id if trust.impersonation else trustee.id,
        generation=trustor.generation + trustee.generation,
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
        return "project", await project_id_of(db, scope.project)
    if not isinstance(scope.domain, UnsetType):
        return "domain", await domain_id_of(db, scope.domain)
    return ("system", "all") if scope.unscoped is UNSET else ("", None)


def claims_for(principal: Principal, scope: str, scope_id: str | None, seconds: int) -> Claims:
    """Return the claims of a new token; it never outlives the token that it was got with."""
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
