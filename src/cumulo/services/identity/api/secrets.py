"""Credentials that users keep here, EC2 keys among them; and policies, texts for services to fetch."""

from collections.abc import Sequence
from typing import Any

from cumulo.core.auth import Rule
from cumulo.core.http import Ctx, RouteSet
from cumulo.core.resource import GLOBAL, Resource
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import links
from cumulo.services.identity.domain import secrets as domain
from cumulo.services.identity.domain.secrets import CredentialKeys
from cumulo.services.identity.errors import CredentialNotFound, PolicyNotFound
from cumulo.services.identity.model import Credential, Policy
from cumulo.services.identity.schema.people import with_extra
from cumulo.services.identity.schema.secrets import (
    CredentialCreate,
    CredentialUpdate,
    CredentialView,
    Ec2Create,
    PolicyCreate,
    PolicyUpdate,
    PolicyView,
)


class OpenCredentialView(CredentialView):
    """A credential with its text, opened."""

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Credential]) -> Any:
        """Open the rows' texts."""
        keys = ctx.use(CredentialKeys)
        return {row.id: domain.text_of(keys, row) for row in rows}


def sees_all(ctx: Ctx, rule: Rule, *owners: str) -> bool:
    """Say whether the caller passes a rule even on what is nobody's, so not only on its own."""
    return ctx.may(rule, dict.fromkeys(owners, ""))


def _of_user(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: in lists the caller's own, unless it may see everybody's."""
    if not ctx.operation.lists or sees_all(ctx, policy.LIST_CREDENTIALS, "user_id"):
        return ()
    return (model.c.user_id == ctx.identity.user_id,)


def _new(ctx: Ctx) -> dict[str, Any]:
    return {"user_id": ctx.body.user_id or ctx.identity.user_id}


credentials = Resource(
    "credential",
    "/credentials",
    model=Credential,
    view=OpenCredentialView,
    scope=_of_user,
    missing=CredentialNotFound,
    target=_new,
)
credentials.list(policy=policy.LIST_CREDENTIALS)
credentials.show(policy=policy.GET_CREDENTIAL)


@credentials.create(policy=policy.CREATE_CREDENTIAL)
async def create_credential(ctx: Ctx, body: CredentialCreate) -> Credential:
    """Keep a credential."""
    return await domain.keep(
        ctx,
        ctx.identity,
        user_id=body.user_id or ctx.identity.user_id or "",
        project_id=body.project_id,
        kind=body.type,
        text=body.blob,
    )


@credentials.update(policy=policy.UPDATE_CREDENTIAL)
async def update_credential(ctx: Ctx, credential: Credential, body: CredentialUpdate) -> Credential:
    """Change a credential; whoever gives it to another user must be allowed to keep one for that user."""
    await domain.check_within(ctx, ctx.identity, credential)
    changes = body.given()
    if "user_id" in changes:
        ctx.authorise(policy.UPDATE_CREDENTIAL, {"user_id": changes["user_id"]})
    return await domain.change(ctx, ctx.identity, credential, changes)


@credentials.delete(policy=policy.DELETE_CREDENTIAL)
async def delete_credential(ctx: Ctx, credential: Credential) -> None:
    """Delete a credential."""
    await domain.check_within(ctx, ctx.identity, credential)
    await domain.forget(ctx, credential)


ec2 = RouteSet()
_MANY = "/users/{user_id}/credentials/OS-EC2"
_ONE = f"{_MANY}/{{credential_id}}"


def _user(ctx: Ctx) -> dict[str, Any]:
    return {"user_id": ctx.params["user_id"]}


async def _load(ctx: Ctx) -> Credential:
    return await domain.require_ec2(ctx.db, ctx.params["user_id"], ctx.params["credential_id"])


def _shape(ctx: Ctx, row: Credential) -> dict[str, Any]:
    key = domain.ec2_key(ctx.use(CredentialKeys), row)
    return {
        "user_id": row.user_id,
        "tenant_id": row.project_id,
        "access": key.access,
        "secret": key.secret,
        "trust_id": key.trust_id,
        "links": {"self": f"{ctx.base_url}/users/{row.user_id}/credentials/OS-EC2/{key.access}"},
    }


@ec2.route("GET", _MANY, policy=policy.EC2_LIST_CREDENTIALS, target=_user)
async def list_ec2(ctx: Ctx, user_id: str) -> dict[str, Any]:
    """List a user's EC2 credentials."""
    c = Credential.c
    rows = await ctx.db.all(Credential, c.user_id == user_id, c.type == domain.EC2, order_by=[c.id])
    return {"credentials": [_shape(ctx, row) for row in rows], **links(ctx, "credentials")}


@ec2.route("POST", _MANY, policy=policy.EC2_CREATE_CREDENTIAL, status=201, target=_user)
async def create_ec2(ctx: Ctx, user_id: str, body: Ec2Create) -> dict[str, Any]:
    """Make an EC2 credential; keys made by a trust's token act by that trust."""
    row, _key = await domain.make_ec2(ctx, ctx.identity, user_id, body.tenant_id)
    return {"credential": _shape(ctx, row)}


@ec2.route("GET", _ONE, policy=policy.EC2_GET_CREDENTIAL, load=_load)
async def show_ec2(ctx: Ctx, credential: Credential) -> dict[str, Any]:
    """Show an EC2 credential."""
    return {"credential": _shape(ctx, credential)}


@ec2.route("DELETE", _ONE, policy=policy.EC2_DELETE_CREDENTIAL, load=_load, status=204)
async def delete_ec2(ctx: Ctx, credential: Credential) -> None:
    """Delete an EC2 credential."""
    await domain.check_within(ctx, ctx.identity, credential)
    await domain.forget(ctx, credential)


policies = Resource(
    "policy",
    "/policies",
    plural="policies",
    model=Policy,
    view=PolicyView,
    scope=GLOBAL,
    missing=PolicyNotFound,
)
policies.list(policy=policy.LIST_POLICIES)
policies.show(policy=policy.GET_POLICY)
policies.delete(policy=policy.DELETE_POLICY, plain=True)


@policies.create(policy=policy.CREATE_POLICY)
async def create_policy(ctx: Ctx, body: PolicyCreate) -> Policy:
    """Create a policy."""
    row = Policy(**with_extra(None, body.given()))
    await ctx.db.insert(row)
    return row


@policies.update(policy=policy.UPDATE_POLICY)
async def update_policy(ctx: Ctx, row: Policy, body: PolicyUpdate) -> Policy:
    """Change a policy."""
    changes = with_extra(row, body.given())
    for name, value in changes.items():
        setattr(row, name, value)
    if changes:
        await ctx.db.save(row, *changes)
    return row
