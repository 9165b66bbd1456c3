"""Application credentials and the access rules that limit them."""

import secrets
from collections.abc import Iterable
from datetime import datetime

import msgspec

from cumulo.core import clock
from cumulo.core.auth import Identity
from cumulo.core.db import Reader
from cumulo.core.errors import Duplicate, Invalid
from cumulo.core.work import Work
from cumulo.services.identity.domain.authority import (
    changed,
    enabled_project,
    roles_on_project,
    with_implied,
)
from cumulo.services.identity.errors import (
    AccessRuleInUse,
    AccessRuleNotFound,
    CredentialRestricted,
    NameTaken,
    RoleNotHeld,
)
from cumulo.services.identity.model import ApplicationCredential, Role, StoredAccessRule


class RoleNamed(msgspec.Struct, kw_only=True):
    """A role by its id or its name."""

    id: str | None = None
    name: str | None = None

    def among(self, held: Iterable[Role]) -> Role | None:
        """Return the role that is meant, if it is one of these; an id counts before a name."""
        return next((r for r in held if r.id == self.id or (self.id is None and r.name == self.name)), None)


class RuleGiven(msgspec.Struct, kw_only=True):
    """An access rule: one that exists, by its id, or a new one."""

    id: str | None = None
    service: str | None = None
    method: str | None = None
    path: str | None = None


class Order(msgspec.Struct, kw_only=True):
    """What a user wants of a new application credential. `roles` None: all of the token's."""

    name: str
    secret_hash: str
    description: str | None = None
    expires_at: datetime | None = None
    unrestricted: bool = False
    roles: list[RoleNamed] | None = None
    access_rules: list[RuleGiven] | None = None


def new_secret() -> str:
    """Return a secret as Keystone makes them: 64 random bytes as base64url."""
    return secrets.token_urlsafe(64)


async def check_unrestricted(db: Reader, identity: Identity) -> None:
    """Raise CredentialRestricted when the token comes of a credential that may not manage others.

    What a trust or an OAuth access token gave may not be made into something that outlives it either.
    """
    if identity.is_delegated:
        raise CredentialRestricted
    if identity.application_credential_id is None:
        return
    credential = await db.get(ApplicationCredential, identity.application_credential_id)
    if credential is None or not credential.unrestricted:
        raise CredentialRestricted


async def create_credential(work: Work, identity: Identity, order: Order) -> ApplicationCredential:
    """Insert a credential for the token's user on the token's project; raise NameTaken, RoleNotHeld."""
    await check_unrestricted(work.db, identity)
    if identity.user_id is None or identity.project_id is None:
        raise Invalid("An application credential needs a token with a project.")
    if order.expires_at is not None and order.expires_at <= clock.now():
        raise Invalid("The expiry of an application credential must lie in the future.")
    credential = ApplicationCredential(
        name=order.name,
        user_id=identity.user_id,
        project_id=identity.project_id,
        description=order.description,
        secret_hash=order.secret_hash,
        expires_at=order.expires_at,
        unrestricted=order.unrestricted,
        role_ids=await _roles(work.db, identity, order.roles),
        access_rule_ids=await _rules(work, identity.user_id, order.access_rules),
    )
    try:
        await work.db.insert(credential)
    except Duplicate as error:
        raise NameTaken(kind="application_credential", name=order.name) from error
    return credential


async def _roles(db: Reader, identity: Identity, wanted: list[RoleNamed] | None) -> list[str]:
    """Return the ids of the roles to carry, each of which the user must have on the project."""
    if not wanted:
        return list(identity.role_ids)
    project = await enabled_project(db, identity.project_id)
    held = await with_implied(db, await roles_on_project(db, identity.user_id or "", project))
    found = []
    for role in wanted:
        match = role.among(held)
        if match is None:
            raise RoleNotHeld(role=role.id or role.name)
        found.append(match.id)
    return found


async def _rules(work: Work, user_id: str, given: list[RuleGiven] | None) -> list[str] | None:
    """Return the ids of the access rules, made where they are new."""
    if given is None:
        return None
    found = []
    for rule in given:
        if rule.id is not None and rule.path is None:
            found.append((await require_access_rule(work.db, user_id, rule.id)).id)
            continue
        if rule.service is None or rule.method is None or rule.path is None:
            raise Invalid("An access rule needs a service, a method and a path.")
        found.append(await _ensure_rule(work, user_id, rule.service, rule.method.upper(), rule.path))
    return found


async def _ensure_rule(work: Work, user_id: str, service: str, method: str, path: str) -> str:
    c = StoredAccessRule.c
    same = (c.user_id == user_id, c.service == service, c.method == method, c.path == path)
    known = await work.db.one(StoredAccessRule, *same)
    if known is None:
        known = StoredAccessRule(user_id=user_id, service=service, method=method, path=path)
        await work.db.insert(known)
    return known.id


async def delete_credential(work: Work, credential: ApplicationCredential) -> None:
    """Delete a credential; its tokens are refused at once."""
    await work.db.delete(ApplicationCredential, ApplicationCredential.c.id == credential.id)
    await changed(work.db)


async def require_access_rule(db: Reader, user_id: str, id: str) -> StoredAccessRule:
    """Return a user's access rule; raise AccessRuleNotFound."""
    rule = await db.get(StoredAccessRule, id)
    if rule is None or rule.user_id != user_id:
        raise AccessRuleNotFound(id=id)
    return rule


async def delete_access_rule(work: Work, rule: StoredAccessRule) -> None:
    """Delete an access rule that no credential uses; raise AccessRuleInUse."""
    of_user = ApplicationCredential.c.user_id == rule.user_id
    for credential in await work.db.all(ApplicationCredential, of_user):
        if rule.id in (credential.access_rule_ids or ()):
            raise AccessRuleInUse(id=rule.id)
    await work.db.delete(StoredAccessRule, StoredAccessRule.c.id == rule.id)
