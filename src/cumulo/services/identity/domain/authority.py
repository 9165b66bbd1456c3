"""What a token may do now: its claims held against the users, scopes and assignments of this moment.

A token is believed in who it is for and what it is scoped to, and in nothing else: names, roles and states
are looked up, so that a change of any of them takes effect with the next request.
"""

from collections.abc import Iterable, Sequence

import sqlalchemy

from cumulo.core import clock
from cumulo.core.auth import AccessRule, Identity
from cumulo.core.auth.tokens import Claims
from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import Unauthenticated
from cumulo.services.identity.model import (
    SYSTEM,
    ApplicationCredential,
    Assignment,
    Domain,
    Implication,
    Membership,
    Project,
    Revision,
    RevokedToken,
    Role,
    StoredAccessRule,
    User,
)


async def revision(db: Reader) -> int:
    """Return how often authority has changed."""
    row = await db.get(Revision, 1)
    return 0 if row is None else row.value


async def changed(db: Transaction) -> None:
    """Note that authority changes with this transaction: every cached identity is looked up anew after it."""
    if not await db.update(Revision, Revision.c.id == 1, value=Revision.c.value + 1):
        await db.insert(Revision(id=1, value=1))


async def identity_of(db: Reader, claims: Claims) -> Identity:
    """Return whom the claims stand for; raise Unauthenticated when they no longer hold."""
    if claims.expires_at <= clock.now():
        raise Unauthenticated
    user = await db.get(User, claims.user_id)
    if user is None or not user.enabled or user.generation != claims.generation:
        raise Unauthenticated
    if await db.get(RevokedToken, claims.audit_ids[0]) is not None:
        raise Unauthenticated
    home = await enabled_domain(db, user.domain_id)
    identity = Identity(
        user_id=user.id,
        user_name=user.name,
        user_domain_id=home.id,
        user_domain_name=home.name,
        methods=claims.methods,
        issued_at=claims.issued_at,
        expires_at=claims.expires_at,
        audit_ids=claims.audit_ids,
    )
    return await _scoped(db, identity, claims)


async def _scoped(db: Reader, identity: Identity, claims: Claims) -> Identity:
    changes: dict[str, object] = {}
    held: set[str] = set()
    user_id = claims.user_id
    match claims.scope:
        case "":
            return identity
        case "project":
            project = await enabled_project(db, claims.scope_id)
            home = await enabled_domain(db, project.domain_id)
            changes = {"project_id": project.id, "project_name": project.name}
            changes |= {"project_domain_id": home.id, "project_domain_name": home.name}
            held = await roles_on_project(db, user_id, project)
        case "domain":
            domain = await enabled_domain(db, claims.scope_id)
            changes = {"domain_id": domain.id, "domain_name": domain.name}
            held = await roles_on(db, user_id, "domain", domain.id)
        case _:
            changes = {"system": True}
            held = await roles_on(db, user_id, SYSTEM, "all")
    if claims.application_credential_id is not None:
        limited, held = await _credential(db, claims.application_credential_id, held)
        changes |= limited
    roles = await with_implied(db, held)
    if not roles:
        raise Unauthenticated
    changes |= {"roles": tuple(r.name for r in roles), "role_ids": tuple(r.id for r in roles)}
    return Identity(**{name: getattr(identity, name) for name in _CARRIED} | changes)


_CARRIED = (
    "user_id",
    "user_name",
    "user_domain_id",
    "user_domain_name",
    "methods",
    "issued_at",
    "expires_at",
    "audit_ids",
)


async def _credential(db: Reader, id: str, held: set[str]) -> tuple[dict[str, object], set[str]]:
    """Return what a credential adds to an identity, and the roles that it leaves of those held."""
    credential = await db.get(ApplicationCredential, id)
    if credential is None or is_expired(credential):
        raise Unauthenticated
    rules = None
    if credential.access_rule_ids is not None:
        found = await access_rules(db, credential.access_rule_ids)
        rules = tuple(AccessRule(id=r.id, service=r.service, method=r.method, path=r.path) for r in found)
    implied = {role.id for role in await with_implied(db, held)}
    left = {role_id for role_id in credential.role_ids if role_id in held or role_id in implied}
    return {"application_credential_id": id, "access_rules": rules}, left


