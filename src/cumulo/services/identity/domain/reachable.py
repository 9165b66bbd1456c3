"""What a user may log in to: the projects and domains on which it has a role, by whichever way."""

from functools import lru_cache
from typing import Any

import sqlalchemy

from cumulo.core.auth import Identity
from cumulo.core.db import Reader
from cumulo.services.identity.errors import ProjectNotFound
from cumulo.services.identity.model import Assignment, Lineage, Membership, Project


async def require_reachable(db: Reader, identity: Identity, project_id: str) -> None:
    """Raise ProjectNotFound for a project that is not there, or not for this caller: it has no role on it."""
    where = [Project.c.id == project_id]
    if not identity.is_admin and project_id != identity.project_id:
        reached = reachable_projects(identity.user_id or "")
        where.append(Project.c.id.in_(sqlalchemy.select(reached.c.id)))
    if not await db.exists(Project, *where):
        raise ProjectNotFound(id=project_id)


@lru_cache(1024)  # it takes longer to write than to answer
def reachable_projects(user_id: str) -> Any:
    """Return a subquery of the ids of the projects on which a user has a role, inherited ones included."""
    a, line = Assignment.c, Lineage.c
    below = (
        a.inherited == sqlalchemy.true(),
        line.ancestor_id == a.target_id,
        line.project_id != a.target_id,
    )
    own = (a.inherited == sqlalchemy.false(), a.target_type == "project")
    selects = [
        sqlalchemy.select(project_id.label("id")).where(*actor, *place)
        for actor in _actors(user_id)
        for project_id, place in ((a.target_id, own), (line.project_id, below))
    ]
    return sqlalchemy.union(*selects).subquery("reached")


@lru_cache(1024)  # as above
def reachable_domains(user_id: str) -> Any:
    """Return a subquery of the ids of the domains on which a user has a role."""
    a = Assignment.c
    place = (a.inherited == sqlalchemy.false(), a.target_type == "domain")
    asked = sqlalchemy.select(a.target_id.label("id"))
    reached = sqlalchemy.union(*[asked.where(*actor, *place) for actor in _actors(user_id)])
    return reached.subquery("reached")


def _actors(user_id: str) -> list[tuple[Any, ...]]:
    a = Assignment.c
    groups = sqlalchemy.select(Membership.c.group_id).where(Membership.c.user_id == user_id)
    return [
        (a.actor_type == "user", a.actor_id == user_id),
        (a.actor_type == "group", a.actor_id.in_(groups)),
    ]
