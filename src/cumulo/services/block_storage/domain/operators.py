"""Backends as operators see them: services, hosts, pools, zones, capabilities."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from cumulo.core import clock
from cumulo.core.http import Ctx
from cumulo.core.resource import as_bool
from cumulo.services.block_storage import scheduler
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.domain import creation, types
from cumulo.services.block_storage.errors import BadRequest, PoolNotFound, ServiceNotFound
from cumulo.services.block_storage.model import Pool, Snapshot, StorageService, Volume
from cumulo.services.block_storage.schema.links import instant
from cumulo.services.block_storage.schema.operators import HostBody, ServiceBody
from cumulo.services.block_storage.tasks.pools import BACKUP, SCHEDULER

VOLUME = scheduler.BINARY
VERSION = "1.0"


async def services(ctx: Ctx) -> list[dict[str, Any]]:
    """Return the services, those that the query names."""
    host = ctx.request.first("host")
    binary = ctx.request.first("binary") or ctx.request.first("service")
    rows = await ctx.db.all(
        StorageService, order_by=(StorageService.c.binary.asc(), StorageService.c.host.asc())
    )
    wanted = [row for row in rows if binary in (None, row.binary)]
    return [service_shape(ctx, row) for row in wanted if host in (None, row.host, row.host.partition("@")[0])]


def service_shape(ctx: Ctx, row: StorageService) -> dict[str, Any]:
    """Return a service as the API writes it."""
    version = ctx.version or (3, 0)
    state = "up" if is_up(ctx, row) else "down"
    shape: dict[str, Any] = {
        "binary": row.binary,
        "host": row.host,
        "zone": row.zone,
        "status": "disabled" if row.disabled else "enabled",
        "state": state,
        "updated_at": instant(row.seen_at),
        "disabled_reason": row.disabled_reason,
    }
    if version >= (3, 7):
        shape["cluster"] = None
    if row.binary == VOLUME:
        shape |= {"replication_status": "disabled", "active_backend_id": None, "frozen": row.frozen}
        if version >= (3, 49):
            shape["backend_state"] = state
    return shape


def is_up(ctx: Ctx, row: StorageService) -> bool:
    """Say whether a service is there; scheduler and backups are wherever this is answered."""
    return row.binary in (SCHEDULER, BACKUP) or row.is_up(ctx.use(BlockStorageSettings).pool_silence)


async def _service(ctx: Ctx, host: str | None, binary: str | None) -> StorageService:
    if not host or not binary:
        raise BadRequest(reason="Missing required element 'host' or 'binary' in request body.")
    named = StorageService.c.host == host, StorageService.c.binary == binary
    row = await ctx.db.one(StorageService, *named, for_update=True)
    if row is None:
        raise ServiceNotFound(host=f"{binary} on host {host}")
    return row


async def set_disabled(
    ctx: Ctx, body: ServiceBody, *, disabled: bool, reasoned: bool = False
) -> dict[str, Any]:
    """Take a service out of service, or back into it: no new volume goes to a disabled backend."""
    row = await _service(ctx, body.host, body.binary or body.service)
    reason = (body.disabled_reason or "").strip() or None
    if reasoned and reason is None:
        raise BadRequest(reason="Disabled reason contains invalid characters or is too long")
    row.disabled, row.disabled_reason = disabled, reason if disabled else None
    row.updated_at = clock.now()
    await ctx.db.save(row, "disabled", "disabled_reason", "updated_at")
    shape = {
        "host": row.host,
        "service": row.binary,
        "binary": row.binary,
        "disabled": disabled,
        "status": "disabled" if disabled else "enabled",
    }
    return {**shape, "disabled_reason": row.disabled_reason} if reasoned or not disabled else shape


async def _backend(ctx: Ctx, host: str | None) -> StorageService:
    try:
        return await _service(ctx, host, VOLUME)
    except ServiceNotFound as error:
        raise BadRequest(reason=error.message) from error


async def set_frozen(ctx: Ctx, body: HostBody, *, frozen: bool) -> None:
    """Freeze a backend, so that nothing is made in it, or thaw it."""
    row = await _backend(ctx, body.host)
    if row.frozen is frozen:
        raise BadRequest(reason=f"Service is already {'frozen' if frozen else 'thawed'}.")
    await ctx.db.update(StorageService, StorageService.c.id == row.id, frozen=frozen)


async def fail_over(ctx: Ctx, body: HostBody) -> None:
    """Refuse to fail a backend over: none of our drivers replicates."""
    row = await _backend(ctx, body.host)
    target = f"'{body.backend_id}'" if body.backend_id else "any"
    raise BadRequest(reason=f"Backend {row.host} has no replication target {target}.")


async def hosts(ctx: Ctx) -> list[dict[str, Any]]:
    """Return every service in the older words of `os-hosts`."""
    zone = ctx.request.first("zone")
    rows = await ctx.db.all(StorageService, order_by=(StorageService.c.host.asc(),))
    return [
        {
            "host_name": row.host,
            "service": row.binary,
            "zone": row.zone,
            "service-status": "available" if is_up(ctx, row) else "unavailable",
            "service-state": "disabled" if row.disabled else "enabled",
            "last-update": instant(row.seen_at),
        }
        for row in rows
        if zone in (None, row.zone)
    ]


async def host(ctx: Ctx, name: str) -> list[dict[str, Any]]:
    """Return what a backend holds: in total, then of each project."""
    if not await ctx.db.exists(StorageService, StorageService.c.host == name):
        raise ServiceNotFound(host=name)
    held = Volume.c.host.startswith(f"{name}#", autoescape=True)
    volumes = select(Volume.c.project_id, func.count(), func.sum(Volume.c.size))
    found: dict[str, list[int]] = {}
    for project, count, size in await ctx.db.rows(volumes.where(held).group_by(Volume.c.project_id)):
        found[project] = [int(count), int(size), 0, 0]
    snapshots = (
        select(Snapshot.c.project_id, func.count(), func.sum(Snapshot.c.size))
        .join(Volume.table, Volume.c.id == Snapshot.c.volume_id)
        .where(held)
        .group_by(Snapshot.c.project_id)
    )
    for project, count, size in await ctx.db.rows(snapshots):
        found.setdefault(project, [0, 0, 0, 0])[2:] = [int(count), int(size)]
    total = [sum(column) for column in zip(*found.values(), strict=True)] if found else [0, 0, 0, 0]
    shapes = [("(total)", total), *sorted(found.items())]
    return [{"resource": _resource(name, project, numbers)} for project, numbers in shapes]


def _resource(name: str, project: str, numbers: list[int]) -> dict[str, str]:
    volumes, size, snapshots, snapshot_size = map(str, numbers)
    return {
        "host": name,
        "project": project,
        "volume_count": volumes,
        "total_volume_gb": size,
        "snapshot_count": snapshots,
        "total_snapshot_gb": snapshot_size,
    }


async def set_host(ctx: Ctx, name: str, status: str) -> dict[str, str]:
    """Enable or disable all services of a host, or those of one of its backends."""
    if status not in ("enable", "disable"):
        raise BadRequest(
            reason=f"Invalid input for field/attribute status. Value: {status}. Use enable or disable."
        )
    here = (StorageService.c.host == name) | StorageService.c.host.startswith(f"{name}@", autoescape=True)
    disabled, now = status == "disable", clock.now()
    values = {"disabled": disabled, "disabled_reason": None, "updated_at": now}
    if not await ctx.db.update(StorageService, here, **values):
        raise ServiceNotFound(host=name)
    return {"host": name, "status": f"{status}d"}


async def pools(ctx: Ctx) -> list[dict[str, Any]]:
    """Return the pools that are up, with `detail` what they can; of one type since 3.35."""
    detail = as_bool("detail", ctx.request.first("detail") or "false")
    name = ctx.request.first("name") if (ctx.version or (3, 0)) >= (3, 28) else None
    offers = await scheduler.offers(ctx.db, ctx.use(BlockStorageSettings))
    wanted = await _of_type(ctx)
    shapes = []
    for offer in offers:
        if name not in (None, offer.pool.name, offer.pool.service):
            continue
        if wanted is not None and scheduler.refusal(wanted, offer) is not None:
            continue
        shape: dict[str, Any] = {"name": offer.pool.name}
        if detail:
            shape["capabilities"] = described(offer)
        shapes.append(shape)
    return shapes


async def _of_type(ctx: Ctx) -> scheduler.Wanted | None:
    named = ctx.request.first("volume_type")
    if named is None or (ctx.version or (3, 0)) < (3, 35):
        return None
    kind = await types.find(ctx.db, named, project_id=None, is_admin=True)
    return scheduler.Wanted(size=0, zone=None, specs=kind.extra_specs)


def described(offer: scheduler.Offer) -> dict[str, Any]:
    """Return what a pool says of itself, as schedulers see it."""
    seen = instant(offer.pool.seen_at)
    return {
        **scheduler.capabilities(offer.pool),
        "allocated_capacity_gb": offer.pool.allocated_gib,
        "provisioned_capacity_gb": max(offer.promised, offer.pool.allocated_gib),
        "driver_version": VERSION,
        "location_info": offer.pool.name,
        "replication_enabled": False,
        "backend_state": "up" if scheduler.is_alive(ANY, offer) is None else "down",
        "filter_function": None,
        "goodness_function": None,
        "timestamp": seen,
        "updated": seen,
    }


ANY = scheduler.Wanted(size=0, zone=None)


async def capabilities(ctx: Ctx, name: str) -> Mapping[str, Any]:
    """Return what a backend, `host@backend`, can do. PoolNotFound."""
    here = (Pool.c.name == name) | (Pool.c.service == name) | (Pool.c.host == name)
    pool = await ctx.db.one(Pool, here)
    if pool is None:
        raise PoolNotFound(host=name)
    return {
        "namespace": f"OS::Storage::Capabilities::{name}",
        "vendor_name": "Cumulo",
        "volume_backend_name": pool.backend,
        "pool_name": pool.name.partition("#")[2],
        "driver_version": VERSION,
        "storage_protocol": pool.protocol,
        "display_name": f"Cumulo {pool.driver}",
        "description": f"Volumes of the {pool.driver} driver",
        "visibility": "public",
        "replication_targets": [],
        "properties": {
            "thin_provisioning": _property("Thin provisioning", "Volumes take the room that is written."),
            "qos": _property("QoS", "Limits that QEMU applies to a disk."),
        },
    }


def _property(title: str, description: str) -> dict[str, str]:
    return {"title": title, "description": description, "type": "boolean"}


async def zones(ctx: Ctx) -> list[dict[str, Any]]:
    """Return the availability zones."""
    found = await creation.zones(ctx.db, ctx.use(BlockStorageSettings))
    return [
        {"zoneName": zone, "zoneState": {"available": available}} for zone, available in sorted(found.items())
    ]
