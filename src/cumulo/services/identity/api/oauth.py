"""OAuth 1.0a: consumers, their requests, and what users granted them."""

from typing import Any
from urllib.parse import urlencode

from cumulo.core.errors import Invalid
from cumulo.core.http import Ctx, Response, RouteSet, microseconds
from cumulo.core.resource import GLOBAL, Resource
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import links, listed, shown
from cumulo.services.identity.domain import oauth as domain
from cumulo.services.identity.domain.credentials import RoleNamed
from cumulo.services.identity.errors import ConsumerNotFound
from cumulo.services.identity.model import AccessToken, Consumer, Role
from cumulo.services.identity.schema.oauth import (
    AccessTokenView,
    ConsumerCreate,
    ConsumerUpdate,
    ConsumerView,
    Grant,
)
from cumulo.services.identity.schema.people import with_extra
from cumulo.services.identity.schema.trusts import role_shape

consumers = Resource(
    "consumer",
    "/OS-OAUTH1/consumers",
    model=Consumer,
    view=ConsumerView,
    scope=GLOBAL,
    missing=ConsumerNotFound,
)
consumers.list(policy=policy.LIST_CONSUMERS)
consumers.show(policy=policy.GET_CONSUMER)


@consumers.create(policy=policy.CREATE_CONSUMER)
async def create_consumer(ctx: Ctx, body: ConsumerCreate) -> Response:
    """Create a consumer; only this answer ever shows its secret."""
    row = Consumer(**with_extra(None, body.given()) | {"sealed": b""})
    secret = domain.new_secret()
    domain.sealed_with(ctx, row, secret)
    await ctx.db.insert(row)
    shape = await shown(ctx, "consumer", ConsumerView, row)
    shape["consumer"]["secret"] = secret
    return Response(201, shape)


@consumers.update(policy=policy.UPDATE_CONSUMER)
async def update_consumer(ctx: Ctx, row: Consumer, body: ConsumerUpdate) -> Consumer:
    """Change a consumer."""
    names = domain.change_consumer(row, with_extra(row, body.given()))
    if names:
        await ctx.db.save(row, *names)
    return row


@consumers.delete(policy=policy.DELETE_CONSUMER)
async def delete_consumer(ctx: Ctx, row: Consumer) -> None:
    """Delete a consumer with all it was granted."""
    await domain.end_consumer(ctx, row)


oauth = RouteSet()


def call(ctx: Ctx) -> domain.SignedCall:
    """Return the request as what its OAuth signature is of."""
    request = ctx.request
    url = ctx.root_url + request.path
    return domain.call_of(request.method, url, request.query, request.headers.get("authorization"))


def _form(**values: str) -> Response:
    """Answer as OAuth does; instants as they are, which Keystone's clients do not decode."""
    text = urlencode(values, safe=":")
    return Response(201, text.encode(), {"Content-Type": "application/x-www-form-urlencoded"})


@oauth.route("POST", "/OS-OAUTH1/request_token", policy=None, status=201)
async def ask_for_access(ctx: Ctx) -> Response:
    """Ask, as a consumer, for access to a project."""
    project_id = ctx.request.headers.get("requested-project-id")
    if project_id is None:
        raise Invalid("The header Requested-Project-Id is missing.")
    row, secret = await domain.ask(ctx, call(ctx), project_id)
    ctx.noted |= {"initiator_id": row.consumer_id, "target_id": row.id}
    expires = microseconds(row.expires_at)
    return _form(oauth_token=row.id, oauth_token_secret=secret, oauth_expires_at=expires)


@oauth.route("PUT", "/OS-OAUTH1/authorize/{request_token_id}", policy=policy.AUTHORIZE_REQUEST_TOKEN)
async def grant_access(ctx: Ctx, request_token_id: str, body: Grant) -> dict[str, Any]:
    """Grant a consumer's request."""
    wanted = [RoleNamed(id=role.get("id"), name=role.get("name")) for role in body.roles]
    verifier = await domain.grant(ctx, ctx.identity, request_token_id, wanted)
    return {"token": {"oauth_verifier": verifier}}


@oauth.route("POST", "/OS-OAUTH1/access_token", policy=None, status=201)
async def redeem_request(ctx: Ctx) -> Response:
    """Trade a request that was granted for access."""
    row, secret = await domain.redeem(ctx, call(ctx))
    ctx.noted |= {"initiator_id": row.consumer_id, "target_id": row.id}
    expires = microseconds(row.expires_at) if row.expires_at is not None else ""
    return _form(oauth_token=row.id, oauth_token_secret=secret, oauth_expires_at=expires)


_MANY = "/users/{user_id}/OS-OAUTH1/access_tokens"
_ONE = f"{_MANY}/{{access_token_id}}"


def _user(ctx: Ctx) -> dict[str, Any]:
    return {"user_id": ctx.params["user_id"]}


async def _load(ctx: Ctx) -> AccessToken:
    return await domain.require_access(ctx.db, ctx.params["user_id"], ctx.params["access_token_id"])


@oauth.route("GET", _MANY, policy=policy.LIST_ACCESS_TOKENS, target=_user)
async def list_access_tokens(ctx: Ctx, user_id: str) -> dict[str, Any]:
    """List what a user granted."""
    rows = await ctx.db.all(AccessToken, AccessToken.c.user_id == user_id, order_by=[AccessToken.c.id])
    return await listed(ctx, "access_tokens", AccessTokenView, rows)


@oauth.route("GET", _ONE, policy=policy.GET_ACCESS_TOKEN, load=_load)
async def show_access_token(ctx: Ctx, row: AccessToken) -> dict[str, Any]:
    """Show what a user granted."""
    return await shown(ctx, "access_token", AccessTokenView, row)


@oauth.route("DELETE", _ONE, policy=policy.DELETE_ACCESS_TOKEN, load=_load, status=204)
async def delete_access_token(ctx: Ctx, row: AccessToken) -> None:
    """End what a user granted."""
    await domain.end_access(ctx, row)


@oauth.route("GET", f"{_ONE}/roles", policy=policy.LIST_ACCESS_TOKEN_ROLES, load=_load)
async def list_access_token_roles(ctx: Ctx, row: AccessToken) -> dict[str, Any]:
    """List the roles of an access token."""
    rows = await ctx.db.all(Role, Role.c.id.in_(row.role_ids), order_by=[Role.c.name])
    return {"roles": [role_shape(ctx.base_url, role) for role in rows], **links(ctx, "roles")}


@oauth.route("GET", f"{_ONE}/roles/{{role_id}}", policy=policy.GET_ACCESS_TOKEN_ROLE, load=_load)
async def show_access_token_role(ctx: Ctx, row: AccessToken, role_id: str) -> dict[str, Any]:
    """Show a role of an access token."""
    domain.check_role(row, role_id)
    role = await ctx.db.get(Role, role_id)
    return {"role": role_shape(ctx.base_url, role)} if role is not None else {}
