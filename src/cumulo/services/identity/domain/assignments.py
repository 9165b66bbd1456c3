"""Listing role assignments, as they are stored or as they take effect, a page at a time.

What is asked for falls into sections: users' and groups' assignments, direct and inherited ones, each on its
own. A section is one select that goes through an index in its order, joins a group's members and the projects
below a target as the effect needs them, and goes on after the row where the last page ended: what a page
costs depends on its length alone. Roles are followed to what they imply once the rows of the page are there.
"""

import base64
import binascii
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy

from cumulo.core.db import Reader
from cumulo.core.db.hints import in_order
from cumulo.services.identity.domain.implications import barren, implied_by, leading_to
from cumulo.services.identity.model import SYSTEM, Assignment, Lineage, Membership


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which assignments to list; None asks for any.

    effective: with groups, inheritance and implied roles followed. subtree: on the project and all below it.
    within: only on this domain and its projects.
    """

    role_id: str | None = None
    user_id: str | None = None
    group_id: str | None = None
    project_id: str | None = None
    domain_id: str | None = None
    system: bool = False
    inherited: bool | None = None
    effective: bool = False
    subtree: bool = False
    within: str | None = None


class Held(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A role that somebody has somewhere. `source` is the assignment that it stems from."""

    role_id: str
    actor_type: str
    actor_id: str
    target_type: str
    target_id: str
    inherited: bool
    source: Assignment


Label = tuple[str, bool, int, str]


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended: the section, the place in its order, and the last role of that row."""

    section: Label
    keys: list[str]
    role_id: str

    def text(self) -> str:
        """Return it as a client carries it."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).rstrip(b"=").decode()

    @staticmethod
    def read(text: str) -> "Mark":
        """Read what `text` wrote. ValueError."""
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            return msgspec.json.decode(raw, type=Mark)
        except (binascii.Error, msgspec.MsgspecError, UnicodeError) as error:
            raise ValueError(text) from error


class Place(msgspec.Struct, frozen=True):
    """Where assignments take effect: at one target, or on a project and those below; else anywhere."""

    at: str | None = None
    below: str | None = None
    target_type: str = "project"


class Section(msgspec.Struct, frozen=True):
    """Assignments of one kind, in an order of their own. `label` tells it from the others, and sorts them.

    The select gives an assignment's columns, the user and the project that it reaches (None: as stored).
    """

    label: Label
    select: Any
    order: tuple[Any, ...]


async def list_assignments(
    db: Reader, wanted: Wanted, limit: int, after: Mark | None = None
) -> tuple[list[Held], Mark | None]:
    """Return at most `limit` assignments after a mark, and the mark to go on from when more follow."""
    found: list[Held] = []
    last = after
    async for rows, section in _batches(db, wanted, limit + 1, after):
        reach = await implied_by(db, {row[0].role_id for row in rows}) if wanted.effective else {}
        for held, keys in _held(rows, wanted, reach):
            mark = Mark(section.label, keys, held.role_id)
            if after is not None and _is_known(mark, after):
                continue
            if len(found) == limit:
                return found, last
            found.append(held)
            last = mark
    return found, None


def _is_known(mark: Mark, after: Mark) -> bool:
    """Say whether it is one of the marked row's roles that the page before had."""
    return (mark.section, mark.keys) == (after.section, after.keys) and mark.role_id <= after.role_id


Row = tuple[Assignment, str | None, str | None, list[str]]


async def _batches(
    db: Reader, wanted: Wanted, limit: int, after: Mark | None
) -> AsyncIterator[tuple[list[Row], Section]]:
    """Yield the rows of the sections, at most `limit` of each step at a time, from the marked row on."""
    for section in await _sections(db, wanted):
        if after is not None and section.label < after.section:
            continue
        resumed = after is not None and section.label == after.section
        steps = _steps(section, after.keys) if after is not None and resumed else [()]
        for step in steps:
            statement = section.select.where(*step).order_by(*section.order).limit(limit)
            rows = [_row(values) for values in await db.rows(statement)]
            if rows:
                yield rows, section