def is_expired(credential: ApplicationCredential) -> bool:
    """Say whether an application credential is past its time."""
    return credential.expires_at is not None and credential.expires_at <= clock.now()


async def access_rules(db: Reader, rule_ids: Sequence[str]) -> list[StoredAccessRule]:
    """Return these access rules."""
    return await db.all(StoredAccessRule, StoredAccessRule.c.id.in_(list(rule_ids))) if rule_ids else []


async def enabled_domain(db: Reader, id: str | None) -> Domain:
    """Return a domain that exists and is enabled; raise Unauthenticated."""
    domain = await db.get(Domain, id) if id is not None else None
    if domain is None or not domain.enabled:
        raise Unauthenticated
    return domain


async def enabled_project(db: Reader, id: str | None) -> Project:
    """Return a project that exists and is enabled; raise Unauthenticated."""
    project = await db.get(Project, id) if id is not None else None
    if project is None or not project.enabled:
        raise Unauthenticated
    return project


async def roles_on(db: Reader, user_id: str, target_type: str, target_id: str) -> set[str]:
    """Return the ids of the roles assigned to a user, directly or by a group, on a domain or the system."""
    c = Assignment.c
    rows = await db.rows(
        sqlalchemy.select(c.role_id).where(
            of_user(user_id), c.target_type == target_type, c.target_id == target_id, c.inherited.is_(False)
        )
    )
    return {role_id for (role_id,) in rows}


async def roles_on_project(db: Reader, user_id: str, project: Project) -> set[str]:
    """Return the ids of the roles assigned to a user on a project, those inherited from above included."""
    c = Assignment.c
    above = [ancestor.id for ancestor in await ancestors(db, project)]
    direct = sqlalchemy.and_(c.target_type == "project", c.target_id == project.id, c.inherited.is_(False))
    from_domain = sqlalchemy.and_(c.target_type == "domain", c.target_id == project.domain_id, c.inherited)
    from_projects = sqlalchemy.and_(c.target_type == "project", c.target_id.in_(above), c.inherited)
    places = (direct, from_domain, from_projects) if above else (direct, from_domain)
    rows = await db.rows(sqlalchemy.select(c.role_id).where(of_user(user_id), sqlalchemy.or_(*places)))
    return {role_id for (role_id,) in rows}


def of_user(user_id: str) -> sqlalchemy.ColumnElement[bool]:
    """Return the condition for assignments of a user: its own and those of its groups."""
    c = Assignment.c
    groups = sqlalchemy.select(Membership.c.group_id).where(Membership.c.user_id == user_id)
    return sqlalchemy.or_(
        sqlalchemy.and_(c.actor_type == "user", c.actor_id == user_id),
        sqlalchemy.and_(c.actor_type == "group", c.actor_id.in_(groups)),
    )


async def ancestors(db: Reader, project: Project) -> list[Project]:
    """Return the projects above a project, the nearest first."""
    found: list[Project] = []
    while project.parent_id != project.domain_id:
        parent = await db.get(Project, project.parent_id)
        if parent is None or parent in found:
            break
        found.append(parent)
        project = parent
    return found


async def with_implied(db: Reader, role_ids: Iterable[str]) -> list[Role]:
    """Return these roles and all that they imply, by name; a domain's own role only for what it implies."""
    wanted = set(role_ids)
    if not wanted:
        return []
    implied: dict[str, list[str]] = {}
    for rule in await db.all(Implication):
        implied.setdefault(rule.prior_id, []).append(rule.implied_id)
    queue = list(wanted)
    while queue:
        following = [each for each in implied.get(queue.pop(), ()) if each not in wanted]
        wanted.update(following)
        queue += following
    roles = await db.all(Role, Role.c.id.in_(sorted(wanted)), order_by=[Role.c.name])
    return [role for role in roles if role.domain_id is None]
