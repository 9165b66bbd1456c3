"""Roles and what they imply."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.resource import Resource
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import links
from cumulo.services.identity.domain import roles as domain
from cumulo.services.identity.domain.options import check_deletable, with_options
from cumulo.services.identity.errors import RoleNotFound
from cumulo.services.identity.model import Role
from cumulo.services.identity.schema.projects import RoleCreate, RoleUpdate, RoleView


def _global_unless_asked(ctx: Ctx, model: Any) -> Any:
    """Scope: lists show the roles of no domain, unless a domain's are asked for."""
    if not ctx.operation.lists:
        return ()
    if "domain_id" not in ctx.request.query:
        return (model.c.domain_id.is_(None),)
    ctx.authorise(policy.LIST_DOMAIN_ROLES)
    return ()


_OF_A_DOMAIN = {
    "GET": policy.GET_DOMAIN_ROLE,
    "PATCH": policy.UPDATE_DOMAIN_ROLE,
    "DELETE": policy.DELETE_DOMAIN_ROLE,
}


class Roles(Resource):
    """Roles; those of a domain have rules of their own besides."""

    async def load(self, ctx: Ctx) -> Role:
        """Fetch the role that the path names."""
        role: Role = await super().load(ctx)
        if role.domain_id is not None:
            ctx.authorise(_OF_A_DOMAIN[ctx.operation.method], role)
        return role


roles = Roles("role", "/roles", model=Role, view=RoleView, scope=_global_unless_asked, missing=RoleNotFound)
roles.list(policy=policy.LIST_ROLES)
roles.show(policy=policy.GET_ROLE)


@roles.create(policy=policy.CREATE_ROLE)
async def create_role(ctx: Ctx, body: RoleCreate) -> Role:
    """Create a role."""
    if body.domain_id is not None:
        ctx.authorise(policy.CREATE_DOMAIN_ROLE)
    return await domain.create_role(ctx, Role(**with_options("role", None, body.given())))


@roles.update(policy=policy.UPDATE_ROLE)
async def update_role(ctx: Ctx, role: Role, body: RoleUpdate) -> Role:
    """Change a role."""
    return await domain.update_role(ctx, role, with_options("role", role, body.given()))


@roles.delete(policy=policy.DELETE_ROLE)
async def delete_role(ctx: Ctx, role: Role) -> None:
    """Delete a role with its assignments."""
    check_deletable("role", role)
    await domain.delete_role(ctx, role)


inferences = RouteSet()
_ONE = "/roles/{prior_role_id}/implies/{implied_role_id}"


def _brief(ctx: Ctx, role: Role) -> dict[str, Any]:
    return {"id": role.id, "name": role.name, "links": {"self": f"{ctx.base_url}/roles/{role.id}"}}


def _inference(ctx: Ctx, prior: Role, implied: Role) -> dict[str, Any]:
    url = f"{ctx.base_url}/roles/{prior.id}/implies/{implied.id}"
    pair = {"prior_role": _brief(ctx, prior), "implies": _brief(ctx, implied)}
    return {"role_inference": pair, "links": {"self": url}}


@inferences.route("GET", "/role_inferences", policy=policy.LIST_ROLE_INFERENCE_RULES)
async def list_inferences(ctx: Ctx) -> dict[str, Any]:
    """List all implications."""
    found = [
        {"prior_role": _brief(ctx, prior), "implies": [_brief(ctx, each) for each in implied]}
        for prior, implied in await domain.implications(ctx.db)
    ]
    return {"role_inferences": found, **links(ctx, "role_inferences")}


@inferences.route("GET", "/roles/{prior_role_id}/implies", policy=policy.LIST_IMPLIED_ROLES)
async def list_implied_roles(ctx: Ctx, prior_role_id: str) -> dict[str, Any]:
    """List what a role implies."""
    prior = await domain.require_role(ctx.db, prior_role_id)
    found = [implied for role, implied in await domain.implications(ctx.db) if role.id == prior.id]
    implies = [_brief(ctx, each) for each in (found[0] if found else [])]
    inference = {"prior_role": _brief(ctx, prior), "implies": implies}
    return {"role_inference": inference, **links(ctx, "role_inference")}


@inferences.route("GET", _ONE, policy=policy.GET_IMPLIED_ROLE)
async def show_implied_role(ctx: Ctx, prior_role_id: str, implied_role_id: str) -> dict[str, Any]:
    """Show an implication."""
    pair = await domain.require_implication(ctx.db, prior_role_id, implied_role_id)
    return _inference(ctx, *pair)


@inferences.route("HEAD", _ONE, policy=policy.CHECK_IMPLIED_ROLE, status=204)
async def check_implied_role(ctx: Ctx, prior_role_id: str, implied_role_id: str) -> None:
    """Check an implication."""
    await domain.require_implication(ctx.db, prior_role_id, implied_role_id)


@inferences.route("PUT", _ONE, policy=policy.CREATE_IMPLIED_ROLE, status=201)
async def create_implied_role(ctx: Ctx, prior_role_id: str, implied_role_id: str) -> dict[str, Any]:
    """Have a role imply another."""
    await domain.imply(ctx, prior_role_id, implied_role_id)
    return _inference(ctx, *await domain.require_implication(ctx.db, prior_role_id, implied_role_id))


@inferences.route("DELETE", _ONE, policy=policy.DELETE_IMPLIED_ROLE, status=204)
async def delete_implied_role(ctx: Ctx, prior_role_id: str, implied_role_id: str) -> None:
    """End an implication."""
    await domain.end_implication(ctx, prior_role_id, implied_role_id)
