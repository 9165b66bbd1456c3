"""What a token may do now: its claims held against the users, scopes and assignments of this moment.

A token is believed in who it is for and what it is scoped to, and in nothing else: names, roles and states
are looked up, so that a change of any of them takes effect with the next request.
"""

from collections.abc import Iterable
from typing import Any

import sqlalchemy

from cumulo.core import clock
from cumulo.core.auth import Identity
from cumulo.core.auth.tokens import Claims
from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import Unauthenticated
from cumulo.services.identity.domain.delegations import Delegation, delegation_of
from cumulo.services.identity.model import (
    SYSTEM,
    Assignment,
    Domain,
    Implication,
    Membership,
    Project,
    Revision,
    RevokedToken,
    Role,
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
    if user is None or not user.enabled:
        raise Unauthenticated
    delegation = await delegation_of(db, claims)
    if claims.generation != user.generation + delegation.generation:
        raise Unauthenticated
    if await db.get(RevokedToken, claims.audit_ids[0]) is not None:
        raise Unauthenticated
    home = await enabled_domain(db, user.domain_id)
    known: dict[str, Any] = {
        "user_id": user.id,
        "user_name": user.name,
        "user_domain_id": home.id,
        "user_domain_name": home.name,
        "methods": claims.methods,
        "issued_at": claims.issued_at,
        "expires_at": claims.expires_at,
        "audit_ids": claims.audit_ids,
    }
    return Identity(**known | await _scoped(db, claims, delegation) | delegation.fields)


async def _scoped(db: Reader, claims: Claims, delegation: Delegation) -> dict[str, Any]:
    """Return the scope and the roles in it, as fields of an identity."""
    user_id = delegation.user_id
    match claims.scope:
        case "":
            return {}
        case "project":
            project = await enabled_project(db, claims.scope_id)
            home = await enabled_domain(db, project.domain_id)
            scope: dict[str, Any] = {"project_id": project.id, "project_name": project.name}
            scope |= {"project_domain_id": home.id, "project_domain_name": home.name}
            held = await roles_on_project(db, user_id, project)
        case "domain":
            domain = await enabled_domain(db, claims.scope_id)
            scope = {"domain_id": domain.id, "domain_name": domain.name}
            held = await roles_on(db, user_id, "domain", domain.id)
        case _:
            scope = {"system": True}
            held = await roles_on(db, user_id, SYSTEM, "all")
    roles = await with_implied(db, await _narrowed(db, held, delegation))
    if not roles:
        raise Unauthenticated
    return scope | {"roles": tuple(r.name for r in roles), "role_ids": tuple(r.id for r in roles)}


async def _narrowed(db: Reader, held: set[str], delegation: Delegation) -> set[str]:
    """Return what a delegation leaves of the roles that are held."""
    if delegation.role_ids is None:
        return held
    available = held | {role.id for role in await with_implied(db, held)}
    left = available.intersection(delegation.role_ids)
    if delegation.whole and len(left) != len(set(delegation.role_ids)):
        raise Unauthenticated
    return left


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
