"""What a project may hold of compute, and what it holds."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from cumulo.core.db import Reader
from cumulo.core.errors import OverQuota
from cumulo.core.http import Ctx
from cumulo.core.quota import STANDARD, UNLIMITED, Limits, Standing
from cumulo.services.compute.errors import InvalidParameter, TooManyMetadata
from cumulo.services.compute.model import Keypair, Server
from cumulo.services.compute.schema.catalogue import MAX, is_true

SERVICE = "compute"
OLD_NETWORK = {  # until 2.35: what compute limited when it had a network service of its own
    "fixed_ips": -1,
    "floating_ips": -1,
    "security_group_rules": -1,
    "security_groups": -1,
}
OLD_FILES = {  # until 2.56: files put into new servers
    "injected_file_content_bytes": 10240,
    "injected_file_path_bytes": 255,
    "injected_files": 5,
}


async def usage(db: Reader, project_id: str) -> Mapping[str, int]:
    """Count what a project's servers hold."""
    statement = select(
        func.count(),
        func.coalesce(func.sum(Server.c.vcpus), 0),
        func.coalesce(func.sum(Server.c.memory_mib), 0),
    ).where(Server.c.project_id == project_id, Server.c.deleted_at.is_(None))
    instances, cores, ram = (await db.rows(statement))[0]
    return {"instances": int(instances), "cores": int(cores), "ram": int(ram)}


LIMITS = Limits(
    service=SERVICE,
    defaults={
        "instances": 10,
        "cores": 20,
        "ram": 51200,
        "key_pairs": 100,
        "metadata_items": 128,
        "server_groups": 10,
        "server_group_members": 10,
        **OLD_NETWORK,
        **OLD_FILES,
    },
    usage=usage,
)


async def claimed(ctx: Ctx, resource: str) -> int:
    """Return a limit of the caller's project; others of it that ask for one to be held wait."""
    await ctx.db.lock(f"quota:{SERVICE}:{ctx.identity.project_id or ''}")
    return await limit_of(ctx, resource)


async def limit_of(ctx: Ctx, resource: str) -> int:
    """Return a limit of the caller's project."""
    limits = await ctx.engine.quota.limits(ctx.db, SERVICE, ctx.identity.project_id or "")
    return limits.get(resource, UNLIMITED)


async def check_metadata(ctx: Ctx, count: int) -> None:
    """Refuse more items of metadata than a server may have. TooManyMetadata."""
    limit = await limit_of(ctx, "metadata_items")
    if UNLIMITED != limit < count:
        raise TooManyMetadata(limit=limit)


async def check_key_pairs(ctx: Ctx, user_id: str) -> None:
    """Refuse another keypair to a user who has as many as may be."""
    limit = await claimed(ctx, "key_pairs")
    held = await ctx.db.count(Keypair, Keypair.c.user_id == user_id)
    if limit != UNLIMITED and held >= limit:
        raise OverQuota("Quota exceeded, too many key pairs.", resource="key_pairs")


