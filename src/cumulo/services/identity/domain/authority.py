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
from cumulo.core.db.hints import in_order
from cumulo.core.errors import Unauthenticated
from cumulo.services.identity.domain.delegations import Delegation, delegation_of
from cumulo.services.identity.model import (
    SYSTEM,
    Assignment,
    Domain,
    Implication,
    Lineage,
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
    delegation = await delegation_of(db, claims)
    found = await db.answer(_user, user_id=claims.user_id, audit_id=claims.audit_ids[0])
    if not found:
        raise Unauthenticated
    name, password_expires_at, generation, home_id, home_name, is_usable = found[0]
    if not is_usable or claims.generation != generation + delegation.generation:
        raise Unauthenticated
    until = delegation.until or claims.expires_at
    known: dict[str, Any] = {
        "user_id": claims.user_id,
        "user_name": name,
        "user_domain_id": home_id,
        "user_domain_name": home_name,
        "password_expires_at": password_expires_at,
        "methods": claims.methods,
        "issued_at": claims.issued_at,
        "expires_at": min(claims.expires_at, until.replace(microsecond=0)),
        "audit_ids": claims.audit_ids,
    }
    return Identity(**known | await _scoped(db, claims, delegation) | delegation.fields)


def _user() -> Any:
    """Ask for a user, its domain, and whether both are enabled and a token of it was not revoked."""
    u, home = User.c, Domain.c
    revoked = sqlalchemy.exists().where(RevokedToken.c.audit_id == _given("audit_id"))
    usable = sqlalchemy.and_(u.enabled.is_(True), home.enabled.is_(True), ~revoked)
    return (
        sqlalchemy.select(
            u.name, u.password_expires_at, u.generation, home.id, home.name, usable.label("is_usable")
        )
        .join_from(User.table, Domain.table, home.id == u.domain_id)
        .where(u.id == _given("user_id"))
    )


async def _scoped(db: Reader, claims: Claims, delegation: Delegation) -> dict[str, Any]:
    """Return the scope and the roles in it, as fields of an identity."""
    if claims.scope == "":
        return {}
    scope, is_usable = await _place(db, claims.scope, claims.scope_id or "")
    if not is_usable:
        raise Unauthenticated
    roles = await _roles_in_effect(db, delegation, claims.scope, claims.scope_id or "")
    if not roles:
        raise Unauthenticated
    ids, names = zip(*roles, strict=True)
    return scope | {"roles": names, "role_ids": ids}


async def _place(db: Reader, scope: str, id: str) -> tuple[dict[str, Any], bool]:
    """Return a scope as fields of an identity, and whether it is enabled."""
    if scope == SYSTEM:
        return {"system": True}, True
    if scope == "domain":
        domain = await db.get(Domain, id)
        named = {} if domain is None else {"domain_id": domain.id, "domain_name": domain.name}
        return named, domain is not None and domain.enabled
    found = await db.answer(_project, project_id=id)
    if not found:
        return {}, False
    name, home_id, home_name, is_usable = found[0]
    fields = {"project_id": id, "project_name": name}
    return fields | {"project_domain_id": home_id, "project_domain_name": home_name}, is_usable


def _project() -> Any:
    """Ask for a project and its domain, and whether both are enabled."""
    p, home = Project.c, Domain.c
    usable = sqlalchemy.and_(p.enabled.is_(True), home.enabled.is_(True))
    return (
        sqlalchemy.select(p.name, home.id, home.name, usable.label("is_usable"))
        .join_from(Project.table, Domain.table, home.id == p.domain_id)
        .where(p.id == _given("project_id"))
    )


async def _roles_in_effect(db: Reader, delegation: Delegation, scope: str, id: str) -> list[tuple[str, str]]:
    """Return id and name of each role of a token, by name."""
    if delegation.role_ids is None:
        question = _roles_of_project if scope == "project" else _roles_elsewhere
        about = {"user_id": delegation.user_id, "target_type": scope, "target_id": id}
        return [(role_id, name) for role_id, name in await db.answer(question, **about)]
    held = await _held(db, delegation.user_id, scope, id)
    roles = await with_implied(db, await _narrowed(db, held, delegation))
    return [(role.id, role.name) for role in roles]


async def _narrowed(db: Reader, held: set[str], delegation: Delegation) -> set[str]:
    """Return what a delegation leaves of the roles that are held."""
    if delegation.role_ids is None:
        return held
    available = held | {role.id for role in await with_implied(db, held)}
    left = available.intersection(delegation.role_ids)
    if delegation.whole and len(left) != len(set(delegation.role_ids)):
        raise Unauthenticated
    return left


async def enabled_project(db: Reader, id: str | None) -> Project:
    """Return a project that exists and is enabled; raise Unauthenticated."""
    project = await db.get(Project, id) if id is not None else None
    if project is None or not project.enabled:
        raise Unauthenticated
    return project


async def roles_on(db: Reader, user_id: str, target_type: str, target_id: str) -> set[str]:
    """Return the ids of the roles assigned to a user, directly or by a group, on a domain or the system."""
    return await _held(db, user_id, target_type, target_id)


async def roles_on_project(db: Reader, user_id: str, project: Project) -> set[str]:
    """Return the ids of the roles assigned to a user on a project, those inherited from above included."""
    return await _held(db, user_id, "project", project.id)


async def _held(db: Reader, user_id: str, scope: str, id: str) -> set[str]:
    question = _assigned_on_project if scope == "project" else _assigned_elsewhere
    rows = await db.answer(question, user_id=user_id, target_type=scope, target_id=id)
    return {role_id for (role_id,) in rows}


def _given(name: str) -> Any:
    return sqlalchemy.bindparam(name, type_=User.c.id.type)


def _assignments(*, inherited: bool) -> list[Any]:
    """Return selects of the roles that reach a user at a target: by itself, and by its groups.

    Each goes by one target and one actor at a time into an index: none grows with the table.
    """
    a, target = Assignment.c, _given("target_id")
    groups = sqlalchemy.select(Membership.c.group_id).where(Membership.c.user_id == _given("user_id"))
    above = sqlalchemy.select(Lineage.c.ancestor_id).where(
        Lineage.c.project_id == target, Lineage.c.ancestor_id != target
    )
    there = [
        (a.target_id == target, a.inherited == sqlalchemy.false(), a.target_type == _given("target_type"))
    ]
    if inherited:
        there.append((a.target_id.in_(above), a.inherited == sqlalchemy.true(), a.target_type != SYSTEM))
    actors = [
        (a.actor_type == "user", a.actor_id == _given("user_id")),
        (a.actor_type == "group", a.actor_id.in_(groups)),
    ]
    return [sqlalchemy.select(a.role_id).where(*place, *actor) for place in there for actor in actors]


def _assigned_on_project() -> Any:
    return sqlalchemy.union(*_assignments(inherited=True))


def _assigned_elsewhere() -> Any:
    return sqlalchemy.union(*_assignments(inherited=False))


def _roles_of_project() -> Any:
    return _in_effect(_assignments(inherited=True))


def _roles_elsewhere() -> Any:
    return _in_effect(_assignments(inherited=False))


def _in_effect(assigned: list[Any]) -> Any:
    """Ask for id and name of these roles and all they imply; a domain's own count for what they imply."""
    own = sqlalchemy.union_all(*assigned).subquery("own")
    held = sqlalchemy.select(own.c.role_id).cte("held", recursive=True)
    following = sqlalchemy.select(Implication.c.implied_id).where(Implication.c.prior_id == held.c.role_id)
    reached = held.union(following)
    return (
        sqlalchemy.select(Role.c.id, Role.c.name)
        .select_from(in_order(reached, (Role.table, Role.c.id == reached.c.role_id)))
        .where(Role.c.domain_id.is_(None))
        .order_by(Role.c.name)
    )


async def with_implied(db: Reader, role_ids: Iterable[str]) -> list[Role]:
    """Return these roles and all that they imply, by name; a domain's own role only for what it implies."""
    wanted = sorted(set(role_ids))
    if not wanted:
        return []
    given = sqlalchemy.select(Role.c.id).where(Role.c.id.in_(wanted)).cte("given", recursive=True)
    reached = given.union(
        sqlalchemy.select(Implication.c.implied_id).where(Implication.c.prior_id == given.c.id)
    )
    where = (Role.c.id.in_(sqlalchemy.select(reached.c.id)), Role.c.domain_id.is_(None))
    return await db.all(Role, *where, order_by=[Role.c.name])
