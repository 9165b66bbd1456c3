"""A resource with neutron's standard attributes: what all of them can be asked for and held against."""

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Text, and_, cast, not_, or_

from cumulo.core.errors import Invalid, PreconditionFailed
from cumulo.core.http import Ctx
from cumulo.core.resource import Resource
from cumulo.core.resource.query import as_bool, as_time
from cumulo.services.network.api.tags import tagged
from cumulo.services.network.domain import sharing

Where = ColumnElement[bool]
_CHANGES = frozenset({"PUT", "POST", "DELETE"})
_EXPECTED = "revision_number="


class RevisionNumberConstraintFailed(PreconditionFailed):
    """Constrained to {expected}, but current revision is {current}."""


class BadIfMatch(Invalid):
    """If-Match must be revision_number=<number>, not '{given}'."""


class StandardResource(Resource):
    """One kind of neutron's: with `If-Match`, tags where it has them, and filters that follow from both."""

    def __init__(self, *arguments: Any, shared: bool = False, **options: Any) -> None:
        super().__init__(*arguments, **options)
        columns = self.model.c
        self.filters["changed_since"] = lambda _, value: columns.updated_at >= as_time("changed_since", value)
        if "tags" in self.model.__struct_fields__:
            tagged(self)
            for name, condition in _BY_TAGS.items():
                self.filters[name] = _by_tags(columns.tags, condition)
        if shared:
            self.filters["shared"] = self._by_shared

    async def load(self, ctx: Ctx) -> Any:
        """Fetch the row; it must be of the revision that the client expects, when it expects one."""
        row = await super().load(ctx)
        given = ctx.request.headers.get("If-Match")
        if given is not None and ctx.request.method in _CHANGES:
            expected = given.strip().removeprefix(_EXPECTED)
            if not (given.strip().startswith(_EXPECTED) and expected.isdecimal()):
                raise BadIfMatch(field="If-Match", given=given)
            if expected.lstrip("0") != str(row.revision_number).lstrip("0"):
                raise RevisionNumberConstraintFailed(expected=expected, current=row.revision_number)
        return row

    def _by_shared(self, ctx: Ctx, value: str) -> Where:
        model: Any = self.model
        shared: Where = model.c.id.in_(sharing.shared_with(model, ctx.identity.project_id))
        return shared if as_bool("shared", value) else not_(shared)


def _has(column: Any, tag: str) -> Where:
    """Tags are a JSON list of strings, and a string between its quotes can stand for nothing else."""
    return cast(column, Text).contains(msgspec.json.encode(tag).decode(), autoescape=True)


_BY_TAGS: dict[str, Callable[[list[Where]], Where]] = {
    "tags": lambda found: and_(*found),
    "tags-any": lambda found: or_(*found),
    "not-tags": lambda found: not_(and_(*found)),
    "not-tags-any": lambda found: not_(or_(*found)),
}


def _by_tags(column: Any, condition: Callable[[list[Where]], Where]) -> Callable[[Ctx, str], Where]:
    return lambda _, value: condition([_has(column, tag) for tag in value.split(",")])
