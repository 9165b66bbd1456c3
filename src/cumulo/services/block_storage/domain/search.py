"""Which rows a list shows: whose, and by which parameters."""

import ast
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Text, and_, cast, false, or_

from cumulo.core.db import Model
from cumulo.core.errors import NoRoute
from cumulo.core.http import Ctx
from cumulo.core.resource import BadParameter, as_bool, as_int, as_time
from cumulo.services.block_storage.errors import UnknownFilters

PAGING = frozenset({"limit", "marker", "offset", "sort", "sort_key", "sort_dir", "all_tenants", "with_count"})
GENERAL = (3, 31)  # since then a filter that is none is refused
INEXACT = (3, 34)
LONGEST_LITERAL = 2048
Condition = Callable[[Ctx, str], Any]


def wants_all(ctx: Ctx) -> bool:
    """Say whether the caller asks for every project's rows, and may."""
    asked = ctx.request.first("all_tenants")
    return asked is not None and ctx.identity.is_admin and as_bool("all_tenants", asked)


def owned(filters: Sequence[str]) -> Callable[[Ctx, Any], Sequence[Any]]:
    """Return a scope: the caller's project's rows, all of them for an administrator.

    A list shows the caller's project's only unless asked for all; it can be filtered by `filters`.
    """
    known = frozenset(filters)

    def scope(ctx: Ctx, model: Any) -> Sequence[Any]:
        mine = model.c.project_id == ctx.identity.project_id
        if not ctx.operation.lists:
            return () if ctx.identity.is_admin else (mine,)
        if ctx.request.path.endswith("/"):
            raise NoRoute  # `/volumes/` is a volume without an id, not the list
        check_filters(ctx, known)
        return () if wants_all(ctx) else (mine,)

    return scope


def check_filters(ctx: Ctx, known: frozenset[str]) -> None:
    """Refuse filters that nobody knows, as versions since 3.31 do for all but administrators."""
    if ctx.version is None or ctx.version < GENERAL or ctx.identity.is_admin:
        return
    asked = {name.removesuffix("~") for name in ctx.request.query}
    unknown = sorted(asked - known - PAGING)
    if unknown:
        raise UnknownFilters(names=",".join(unknown))


def text(model: type[Model], column: str) -> Condition:
    """Return a filter for equality with a text column; `None` asks for none."""

    def keep(_ctx: Ctx, value: str) -> Any:
        attribute = model.c[column]
        return attribute.is_(None) if value == "None" else attribute == value

    return keep


def like(model: type[Model], column: str) -> Condition:
    """Return a filter for text within a column, `name~=` (3.34)."""

    def keep(ctx: Ctx, value: str) -> Any:
        if ctx.version is not None and ctx.version < INEXACT:
            return None
        return cast(model.c[column], Text).contains(value, autoescape=True)

    return keep


def choice(model: type[Model], column: str, kind: Any) -> Condition:
    """Return a filter for a status; a word that is none matches nothing."""

    def keep(_ctx: Ctx, value: str) -> Any:
        known = {member.value: member for member in kind}
        return model.c[column] == known[value] if value in known else false()

    return keep


def truth(model: type[Model], column: str) -> Condition:
    """Return a filter for a boolean column."""

    def keep(_ctx: Ctx, value: str) -> Any:
        return model.c[column] == as_bool(column, value)

    return keep


def whole(model: type[Model], column: str) -> Condition:
    """Return a filter for a column of whole numbers."""

    def keep(_ctx: Ctx, value: str) -> Any:
        return model.c[column] == as_int(column, value)

    return keep


_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "eq": lambda column, value: column == value,
    "neq": lambda column, value: column != value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
}


def moment(model: type[Model], column: str) -> Condition:
    """Return a filter for instants: `created_at=gt:2026-01-02T03:04:05,lt:…` (3.60)."""

    def keep(ctx: Ctx, value: str) -> Any:
        if ctx.version is not None and ctx.version < (3, 60):
            return None
        conditions = []
        for part in value.split(","):
            operator, colon, when = part.strip().partition(":")
            if operator not in _COMPARISONS or not colon:
                operator, when = "eq", part.strip()
            conditions.append(_COMPARISONS[operator](model.c[column], as_time(column, when)))
        return and_(*conditions)

    return keep


def items(model: type[Model], column: str, parameter: str) -> Condition:
    """Return a filter for items of a JSON column, `metadata={'key': 'value'}`; all of them must be there."""

    def keep(_ctx: Ctx, value: str) -> Any:
        wanted = literal(parameter, value)
        conditions = [has_item(model.c[column], key, wanted[key]) for key in wanted]
        return and_(*conditions) if conditions else None

    return keep


def literal(parameter: str, value: str) -> dict[str, str]:
    """Read `{'key': 'value'}`, as Python or as JSON. BadParameter when it is none."""
    if len(value) > LONGEST_LITERAL:
        raise BadParameter(field=parameter, value=value[:64], reason="It is too long.")
    try:
        found = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        found = None
    if not isinstance(found, dict):
        raise BadParameter(field=parameter, value=value, reason="It is no mapping.")
    texts = {str(key): str(found[key]) for key in found}
    try:
        "".join((*texts, *texts.values())).encode()
    except UnicodeEncodeError as error:
        raise BadParameter(field=parameter, value=value, reason="It holds half a character.") from error
    return texts


def has_item(column: Any, key: str, value: str) -> Any:
    """Return the condition that a JSON column holds an item: written tightly, or as PostgreSQL does."""
    name, content = msgspec.json.encode(key).decode(), msgspec.json.encode(value).decode()
    document = cast(column, Text)
    return or_(
        document.contains(f"{name}:{content}", autoescape=True),
        document.contains(f"{name}: {content}", autoescape=True),
    )


def others_project(model: type[Model]) -> Condition:
    """Return a filter for a project, in a list of all; any other list is of the caller's own anyway."""

    def keep(ctx: Ctx, value: str) -> Any:
        return model.c.project_id == value if wants_all(ctx) else None

    return keep


def operators_only(keep: Condition) -> Condition:
    """Return a filter that only administrators' lists know."""

    def guarded(ctx: Ctx, value: str) -> Any:
        return keep(ctx, value) if ctx.identity.is_admin else None

    return guarded
