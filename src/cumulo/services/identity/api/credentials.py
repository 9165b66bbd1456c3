"""Application credentials and access rules, below the user whose they are."""

from collections.abc import Sequence
from typing import Any

import msgspec

from cumulo.core.errors import Invalid
from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.core.resource import Resource, as_time
from cumulo.core.resource.listing import list_response
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import shown
from cumulo.services.identity.domain import credentials as domain
from cumulo.services.identity.errors import AccessRuleNotFound, ApplicationCredentialNotFound
from cumulo.services.identity.hashing import Passwords
from cumulo.services.identity.model import ApplicationCredential, StoredAccessRule
from cumulo.services.identity.schema.credentials import AccessRuleView, CredentialCreate, CredentialView


def _of_user(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: the rows of the user in the path."""
    return (model.c.user_id == ctx.params["user_id"],)


def _user(ctx: Ctx) -> dict[str, Any]:
    """Return the policy target where there is no row: the user in the path."""
    return {"user_id": ctx.params["user_id"]}


credentials = Resource(
    "application_credential",
    "/users/{user_id}/application_credentials",
    model=ApplicationCredential,
    view=CredentialView,
    scope=_of_user,
    missing=ApplicationCredentialNotFound,
)
credentials.show(policy=policy.GET_APPLICATION_CREDENTIAL)


@credentials.delete(policy=policy.DELETE_APPLICATION_CREDENTIAL)
async def delete_credential(ctx: Ctx, credential: ApplicationCredential) -> None:
    """Delete an application credential; its tokens are refused at once."""
    await domain.check_unrestricted(ctx.db, ctx.identity)
    await domain.delete_credential(ctx, credential)


below_user = RouteSet()


@below_user.route("GET", credentials.path, policy=policy.LIST_APPLICATION_CREDENTIALS, target=_user)
async def list_credentials(ctx: Ctx) -> Response:
    """List a user's application credentials."""
    return await list_response(ctx, credentials, CredentialView)


@below_user.route(
    "POST",
    credentials.path,
    policy=policy.CREATE_APPLICATION_CREDENTIAL,
    envelope="application_credential",
    transaction=False,
    target=_user,
)
async def create_credential(ctx: Ctx, body: CredentialCreate) -> Response:
    """Create an application credential for oneself; only this answer ever shows its secret."""
    secret = body.secret or domain.new_secret()
    order = _order(body, await ctx.use(Passwords).hash(secret))
    async with ctx.begin() as transaction:
        ctx.writing(transaction)
        row = await domain.create_credential(ctx, ctx.identity, order)
        ctx.noted["target_id"] = row.id
        shape = await shown(ctx, "application_credential", CredentialView, row)
    shape["application_credential"]["secret"] = secret
    return Response(201, shape)


def _order(body: CredentialCreate, secret_hash: str) -> domain.Order:
    try:
        roles = msgspec.convert(body.roles, list[domain.RoleNamed] | None)
        rules = msgspec.convert(body.access_rules, list[domain.RuleGiven] | None)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from error
    return domain.Order(
        name=body.name,
        secret_hash=secret_hash,
        description=body.description,
        expires_at=None if body.expires_at is None else as_time("expires_at", body.expires_at),
        unrestricted=body.unrestricted,
        roles=roles,
        access_rules=rules,
    )


rules = Resource(
    "access_rule",
    "/users/{user_id}/access_rules",
    model=StoredAccessRule,
    view=AccessRuleView,
    scope=_of_user,
    missing=AccessRuleNotFound,
)
rules.show(policy=policy.GET_ACCESS_RULE)


@below_user.route("GET", rules.path, policy=policy.LIST_ACCESS_RULES, target=_user)
async def list_rules(ctx: Ctx) -> Response:
    """List a user's access rules."""
    return await list_response(ctx, rules, AccessRuleView)


@rules.delete(policy=policy.DELETE_ACCESS_RULE)
async def delete_rule(ctx: Ctx, rule: StoredAccessRule) -> None:
    """Delete an access rule that no application credential uses."""
    await domain.delete_access_rule(ctx, rule)
