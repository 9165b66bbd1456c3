"""Roles, what they imply, and who has them where."""

from typing import Any

import msgspec

from cumulo.core.db import Reader
from cumulo.core.errors import Duplicate
from cumulo.core.work import Work
from cumulo.services.identity.domain.authority import changed
from cumulo.services.identity.domain.people import require_group, require_user
from cumulo.services.identity.domain.projects import require_domain, require_project
from cumulo.services.identity.errors import (
    AssignmentNotFound,
    ImplicationNotFound,
    ImpliesItself,
    NameTaken,
    RoleNotFound,
    RoleOfOtherDomain,
)
from cumulo.services.identity.model import ApplicationCredential, Assignment, Implication, Role


class Grant(msgspec.Struct, frozen=True):
    """An actor on a target: whom, and on what, roles are assigned. `inherited`: to the projects below."""

    actor_type: str
    actor_id: str
    target_type: str
    target_id: str
    inherited: bool = False

    def where(self) -> tuple[Any, ...]:
        """Return the conditions for its assignments."""
        c = Assignment.c
        return (
            c.actor_type == self.actor_type,
            c.actor_id == self.actor_id,
            c.target_type == self.target_type,
            c.target_id == self.target_id,
            c.inherited == self.inherited,
        )


async def require_role(db: Reader, id: str) -> Role:
    """Return a role; raise RoleNotFound."""
    role = await db.get(Role, id)
    if role is None:
        raise RoleNotFound(id=id)
    return role


async def create_role(work: Work, role: Role) -> Role:
    """Insert a role; raise NameTaken."""
    if role.domain_id is not None:
        await require_domain(work.db, role.domain_id)
    try:
        await work.db.insert(role)
    except Duplicate as error:
        raise NameTaken(kind="role", name=role.name) from error
    return role


async def update_role(work: Work, role: Role, changes: dict[str, Any]) -> Role:
    """Write changed columns."""
    for name, value in changes.items():
        setattr(role, name, value)
    try:
        if changes:
            await work.db.save(role, *changes)
    except Duplicate as error:
        raise NameTaken(kind="role", name=role.name) from error
    await changed(work.db)
    return role


async def delete_role(work: Work, role: Role) -> None:
    """Delete a role, and with it its assignments and implications."""
    await work.db.delete(Role, Role.c.id == role.id)
    await changed(work.db)


async def imply(work: Work, prior_id: str, implied_id: str) -> None:
    """Have one role imply another; raise ImpliesItself for a circle, RoleNotFound."""
    await require_role(work.db, prior_id)
    await require_role(work.db, implied_id)
    rules = await work.db.all(Implication)
    reached, queue = {implied_id}, [implied_id]
    while queue:
        at = queue.pop()
        following = {rule.implied_id for rule in rules if rule.prior_id == at} - reached
        reached |= following
        queue += following
    if prior_id in reached:
        raise ImpliesItself(id=prior_id)
    if await work.db.get(Implication, (prior_id, implied_id)) is None:
        await work.db.insert(Implication(prior_id=prior_id, implied_id=implied_id))
        await changed(work.db)


async def require_implication(db: Reader, prior_id: str, implied_id: str) -> tuple[Role, Role]:
    """Return both roles of an implication; raise ImplicationNotFound, RoleNotFound."""
    prior, implied = await require_role(db, prior_id), await require_role(db, implied_id)
    if await db.get(Implication, (prior_id, implied_id)) is None:
        raise ImplicationNotFound(prior_id=prior_id, implied_id=implied_id)
    return prior, implied


async def end_implication(work: Work, prior_id: str, implied_id: str) -> None:
    """End an implication; raise ImplicationNotFound."""
    await require_implication(work.db, prior_id, implied_id)
    where = (Implication.c.prior_id == prior_id, Implication.c.implied_id == implied_id)
    await work.db.delete(Implication, *where)
    await changed(work.db)


async def implications(db: Reader) -> list[tuple[Role, list[Role]]]:
    """Return each role that implies others, with those, by name."""
    roles = {role.id: role for role in await db.all(Role, order_by=[Role.c.name])}
    found: dict[str, list[Role]] = {}
    for rule in await db.all(Implication):
        found.setdefault(rule.prior_id, []).append(roles[rule.implied_id])
    return [
        (role, sorted(found[role.id], key=lambda r: r.name)) for role in roles.values() if role.id in found
    ]


async def grant_parts(db: Reader, grant: Grant) -> dict[str, Any]:
    """Return the rows that a grant names, by kind, as policy targets have them; raise when one is missing."""
    actor = await (require_user if grant.actor_type == "user" else require_group)(db, grant.actor_id)
    parts: dict[str, Any] = {grant.actor_type: actor}
    if grant.target_type == "project":
        parts["project"] = await require_project(db, grant.target_id)
    elif grant.target_type == "domain":
        parts["domain"] = await require_domain(db, grant.target_id)
    return parts


async def granted(db: Reader, grant: Grant) -> list[Role]:
    """Return the roles that are assigned, by name."""
    ids = [row.role_id for row in await db.all(Assignment, *grant.where())]
    return await db.all(Role, Role.c.id.in_(ids), order_by=[Role.c.name]) if ids else []


async def require_grant(db: Reader, grant: Grant, role_id: str) -> None:
    """Raise AssignmentNotFound unless the role is assigned."""
    if not await db.exists(Assignment, *grant.where(), Assignment.c.role_id == role_id):
        raise _unassigned(grant, role_id)


async def assign(work: Work, grant: Grant, role_id: str) -> None:
    """Assign a role; nothing changes when it is assigned already. RoleOfOtherDomain."""
    role = await require_role(work.db, role_id)
    if grant.target_type == "project" and role.domain_id is not None:
        project = await require_project(work.db, grant.target_id)
        if project.domain_id != role.domain_id:
            raise RoleOfOtherDomain(project_id=project.id, role_id=role.id)
    if await work.db.exists(Assignment, *grant.where(), Assignment.c.role_id == role_id):
        return
    try:
        async with work.db.savepoint():
            await work.db.insert(Assignment(role_id=role_id, **msgspec.structs.asdict(grant)))
    except Duplicate:  # by somebody else, in this very moment
        return
    await changed(work.db)


async def unassign(work: Work, grant: Grant, role_id: str) -> None:
    """Take a role away; the user's application credentials on that project go with it."""
    if not await work.db.delete(Assignment, *grant.where(), Assignment.c.role_id == role_id):
        raise _unassigned(grant, role_id)
    if grant.actor_type == "user" and grant.target_type == "project":
        c = ApplicationCredential.c
        await work.db.delete(
            ApplicationCredential, c.user_id == grant.actor_id, c.project_id == grant.target_id
        )
    await changed(work.db)


def _unassigned(grant: Grant, role_id: str) -> AssignmentNotFound:
    return AssignmentNotFound(role_id=role_id, actor_id=grant.actor_id, target_id=grant.target_id)
