"""Lists: what to show, in which order, from where on; read from the query by the view's flags."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Integer, String, and_, false, func, literal, or_

from cumulo.core.db.types import Choice
from cumulo.core.errors import Invalid
from cumulo.core.http.context import Ctx
from cumulo.core.resource.view import FieldPlan, View

Where = ColumnElement[bool]
Filter = Callable[[Ctx, str], Where | None]
TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})
FALSE = frozenset({"false", "0", "no", "off", "f", "n", ""})
LIST_PARAMETERS = frozenset({"limit", "marker", "sort_key", "sort_dir", "sort", "fields", "page_reverse"})


class BadParameter(Invalid):
    """Invalid input for query parameters {field}. Value: {value}. {reason}"""


@dataclass
class Listing:
    """A list request, understood. `order`: attribute and whether descending; the key comes last."""

    where: list[Where]
    order: list[tuple[str, bool]]
    limit: int | None
    marker: str | None
    reverse: bool = False


def read_listing(
    ctx: Ctx, view: type[View], filters: dict[str, Filter], order: Sequence[str], key: str
) -> Listing:
    """Understand a list request. Raises BadParameter naming what is wrong."""
    return Listing(
        where=read_filters(ctx, view, filters),
        order=_order(ctx, view, order, key),
        limit=_limit(ctx),
        marker=ctx.request.first("marker"),
        reverse=as_bool("page_reverse", ctx.request.first("page_reverse") or "false"),
    )


def wanted_fields(ctx: Ctx) -> list[str]:
    """Return the names of fields that the query asks for, where the dialect has such a parameter."""
    parameter = ctx.service.dialect.fields_parameter
    values = ctx.request.query.get(parameter, []) if parameter else []
    return [name for value in values for name in value.split(",") if name]


def read_filters(ctx: Ctx, view: type[View], filters: dict[str, Filter]) -> list[Where]:
    """Turn the query's other parameters into conditions; unknown names are passed over."""
    found: list[Where] = []
    known = {f.wire: f for f in view.fields if f.filterable and f.in_version(ctx.version)}
    for name, values in ctx.request.query.items():
        if name in filters:
            conditions = [filters[name](ctx, value) for value in values]
            found.extend(c for c in conditions if c is not None)
        elif name in known:
            found.append(_matches(view, known[name], name, values))
        elif "__" in name and ctx.service.dialect.filter_suffixes:
            found.extend(_suffixed(view, known, name, values))
    return found


def _matches(view: type[View], plan: FieldPlan, name: str, values: list[str]) -> Where:
    column = view.model.c[plan.source]
    kind = int if isinstance(column.type, Integer) else plan.kind  # a document may show numbers as text
    if len(values) == 1:
        return _equals(column, convert(kind, name, values[0]))
    return column.in_([convert(kind, name, value) for value in values])  # type: ignore[no-any-return]  # SQLAlchemy's columns are untyped here


def _equals(column: Any, value: Any) -> Where:
    condition: Where = column.is_(None) if value is None else column == value
    return condition


def _suffixed(view: type[View], known: dict[str, FieldPlan], name: str, values: list[str]) -> list[Where]:
    """Identity's inexact filters: `name__contains`, with `i` in front for any case."""
    base, _, operator = name.rpartition("__")
    if base not in known or operator not in _OPERATORS:
        return []
    column = view.model.c[known[base].source]
    if not isinstance(column.type, String | Choice):  # of numbers, truths and instants no part is asked for
        return []
    return [_OPERATORS[operator](column, value) for value in values]


_OPERATORS: dict[str, Callable[[Any, str], Where]] = {
    "contains": lambda column, value: column.contains(value, autoescape=True),
    "icontains": lambda column, value: func.lower(column).contains(value.lower(), autoescape=True),
    "startswith": lambda column, value: column.startswith(value, autoescape=True),
    "istartswith": lambda column, value: func.lower(column).startswith(value.lower(), autoescape=True),
    "endswith": lambda column, value: column.endswith(value, autoescape=True),
    "iendswith": lambda column, value: func.lower(column).endswith(value.lower(), autoescape=True),
}


def convert(kind: type, name: str, value: str) -> Any:
    """Read a query value as a field's type. BadParameter when it is none."""
    if kind is bool:
        return as_bool(name, value)
    if kind is int:
        return as_int(name, value)
    if kind is datetime:
        return as_time(name, value)
    return value


def as_bool(name: str, value: str) -> bool:
    """Read `true`, `1`, `yes` … and their opposites."""
    lowered = value.strip().lower()
    if lowered in TRUE:
        return True
    if lowered in FALSE:
        return False
    raise BadParameter(field=name, value=value, reason="It is neither true nor false.")


