"""RBAC policies: a project lets others use what is its own."""

from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from cumulo.core.http import Ctx
from cumulo.core.resource import PROJECT, Body, Filterable, Resource, Sortable, Source, View
from cumulo.services.network import policy
from cumulo.services.network.api.ownership import owner
from cumulo.services.network.domain import sharing
from cumulo.services.network.errors import BadRequest, RbacObjectNotFound, RbacPolicyNotFound
from cumulo.services.network.model import EXTERNAL, RbacPolicy
from cumulo.services.network.schema.standard import Name, Owned, TenantId


class RbacPolicyView(View, model=RbacPolicy):
    """A policy as clients see it."""

    id: Annotated[str, Filterable, Sortable]
    tenant_id: TenantId
    project_id: Annotated[str, Filterable, Sortable]
    object_type: Annotated[str, Filterable, Sortable]
    object_id: Annotated[str, Filterable, Sortable]
    action: Annotated[str, Filterable, Sortable]
    target_tenant: Annotated[str, Source("target_project"), Filterable, Sortable]


class RbacPolicyCreate(Owned, kw_only=True):
    """A new policy."""

    object_type: str
    object_id: str
    action: str
    target_tenant: Name


class RbacPolicyUpdate(Body):
    """A changed policy."""

    target_tenant: Name | UnsetType = UNSET


policies = Resource(
    "rbac_policy",
    "/rbac-policies",
    plural="rbac_policies",
    model=RbacPolicy,
    view=RbacPolicyView,
    scope=PROJECT,
    missing=RbacPolicyNotFound,
    quota={"rbac_policy": 1},
)
policies.list(policy=policy.GET_RBAC)
policies.show(policy=policy.GET_RBAC)


@policies.create(policy=policy.CREATE_RBAC)
async def create(ctx: Ctx, body: RbacPolicyCreate) -> RbacPolicy:
    """Let a project, or everyone, use something of one's own."""
    kind = sharing.KINDS.get(body.object_type)
    if kind is None:
        reason = f"object_type '{body.object_type}' is none of {', '.join(sorted(sharing.KINDS))}"
        raise BadRequest(resource="rbac_policy", reason=reason)
    if body.action not in kind.uses:
        reason = f"action '{body.action}' is none of {', '.join(sorted(kind.uses))}"
        raise BadRequest(resource="rbac_policy", reason=reason)
    row = await ctx.db.get(kind.model, body.object_id)
    mine, admin = ctx.identity.project_id, ctx.identity.is_admin
    if row is None or not await sharing.may_use(ctx.db, row, *kind.uses, project_id=mine, is_admin=admin):
        raise RbacObjectNotFound(kind=body.object_type, id=body.object_id)
    if not admin and row.project_id != mine:
        reason = f"{body.object_type} {body.object_id} is not yours to be shared"
        raise BadRequest(resource="rbac_policy", reason=reason)
    if body.action == EXTERNAL and not getattr(row, "external", False):
        ctx.authorise(policy.UPDATE_NETWORK_EXTERNAL, ctx.own())  # this makes it an external network
    check_target(ctx, policy.CREATE_RBAC_TARGET, body.target_tenant)
    made = RbacPolicy(
        project_id=owner(ctx, body),
        object_type=body.object_type,
        object_id=body.object_id,
        target_project=body.target_tenant,
        action=body.action,
    )
    return await sharing.create(ctx, made)


@policies.update(policy=policy.UPDATE_RBAC)
async def update(ctx: Ctx, row: RbacPolicy, body: RbacPolicyUpdate) -> RbacPolicy:
    """Let another project use it instead."""
    if body.target_tenant is UNSET:
        return row
    check_target(ctx, policy.UPDATE_RBAC_TARGET, body.target_tenant)
    return await sharing.retarget(ctx, row, body.target_tenant)


@policies.delete(policy=policy.DELETE_RBAC)
async def delete(ctx: Ctx, row: RbacPolicy) -> None:
    """Let it be used no longer."""
    await sharing.delete(ctx, row)


def check_target(ctx: Ctx, rule: Any, target: str) -> None:
    """Refuse an empty target, and everyone as one where the caller may not name everyone."""
    if not target:
        raise BadRequest(resource="rbac_policy", reason="target_tenant is empty")
    ctx.authorise(rule, {**ctx.own(), "target_tenant": target, "target_project": target})
