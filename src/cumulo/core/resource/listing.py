"""One page of a list: fetched by key, one query for the rows, rendered in the dialect's envelope."""

from typing import TYPE_CHECKING, Any

from cumulo.core.http.context import Ctx
from cumulo.core.http.dialect import Page
from cumulo.core.http.messages import Response
from cumulo.core.resource.query import BadParameter, Listing, beyond, ordering, read_listing, wanted_fields
from cumulo.core.resource.view import Shape, View

if TYPE_CHECKING:
    from cumulo.core.resource.resource import Resource


class UnknownMarker(BadParameter):
    """marker [{value}] not found"""


async def list_response(ctx: Ctx, resource: "Resource", view: type[View]) -> Response:
    """Answer a list request."""
    listing = read_listing(ctx, view, resource.filters, resource.order, resource.key)
    rows, more = await _rows(ctx, resource, listing)
    shapes = await view.render(ctx, rows)
    if wanted_fields(ctx):
        shapes = [only(ctx, shape) for shape in shapes]
    page = _page(ctx, resource, listing, rows, more=more)
    return Response(200, {resource.plural: shapes, **ctx.service.dialect.links(page)})


async def _rows(ctx: Ctx, resource: "Resource", listing: Listing) -> tuple[list[Any], bool]:
    """Fetch one page, and whether more follow."""
    model = resource.model
    scope = list(resource.scope(ctx, model))
    where = scope + listing.where
    if listing.marker:
        column = model.c[resource.key]
        row = await ctx.db.one(model, column == listing.marker, *scope)
        if row is None:
            raise UnknownMarker(field="marker", value=listing.marker)
        where.append(beyond(model, listing, row))
    if listing.limit == 0:
        return [], False
    limit = None if listing.limit is None else listing.limit + 1
    rows = await ctx.db.all(model, *where, order_by=ordering(model, listing), limit=limit)
    more = listing.limit is not None and len(rows) > listing.limit
    rows = rows[: listing.limit]
    return (rows[::-1] if listing.reverse else rows), more


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
