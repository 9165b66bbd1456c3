"""Security groups by compute's API until 2.35: the network service's, in older words."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

from cumulo.contracts.network import Group, GroupRule, SecurityGroups
from cumulo.core.errors import Conflict, Invalid, NotFound
from cumulo.core.http import Ctx
from cumulo.core.resource import as_bool
from cumulo.services.compute.errors import InvalidParameter
from cumulo.services.compute.model import Server
from cumulo.services.compute.schema.security_groups import (
    GroupBody,
    RuleBody,
    group_document,
    rule_document,
)

NO_PORT = -1


def owner(ctx: Ctx) -> str | None:
    """Return the project whose groups the caller may touch; None: all."""
    return None if ctx.identity.is_admin else ctx.identity.project_id


@asynccontextmanager
async def as_nova_refuses() -> AsyncIterator[None]:
    """Turn the network service's conflicts into the bad requests that Nova made of them."""
    try:
        yield
    except Conflict as error:
        raise Invalid(error.message) from error


async def listed(ctx: Ctx) -> dict[str, Any]:
    """Return the groups of the caller's project; of all, for an administrator who asks."""
    every = ctx.identity.is_admin and as_bool("all_tenants", ctx.request.first("all_tenants") or "0")
    project_id = None if every else ctx.identity.project_id or ""
    found = await ctx.use(SecurityGroups).groups(ctx.db, project_id=project_id)
    return {"security_groups": await _documents(ctx, found)}


async def of_server(ctx: Ctx, server: Server) -> dict[str, Any]:
    """Return the groups on a server's ports."""
    found = await ctx.use(SecurityGroups).groups_of_server(ctx.db, server.id)
    return {"security_groups": await _documents(ctx, found)}


async def _documents(ctx: Ctx, groups: Sequence[Group]) -> list[dict[str, Any]]:
    others = {group.id: group for group in groups}
    for group in groups:
        for rule in group.rules:
            await _learn(ctx, rule.remote_group_id, others)
    return [group_document(group, others) for group in groups]


async def _learn(ctx: Ctx, group_id: str | None, others: dict[str, Group]) -> None:
    """Look up a group that a rule names, unless it is known."""
    if group_id is None or group_id in others:
        return
    try:
        others[group_id] = await ctx.use(SecurityGroups).group(ctx.db, group_id, project_id=None)
    except NotFound:
        return


async def shown(ctx: Ctx, group: Group) -> dict[str, Any]:
    """Return one group."""
    return {"security_group": (await _documents(ctx, [group]))[0]}


async def find(ctx: Ctx, group_id: str) -> Group:
    """Return a group that the caller may see."""
    return await ctx.use(SecurityGroups).group(ctx.db, group_id, project_id=owner(ctx))


async def create(ctx: Ctx, body: GroupBody) -> Group:
    """Create a group."""
    project_id = ctx.identity.project_id or ""
    async with as_nova_refuses():
        return await ctx.use(SecurityGroups).create_group(ctx, project_id, body.name, body.description)


async def update(ctx: Ctx, group_id: str, body: GroupBody) -> Group:
    """Rename a group and describe it anew."""
    async with as_nova_refuses():
        return await ctx.use(SecurityGroups).update_group(
            ctx, group_id, project_id=owner(ctx), name=body.name, description=body.description
        )


async def delete(ctx: Ctx, group_id: str) -> None:
    """Delete a group that no server is in."""
    async with as_nova_refuses():
        await ctx.use(SecurityGroups).delete_group(ctx, group_id, project_id=owner(ctx))


async def create_rule(ctx: Ctx, body: RuleBody) -> dict[str, Any]:
    """Let something in."""
    cidr = body.cidr if isinstance(body.cidr, str) and body.cidr else None
    remote = body.group_id if isinstance(body.group_id, str) else None
    protocol = body.ip_protocol.lower() if isinstance(body.ip_protocol, str) else None
    rule = GroupRule(
        group_id=body.parent_group_id,
        protocol=protocol,
        port_min=_port(body.from_port),
        port_max=_port(body.to_port),
        cidr=cidr,
        remote_group_id=remote,
        version=_version(cidr),
    )
    async with as_nova_refuses():
        made = await ctx.use(SecurityGroups).create_group_rule(ctx, rule, project_id=owner(ctx))
    others: dict[str, Group] = {}
    await _learn(ctx, made.remote_group_id, others)
    return {"security_group_rule": rule_document(made, others)}


def _port(value: object) -> int | None:
    number = int(value) if isinstance(value, int | str) else NO_PORT
    return None if number == NO_PORT else number


def _version(cidr: str | None) -> int:
    if cidr is None:
        return 4
    try:
        return ip_network(cidr, strict=False).version
    except ValueError as error:
        raise InvalidParameter(name="cidr", value=cidr, reason="It is no range of addresses.") from error


async def delete_rule(ctx: Ctx, rule_id: str) -> None:
    """Let something in no longer."""
    await ctx.use(SecurityGroups).delete_group_rule(ctx, rule_id, project_id=owner(ctx))
