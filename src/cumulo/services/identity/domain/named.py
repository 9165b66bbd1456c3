"""Finding what a login request names, by id or by name and domain."""

from typing import Any

import sqlalchemy

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


async def domain_id_of(db: Reader, named: Named) -> str | None:
    """Return the id of the domain that a scope names; by an id, whether or not there is one."""
    if named.id is not None:
        return named.id
    domain = await find_domain(db, named)
    return None if domain is None else domain.id


async def project_id_of(db: Reader, named: ProjectNamed) -> str | None:
    """Return the id of the project that a scope names; by an id, whether or not there is one."""
    if named.id is not None:
        return named.id
    if named.name is None or named.domain is None:
        raise Invalid(_EXPECTED.format("domain" if named.name else "id or name", "project"))
    domain_id = await domain_id_of(db, named.domain)
    found = await db.answer(_project_of_name, domain_id=domain_id, name=named.name)
    return found[0][0] if found else None


def _project_of_name() -> Any:
    p = Project.c
    return sqlalchemy.select(p.id).where(
        p.domain_id == sqlalchemy.bindparam("domain_id", type_=p.domain_id.type),
        p.name == sqlalchemy.bindparam("name", type_=p.name.type),
    )
