"""By whose authority a token acts: an application credential, a trust or an OAuth access token narrows it."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement

from cumulo.core import clock
from cumulo.core.auth import AccessRule
from cumulo.core.auth.tokens import Claims
from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import Unauthenticated
from cumulo.services.identity.model import (
    AccessToken,
    ApplicationCredential,
    Domain,
    StoredAccessRule,
    Trust,
    User,
)


class Delegation(msgspec.Struct, frozen=True, kw_only=True):
    """Whose roles a token uses, and which of them (None: all); `whole` when none of these may be missing.

    `generation` is added to that of the token's user; no token outlives `until`; `fields` are what the
    identity says of it.
    """

    user_id: str
    role_ids: tuple[str, ...] | None = None
    whole: bool = False
    generation: int = 0
    until: datetime | None = None
    fields: dict[str, object] = {}


def is_past(moment: datetime | None) -> bool:
    """Say whether something that may expire has."""
    return moment is not None and moment <= clock.now()


async def delegation_of(db: Reader, claims: Claims) -> Delegation:
    """Return by whose authority the claims are used; raise Unauthenticated when it was withdrawn."""
    if claims.trust_id is not None:
        return await _by_trust(db, await standing_trust(db, claims.trust_id), claims.user_id)
    if claims.access_token_id is not None:
        return await _by_access_token(db, claims.access_token_id)
    if claims.application_credential_id is not None:
        return await _by_credential(db, claims.user_id, claims.application_credential_id)
    return Delegation(user_id=claims.user_id)


async def standing_trust(db: Reader, id: str) -> Trust:
    """Return a trust that has not expired; raise Unauthenticated."""
    trust = await db.get(Trust, id)
    if trust is None or is_past(trust.expires_at):
        raise Unauthenticated
    return trust


async def _by_trust(db: Reader, trust: Trust, user_id: str) -> Delegation:
    other_id = trust.trustor_user_id if user_id == trust.trustee_user_id else trust.trustee_user_id
    other = await usable_user(db, other_id)
    return Delegation(
        user_id=trust.trustor_user_id,
        role_ids=tuple(trust.role_ids),
        whole=True,
        generation=other.generation,
        until=trust.expires_at,
        fields={
            "trust_id": trust.id,
            "trustor_id": trust.trustor_user_id,
            "trustee_id": trust.trustee_user_id,
        },
    )


async def usable_user(db: Reader, id: str) -> User:
    """Return a user that is enabled, of an enabled domain; raise Unauthenticated."""
    user = await db.get(User, id)
    domain = await db.get(Domain, user.domain_id) if user is not None else None
    if user is None or domain is None or not (user.enabled and domain.enabled):
        raise Unauthenticated
    return user


async def _by_access_token(db: Reader, id: str) -> Delegation:
    access = await db.get(AccessToken, id)
    if access is None or is_past(access.expires_at):
        raise Unauthenticated
    return Delegation(
        user_id=access.user_id,
        role_ids=tuple(access.role_ids),
        whole=True,
        until=access.expires_at,
        fields={"access_token_id": access.id},
    )


async def _by_credential(db: Reader, user_id: str, id: str) -> Delegation:
    credential = await db.get(ApplicationCredential, id)
    if credential is None or is_past(credential.expires_at):
        raise Unauthenticated
    rules = None
    if credential.access_rule_ids is not None:
        found = await access_rules(db, credential.access_rule_ids)
        rules = tuple(AccessRule(id=r.id, service=r.service, method=r.method, path=r.path) for r in found)
    return Delegation(
        user_id=user_id,
        role_ids=tuple(credential.role_ids),
        until=credential.expires_at,
        fields={"application_credential_id": id, "access_rules": rules},
    )


async def access_rules(db: Reader, rule_ids: Sequence[str]) -> list[StoredAccessRule]:
    """Return these access rules."""
    return await db.all(StoredAccessRule, StoredAccessRule.c.id.in_(list(rule_ids))) if rule_ids else []


async def end_trusts(db: Transaction, *where: ColumnElement[bool]) -> None:
    """Delete trusts and all that are chained on them."""
    level = [row.id for row in await db.all(Trust, *where)]
    while level:
        below = [row.id for row in await db.all(Trust, Trust.c.redelegated_trust_id.in_(level))]
        await db.delete(Trust, Trust.c.id.in_(level))
        level = below
