"""Listing role assignments, as they are stored or as they take effect."""

from collections.abc import Iterable

import msgspec

from cumulo.core.db import Reader
from cumulo.services.identity.domain.authority import ancestors, with_implied
from cumulo.services.identity.model import Assignment, Membership, Project, Role


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which assignments to list; None asks for any."""

    role_id: str | None = None
    user_id: str | None = None
    group_id: str | None = None
    project_id: str | None = None
    domain_id: str | None = None
    system: bool = False
    inherited: bool | None = None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A role that somebody has somewhere. `source` is the assignment that it stems from."""

    role_id: str
    actor_type: str
    actor_id: str
    target_type: str
    target_id: str
    inherited: bool
    source: Assignment

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two of them the same in effect."""
        return (self.role_id, self.actor_type, self.actor_id, self.target_type, self.target_id)


async def list_assignments(db: Reader, wanted: Wanted, *, effective: bool) -> list[Held]:
    """Return assignments as stored, or with groups, inheritance and implied roles followed."""
    c = Assignment.c
    stored = await db.all(Assignment, order_by=[c.actor_type, c.actor_id, c.target_type, c.target_id])
    held = [_as_stored(row) for row in stored]
    if effective:
        held = await _in_effect(db, held)
    return [each for each in held if _matches(each, wanted)]


def _as_stored(row: Assignment) -> Held:
    return Held(
        role_id=row.role_id,
        actor_type=row.actor_type,
        actor_id=row.actor_id,
        target_type=row.target_type,
        target_id=row.target_id,
        inherited=row.inherited,
        source=row,
    )


def _matches(held: Held, wanted: Wanted) -> bool:
    asked = {
        "role_id": wanted.role_id,
        "inherited": wanted.inherited,
    }
    if any(value is not None and getattr(held, name) != value for name, value in asked.items()):
        return False
    places = {
        ("actor_type", "user", "actor_id"): wanted.user_id,
        ("actor_type", "group", "actor_id"): wanted.group_id,
        ("target_type", "project", "target_id"): wanted.project_id,
        ("target_type", "domain", "target_id"): wanted.domain_id,
        ("target_type", "system", "target_id"): "all" if wanted.system else None,
    }
    return all(
        getattr(held, kind) == noun and getattr(held, name) == value
        for (kind, noun, name), value in places.items()
        if value is not None
    )


async def _in_effect(db: Reader, stored: Iterable[Held]) -> list[Held]:
    members: dict[str, list[str]] = {}
    for row in await db.all(Membership):
        members.setdefault(row.group_id, []).append(row.user_id)
    below = await _below(db)
    implied: dict[str, list[Role]] = {}
    found: dict[tuple[str, ...], Held] = {}
    for held in stored:
        if held.role_id not in implied:
            implied[held.role_id] = await with_implied(db, [held.role_id])
        users = [held.actor_id] if held.actor_type == "user" else members.get(held.actor_id, [])
        places = [(held.target_type, held.target_id)]
        if held.inherited:
            places = [("project", each) for each in below.get(held.target_id, [])]
        for user_id in users:
            for target_type, target_id in places:
                for role in implied[held.role_id]:
                    one = Held(
                        role_id=role.id,
                        actor_type="user",
                        actor_id=user_id,
                        target_type=target_type,
                        target_id=target_id,
                        inherited=held.inherited,
                        source=held.source,
                    )
                    found.setdefault(one.key, one)
    return list(found.values())


async def _below(db: Reader) -> dict[str, list[str]]:
    """Return, for each domain and project, the ids of all the projects below it."""
    found: dict[str, list[str]] = {}
    for project in await db.all(Project):
        for above in (project.domain_id, *[p.id for p in await ancestors(db, project)]):
            found.setdefault(above, []).append(project.id)
    return found
