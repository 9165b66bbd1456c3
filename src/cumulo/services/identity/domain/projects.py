"""Domains and the projects in them."""

from typing import Any, TypeVar

import sqlalchemy

from cumulo.core.db import Reader
from cumulo.core.errors import Duplicate
from cumulo.core.work import Work
from cumulo.services.identity.domain.authority import changed
from cumulo.services.identity.domain.delegations import end_trusts
from cumulo.services.identity.domain.lineage import ancestors, is_below, plant
from cumulo.services.identity.errors import (
    DefaultDomainIndelible,
    DomainEnabled,
    DomainNotFound,
    NameTaken,
    ProjectHasChildren,
    ProjectNotFound,
    ProjectParentDisabled,
    ProjectTooDeep,
    ProjectTreeEnabled,
    WrongDomain,
)
from cumulo.services.identity.model import (
    DEFAULT_DOMAIN,
    AccessToken,
    ApplicationCredential,
    Assignment,
    Credential,
    Domain,
    Group,
    Limit,
    Lineage,
    Project,
    ProjectEndpoint,
    ProjectEndpointGroup,
    Role,
    Trust,
    User,
)

M = TypeVar("M", Domain, Project)

DEEPEST = 6  # levels that a new project may have above it, the domain's included, as Keystone has it


async def require_domain(db: Reader, id: str) -> Domain:
    """Return a domain; raise DomainNotFound."""
    domain = await db.get(Domain, id)
    if domain is None:
        raise DomainNotFound(id=id)
    return domain


async def require_project(db: Reader, id: str) -> Project:
    """Return a project; raise ProjectNotFound."""
    project = await db.get(Project, id)
    if project is None:
        raise ProjectNotFound(id=id)
    return project


def as_project(domain: Domain) -> Project:
    """Return a domain as the project that it acts as: one without a domain and a parent of its own."""
    return Project(
        id=domain.id,
        domain_id="",
        parent_id="",
        name=domain.name,
        description=domain.description,
        enabled=domain.enabled,
        tags=domain.tags,
        extra=domain.extra,
    )


def acts_as_domain(project: Project) -> bool:
    """Say whether a project is a domain's shape, not a row of its own."""
    return not project.domain_id


async def create_domain(work: Work, domain: Domain) -> Domain:
    """Insert a domain; raise NameTaken."""
    try:
        await work.db.insert(domain)
    except Duplicate as error:
        raise NameTaken(kind="domain", name=domain.name) from error
    return domain


async def update_domain(work: Work, domain: Domain, changes: dict[str, Any]) -> Domain:
    """Write changed columns; disabling a domain stops all its users and projects."""
    return await _save(work, domain, changes, "domain")


async def delete_domain(work: Work, domain: Domain) -> None:
    """Delete a disabled domain with all its users, groups, projects and roles."""
    if domain.id == DEFAULT_DOMAIN:
        raise DefaultDomainIndelible
    if domain.enabled:
        raise DomainEnabled
    db, c = work.db, Assignment.c
    inside = {
        kind: sqlalchemy.select(kind.c.id).where(kind.c.domain_id == domain.id) for kind in (User, Group)
    }
    await db.delete(Assignment, c.actor_type == "user", c.actor_id.in_(inside[User]))
    await db.delete(Assignment, c.actor_type == "group", c.actor_id.in_(inside[Group]))
    await db.delete(Assignment, c.target_type == "domain", c.target_id == domain.id)
    await db.delete(Credential, Credential.c.user_id.in_(inside[User]))
    of_users = Trust.c.trustor_user_id.in_(inside[User]) | Trust.c.trustee_user_id.in_(inside[User])
    await end_trusts(db, of_users)
    for project in await db.all(Project, Project.c.domain_id == domain.id):
        await _remove_project(work, project)
    await db.delete(Limit, Limit.c.domain_id == domain.id)
    for kind in (User, Group, Role):
        await db.delete(kind, kind.c.domain_id == domain.id)
    await db.delete(Domain, Domain.c.id == domain.id)
    await changed(db)


async def create_project(work: Work, project: Project) -> Project:
    """Insert a project.

    Raises NameTaken, DomainNotFound, ProjectNotFound for its parent, WrongDomain, ProjectTooDeep.
    """
    await require_domain(work.db, project.domain_id)
    if project.parent_id != project.domain_id:
        parent = await require_project(work.db, project.parent_id)
        if parent.domain_id != project.domain_id:
            raise WrongDomain(parent_id=parent.id, domain_id=project.domain_id)
        if await work.db.count(Lineage, Lineage.c.project_id == parent.id) > DEEPEST:
            raise ProjectTooDeep(id=parent.id)
    try:
        await plant(work.db, project)
    except Duplicate as error:
        raise _taken(project) from error
    return project


async def update_project(work: Work, project: Project, changes: dict[str, Any]) -> Project:
    """Write changed columns; a disabled project's tokens are refused at once.

    A project is not disabled above an enabled one, and not enabled below a disabled one.
    """
    enabled = changes.get("enabled", project.enabled)
    busy = (is_below(project.id), Project.c.enabled.is_(True))
    if project.enabled and not enabled and await work.db.exists(Project, *busy):
        raise ProjectTreeEnabled(id=project.id)
    if not project.enabled and enabled and not all(e.enabled for e in await ancestors(work.db, project)):
        raise ProjectParentDisabled(id=project.id)
    return await _save(work, project, changes, "project")


async def delete_project(work: Work, project: Project) -> None:
    """Delete a project that has no projects below it, with its assignments and application credentials."""
    if await work.db.exists(Project, Project.c.parent_id == project.id):
        raise ProjectHasChildren(id=project.id)
    await _remove_project(work, project)
    await changed(work.db)


def chained(ids: list[str]) -> dict[str, Any] | None:
    """Return ids as `{first: {second: … None}}`; None for none."""
    return {ids[0]: chained(ids[1:])} if ids else None


def branched(root: str, rows: list[Project]) -> dict[str, Any] | None:
    """Return the ids below one as a tree of the same form; rows: all that lie there, level by level."""
    inside: dict[str, dict[str, Any]] = {root: {}}
    for row in rows:
        inside[row.id] = {}
        inside[row.parent_id][row.id] = inside[row.id]
    for branch in inside.values():
        branch.update({each: None for each, below in branch.items() if not below})
    return inside[root] or None


async def _remove_project(work: Work, project: Project) -> None:
    db, c = work.db, Assignment.c
    await db.delete(Assignment, c.target_type == "project", c.target_id == project.id)
    await db.delete(ApplicationCredential, ApplicationCredential.c.project_id == project.id)
    await db.delete(Credential, Credential.c.project_id == project.id)
    await db.delete(AccessToken, AccessToken.c.project_id == project.id)
    await end_trusts(db, Trust.c.project_id == project.id)
    for link in (ProjectEndpoint, ProjectEndpointGroup, Limit):
        await db.delete(link, link.c.project_id == project.id)
    await db.update(User, User.c.default_project_id == project.id, default_project_id=None)
    await db.delete(Project, Project.c.id == project.id)


async def _save(work: Work, row: M, changes: dict[str, Any], kind: str) -> M:
    for name, value in changes.items():
        setattr(row, name, value)
    try:
        if changes:
            await work.db.save(row, *changes)
    except Duplicate as error:
        taken = _taken(row) if isinstance(row, Project) else NameTaken(kind=kind, name=row.name)
        raise taken from error
    await changed(work.db)
    return row


def _taken(project: Project) -> NameTaken:
    return NameTaken(kind="project", name=project.name, where=f" at domain ID {project.domain_id}")
