"""Keypairs: a user's, not a project's, so the policy looks at whose they are."""

from typing import Any

from msgspec import UNSET

from cumulo.core.http import Ctx, Page, Response, RouteSet, relation_links
from cumulo.core.resource import as_int
from cumulo.services.compute import policy
from cumulo.services.compute.domain import keypairs as domain
from cumulo.services.compute.schema.catalogue import (
    KeypairBody,
    KeypairBrief,
    KeypairMade,
    KeypairView,
    one,
)

routes = RouteSet()
FROM_2_2 = (2, 2)
FROM_2_10 = (2, 10)
FROM_2_35 = (2, 35)


def owner(ctx: Ctx) -> str:
    """Return whose keypairs are meant: `user_id` of the query, or of the body, or the caller's."""
    asked = ctx.request.first("user_id") if (ctx.version or FROM_2_10) >= FROM_2_10 else None
    if isinstance(ctx.body, KeypairBody) and isinstance(ctx.body.user_id, str):
        asked = ctx.body.user_id
    return asked or ctx.identity.user_id or ""


def target(ctx: Ctx) -> dict[str, str]:
    """Return what the policy is checked against."""
    return {"user_id": owner(ctx)}


def status(ctx: Ctx, now: int, before: int) -> int:
    """Return the status since 2.2, or the one before."""
    return now if (ctx.version or FROM_2_2) >= FROM_2_2 else before


@routes.route("GET", "/os-keypairs", policy=policy.KEYPAIRS_LIST, target=target)
async def list_keypairs(ctx: Ctx) -> dict[str, Any]:
    """List a user's keypairs."""
    paged = (ctx.version or FROM_2_35) >= FROM_2_35
    limit = as_int("limit", ctx.request.first("limit") or "1000", least=0) if paged else None
    marker = ctx.request.first("marker") if paged else None
    rows, more = await domain.page(ctx.db, owner(ctx), marker, limit)
    listed = [{"keypair": shape} for shape in await KeypairBrief.render(ctx, rows)]
    last = rows[-1].name if more and rows else None
    url = ctx.root_url + ctx.request.path
    links = relation_links(Page(url, ctx.request.query, "keypairs", last))
    return {"keypairs": listed, **links}


@routes.route("POST", "/os-keypairs", policy=policy.KEYPAIRS_CREATE, target=target, envelope="keypair")
async def create_keypair(ctx: Ctx, body: KeypairBody) -> Response:
    """Create a keypair, or import a public key."""
    kind = "ssh" if body.type is UNSET else body.type
    public_key = body.public_key if isinstance(body.public_key, str) else None
    row, private_key = await domain.create(ctx, owner(ctx), body.name, kind, public_key)
    shape = await one(KeypairMade, ctx, row)
    secret = {} if private_key is None else {"private_key": private_key}
    return Response(status(ctx, 201, 200), {"keypair": {**shape, **secret}})


@routes.route("GET", "/os-keypairs/{keypair_name}", policy=policy.KEYPAIRS_SHOW, target=target)
async def show_keypair(ctx: Ctx, keypair_name: str) -> dict[str, Any]:
    """Show a user's keypair."""
    row = await domain.find(ctx.db, owner(ctx), keypair_name)
    return {"keypair": await one(KeypairView, ctx, row)}


@routes.route("DELETE", "/os-keypairs/{keypair_name}", policy=policy.KEYPAIRS_DELETE, target=target)
async def delete_keypair(ctx: Ctx, keypair_name: str) -> Response:
    """Delete a user's keypair."""
    await domain.delete(ctx, owner(ctx), keypair_name)
    return Response(status(ctx, 204, 202))
