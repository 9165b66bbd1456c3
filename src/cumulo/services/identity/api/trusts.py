"""Trusts."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import or_

from cumulo.core import clock
from cumulo.core.errors import Forbidden, Invalid
from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.core.resource import Resource, as_time
from cumulo.core.resource.listing import list_response
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import links, shown
from cumulo.services.identity.domain import trusts as domain
from cumulo.services.identity.domain.credentials import RoleNamed, check_unrestricted
from cumulo.services.identity.errors import RoleNotFound, TrustNotFound
from cumulo.services.identity.model import Role, Trust
from cumulo.services.identity.schema.trusts import BriefTrustView, TrustCreate, TrustView, role_shape


def _holding(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: trusts that may still be used."""
    del ctx
    lasts = or_(model.c.expires_at.is_(None), model.c.expires_at > clock.now())
    return (model.c.remaining_uses.is_distinct_from(0), lasts)


class Trusts(Resource):
    """Trusts, which are not found once they have expired."""

    async def load(self, ctx: Ctx) -> Trust:
        """Fetch the trust that the path names: to whom it is nothing, it is not there."""
        trust = await domain.require_trust(ctx.db, ctx.params[self.parameter])
        if not ctx.may(policy.GET_TRUST, trust):
            raise TrustNotFound(id=trust.id)
        return trust


trusts = Trusts(
    "trust", "/OS-TRUST/trusts", model=Trust, view=TrustView, scope=_holding, missing=TrustNotFound
)
trusts.show(policy=policy.GET_TRUST)
trust_routes = RouteSet()


@trust_routes.route("GET", trusts.path, policy=policy.ASK_FOR_TRUSTS)
async def list_trusts(ctx: Ctx) -> Response:
    """List trusts: those of a trustor, those for a trustee, or, for who may, all."""
    asked = {name: ctx.request.first(name) for name in ("trustor_user_id", "trustee_user_id")}
    rules = {
        "trustor_user_id": policy.LIST_TRUSTS_FOR_TRUSTOR,
        "trustee_user_id": policy.LIST_TRUSTS_FOR_TRUSTEE,
    }
    for name, value in asked.items():
        if value is not None:
            ctx.authorise(rules[name], {name: value})
    if not any(asked.values()):
        ctx.authorise(policy.LIST_TRUSTS)
    return await list_response(ctx, trusts, BriefTrustView)


def _new(ctx: Ctx) -> dict[str, Any]:
    return {"target": {"trust": {"trustor_user_id": ctx.body.trustor_user_id}}}


@trust_routes.route(
    "POST", trusts.path, policy=policy.CREATE_TRUST, status=201, envelope="trust", target=_new
)
async def create_trust(ctx: Ctx, body: TrustCreate) -> dict[str, Any]:
    """Trust somebody with some of one's roles on a project."""
    try:
        roles = msgspec.convert(body.roles, list[RoleNamed])
    except msgspec.ValidationError as error:
        raise Invalid(str(error), field="roles") from error
    given = body.given() | {
        "roles": roles,
        "expires_at": None if body.expires_at is None else as_time("expires_at", body.expires_at),
    }
    trust = await domain.create_trust(ctx, ctx.identity, domain.Wanted(**given))
    return await shown(ctx, "trust", TrustView, trust)


@trusts.delete(policy=policy.DELETE_TRUST)
async def delete_trust(ctx: Ctx, trust: Trust) -> None:
    """End a trust and all that are chained on it."""
    if ctx.identity.trust_id is not None and not ctx.identity.is_admin:
        raise Forbidden
    if ctx.identity.application_credential_id is not None:
        await check_unrestricted(ctx.db, ctx.identity)
    await domain.end_trust(ctx, trust)


@trusts.member("GET", "/roles", policy=policy.LIST_ROLES_FOR_TRUST)
async def list_trust_roles(ctx: Ctx, trust: Trust) -> dict[str, Any]:
    """List the roles of a trust."""
    rows = await ctx.db.all(Role, Role.c.id.in_(trust.role_ids), order_by=[Role.c.name])
    return {"roles": [role_shape(ctx.base_url, role) for role in rows], **links(ctx, "roles")}


@trusts.member("GET", "/roles/{role_id}", policy=policy.GET_ROLE_FOR_TRUST)
async def show_trust_role(ctx: Ctx, trust: Trust, role_id: str) -> dict[str, Any]:
    """Show a role of a trust."""
    role = await ctx.db.get(Role, role_id) if role_id in trust.role_ids else None
    if role is None:
        raise RoleNotFound(id=role_id)
    return {"role": role_shape(ctx.base_url, role)}