def _steps(section: Section, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield conditions that together go on from a row: first itself, then what differs from it the latest.

    Each is equal in some columns of the order and greater in the next, which an index answers at once.
    """
    order = section.order
    if len(keys) != len(order):
        return
    equal = [column == key for column, key in zip(order, keys, strict=True)]
    yield tuple(equal)
    for place in reversed(range(len(order))):
        yield (*equal[:place], order[place] > keys[place])


def _row(values: tuple[Any, ...]) -> Row:
    actor_type, actor_id, target_type, target_id, role_id, inherited, user_id, project_id, *keys = values
    source = Assignment(
        actor_type=actor_type,
        actor_id=actor_id,
        target_type=target_type,
        target_id=target_id,
        role_id=role_id,
        inherited=inherited,
    )
    return source, user_id, project_id, keys


def _held(rows: list[Row], wanted: Wanted, reach: dict[str, list[str]]) -> Iterator[tuple[Held, list[str]]]:
    """Yield what each row gives, a role at a time, in the order of the roles' ids."""
    for source, user_id, project_id, keys in rows:
        roles: Sequence[str] = reach.get(source.role_id, ()) if wanted.effective else (source.role_id,)
        if wanted.effective and wanted.role_id is not None:
            roles = [wanted.role_id]
        for role_id in roles:
            held = Held(
                role_id=role_id,
                actor_type=source.actor_type if user_id is None else "user",
                actor_id=user_id or source.actor_id,
                target_type=source.target_type if project_id is None else "project",
                target_id=project_id or source.target_id,
                inherited=source.inherited,
                source=source,
            )
            yield held, keys


async def _sections(db: Reader, wanted: Wanted) -> list[Section]:
    """Return what there is to go through, in order; an empty list when nothing can match."""
    roles, everywhere = await _roles(db, wanted), await _places(db, wanted)
    if roles == []:
        return []
    unfruitful = await barren(db) if wanted.effective and wanted.role_id is None else []
    named = wanted.user_id or wanted.group_id or everywhere != [Place()]
    sections = []
    for actor_type in _actor_types(wanted):
        for inherited in (False, True) if wanted.inherited is None else (wanted.inherited,):
            for number, place in enumerate(everywhere):
                if wanted.effective and inherited and place.at is not None and place.target_type != "project":
                    continue  # only projects inherit
                # Without a name to go by, one role at a time; else they only narrow what the name leads to.
                for some in [roles] if roles is None or named else [[role] for role in roles]:
                    label = (actor_type, inherited, number, "" if some is None or named else some[0])
                    select, order = _select(wanted, actor_type, place, inherited=inherited)
                    select = select if some is None else select.where(_among(some))
                    if unfruitful:
                        select = select.where(Assignment.c.role_id.not_in(unfruitful))
                    sections.append(Section(label, select.add_columns(*order), order))
    return sorted(sections, key=lambda section: section.label)


def _among(roles: list[str]) -> Any:
    c = Assignment.c
    return c.role_id == roles[0] if len(roles) == 1 else c.role_id.in_(roles)


def _actor_types(wanted: Wanted) -> tuple[str, ...]:
    if wanted.group_id is not None:
        return () if wanted.effective or wanted.user_id is not None else ("group",)
    return ("user",) if wanted.user_id is not None and not wanted.effective else ("user", "group")


async def _roles(db: Reader, wanted: Wanted) -> list[str] | None:
    """Return the stored roles that answer the role asked for; None for any."""
    if wanted.role_id is None:
        return None
    return await leading_to(db, wanted.role_id) if wanted.effective else [wanted.role_id]


async def _places(db: Reader, wanted: Wanted) -> list[Place]:
    """Return where to look, by what is asked for and what the domain's own people may see."""
    home, target_id = wanted.within, wanted.project_id or wanted.domain_id
    if wanted.system:
        return [] if home or target_id else [Place(at="all", target_type=SYSTEM)]
    if wanted.project_id is not None and wanted.domain_id is not None:
        return []
    if wanted.domain_id is not None:
        return [Place(at=target_id, target_type="domain")] if home in (None, target_id) else []
    if wanted.project_id is not None:
        if home is not None and await db.get(Lineage, (home, target_id)) is None:
            return []
        return [Place(below=target_id)] if wanted.subtree else [Place(at=target_id)]
    return [Place()] if home is None else [Place(at=home, target_type="domain"), Place(below=home)]


def _select(wanted: Wanted, actor_type: str, place: Place, *, inherited: bool) -> tuple[Any, tuple[Any, ...]]:
    """Return a section's select and the columns of its order: those by which the indexes in use go on."""
    a = Assignment.c
    spreads = wanted.effective and inherited
    members = wanted.effective and actor_type == "group"
    by_actor = bool(wanted.user_id or wanted.group_id) or place == Place()
    path = _from_actor(wanted, place, members, spreads) if by_actor else _from_place(place, members, spreads)
    user = Membership.c.user_id if members else sqlalchemy.null()
    project = _line.project_id if spreads else sqlalchemy.null()
    where = [a.actor_type == actor_type, a.inherited == inherited]
    if wanted.user_id is not None:
        where.append((user if members else a.actor_id) == wanted.user_id)
    if wanted.group_id is not None:
        where.append(a.actor_id == wanted.group_id)
    if place.at is not None and not spreads:
        where.append(_is_of(place.target_type))
    columns = (a.actor_type, a.actor_id, a.target_type, a.target_id, a.role_id, a.inherited)
    select = sqlalchemy.select(*columns, user.label("reaches_user"), project.label("reaches_project"))
    return select.select_from(in_order(*path.tables)).where(*where, *path.where), path.order


class _Path(msgspec.Struct, frozen=True):
    """How a section goes through the tables, which conditions hold them together, and the order of it all."""

    tables: tuple[Any, ...]
    where: tuple[Any, ...]
    order: tuple[Any, ...]


_line = Lineage.table.alias("line").c
_tree = Lineage.table.alias("tree").c
_LINE, _TREE = _line.ancestor_id.table, _tree.ancestor_id.table
_INHERITS = sqlalchemy.and_(
    _line.ancestor_id == Assignment.c.target_id, _line.project_id != _line.ancestor_id
)
_MEMBER = Membership.c.group_id == Assignment.c.actor_id


def _is_of(target_type: str) -> Any:
    """Return the condition for a type of target; not by equality, for which SQLite would sort once more."""
    return Assignment.c.target_type.between(target_type, target_type)


def _from_actor(wanted: Wanted, place: Place, members: bool, spreads: bool) -> _Path:
    """Go from actors to what they have, by actor; the place only narrows it."""
    a, actor = Assignment.c, Assignment.c.actor_id
    tables: list[Any] = [Assignment.table]
    if members and wanted.user_id is not None:
        tables, actor = [Membership.table, (Assignment.table, _MEMBER)], Membership.c.group_id
    elif members:
        tables.append((Membership.table, _MEMBER))
    order = [actor, a.target_type, a.target_id, a.role_id, *((Membership.c.user_id,) if members else ())]
    if spreads:
        tables.append((_LINE, _INHERITS))
        order.append(_line.project_id)
    target, where = _line.project_id if spreads else a.target_id, []
    if place.below is not None:
        tables.append((_TREE, sqlalchemy.and_(_tree.project_id == target, _tree.ancestor_id == place.below)))
        where += [] if spreads else [_is_of("project")]
    if place.at is not None:
        where.append(target == place.at)
    return _Path(tuple(tables), tuple(where), tuple(order))


def _from_place(place: Place, members: bool, spreads: bool) -> _Path:
    """Go from the place to who has something there: a project at a time, its ancestors within."""
    a = Assignment.c
    tables: list[Any] = [(Assignment.table, a.target_id == place.at)]
    order: list[Any] = []
    where: list[Any] = []
    if place.below is not None:
        own = sqlalchemy.and_(a.target_id == _tree.project_id, _is_of("project"))
        tables, order = [_TREE, (Assignment.table, own)], [_tree.project_id]
        where.append(_tree.ancestor_id == place.below)
    if spreads:
        tables = [_LINE, (Assignment.table, _INHERITS)]
        if place.below is not None:
            tables = [_TREE, (_LINE, _line.project_id == _tree.project_id), tables[1]]
        else:
            where.append(_line.project_id == place.at)
        order.append(_line.ancestor_id)
    elif place.at is not None:
        tables, where = [Assignment.table], [a.target_id == place.at]
    if members:
        tables.append((Membership.table, _MEMBER))
    order += [a.actor_id, a.role_id, a.target_type, *((Membership.c.user_id,) if members else ())]
    return _Path(tuple(tables), tuple(where), tuple(order))
