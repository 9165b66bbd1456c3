"""Security groups, which compute's API had until 2.35. Clients of today ask the network service."""

from typing import Any

from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.domain import security_groups as domain
from cumulo.services.compute.schema.security_groups import GroupBody, RuleBody

routes = RouteSet()
LAST = "2.35"


@routes.route("GET", "/os-security-groups", policy=policy.SECURITY_GROUPS_GET, until=LAST)
async def list_security_groups(ctx: Ctx) -> Any:
    """List the project's security groups."""
    return await domain.listed(ctx)


@routes.route(
    "POST",
    "/os-security-groups",
    policy=policy.SECURITY_GROUPS_CREATE,
    envelope="security_group",
    until=LAST,
)
async def create_security_group(ctx: Ctx, body: GroupBody) -> Any:
    """Create a security group."""
    return await domain.shown(ctx, await domain.create(ctx, body))


@routes.route("GET", "/os-security-groups/{group_id}", policy=policy.SECURITY_GROUPS_SHOW, until=LAST)
async def show_security_group(ctx: Ctx, group_id: str) -> Any:
    """Show a security group."""
    return await domain.shown(ctx, await domain.find(ctx, group_id))


@routes.route(
    "PUT",
    "/os-security-groups/{group_id}",
    policy=policy.SECURITY_GROUPS_UPDATE,
    envelope="security_group",
    until=LAST,
)
async def update_security_group(ctx: Ctx, group_id: str, body: GroupBody) -> Any:
    """Rename a security group and describe it anew."""
    return await domain.shown(ctx, await domain.update(ctx, group_id, body))


@routes.route("DELETE", "/os-security-groups/{group_id}", policy=policy.SECURITY_GROUPS_DELETE, until=LAST)
async def delete_security_group(ctx: Ctx, group_id: str) -> Response:
    """Delete a security group that no server is in."""
    await domain.delete(ctx, group_id)
    return Response(202)


@routes.route(
    "POST",
    "/os-security-group-rules",
    policy=policy.SECURITY_GROUPS_ADD_RULE,
    envelope="security_group_rule",
    until=LAST,
)
async def create_security_group_rule(ctx: Ctx, body: RuleBody) -> Any:
    """Add a rule for what comes in to a security group."""
    return await domain.create_rule(ctx, body)


@routes.route(
    "DELETE",
    "/os-security-group-rules/{rule_id}",
    policy=policy.SECURITY_GROUPS_REMOVE_RULE,
    until=LAST,
)
async def delete_security_group_rule(ctx: Ctx, rule_id: str) -> Response:
    """Take a rule off a security group."""
    await domain.delete_rule(ctx, rule_id)
    return Response(202)
