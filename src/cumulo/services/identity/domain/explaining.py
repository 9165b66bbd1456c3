"""Whom a user would be in a scope, without logging in: to say why a call is allowed or refused."""

from datetime import timedelta

from cumulo.core import clock
from cumulo.core.auth import Identity
from cumulo.core.auth.tokens import Claims, audit_id
from cumulo.core.db import Reader
from cumulo.core.errors import Invalid, Unauthenticated
from cumulo.services.identity.domain.authority import identity_of
from cumulo.services.identity.domain.named import find_user, project_id_of
from cumulo.services.identity.errors import ProjectNotFound, UserNotFound
from cumulo.services.identity.model import Project
from cumulo.services.identity.schema.auth import ProjectNamed, UserNamed


async def identity_in(db: Reader, user: UserNamed, project: ProjectNamed | None, *, system: bool) -> Identity:
    """Return what a token of the user would stand for; raise UserNotFound, ProjectNotFound, Invalid."""
    found = await find_user(db, user)
    if found is None:
        raise UserNotFound(id=user.id or user.name)
    scope: tuple[str, str | None] = ("system", "all") if system else ("", None)
    if project is not None:
        project_id = await project_id_of(db, project)
        if project_id is None or await db.get(Project, project_id) is None:
            raise ProjectNotFound(id=project.id or project.name)
        scope = ("project", project_id)
    now = clock.now()
    claims = Claims(
        user_id=found.id,
        generation=found.generation,
        methods=("password",),
        scope=scope[0],
        scope_id=scope[1],
        issued_at=now,
        expires_at=now + timedelta(minutes=1),
        audit_ids=(audit_id(),),
    )
    try:
        return await identity_of(db, claims)
    except Unauthenticated as error:
        raise Invalid("The user has no role there, or it or the place is disabled.") from error
