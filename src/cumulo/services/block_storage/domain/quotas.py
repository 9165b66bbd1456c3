"""What a project may hold of block storage, and what it holds.

Each volume type has quotas of its own, `volumes_TYPE` and so on, with no limit unless one is set. They are
kept by the type's id, so that a type can be renamed, and written by its name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import OverQuota
from cumulo.core.http import Ctx
from cumulo.core.quota import UNLIMITED, Limits, Quota, QuotaLimit, Standing
from cumulo.core.work import Work
from cumulo.services.block_storage.errors import (
    GigabytesExceeded,
    QuotaExceeded,
    SnapshotsExceeded,
    VolumesExceeded,
    VolumeTooLarge,
)
from cumulo.services.block_storage.model import QuotaClass, Snapshot, Volume, VolumeType

SERVICE = "block_storage"
DEFAULT_CLASS = "default"
VOLUMES, SNAPSHOTS, GIGABYTES = "volumes", "snapshots", "gigabytes"
PER_VOLUME = "per_volume_gigabytes"
BY_TYPE = (VOLUMES, GIGABYTES, SNAPSHOTS)
COUNTERS: list[Any] = []
"""What counts a project's other holdings: functions of (reader, project id) → resource → number."""


async def usage(db: Reader, project_id: str) -> Mapping[str, int]:
    """Count what a project holds, of each type too (`volumes_<type id>`)."""
    used: dict[str, int] = {}

    def add(resource: str, kinds: Sequence[str | None], number: int) -> None:
        used[resource] = used.get(resource, 0) + number
        for kind in {kind for kind in kinds if kind is not None}:
            used[f"{resource}_{kind}"] = used.get(f"{resource}_{kind}", 0) + number

    size = func.sum(func.coalesce(Volume.c.extending_to, Volume.c.size))
    kind, next_kind = Volume.c.volume_type_id, Volume.c.retyping_to
    held = Volume.c.project_id == project_id, Volume.c.consumes_quota.is_(True)
    volumes = select(kind, next_kind, func.count(), size).where(*held).group_by(kind, next_kind)
    for one, other, count, total in await db.rows(volumes):
        add(VOLUMES, (one, other), int(count))
        add(GIGABYTES, (one, other), int(total))
    of = Snapshot.c.volume_type_id
    taken = Snapshot.c.project_id == project_id, Snapshot.c.consumes_quota.is_(True)
    snapshots = select(of, func.count(), func.sum(Snapshot.c.size)).where(*taken).group_by(of)
    for one, count, total in await db.rows(snapshots):
        add(SNAPSHOTS, (one,), int(count))
        add(GIGABYTES, (one,), int(total))
    for counter in COUNTERS:
        used.update(await counter(db, project_id))
    return used


LIMITS = Limits(
    service=SERVICE,
    defaults={
        VOLUMES: 10,
        PER_VOLUME: -1,
        SNAPSHOTS: 10,
        GIGABYTES: 1000,
        "backups": 10,
        "backup_gigabytes": 1000,
        "groups": 10,
    },
    usage=usage,
)


async def types_by_id(db: Reader) -> dict[str, str]:
    """Return the names of all types by their ids."""
    return {row.id: row.name for row in await db.all(VolumeType)}


async def defaults(db: Reader, quota: Quota, types: Mapping[str, str]) -> dict[str, int]:
    """Return the limits of a project that has none of its own, the types' included."""
    found = dict(quota.defaults(SERVICE))
    found |= {f"{name}_{kind}": UNLIMITED for kind in types for name in BY_TYPE}
    rows = await db.all(QuotaClass, QuotaClass.c.name == DEFAULT_CLASS)
    return found | {row.resource: row.value for row in rows if row.resource in found}


async def limits_of(db: Reader, quota: Quota, project_id: str, types: Mapping[str, str]) -> dict[str, int]:
    """Return a project's limits."""
    found = await defaults(db, quota, types)
    own = QuotaLimit.c.service == SERVICE, QuotaLimit.c.project_id == project_id
    rows = await db.all(QuotaLimit, *own)
    return found | {row.resource: row.value for row in rows if row.resource in found}


async def standing_of(
    db: Reader, quota: Quota, project_id: str, types: Mapping[str, str]
) -> dict[str, Standing]:
    """Return limit and usage of each resource of a project."""
    limits = await limits_of(db, quota, project_id, types)
    used = await usage(db, project_id)
    return {name: Standing(limit, used.get(name, 0)) for name, limit in limits.items()}


async def hold(db: Transaction, project_id: str) -> None:
    """Have whoever else claims of a project's limits, or sets them, wait until the transaction ends."""
    await db.lock(f"quota:{SERVICE}:{project_id}")


async def claim(work: Work, project_id: str, resources: Mapping[str, int], type_id: str | None) -> None:
    """Check that a project may hold this much more, of a type; raise OverQuota in Cinder's words.

    In a request the answer also says when to try again.
    """
    wanted = {name: amount for name, amount in resources.items() if amount > 0}
    if not wanted:
        return
    if type_id is not None:
        wanted |= {f"{name}_{type_id}": wanted[name] for name in BY_TYPE if name in wanted}
    try:
        await _check(work, project_id, wanted)
    except OverQuota:
        refused(work)
        raise


async def _check(work: Work, project_id: str, wanted: Mapping[str, int]) -> None:
    await hold(work.db, project_id)
    types = await types_by_id(work.db)
    standing = await standing_of(work.db, work.use(Quota), project_id, types)
    for name, amount in wanted.items():
        one = standing.get(name)
        if one is not None and UNLIMITED != one.limit < one.used + amount:
            raise over(named(name, types), amount, one)


def over(name: str, requested: int, one: Standing) -> OverQuota:
    """Return the error for a limit that would be passed."""
    fields = {"name": name, "requested": requested, "limit": one.limit, "used": one.used}
    if name.startswith(GIGABYTES):
        return GigabytesExceeded(**fields)
    if name.startswith(VOLUMES):
        return VolumesExceeded(**fields)
    return SnapshotsExceeded(**fields) if name.startswith(SNAPSHOTS) else QuotaExceeded(**fields)


def refused(work: Work) -> None:
    """Have the refusal of a request say when to try again, as Cinder's does."""
    if isinstance(work, Ctx):
        work.headers["Retry-After"] = "0"


async def check_size(work: Work, project_id: str, size: int) -> None:
    """Refuse a volume larger than any volume of the project may be."""
    limits = await limits_of(work.db, work.use(Quota), project_id, {})
    limit = limits.get(PER_VOLUME, UNLIMITED)
    if UNLIMITED != limit < size:
        refused(work)
        raise VolumeTooLarge(size=size, limit=limit)


def named(resource: str, types: Mapping[str, str]) -> str:
    """Return a resource's name on the wire: of a type by the type's name."""
    base, _, kind = resource.partition("_")
    return f"{base}_{types[kind]}" if base in BY_TYPE and kind in types else resource


def keyed(name: str, types: Mapping[str, str]) -> str:
    """Return how a resource named on the wire is kept: of a type by the type's id."""
    base, _, kind = name.partition("_")
    ids = {called: kept for kept, called in types.items()}
    return f"{base}_{ids[kind]}" if base in BY_TYPE and kind in ids else name
