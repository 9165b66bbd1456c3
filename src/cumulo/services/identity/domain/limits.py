"""Unified limits.

In the flat model each stands for itself; in the strict one of two levels no project may have more than its
domain (or, below a project, than that project).
"""

from typing import Any

import sqlalchemy

from cumulo.core.db import Reader, Transaction
from cumulo.core.work import Work
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain.catalog import require_service
from cumulo.services.identity.domain.projects import require_domain, require_project
from cumulo.services.identity.errors import (
    AlreadyThere,
    LimitBreaksTree,
    LimitUnregistered,
    RegionNotFound,
    RegisteredLimitInUse,
)
from cumulo.services.identity.model import Limit, Project, Region, RegisteredLimit

Place = tuple[str, str | None, str]  # service, region, resource


async def _hold(db: Transaction, service_id: str) -> None:
    """Have whoever else changes the limits of a service wait until the transaction ends."""
    await db.lock(f"identity.limits:{service_id}")


async def _at(
    db: Reader, service_id: str, region_id: str | None, resource_name: str
) -> RegisteredLimit | None:
    c = RegisteredLimit.c
    where = (c.service_id == service_id, c.region_id.is_not_distinct_from(region_id))
    return await db.one(RegisteredLimit, *where, c.resource_name == resource_name)


async def register(work: Work, row: RegisteredLimit) -> RegisteredLimit:
    """Insert a registered limit; raise AlreadyThere, ServiceNotFound, RegionNotFound."""
    await _check_place(work.db, row.service_id, row.region_id)
    await _hold(work.db, row.service_id)
    if await _at(work.db, row.service_id, row.region_id, row.resource_name) is not None:
        raise AlreadyThere(kind="registered_limit", id=row.resource_name)
    await work.db.insert(row)
    return row


async def _check_place(db: Reader, service_id: str, region_id: str | None) -> None:
    await require_service(db, service_id)
    if region_id is not None and await db.get(Region, region_id) is None:
        raise RegionNotFound(id=region_id)


async def change_registered(work: Work, row: RegisteredLimit, changes: dict[str, Any]) -> RegisteredLimit:
    """Change a registered limit; what it is about only while no limit refers to it."""
    before = (row.service_id, row.region_id, row.resource_name)
    for name, value in changes.items():
        setattr(row, name, value)
    place = (row.service_id, row.region_id, row.resource_name)
    if place != before:
        for service_id in sorted({before[0], row.service_id}):
            await _hold(work.db, service_id)
        await _check_unused(work.db, row.id)
        await _check_place(work.db, row.service_id, row.region_id)
        if await _at(work.db, *place) is not None:
            raise AlreadyThere(kind="registered_limit", id=row.resource_name)
    if changes:
        await work.db.save(row, *changes)
    return row


async def _check_unused(db: Reader, id: str) -> None:
    if await db.exists(Limit, Limit.c.registered_limit_id == id):
        raise RegisteredLimitInUse(id=id)


async def unregister(work: Work, row: RegisteredLimit) -> None:
    """Delete a registered limit that no limit refers to."""
    await _hold(work.db, row.service_id)
    await _check_unused(work.db, row.id)
    await work.db.delete(RegisteredLimit, RegisteredLimit.c.id == row.id)


async def create_limit(work: Work, place: Place, row: Limit) -> Limit:
    """Insert a limit for what is registered; raise LimitUnregistered, AlreadyThere, LimitBreaksTree."""
    if row.project_id is not None:
        await require_project(work.db, row.project_id)
    if row.domain_id is not None:
        await require_domain(work.db, row.domain_id)
    await _check_place(work.db, place[0], place[1])
    await _hold(work.db, place[0])
    registered = await _at(work.db, *place)
    if registered is None:
        raise LimitUnregistered
    row.registered_limit_id = registered.id
    if await _of(work.db, registered.id, row.project_id, row.domain_id) is not None:
        raise AlreadyThere(kind="limit", id=row.project_id or row.domain_id)
    await _check_tree(work, registered, row)
    await work.db.insert(row)
    return row


async def change_limit(work: Work, row: Limit, changes: dict[str, Any]) -> Limit:
    """Change a limit; raise LimitBreaksTree."""
    for name, value in changes.items():
        setattr(row, name, value)
    registered = await work.db.get(RegisteredLimit, row.registered_limit_id)
    if registered is not None:
        await _hold(work.db, registered.service_id)
        await _check_tree(work, registered, row)
    if changes:
        await work.db.save(row, *changes)
    return row


async def _of(db: Reader, registered_id: str, project_id: str | None, domain_id: str | None) -> Limit | None:
    c = Limit.c
    return await db.one(
        Limit,
        c.registered_limit_id == registered_id,
        c.project_id.is_not_distinct_from(project_id),
        c.domain_id.is_not_distinct_from(domain_id),
    )


async def _check_tree(work: Work, registered: RegisteredLimit, row: Limit) -> None:
    """In the strict model, hold a limit against its parent's and its children's."""
    if work.use(IdentitySettings).limit_model == "flat":
        return
    db, parent = work.db, None
    if row.project_id is not None:
        project = await require_project(db, row.project_id)
        if project.parent_id == project.domain_id:
            parent = await _of(db, registered.id, None, project.domain_id)
        else:
            parent = await _of(db, registered.id, project.parent_id, None)
        most = registered.default_limit if parent is None else parent.resource_limit
        if row.resource_limit > most:
            raise LimitBreaksTree(limit=row.resource_limit, reason=f"the parent may hold {most}")
    children = sqlalchemy.select(Project.c.id).where(Project.c.parent_id == (row.project_id or row.domain_id))
    c = Limit.c
    below = await db.all(Limit, c.registered_limit_id == registered.id, c.project_id.in_(children))
    highest = max((each.resource_limit for each in below), default=0)
    if highest > row.resource_limit:
        raise LimitBreaksTree(limit=row.resource_limit, reason=f"a child may hold {highest}")
