"""What roles imply, followed in the database: each question touches the rules that lead there, no others."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy

from cumulo.core.db import Reader
from cumulo.core.db.hints import in_order
from cumulo.services.identity.model import Implication, Role


async def implied_by(db: Reader, role_ids: Iterable[str]) -> dict[str, list[str]]:
    """Return, for each role, the ids of it and of all it implies; of a domain's own roles only the latter."""
    some = sorted(role_ids)
    given = Role.table.alias("given")
    start = sqlalchemy.select(given.c.id.label("root"), given.c.id.label("role_id")).where(
        given.c.id.in_(some)
    )
    found: dict[str, list[str]] = {}
    for root, role_id in await db.rows(_following(start)):
        found.setdefault(root, []).append(role_id)
    return found


def _following(start: Any) -> Any:
    """Ask for the pairs (root, role) that a select of such pairs leads to, global roles only, in order."""
    reach = start.cte("reach", recursive=True)
    reach = reach.union(
        sqlalchemy.select(reach.c.root, Implication.c.implied_id).where(
            Implication.c.prior_id == reach.c.role_id
        )
    )
    return (
        sqlalchemy.select(reach.c.root, reach.c.role_id)
        .select_from(in_order(reach, (Role.table, Role.c.id == reach.c.role_id)))
        .where(Role.c.domain_id.is_(None))
        .order_by(reach.c.root, reach.c.role_id)
    )


async def leading_to(db: Reader, role_id: str) -> list[str]:
    """Return the ids of a role and of all that imply it; none for a domain's own: it takes no effect."""
    asked = sqlalchemy.select(Role.c.id).where(Role.c.id == role_id, Role.c.domain_id.is_(None))
    prior = asked.cte("prior", recursive=True)
    prior = prior.union(
        sqlalchemy.select(Implication.c.prior_id).where(Implication.c.implied_id == prior.c.id)
    )
    return [prior_id for (prior_id,) in await db.rows(sqlalchemy.select(prior.c.id).order_by(prior.c.id))]


async def barren(db: Reader) -> list[str]:
    """Return the ids of the domains' own roles that imply no global one: they take effect nowhere."""
    own = await db.rows(sqlalchemy.select(Role.c.id).where(Role.c.domain_id.is_not(None)))
    ids = [role_id for (role_id,) in own]
    return sorted(set(ids) - (await implied_by(db, ids)).keys()) if ids else []
