"""Security groups and their rules."""

from cumulo.core.http import Ctx
from cumulo.core.resource import PROJECT
from cumulo.services.network import policy
from cumulo.services.network.api.ownership import columns, owner, usable
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.domain import default_rules, sharing
from cumulo.services.network.domain import security_groups as domain
from cumulo.services.network.errors import (
    AddressGroupNotFound,
    SecurityGroupNotFound,
    SecurityGroupRuleNotFound,
)
from cumulo.services.network.model import AddressGroup, SecurityGroup, SecurityGroupRule
from cumulo.services.network.schema.bodies import RuleCreate, SecurityGroupCreate, SecurityGroupUpdate
from cumulo.services.network.schema.security import RuleView, SecurityGroupView


async def ensure_default(ctx: Ctx) -> None:
    """Have the default group there before groups are listed: the caller's, or that of whom it asks for."""
    asked = ctx.request.first("project_id") or ctx.request.first("tenant_id")
    project_id = (asked if ctx.identity.is_admin else None) or ctx.identity.project_id
    if project_id:
        await domain.ensure_default(ctx, project_id)


groups = StandardResource(
    "security_group",
    "/security-groups",
    model=SecurityGroup,
    view=SecurityGroupView,
    scope=usable,
    shared=True,
    missing=SecurityGroupNotFound,
    quota={"security_group": 1},
)
groups.list(policy=policy.GET_GROUP, before=ensure_default)
groups.show(policy=policy.GET_GROUP)


@groups.create(policy=policy.CREATE_GROUP)
async def create(ctx: Ctx, body: SecurityGroupCreate) -> SecurityGroup:
    """Create a group with the rules that new ones begin with."""
    project_id = owner(ctx, body)
    await domain.ensure_default(ctx, project_id)
    await ctx.claim({"security_group_rule": await default_rules.number(ctx)}, project_id=project_id)
    return await domain.create(ctx, project_id, columns(body))


@groups.update(policy=policy.UPDATE_GROUP)
async def update(ctx: Ctx, group: SecurityGroup, body: SecurityGroupUpdate) -> SecurityGroup:
    """Rename or describe a group, or make it stateless."""
    return await domain.update(ctx, group, columns(body))


@groups.delete(policy=policy.DELETE_GROUP)
async def delete(ctx: Ctx, group: SecurityGroup) -> None:
    """Delete a group that no port is in."""
    await domain.delete(ctx, group, is_admin=ctx.identity.is_admin)


rules = StandardResource(
    "security_group_rule",
    "/security-group-rules",
    model=SecurityGroupRule,
    view=RuleView,
    scope=PROJECT,
    missing=SecurityGroupRuleNotFound,
    quota={"security_group_rule": 1},
)
rules.list(policy=policy.GET_RULE)
rules.show(policy=policy.GET_RULE)


@rules.create(policy=policy.CREATE_RULE)
async def create_rule(ctx: Ctx, body: RuleCreate) -> SecurityGroupRule:
    """Add a rule to a group."""
    project_id, admin = owner(ctx, body), ctx.identity.is_admin
    group = await domain.find(ctx.db, body.security_group_id, project_id=project_id, is_admin=admin)
    if body.remote_group_id is not None:
        await domain.find(ctx.db, body.remote_group_id, project_id=project_id, is_admin=admin)
    if body.remote_address_group_id is not None:
        wanted = (AddressGroup, body.remote_address_group_id, AddressGroupNotFound)
        await sharing.find(ctx.db, *wanted, project_id=project_id, is_admin=admin)
    values = columns(body, "security_group_id")
    values["ethertype"] = body.ethertype or "IPv4"
    values["protocol"] = None if body.protocol is None else str(body.protocol)
    return await domain.create_rule(ctx, group, group.project_id, values)


@rules.delete(policy=policy.DELETE_RULE)
async def delete_rule(ctx: Ctx, rule: SecurityGroupRule) -> None:
    """Take a rule away."""
    await domain.delete_rule(ctx, rule)