def as_int(name: str, value: str, *, least: int | None = None) -> int:
    """Read a whole number, at least `least`."""
    try:
        number = int(value)
    except ValueError as error:
        raise BadParameter(field=name, value=value, reason="It is no whole number.") from error
    if least is not None and number < least:
        raise BadParameter(field=name, value=value, reason=f"It is less than {least}.")
    return number


def as_time(name: str, value: str) -> datetime:
    """Read an ISO 8601 instant, into UTC; one without a zone is there already."""
    try:
        moment = datetime.fromisoformat(value.replace(" ", "+"))
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:  # beyond the years 1 to 9999 by its zone alone
        raise BadParameter(field=name, value=value, reason="It is no ISO 8601 time.") from error
    return moment.replace(microsecond=0) if moment.year == MAXYEAR else moment  # as SQLite's numbers round up


def _limit(ctx: Ctx) -> int | None:
    dialect = ctx.service.dialect
    given = ctx.request.first("limit")
    if given is None or given == "":
        return dialect.page_size
    limit = as_int("limit", given, least=0)
    if limit == 0 and dialect.limit_zero_is_all:
        return dialect.page_size
    return limit if dialect.page_limit is None else min(limit, dialect.page_limit)


def _order(ctx: Ctx, view: type[View], default: Sequence[str], key: str) -> list[tuple[str, bool]]:
    """Read `sort_key`/`sort_dir` pairs or `sort=key:dir,…`; the key column makes it total."""
    sortable = {f.wire: f.source for f in view.fields if f.sortable}
    asked = _asked(ctx.request.query)
    pairs = asked or [(name, direction) for name, _, direction in (d.partition(":") for d in default)]
    order = []
    for name, direction in pairs:
        attribute = sortable.get(name) if asked else name
        if attribute is None:
            raise BadParameter(field="sort_key", value=name, reason="Lists cannot be sorted by it.")
        if direction not in ("", "asc", "desc"):
            raise BadParameter(field="sort_dir", value=direction, reason="It is neither asc nor desc.")
        order.append((attribute, direction == "desc"))
    if all(attribute != key for attribute, _ in order):
        order.append((key, order[-1][1] if order else False))
    return order


def _asked(query: dict[str, list[str]]) -> list[tuple[str, str]]:
    if "sort" in query:
        parts = [part.strip() for value in query["sort"] for part in value.split(",") if part.strip()]
        return [(name, direction) for name, _, direction in (part.partition(":") for part in parts)]
    keys, directions = query.get("sort_key", []), query.get("sort_dir", [])
    last = directions[-1] if directions else "asc"
    return [(k, directions[i] if i < len(directions) else last) for i, k in enumerate(keys)]


def ordering(columns: Mapping[str, Any], listing: Listing) -> list[Any]:
    """Return the ORDER BY of a listing; turned round for a reversed page. columns: by attribute."""
    order = []
    for name, descending in listing.order:
        column = _total(columns[name])
        if descending != listing.reverse:
            order.append(column.desc().nulls_last() if _may_lack(column) else column.desc())
        else:
            order.append(column.asc().nulls_first() if _may_lack(column) else column.asc())
    return order


def beyond(columns: Mapping[str, Any], listing: Listing, row: Any) -> Where:
    """Return the condition for rows that come after `row` in the listing's order."""
    clauses: list[Where] = []
    before: list[Where] = []
    for name, descending in listing.order:
        column, value = _total(columns[name]), getattr(row, name)
        if value is None and not _may_lack(column):
            value = ""
        clauses.append(and_(*before, _later(column, value, downwards=descending != listing.reverse)))
        before.append(_equals(column, value))
    return or_(*clauses)


def _later(column: Any, value: Any, *, downwards: bool) -> Where:
    """Return the condition for what comes after a value of a column; what is absent is less than all else."""
    if value is None:
        return false() if downwards else column.is_not(None)
    bound = literal(value, column.type)  # SQLAlchemy compares no bare truth by < and >
    if not downwards:
        return column > bound  # type: ignore[no-any-return]  # as in `_matches`
    return or_(column < bound, column.is_(None)) if _may_lack(column) else column < bound


def _total(column: Any) -> Any:
    """Make a nullable text column comparable: absent sorts as empty."""
    if column.nullable and isinstance(column.type, String):
        return func.coalesce(column, "")
    return column


def _may_lack(column: Any) -> bool:
    """Say whether a column may have no value: databases differ in where they sort that."""
    return isinstance(column, Column) and bool(column.nullable)
