"""Lists as Cinder pages them.

They say how many there are on all their pages, when asked (`with_count`, 3.45); they begin at an `offset`;
and a full page has a link to the next one even if that is empty.
"""

from typing import Any

import msgspec

from cumulo.core.http import Ctx, Page, Response
from cumulo.core.resource import Resource, View, as_bool, as_int
from cumulo.core.resource.query import ordering, read_filters, read_listing

COUNTED_SINCE = (3, 45)
_LINKS = 8192  # bytes at the end of a page among which its links are


class _Item(msgspec.Struct):
    """Of an item of a list, what a link to the next page needs."""

    id: str


_ITEMS = msgspec.json.Decoder(dict[str, list[_Item]])


class CountedResource(Resource):
    """A resource whose lists are paged as Cinder does it."""

    async def respond(self, ctx: Ctx, result: Any, view: type[View]) -> Response:
        """Render a result; a list with all that its request asks for."""
        response = await super().respond(ctx, result, view)
        if not (ctx.operation.lists and isinstance(response.body, bytes)):
            return response
        if _asked(ctx, "offset"):
            response = Response(200, {self.plural: await self._from_offset(ctx, view)})
        if _asked(ctx, "limit"):
            response = self._linked(ctx, response)
        if _wants_count(ctx):
            where = read_filters(ctx, view, self.filters)
            count = await ctx.db.count(self.model, *self.scope(ctx, self.model), *where)
            response = _with(response, {"count": count})
        return response

    async def _from_offset(self, ctx: Ctx, view: type[View]) -> list[Any]:
        listing = read_listing(ctx, view, self.filters, self.order, self.key)
        rows = await ctx.db.all(
            self.model,
            *self.scope(ctx, self.model),
            *listing.where,
            order_by=ordering(self.model.c, listing),
            limit=listing.limit,
            offset=as_int("offset", ctx.request.first("offset") or "0", least=0),
        )
        return await view.render(ctx, rows)

    def _linked(self, ctx: Ctx, response: Response) -> Response:
        """Return the page with a link to the next one if it is full."""
        body = response.body if isinstance(response.body, bytes) else b"{}"
        if f'"{self.plural}_links":'.encode() in body[-_LINKS:]:
            return response
        ids = [item.id for item in _ITEMS.decode(body).get(self.plural, [])]
        if not ids or len(ids) != int(ctx.request.first("limit") or 0):
            return response
        query = {name: values for name, values in ctx.request.query.items() if name != "marker"}
        url = ctx.root_url + ctx.request.path.rstrip("/")
        page = Page(url=url, query=query, collection=self.plural, next_marker=ids[-1])
        return _with(response, ctx.service.dialect.links(page))


def _with(response: Response, members: dict[str, Any]) -> Response:
    """Return a JSON object's response with more members."""
    if isinstance(response.body, bytes):
        response.body = response.body[:-1] + b"," + msgspec.json.encode(members)[1:]
    return response


def _asked(ctx: Ctx, parameter: str) -> bool:
    return bool(ctx.request.first(parameter))


def _wants_count(ctx: Ctx) -> bool:
    asked = ctx.request.first("with_count")
    if asked is None or ctx.version is None or ctx.version < COUNTED_SINCE:
        return False
    return as_bool("with_count", asked)
