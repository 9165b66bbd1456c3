"""Lists that say how many there are on all their pages, when asked (`with_count`, 3.45)."""

from typing import Any

from cumulo.core.http import Ctx, Response
from cumulo.core.resource import Resource, View, as_bool
from cumulo.core.resource.query import read_filters

SINCE = (3, 45)


class CountedResource(Resource):
    """A resource whose lists can say how many there are."""

    async def respond(self, ctx: Ctx, result: Any, view: type[View]) -> Response:
        """Render a result; after a list's items the number of all that match."""
        response = await super().respond(ctx, result, view)
        if not (ctx.operation.lists and _is_asked(ctx) and isinstance(response.body, bytes)):
            return response
        where = read_filters(ctx, view, self.filters)
        count = await ctx.db.count(self.model, *self.scope(ctx, self.model), *where)
        response.body = response.body[:-1] + f',"count":{count}}}'.encode()
        return response


def _is_asked(ctx: Ctx) -> bool:
    asked = ctx.request.first("with_count")
    return (
        asked is not None
        and ctx.version is not None
        and ctx.version >= SINCE
        and as_bool("with_count", asked)
    )
