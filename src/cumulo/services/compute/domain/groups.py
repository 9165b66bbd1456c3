"""Server groups, and what a request hints to the scheduler."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cumulo.core.db import Reader
from cumulo.core.errors import OverQuota
from cumulo.core.http import Ctx
from cumulo.core.http.body import members
from cumulo.core.quota import UNLIMITED
from cumulo.core.resource import as_int
from cumulo.services.compute import policy, requirements, wishes
from cumulo.services.compute.domain.quotas import claimed
from cumulo.services.compute.errors import BadHint, BadPolicies, GroupNotFound, GroupUnknown, ServerNotFound
from cumulo.services.compute.model import Server, ServerGroup
from cumulo.services.compute.schema.bodies import GroupBody

HINTS = ("os:scheduler_hints", "OS-SCH-HNT:scheduler_hints")
_SINGLE = (2, 64)  # from here a group has one `policy` with `rules`; before, a list of `policies`
_SOFT = (2, 15)


class Hints(msgspec.Struct):
    """What a scheduler may be told; hints that it does not know are kept and told again."""

    group: str | UnsetType = UNSET
    same_host: str | list[str] | UnsetType = UNSET
    different_host: str | list[str] | UnsetType = UNSET
    query: str | dict[str, Any] | list[Any] | UnsetType = UNSET
    target_cell: str | UnsetType = UNSET
    build_near_host_ip: str | UnsetType = UNSET
    cidr: Annotated[str, Meta(pattern=r"^/")] | UnsetType = UNSET


async def hints_of(ctx: Ctx) -> dict[str, Any]:
    """Return the request's hints, checked. BadHint, GroupUnknown."""
    outer = members(await ctx.request.body(ctx.service.dialect.body_limit))
    raw = next((outer[name] for name in HINTS if name in outer), None)
    return {} if raw is None else await checked(ctx, raw, ctx.identity.project_id)


async def checked(ctx: Ctx, raw: bytes | msgspec.Raw, project_id: str | None) -> dict[str, Any]:
    """Return hints for a server of a project. BadHint, GroupUnknown."""
    try:
        hints = msgspec.json.decode(raw, type=Hints)
    except msgspec.ValidationError as error:
        raise BadHint(name="scheduler_hints", reason=str(error)) from error
    given: dict[str, Any] = msgspec.json.decode(raw)
    near, far = wishes.ids_of(given, "same_host"), wishes.ids_of(given, "different_host")
    visible = await _visible(ctx, [*near, *far])
    for server_id in near:
        if server_id not in visible:
            raise BadHint(name="same_host", reason=ServerNotFound(id=server_id).message)
    if far:  # others' servers, or none: a server is apart from them as far as its project may know
        given["different_host"] = [server_id for server_id in far if server_id in visible]
    if hints.query is not UNSET:
        given["query"] = _query(hints.query)
    if isinstance(hints.group, str):
        await find(ctx.db, hints.group, project_id=project_id, unknown=GroupUnknown)
    return given


def _query(query: str | dict[str, Any] | list[Any]) -> str:
    text = query if isinstance(query, str) else msgspec.json.encode(query).decode()
    try:
        requirements.read_query(text)
    except requirements.BadQuery as error:
        raise BadHint(name="query", reason=str(error)) from error
    return text


async def _visible(ctx: Ctx, ids: Sequence[str]) -> set[str]:
    """Return those of the servers that the caller's project has; of an administrator's, those there are."""
    known = await ctx.db.all(Server, Server.c.id.in_(list(ids))) if ids else []
    return {row.id for row in known if ctx.identity.is_admin or row.project_id == ctx.identity.project_id}


async def check_members(ctx: Ctx, group_id: str, more: int) -> None:
    """Refuse more servers in a group than there may be. OverQuota."""
    limit = await claimed(ctx, "server_group_members")
    held = await ctx.db.count(Server, Server.c.group_id == group_id, Server.c.deleted_at.is_(None))
    if limit != UNLIMITED and held + more > limit:
        raise OverQuota("Quota exceeded, too many servers in group", resource="server_group_members")


