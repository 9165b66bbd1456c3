"""A large identity, written straight into a scratch cloud's database: its lists must cost what few rows cost.

100,000 users, 5,000 groups with 210,000 memberships, 10,000 projects in trees of 20 domains, and 300,000 role
assignments: to users and groups, on projects, domains and the system, a tenth of them inherited. One user,
one group, one project and one role have far more than the others.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from cumulo.core.db import Database, Model
from cumulo.services.identity.model import Assignment, Domain, Group, Lineage, Membership, Project, Role, User

USERS = 100_000
GROUPS = 5_000
PROJECTS = 10_000
DOMAINS = 20
ASSIGNMENTS = 300_000
CROWD = 10_000  # members of the largest group
FAN = 10  # projects below one
BATCH = 10_000  # rows of a transaction


class Landmarks(msgspec.Struct, frozen=True, kw_only=True):
    """Ids to ask for: those with the most behind them."""

    user: str
    group: str
    project: str
    domain: str
    role: str


async def populate(database: Database) -> Landmarks:
    """Fill a founded cloud's database, whether or not a server runs on it. Takes some seconds."""
    async with database.read() as db:
        roles = {role.name: role.id for role in await db.all(Role)}
    for rows in (_domains(), _users(), _groups(), _memberships(), _projects(), _lineage()):
        await _insert(database, rows)
    await _insert(database, _assignments(roles))
    return Landmarks(
        user=_id("a", 0), group=_id("b", 0), project=_id("c", 0), domain=_id("d", 0), role=roles["manager"]
    )


async def _insert(database: Database, rows: Iterator[Model]) -> None:
    while batch := list(islice(rows, BATCH)):
        async with database.begin() as db:
            await db.insert_all(batch)


def _id(kind: str, number: int) -> str:
    return f"{kind}{number:031x}"


def _home(number: int) -> int:
    """Return the domain of the nth user, group or project: the first has half of all."""
    return 0 if number % 2 == 0 else number % DOMAINS


def _domains() -> Iterator[Model]:
    for number in range(DOMAINS):
        yield Domain(id=_id("d", number), name=f"domain-{number}")


def _users() -> Iterator[Model]:
    for number in range(USERS):
        yield User(
            id=_id("a", number),
            domain_id=_id("d", _home(number)),
            name=f"user-{number}",
            email=f"user-{number}@example.org",
        )


def _groups() -> Iterator[Model]:
    for number in range(GROUPS):
        yield Group(id=_id("b", number), domain_id=_id("d", _home(number)), name=f"group-{number}")


def _memberships() -> Iterator[Model]:
    """Yield a crowd in the first group, and every user in two others."""
    for number in range(CROWD):
        yield Membership(group_id=_id("b", 0), user_id=_id("a", number))
    for number in range(USERS):
        for group in {1 + number % (GROUPS - 1), 1 + number * 7 % (GROUPS - 1)}:
            yield Membership(group_id=_id("b", group), user_id=_id("a", number))


def _parent(number: int) -> int | None:
    """Return the project above the nth, in the same domain; the even ones all lie below the first."""
    if number % 2 == 0:
        return None if number == 0 else (number // 2 - 1) // FAN * 2
    return None


def _projects() -> Iterator[Model]:
    for number in range(PROJECTS):
        domain, parent = _id("d", _home(number)), _parent(number)
        yield Project(
            id=_id("c", number),
            domain_id=domain,
            parent_id=domain if parent is None else _id("c", parent),
            name=f"project-{number}",
        )


def _lineage() -> Iterator[Model]:
    for number in range(PROJECTS):
        above: int | None = number
        while above is not None:
            yield Lineage(ancestor_id=_id("c", above), project_id=_id("c", number))
            above = _parent(above)
        yield Lineage(ancestor_id=_id("d", _home(number)), project_id=_id("c", number))


def _assignments(roles: dict[str, str]) -> Iterator[Model]:
    """Return as many as there shall be: the first user's and the first project's, then everybody's."""
    return islice(_all(roles), ASSIGNMENTS)


def _all(roles: dict[str, str]) -> Iterator[Model]:
    reader, member, manager = roles["reader"], roles["member"], roles["manager"]
    yield _assigned("user", 0, "domain", _id("d", 0), member, inherited=True)
    yield _assigned("group", 0, "domain", _id("d", 0), reader, inherited=True)
    yield _assigned("group", 0, "project", _id("c", 0), member, inherited=True)
    for number in range(1, 2001):
        yield _assigned("user", 0, "project", _id("c", number), member)
        yield _assigned("user", number, "project", _id("c", 0), reader)
        yield _assigned("user", number, "domain", _id("d", 0), reader)
        yield _assigned("user", number, "system", "all", reader)
    for number in range(GROUPS):
        for step, inherited in enumerate((False, False, False, False, False, True)):
            place = (number * 31 + step * 1009) % PROJECTS
            yield _assigned("group", number, "project", _id("c", place), member, inherited=inherited)
    for number in range(1, USERS * 3):
        user, place = number % USERS, (number * 7 + number // USERS) % PROJECTS
        role: Sequence[str] = (member, reader, manager)
        yield _assigned(
            "user", user, "project", _id("c", place), role[number // USERS], inherited=number % 10 == 0
        )


def _assigned(
    actor_type: str, actor: int, target_type: str, target_id: str, role_id: str, *, inherited: bool = False
) -> Assignment:
    return Assignment(
        actor_type=actor_type,
        actor_id=_id("a" if actor_type == "user" else "b", actor),
        target_type=target_type,
        target_id=target_id,
        role_id=role_id,
        inherited=inherited,
    )
