"""The list of role assignments: what it holds, against a naive expansion; page by page; and what it reads."""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cumulo.core.db import Database, Reader
from cumulo.services.identity.domain.assignments import Held, Mark, Wanted, list_assignments
from cumulo.services.identity.domain.authority import roles_on_project, with_implied
from cumulo.services.identity.domain.lineage import ancestors, plant, subtree
from cumulo.services.identity.domain.reachable import reachable_projects
from cumulo.services.identity.model import (
    Assignment,
    Domain,
    Group,
    Implication,
    Lineage,
    Membership,
    Project,
    Role,
    User,
)

USERS = ["u0", "u1", "u2"]
GROUPS = ["g0", "g1"]
ROLES = ["r0", "r1", "r2", "r3", "own"]  # the last is a domain's own
DOMAINS = ["d0", "d1"]
PROJECTS = 6


class World:
    """What there is, as plain values: parents of projects (an index or None), and pairs of the rest."""

    def __init__(self, parents: list[int | None], implied: Any, members: Any, assigned: Any) -> None:
        self.parents = [parent if parent is None or parent < n else None for n, parent in enumerate(parents)]
        self.implied: set[tuple[str, str]] = implied
        self.members: set[tuple[str, str]] = members
        self.assigned: set[tuple[str, str, str, str, str, bool]] = assigned

    def domain_of(self, project: int) -> str:
        parent = self.parents[project]
        return DOMAINS[project % 2] if parent is None else self.domain_of(parent)

    def above(self, project: int) -> list[str]:
        """Return the ids of a project's domain and of all projects above it."""
        parent = self.parents[project]
        return [self.domain_of(project)] if parent is None else [f"p{parent}", *self.above(parent)]

    def below(self, target: str) -> list[str]:
        return [f"p{n}" for n in range(len(self.parents)) if target in self.above(n)]

    def reach(self, role: str) -> set[str]:
        """Return all that a role implies, itself included; a domain's own roles count for others only."""
        found, queue = {role}, [role]
        while queue:
            at = queue.pop()
            new = {b for a, b in self.implied if a == at} - found
            found |= new
            queue += new
        return {each for each in found if each != "own"}

    async def make(self, database: Database) -> None:
        async with database.begin() as db:
            await db.insert_all([Domain(id=each, name=each) for each in DOMAINS])
            await db.insert_all([User(id=each, name=each, domain_id="d0") for each in USERS])
            await db.insert_all([Group(id=each, name=each, domain_id="d0") for each in GROUPS])
            await db.insert_all(
                [Role(id=each, name=each, domain_id="d0" if each == "own" else None) for each in ROLES]
            )
            for n, parent in enumerate(self.parents):
                home = self.domain_of(n)
                above = home if parent is None else f"p{parent}"
                await plant(db, Project(id=f"p{n}", name=f"p{n}", domain_id=home, parent_id=above))
            await db.insert_all([Implication(prior_id=a, implied_id=b) for a, b in self.implied])
            await db.insert_all([Membership(group_id=g, user_id=u) for g, u in self.members])
            await db.insert_all(
                [
                    Assignment(
                        actor_type=actor_type,
                        actor_id=actor,
                        target_type=target_type,
                        target_id=target,
                        role_id=role,
                        inherited=inherited,
                    )
                    for actor_type, actor, target_type, target, role, inherited in self.assigned
                ]
            )

    def expected(self, wanted: Wanted) -> Counter[tuple[Any, ...]]:
        """Return what a list must hold, by going through everything there is."""
        found: Counter[tuple[Any, ...]] = Counter()
        for row in self.assigned:
            for shown in self._effects(row) if wanted.effective else [row]:
                if self._matches(shown, wanted):
                    found[*shown, row] += 1
        return found

    def _effects(self, row: tuple[str, str, str, str, str, bool]) -> list[tuple[Any, ...]]:
        actor_type, actor, target_type, target, role, inherited = row
        users = [actor] if actor_type == "user" else [u for g, u in self.members if g == actor]
        places = [("project", each) for each in self.below(target)] if inherited else [(target_type, target)]
        return [
            ("user", user, kind, place, each, inherited)
            for user in users
            for kind, place in places
            for each in self.reach(role)
        ]

    def _matches(self, shown: tuple[Any, ...], wanted: Wanted) -> bool:
        actor_type, actor, target_type, target, role, inherited = shown
        asked = [
            wanted.role_id in (None, role),
            wanted.user_id is None or (actor_type, actor) == ("user", wanted.user_id),
            wanted.group_id is None or (actor_type, actor) == ("group", wanted.group_id),
            wanted.domain_id is None or (target_type, target) == ("domain", wanted.domain_id),
            not wanted.system or target_type == "system",
            wanted.inherited in (None, inherited),
        ]
        if wanted.project_id is not None:
            tree = {wanted.project_id, *(self.below(wanted.project_id) if wanted.subtree else ())}
            asked.append(target_type == "project" and target in tree)
        if wanted.within is not None:
            inside = self.below(wanted.within)
            mine = (target_type, target) == ("domain", wanted.within)
            asked.append(mine or (target_type == "project" and target in inside))
        return all(asked)