def shown(ctx: Ctx, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a quota set what this version of the API has."""
    version = ctx.version or (2, 104)
    hidden = {*(OLD_NETWORK if version > (2, 35) else ()), *(OLD_FILES if version > (2, 56) else ())}
    return {name: value for name, value in values.items() if name not in hidden}


async def quota_set(ctx: Ctx, project_id: str) -> dict[str, Any]:
    """Return a project's limits."""
    limits = await ctx.engine.quota.limits(ctx.db, SERVICE, project_id)
    return {"quota_set": {"id": project_id, **shown(ctx, limits)}}


async def quota_detail(ctx: Ctx, project_id: str) -> dict[str, Any]:
    """Return a project's limits, each with what is used of it."""
    standing = await ctx.engine.quota.standing(ctx.db, SERVICE, project_id)
    detail = {name: _detail(one) for name, one in standing.items()}
    return {"quota_set": {"id": project_id, **shown(ctx, detail)}}


def _detail(standing: Standing) -> dict[str, int]:
    return {"limit": standing.limit, "in_use": standing.used, "reserved": 0}


async def quota_class(ctx: Ctx, name: str) -> dict[str, Any]:
    """Return the limits of a class: of `default`, those of projects without their own; others say nothing."""
    quota = ctx.engine.quota
    limits = await quota.standard(ctx.db, SERVICE) if name == "default" else quota.defaults(SERVICE)
    hidden = set() if (ctx.version or (2, 1)) >= (2, 50) else {"server_groups", "server_group_members"}
    old = {*OLD_NETWORK} if (ctx.version or (2, 1)) >= (2, 50) else set()
    kept = {name: limit for name, limit in shown(ctx, limits).items() if name not in hidden | old}
    return {"quota_class_set": {"id": name, **kept}}


async def set_quota_class(ctx: Ctx, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Set the limits of the class `default`. InvalidParameter for another, which nothing would follow."""
    if name != "default":
        raise InvalidParameter(name="id", value=name, reason="Only the class 'default' has a meaning.")
    values = {key: int(value) for key, value in body.items() if key not in ("id", "class_name")}
    await ctx.engine.quota.set(ctx.db, SERVICE, STANDARD, values)
    document = await quota_class(ctx, name)
    del document["quota_class_set"]["id"]
    return document


async def quota_defaults(ctx: Ctx, project_id: str) -> dict[str, Any]:
    """Return the limits of a project that has none of its own."""
    limits = await ctx.engine.quota.standard(ctx.db, SERVICE)
    return {"quota_set": {"id": project_id, **shown(ctx, limits)}}


async def absolute(ctx: Ctx, project_id: str) -> dict[str, Any]:
    """Return a project's limits and usage in the words of `/limits`."""
    standing = await ctx.engine.quota.standing(ctx.db, SERVICE, project_id)
    none = Standing(UNLIMITED, 0)
    document: dict[str, Any] = {}
    for name, maximum, used in _ABSOLUTE:
        one = standing.get(name, none)
        document[maximum] = one.limit
        if used:
            document[used] = one.used
    version = ctx.version or (2, 1)
    if version <= (2, 35):
        document.update(_OLD_NETWORK_LIMITS)
    if version <= (2, 38):
        document["maxImageMeta"] = document["maxServerMeta"]
    if version <= (2, 56):
        document.update(maxPersonality=5, maxPersonalitySize=10240)
    return {"limits": {"rate": [], "absolute": document}}


_ABSOLUTE = (
    ("instances", "maxTotalInstances", "totalInstancesUsed"),
    ("cores", "maxTotalCores", "totalCoresUsed"),
    ("ram", "maxTotalRAMSize", "totalRAMUsed"),
    ("key_pairs", "maxTotalKeypairs", None),
    ("metadata_items", "maxServerMeta", None),
    ("server_groups", "maxServerGroups", "totalServerGroupsUsed"),
    ("server_group_members", "maxServerGroupMembers", None),
)
_OLD_NETWORK_LIMITS = {
    "maxTotalFloatingIps": -1,
    "totalFloatingIpsUsed": 0,
    "maxSecurityGroups": -1,
    "maxSecurityGroupRules": -1,
    "totalSecurityGroupsUsed": 0,
}


async def set_quotas(ctx: Ctx, project_id: str, body: Mapping[str, int | bool | str]) -> None:
    """Give a project limits of its own. InvalidParameter, also below what is used, unless forced."""
    force = is_true(body.get("force", False))
    standing = await ctx.engine.quota.standing(ctx.db, SERVICE, project_id)
    wanted: dict[str, int] = {}
    for name, value in body.items():
        if name in ("force", "tenant_id", "id"):
            continue
        if name not in standing or isinstance(value, bool):
            reason = f"Additional properties are not allowed ('{name}' was unexpected)"
            raise InvalidParameter(name=name, value=value, reason=reason)
        wanted[name] = _limit(name, value)
        if not force and UNLIMITED < wanted[name] < standing[name].used:
            reason = f"{standing[name].used} are in use already."
            raise InvalidParameter(name=name, value=value, reason=reason)
    await ctx.engine.quota.set(ctx.db, SERVICE, project_id, wanted)


def _limit(name: str, value: int | str) -> int:
    try:
        number = int(value)
    except ValueError as error:
        reason = "It is no whole number."
        raise InvalidParameter(name=name, value=value, reason=reason) from error
    if number < UNLIMITED:
        raise InvalidParameter(name=name, value=value, reason="It is less than the minimum of -1")
    if number > MAX:
        raise InvalidParameter(name=name, value=value, reason=f"It is greater than the maximum of {MAX}")
    return number
