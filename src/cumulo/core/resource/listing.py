"""Lists: fetched by key page by page, one query for the rows of each, rendered in the dialect's envelope.

A list without a limit, in a dialect that sets none, is whole. A long one is streamed: page after page is
fetched, rendered and sent, so that it neither fills the memory nor keeps others waiting.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy

from cumulo.core.http.context import Ctx
from cumulo.core.http.dialect import Page
from cumulo.core.http.messages import JSON, Response
from cumulo.core.resource.query import (
    BadParameter,
    Listing,
    beyond,
    ordering,
    read_listing,
    wanted_fields,
)
from cumulo.core.resource.view import Shape, View

if TYPE_CHECKING:
    from cumulo.core.resource.resource import Resource

STREAMED_PAGE = 500  # rows that a whole list fetches and sends at a time: some milliseconds' worth


class UnknownMarker(BadParameter):
    """marker [{value}] not found"""


@dataclass(frozen=True)
class Through:
    """What leads to the listed rows: `key` is a column with their keys, `where` says which of its rows."""

    key: Any
    where: tuple[Any, ...] = ()


async def list_response(
    ctx: Ctx, resource: "Resource", view: type[View], through: Through | None = None
) -> Response:
    """Answer a list request; with `through`, for the rows that it leads to."""
    listing = read_listing(ctx, view, resource.filters, resource.order, resource.key)
    query = _Query(ctx, resource, view, listing, through)
    whole = listing.limit is None and not listing.reverse
    rows, more = await query.page(await query.marked(), STREAMED_PAGE if whole else listing.limit)
    if whole and more:
        tail = ctx.service.dialect.links(_page(ctx, resource, listing, rows, more=False))
        return streamed(resource.plural, _pages(ctx, query, view, rows), tail)
    rows = rows[::-1] if listing.reverse else rows
    page = _page(ctx, resource, listing, rows, more=more)
    shapes = await _rendered(ctx, view, rows)
    return Response(200, {resource.plural: shapes, **ctx.service.dialect.links(page)})


def streamed(collection: str, pages: AsyncIterator[list[Shape]], tail: Mapping[str, Any]) -> Response:
    """Return a list that is sent as its pages come; `tail` are the members after it."""

    async def body() -> AsyncIterator[bytes]:
        ahead = f'{{"{collection}":['.encode()
        async for shapes in pages:
            if shapes:
                yield ahead + msgspec.json.encode(shapes)[1:-1]
                ahead = b","
            await asyncio.sleep(0)  # others' turn
        after = msgspec.json.encode(tail)[1:]
        yield (b"" if ahead == b"," else ahead) + b"]" + (b"," if tail else b"") + after

    return Response(200, body(), {"Content-Type": JSON})


async def _pages(ctx: Ctx, query: "_Query", view: type[View], rows: list[Any]) -> AsyncIterator[list[Shape]]:
    """Yield the pages from a first one on; each is read on its own."""
    more = True
    while True:
        async with ctx.read() as ctx.reader:
            yield await _rendered(ctx, view, rows)
            if not more:
                return
            rows, more = await query.page(rows[-1], STREAMED_PAGE)


class _Query:
    """A list request as the database is asked for it."""

    def __init__(
        self, ctx: Ctx, resource: "Resource", view: type[View], listing: Listing, through: Through | None
    ) -> None:
        model = resource.model
        self.ctx = ctx
        self.resource = resource
        self.rows = view.rows(ctx, model, resource.key, *(name for name, _ in listing.order))
        self.listing = listing
        self.through = through
        self.scope = list(resource.scope(ctx, model))
        self.columns: Mapping[str, Any] = dict(model.c)
        if through is not None:
            self.columns = {**self.columns, resource.key: through.key}

    async def marked(self) -> Any:
        """Return the row that the marker names, or None without one. UnknownMarker."""
        marker, model = self.listing.marker, self.resource.model
        if not marker:
            return None
        found = await self._fetch([model.c[self.resource.key] == marker, *self.scope], [], 1)
        if not found:
            raise UnknownMarker(field="marker", value=marker)
        return found[0]

    async def page(self, after: Any, size: int | None) -> tuple[list[Any], bool]:
        """Return at most `size` rows after a row (None: from the first on), and whether more follow."""
        if size == 0:
            return [], False
        where = [*self.scope, *self.listing.where]
        if after is not None:
            where.append(beyond(self.columns, self.listing, after))
        order = ordering(self.columns, self.listing)
        rows = await self._fetch(where, order, None if size is None else size + 1)
        return rows[:size], size is not None and len(rows) > size

    async def _fetch(self, where: list[Any], order: list[Any], limit: int | None) -> list[Any]:
        model, through = self.resource.model, self.through
        if through is None:
            return await self.ctx.db.all(self.rows, *where, order_by=order, limit=limit)
        statement = (
            sqlalchemy.select(model.table)
            .where(model.c[self.resource.key] == through.key, *through.where, *where)
            .order_by(*order)
            .limit(limit)
        )
        return await self.ctx.db.models(model, statement)


async def _rendered(ctx: Ctx, view: type[View], rows: list[Any]) -> list[Shape]:
    names = wanted_fields(ctx)
    shapes = await view.render(ctx, rows, final=not names)
    return [only(ctx, shape) for shape in shapes] if names else shapes


def _page(ctx: Ctx, resource: "Resource", listing: Listing, rows: list[Any], *, more: bool) -> Page:
    """Say what the links around the page must point to."""
    query = {k: v for k, v in ctx.request.query.items() if k not in ("marker", "page_reverse")}
    url = ctx.root_url + ctx.request.path.rstrip("/")
    first = getattr(rows[0], resource.key) if rows else None
    last = getattr(rows[-1], resource.key) if rows else None
    follows = listing.reverse or more
    precedes = more if listing.reverse else bool(listing.marker)
    return Page(
        url=url,
        query=query,
        collection=resource.plural,
        next_marker=str(last) if follows and last is not None else None,
        previous_marker=str(first) if precedes and first is not None else None,
    )


def only(ctx: Ctx, shape: Shape) -> Shape:
    """Return of one shape the fields that the query asks for; all when it names none."""
    names = wanted_fields(ctx)
    return {name: value for name, value in shape.items() if name in names} if names else shape