_PLACES = [("domain", each) for each in DOMAINS] + [("project", f"p{n}") for n in range(PROJECTS)]
_ACTORS = [("user", each) for each in USERS] + [("group", each) for each in GROUPS]
_ROWS = st.one_of(
    st.tuples(st.sampled_from(_ACTORS), st.sampled_from(_PLACES), st.sampled_from(ROLES), st.booleans()).map(
        lambda row: (*row[0], *row[1], row[2], row[3])
    ),
    st.tuples(st.sampled_from(_ACTORS), st.sampled_from(ROLES)).map(
        lambda row: (*row[0], "system", "all", row[1], False)
    ),
)
WORLDS = st.builds(
    World,
    st.lists(st.none() | st.integers(0, PROJECTS - 1), min_size=PROJECTS, max_size=PROJECTS),
    # Roles imply only later ones and the domain's own any: there are no circles.
    st.sets(
        st.sampled_from([(a, b) for n, a in enumerate(ROLES[:4]) for b in ROLES[n + 1 : 4]])
        | st.sampled_from([("own", "r2"), ("own", "r3"), ("r0", "own")]),
        max_size=5,
    ),
    st.sets(st.tuples(st.sampled_from(GROUPS), st.sampled_from(USERS))),
    st.sets(_ROWS, max_size=25),
)
_SOME_PROJECT = st.sampled_from([f"p{n}" for n in range(PROJECTS)])
WANTED = st.builds(
    lambda who, where, **rest: Wanted(**who, **where, **rest),
    st.one_of(
        st.just({}),
        st.builds(lambda u: {"user_id": u}, st.sampled_from(USERS)),
        st.builds(lambda g: {"group_id": g}, st.sampled_from(GROUPS)),
    ),
    st.one_of(
        st.just({}),
        st.builds(lambda p, s: {"project_id": p, "subtree": s}, _SOME_PROJECT, st.booleans()),
        st.builds(lambda d: {"domain_id": d}, st.sampled_from(DOMAINS)),
        st.just({"system": True}),
    ),
    role_id=st.none() | st.sampled_from(ROLES),
    inherited=st.none() | st.booleans(),
    effective=st.booleans(),
    within=st.none() | st.sampled_from(DOMAINS),
)


async def everything(db: Reader, wanted: Wanted, size: int) -> list[Held]:
    """Return a whole list, fetched in pages of this size."""
    found, mark = await list_assignments(db, wanted, size)
    assert len(found) <= size
    while mark is not None:
        page, mark = await list_assignments(db, wanted, size, Mark.read(mark.text()))
        assert 0 < len(page) <= size
        found += page
    return found


def _plain(held: Held) -> tuple[Any, ...]:
    source = held.source
    row = (source.actor_type, source.actor_id, source.target_type, source.target_id, source.role_id)
    shown = (held.actor_type, held.actor_id, held.target_type, held.target_id, held.role_id)
    return (*shown, held.inherited, (*row, source.inherited))


