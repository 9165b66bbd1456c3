"""Quota sets and classes, and limits, as the API writes them."""

from collections.abc import Mapping
from typing import Any

from cumulo.core.http import Ctx
from cumulo.core.quota import UNLIMITED, Quota, QuotaLimit, Standing
from cumulo.core.resource import as_bool
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.domain import quotas
from cumulo.services.block_storage.errors import BadRequest
from cumulo.services.block_storage.model import QuotaClass

IGNORED = frozenset({"tenant_id", "id", "skip_validation", "class_name"})
LARGEST = 0x7FFFFFFF


async def quota_set(ctx: Ctx, project_id: str) -> dict[str, Any]:
    """Return a project's limits; with `usage=True` each with what is used of it."""
    ctx.authorise(policy.QUOTAS_SHOW, {"project_id": project_id})
    types = await quotas.types_by_id(ctx.db)
    quota = ctx.use(Quota)
    if not as_bool("usage", ctx.request.first("usage") or "false"):
        limits = await quotas.limits_of(ctx.db, quota, project_id, types)
        return {"quota_set": {"id": project_id, **_named(limits, types)}}
    standing = await quotas.standing_of(ctx.db, quota, project_id, types)
    detail = {name: _detail(one) for name, one in standing.items()}
    return {"quota_set": {"id": project_id, **_named(detail, types)}}


def _named(values: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    return {quotas.named(name, types): value for name, value in values.items()}


def _detail(standing: Standing) -> dict[str, int]:
    return {"limit": standing.limit, "in_use": standing.used, "reserved": 0}


async def default_set(ctx: Ctx, project_id: str) -> dict[str, Any]:
    """Return the limits of a project that has none of its own."""
    ctx.authorise(policy.QUOTAS_SHOW, {"project_id": project_id})
    types = await quotas.types_by_id(ctx.db)
    limits = await quotas.defaults(ctx.db, ctx.use(Quota), types)
    return {"quota_set": {"id": project_id, **_named(limits, types)}}


async def set_quotas(ctx: Ctx, project_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Give a project limits of its own, not below what it holds unless validation is skipped; return all."""
    await quotas.hold(ctx.db, project_id)
    types = await quotas.types_by_id(ctx.db)
    quota = ctx.use(Quota)
    standing = await quotas.standing_of(ctx.db, quota, project_id, types)
    wanted = wanted_limits(values, standing, types)
    if not _skips(ctx, values):
        for name, value in wanted.items():
            if UNLIMITED < value < standing[name].used:
                used = standing[name].used
                called = quotas.named(name, types)
                reason = f"Quota limit {value} for {called} is below what is in use: {used}."
                raise BadRequest(reason=reason)
    for name, value in wanted.items():
        own = QuotaLimit.c.service == quotas.SERVICE, QuotaLimit.c.project_id == project_id
        if not await ctx.db.update(QuotaLimit, *own, QuotaLimit.c.resource == name, value=value):
            row = QuotaLimit(project_id=project_id, service=quotas.SERVICE, resource=name, value=value)
            await ctx.db.insert(row)
    limits = await quotas.limits_of(ctx.db, quota, project_id, types)
    return {"quota_set": _named(limits, types)}


def _skips(ctx: Ctx, values: Mapping[str, Any]) -> bool:
    asked = ctx.request.first("skip_validation") or str(values.get("skip_validation", True))
    return as_bool("skip_validation", asked)


def wanted_limits(
    values: Mapping[str, Any], known: Mapping[str, Any], types: Mapping[str, str]
) -> dict[str, int]:
    """Read limits by their names on the wire. BadRequest names what is none."""
    wanted: dict[str, int] = {}
    for name, value in values.items():
        if name in IGNORED:
            continue
        kept = quotas.keyed(name, types)
        if kept not in known:
            raise BadRequest(reason=f"Bad key(s) in quota set: {name}")
        wanted[kept] = _limit(name, value)
    if not wanted:
        raise BadRequest(reason="The body names no quota.")
    return wanted


def _limit(name: str, value: Any) -> int:
    try:
        number = int(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None or not UNLIMITED <= number <= LARGEST:
        raise BadRequest(reason=f"{name} must be a whole number from -1 to {LARGEST}, not '{value}'.")
    return number


async def reset(ctx: Ctx, project_id: str) -> None:
    """Return a project to the defaults."""
    await ctx.use(Quota).reset(ctx.db, quotas.SERVICE, project_id)


async def quota_class(ctx: Ctx, name: str) -> dict[str, Any]:
    """Return the limits of a quota class."""
    types = await quotas.types_by_id(ctx.db)
    limits = await _class_limits(ctx, name, types)
    return {"quota_class_set": {"id": name, **_named(limits, types)}}


async def _class_limits(ctx: Ctx, name: str, types: Mapping[str, str]) -> dict[str, int]:
    found = await quotas.defaults(ctx.db, ctx.use(Quota), types)
    rows = await ctx.db.all(QuotaClass, QuotaClass.c.name == name)
    return found | {row.resource: row.value for row in rows if row.resource in found}


async def set_class(ctx: Ctx, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Set limits of a quota class; `default` holds for all projects without limits of their own."""
    await ctx.db.lock(f"quota-class:{quotas.SERVICE}:{name}")
    types = await quotas.types_by_id(ctx.db)
    known = await _class_limits(ctx, name, types)
    for resource, value in wanted_limits(values, known, types).items():
        here = QuotaClass.c.name == name, QuotaClass.c.resource == resource
        if not await ctx.db.update(QuotaClass, *here, value=value):
            await ctx.db.insert(QuotaClass(name=name, resource=resource, value=value))
    return {"quota_class_set": _named(await _class_limits(ctx, name, types), types)}


async def absolute(ctx: Ctx) -> dict[str, Any]:
    """Return the caller's project's limits and usage in the words of `/limits`."""
    project_id = ctx.identity.project_id or ""
    asked = ctx.request.first("project_id")
    if asked and ctx.identity.is_admin and ctx.version is not None and ctx.version >= (3, 39):
        project_id = asked
    standing = await quotas.standing_of(ctx.db, ctx.use(Quota), project_id, {})
    document: dict[str, int] = {}
    for name, maximum, used in _ABSOLUTE:
        one = standing[name]
        document[maximum], document[used] = one.limit, one.used
    return {"limits": {"rate": [], "absolute": document}}


_ABSOLUTE = (
    ("volumes", "maxTotalVolumes", "totalVolumesUsed"),
    ("gigabytes", "maxTotalVolumeGigabytes", "totalGigabytesUsed"),
    ("snapshots", "maxTotalSnapshots", "totalSnapshotsUsed"),
    ("backups", "maxTotalBackups", "totalBackupsUsed"),
    ("backup_gigabytes", "maxTotalBackupGigabytes", "totalBackupGigabytesUsed"),
)
