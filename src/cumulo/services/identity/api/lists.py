"""Lists that are no plain table, in identity's envelope; and what a domain's own people may see."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy

from cumulo.core.http import Ctx, Page, identity_links
from cumulo.core.resource import View


def in_sight(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: with a domain's token its own rows; by their ids oneself too, and all for an administrator."""
    identity = ctx.identity
    if identity.domain_id is None:
        return ()
    inside = model.c.domain_id == identity.domain_id
    if f"{model.__name__.lower()}_id" not in ctx.params:
        return (inside,)
    return () if identity.is_admin else (sqlalchemy.or_(inside, model.c.id == identity.user_id),)


async def listed(ctx: Ctx, collection: str, view: type[View], rows: Sequence[Any]) -> dict[str, Any]:
    """Return rows as a whole list."""
    return {collection: await view.render(ctx, rows), **links(ctx, collection)}


def links(ctx: Ctx, collection: str) -> dict[str, Any]:
    """Return the links around a list that has one page."""
    url = ctx.root_url + ctx.request.path
    return identity_links(Page(url=url, query=ctx.request.query, collection=collection, next_marker=None))


async def shown(ctx: Ctx, name: str, view: type[View], row: Any) -> dict[str, Any]:
    """Return one row in its envelope."""
    return {name: (await view.render(ctx, [row]))[0]}


def flag(ctx: Ctx, name: str) -> bool:
    """Say whether a query parameter is given and not `0` or `false`, as Keystone reads flags."""
    value = ctx.request.first(name)
    return value is not None and value.lower() not in {"0", "false"}