def _run(check: Any) -> None:
    """Run a check on an empty database of its own."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            database = await Database.open(f"sqlite:///{Path(folder) / 'db'}?synchronous=OFF")
            await database.create_all()
            try:
                await check(database)
            finally:
                await database.close()

    asyncio.run(run())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=WORLDS, wanted=st.lists(WANTED, min_size=12, max_size=12), size=st.integers(1, 7))
def test_lists_hold_what_a_naive_expansion_says_in_pages_of_any_size(
    world: World, wanted: list[Wanted], size: int
) -> None:
    async def check(database: Database) -> None:
        await world.make(database)
        async with database.read() as db:
            for each in wanted:
                if each.effective and each.group_id is not None:
                    continue  # the API refuses it
                for pages in (size, 1000):
                    found = Counter(_plain(held) for held in await everything(db, each, pages))
                    assert found == world.expected(each)

    _run(check)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=WORLDS)
def test_tokens_have_the_roles_that_the_list_shows_in_effect(world: World) -> None:
    async def check(database: Database) -> None:
        await world.make(database)
        async with database.read() as db:
            for user in USERS:
                at: dict[str, set[str]] = {}
                for held in await everything(db, Wanted(user_id=user, effective=True), 1000):
                    if held.target_type == "project":
                        at.setdefault(held.target_id, set()).add(held.role_id)
                for project in await db.all(Project):
                    held_ids = await roles_on_project(db, user, project)
                    assert {role.id for role in await with_implied(db, held_ids)} == at.get(project.id, set())
                reached = {row[0] for row in await db.rows(sqlalchemy.select(reachable_projects(user)))}
                direct = {key for key in at if at[key]}
                assert direct <= reached

    _run(check)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=WORLDS)
def test_the_lineage_is_what_the_parents_say(world: World) -> None:
    async def check(database: Database) -> None:
        await world.make(database)
        async with database.read() as db:
            for n in range(PROJECTS):
                project = await db.get(Project, f"p{n}")
                assert project is not None
                assert [row.id for row in await ancestors(db, project)] == world.above(n)[:-1]
                assert {row.id for row in await subtree(db, project)} == set(world.below(f"p{n}"))

    _run(check)


async def test_both_databases_hold_the_same_list(database: Database) -> None:
    world = World(
        [None, 0, 1, None, 3, 0],
        {("r0", "r1"), ("r1", "r2"), ("own", "r3")},
        {("g0", "u0"), ("g0", "u1"), ("g1", "u2")},
        {
            ("user", "u0", "domain", "d0", "r0", True),
            ("group", "g0", "project", "p0", "r1", True),
            ("group", "g1", "project", "p4", "own", False),
            ("user", "u2", "system", "all", "r3", False),
            ("group", "g0", "domain", "d1", "r2", True),
            ("user", "u1", "project", "p2", "r0", False),
        },
    )
    await database.create_all()
    await world.make(database)
    async with database.read() as db:
        for wanted in (
            Wanted(effective=True),
            Wanted(),
            Wanted(effective=True, role_id="r2"),
            Wanted(effective=True, project_id="p0", subtree=True),
            Wanted(effective=True, user_id="u0", project_id="p1", subtree=True),
            Wanted(effective=True, within="d0"),
            Wanted(user_id="u1"),
        ):
            for size in (1, 3, 100):
                found = Counter(_plain(held) for held in await everything(db, wanted, size))
                assert found == world.expected(wanted)


class Overheard(Reader):
    """A reader that keeps what it is asked."""

    asked: list[tuple[str, Any]]

    async def _fetch(self, sql: str, values: Any) -> Any:
        self.asked.append((sql, values))
        return await super()._fetch(sql, values)


@pytest.fixture
async def overheard(tmp_path: Path) -> Any:
    """A reader of a database with some of everything, on SQLite, which plans without counting."""
    database = await Database.open(f"sqlite:///{tmp_path / 'db'}?synchronous=OFF")
    await database.create_all()
    rows = {
        ("user" if n % 3 else "group", f"u{n % 3}" if n % 3 else f"g{n % 2}", kind, place, "r0", n % 2 == 0)
        for n in range(60)
        for kind, place in (("project", f"p{n % PROJECTS}"), ("domain", "d0"))
    }
    await World([None, 0, 0, 1, 1, 3], {("r0", "r1")}, {("g0", "u0"), ("g1", "u1")}, rows).make(database)
    async with database.read() as db:
        reader = Overheard(db._channel, db._statements)
        reader.asked = []
        yield reader
    await database.close()


QUESTIONS = [
    Wanted(effective=effective, **asked)
    for effective in (False, True)
    for asked in (
        {},
        {"user_id": "u1"},
        {"role_id": "r1"},
        {"inherited": True},
        {"project_id": "p1"},
        {"project_id": "p0", "subtree": True},
        {"domain_id": "d0"},
        {"system": True},
        {"user_id": "u1", "project_id": "p0", "subtree": True},
        {"within": "d0"},
    )
]


@pytest.mark.parametrize("wanted", QUESTIONS, ids=repr)
async def test_a_page_goes_through_indexes_and_sorts_nothing(overheard: Overheard, wanted: Wanted) -> None:
    _first, mark = await list_assignments(overheard, wanted, 3)
    if mark is not None:
        await list_assignments(overheard, wanted, 3, mark)
    questions = [(sql, values) for sql, values in overheard.asked if Assignment.table.name in sql]
    assert questions
    for sql, values in questions:
        plan = [row[3] for row in await overheard._channel.fetch(f"EXPLAIN QUERY PLAN {sql}", values)]
        for step in plan:
            assert "SCAN identity" not in step, (sql, plan)
            assert "SCAN line" not in step, (sql, plan)
            assert "SCAN tree" not in step, (sql, plan)
            assert "B-TREE" not in step, (sql, plan)


async def test_a_page_asks_as_often_whatever_its_length(overheard: Overheard) -> None:
    counts = []
    for size in (5, 50):
        overheard.asked.clear()
        await list_assignments(overheard, Wanted(effective=True, user_id="u1"), size)
        counts.append(len(overheard.asked))
    assert counts[1] <= counts[0] + 3  # a section more at a time, not a row


async def test_a_project_that_goes_leaves_no_lineage(database: Database) -> None:
    await database.create_all()
    await World([None, 0, 1, None, None, None], set(), set(), set()).make(database)
    async with database.begin() as db:
        await db.delete(Project, Project.c.id == "p2")
        assert not await db.exists(Lineage, Lineage.c.project_id == "p2")
        assert await db.exists(Lineage, Lineage.c.project_id == "p1")


def test_a_mark_that_is_none_is_refused() -> None:
    for text in ("x", "!!", "e30", "WzEsMl0"):
        with pytest.raises(ValueError, match=r"."):
            Mark.read(text)
