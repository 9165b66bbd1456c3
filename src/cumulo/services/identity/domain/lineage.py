"""The tree of projects: what lies above and below each, looked up in one statement whatever its depth.

A project's place never changes, so its lineage is written once, with the project.
"""

from typing import Any

import sqlalchemy

from cumulo.core.db import Reader, Transaction
from cumulo.services.identity.model import Lineage, Project


async def plant(db: Transaction, project: Project) -> None:
    """Insert a project, and what it lies below. Every new project comes in by here. Duplicate."""
    await db.insert(project)
    above = await db.rows(
        sqlalchemy.select(Lineage.c.ancestor_id).where(Lineage.c.project_id == project.parent_id)
    )
    ids = {project.domain_id, project.id, *(ancestor_id for (ancestor_id,) in above)}
    await db.insert_all([Lineage(ancestor_id=each, project_id=project.id) for each in sorted(ids)])


async def ancestors(db: Reader, project: Project) -> list[Project]:
    """Return the projects above a project, the nearest first."""
    if project.parent_id == project.domain_id:
        return []
    above = sqlalchemy.select(Lineage.c.ancestor_id).where(Lineage.c.project_id == project.id)
    rows = {row.id: row for row in await db.all(Project, Project.c.id.in_(above))}
    found: list[Project] = []
    while (row := rows.get(project.parent_id)) is not None:
        found.append(row)
        project = row
    return found


async def subtree(db: Reader, project: Project) -> list[Project]:
    """Return the projects below a project, level by level, each level by name."""
    below: dict[str, list[Project]] = {}
    for row in await db.all(Project, is_below(project.id), order_by=[Project.c.name]):
        below.setdefault(row.parent_id, []).append(row)
    level, found = [project.id], []
    while level:
        rows = sorted((row for above in level for row in below.get(above, ())), key=lambda row: row.name)
        found += rows
        level = [row.id for row in rows]
    return found


def is_below(id: str) -> Any:
    """Return the condition for projects below a project or domain."""
    below = sqlalchemy.select(Lineage.c.project_id).where(
        Lineage.c.ancestor_id == id, Lineage.c.project_id != id
    )
    return Project.c.id.in_(below)
