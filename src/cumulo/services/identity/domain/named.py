"""Finding what a login request names, by id or by name and domain."""

from cumulo.core.db import Reader
from cumulo.core.errors import Invalid
from cumulo.services.identity.model import Domain, Project, User
from cumulo.services.identity.schema.auth import Named, ProjectNamed, UserNamed

_EXPECTED = "Expecting to find {} in {}."


async def find_user(db: Reader, named: UserNamed) -> User | None:
    """Return the user that a request names, of an enabled domain; None when there is none."""
    if named.id is not None:
        user = await db.get(User, named.id)
        domain = await db.get(Domain, user.domain_id) if user is not None else None
        return user if domain is not None and domain.enabled else None
    if named.name is None or named.domain is None:
        raise Invalid(_EXPECTED.format("domain" if named.name else "id or name", "user"))
    domain = await find_domain(db, named.domain)
    if domain is None or not domain.enabled:
        return None
    return await db.one(User, User.c.domain_id == domain.id, User.c.name == named.name)


async def find_domain(db: Reader, named: Named) -> Domain | None:
    """Return the domain that a request names; None when there is none."""
    if named.id is not None:
        return await db.get(Domain, named.id)
    if named.name is None:
        raise Invalid(_EXPECTED.format("id or name", "domain"))
    return await db.one(Domain, Domain.c.name == named.name)


async def find_project(db: Reader, named: ProjectNamed) -> Project | None:
    """Return the project that a request names; None when there is none."""
    if named.id is not None:
        return await db.get(Project, named.id)
    if named.name is None or named.domain is None:
        raise Invalid(_EXPECTED.format("domain" if named.name else "id or name", "project"))
    domain = await find_domain(db, named.domain)
    if domain is None:
        return None
    return await db.one(Project, Project.c.domain_id == domain.id, Project.c.name == named.name)