async def find(
    db: Reader,
    id: str,
    *,
    project_id: str | None,
    unknown: type[GroupNotFound | GroupUnknown] = GroupNotFound,
) -> ServerGroup:
    """Return a group of a project (None: of any)."""
    own = () if project_id is None else (ServerGroup.c.project_id == project_id,)
    row = await db.one(ServerGroup, ServerGroup.c.id == id, *own)
    if row is None:
        raise unknown(id=id)
    return row


async def listed(ctx: Ctx) -> list[ServerGroup]:
    """Return the project's groups, the oldest first; of all projects to who may see them."""
    first = ctx.request.first
    where = [ServerGroup.c.project_id == ctx.identity.project_id]
    if first("all_projects") is not None and ctx.may(policy.GROUPS_OF_SERVERS_ALL):
        where = []
    order = (ServerGroup.c.created_at, ServerGroup.c.id)
    offset = as_int("offset", first("offset") or "0", least=0)
    limit = min(as_int("limit", first("limit") or "1000", least=0), 1000)
    rows = await ctx.db.all(ServerGroup, *where, order_by=order, limit=offset + limit)
    return rows[offset:]


async def create(ctx: Ctx, body: GroupBody) -> ServerGroup:
    """Create a group. BadPolicies, OverQuota."""
    chosen, most = _policy(ctx, body)
    limit = await claimed(ctx, "server_groups")
    project_id = ctx.identity.project_id or ""
    held = await ctx.db.count(ServerGroup, ServerGroup.c.project_id == project_id)
    if limit != UNLIMITED and held >= limit:
        raise OverQuota("Quota exceeded, too many server groups.", resource="server_groups")
    group = ServerGroup(
        project_id=project_id,
        user_id=ctx.identity.user_id or "",
        name=body.name.strip(),
        policy=chosen,
        most_on_host=most,
    )
    await ctx.db.insert(group)
    return group


def _policy(ctx: Ctx, body: GroupBody) -> tuple[str, int | None]:
    """Return the policy asked for, in whichever of the two forms the version has, and most on a host."""
    version = ctx.version or _SINGLE
    if version >= _SINGLE:
        if not isinstance(body.policy, str):
            raise BadPolicies(field="policy", reason="'policy' is a required property")
        rules = {} if body.rules is UNSET else body.rules
        most = rules.get("max_server_per_host")
        if most is not None and body.policy != wishes.ANTI_AFFINITY:
            raise BadPolicies(field="rules", reason="Only anti-affinity policy supports rules.")
        return body.policy, None if most is None else int(most)
    if not isinstance(body.policies, list):
        raise BadPolicies(field="policies", reason="'policies' is a required property")
    chosen = body.policies[0]
    if chosen.startswith("soft") and version < _SOFT:
        raise BadPolicies(field="policies", reason=f"'{chosen}' is not one of affinity, anti-affinity")
    return chosen, None


async def delete(ctx: Ctx, group: ServerGroup) -> None:
    """Delete a group; its servers stay."""
    await ctx.db.update(Server, Server.c.group_id == group.id, group_id=None)
    await ctx.db.delete(ServerGroup, ServerGroup.c.id == group.id)


async def documents(ctx: Ctx, groups: Sequence[ServerGroup]) -> list[dict[str, Any]]:
    """Return groups as this version of the API shows them, with their members by one query."""
    members_of: dict[str, list[str]] = {group.id: [] for group in groups}
    theirs = (Server.c.group_id.in_(list(members_of)), Server.c.deleted_at.is_(None))
    for row in await ctx.db.all(Server, *theirs, order_by=(Server.c.created_at,)) if groups else []:
        members_of[row.group_id or ""].append(row.id)
    return [_document(ctx, group, members_of[group.id]) for group in groups]


def _document(ctx: Ctx, group: ServerGroup, members_: list[str]) -> dict[str, Any]:
    version = ctx.version or _SINGLE
    shape: dict[str, Any] = {"id": group.id, "name": group.name, "members": members_}
    if version >= _SINGLE:
        most: Mapping[str, int] = (
            {} if group.most_on_host is None else {"max_server_per_host": group.most_on_host}
        )
        shape |= {"policy": group.policy, "rules": most}
    else:
        shape |= {"policies": [group.policy], "metadata": {}}
    if version >= (2, 13):
        shape |= {"project_id": group.project_id, "user_id": group.user_id}
    return shape
