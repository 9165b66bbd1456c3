"""What pools hold that nobody manages: listing it, taking it over, leaving it.

Nothing here asks a pool inside a transaction: what it holds is looked at first.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from cumulo.contracts.volumes import StoredVolume
from cumulo.core import clock
from cumulo.core.drivers import DriverError
from cumulo.core.errors import Unavailable
from cumulo.core.http import Ctx
from cumulo.core.resource import BadParameter, as_int
from cumulo.services.block_storage import scheduler
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.domain import creation, encryption, quotas, types
from cumulo.services.block_storage.domain import snapshots as snapshot_rules
from cumulo.services.block_storage.domain.volumes import check_not_copied, latest, write
from cumulo.services.block_storage.errors import (
    BadRequest,
    InvalidInput,
    InvalidSnapshot,
    InvalidVolume,
    ServiceNotFound,
    VolumeNotFound,
)
from cumulo.services.block_storage.model import (
    MOVING,
    Pool,
    Snapshot,
    SnapshotStatus,
    StorageService,
    Volume,
    VolumeAttachment,
    VolumeStatus,
    VolumeType,
)
from cumulo.services.block_storage.pools import QUICK, pool_at
from cumulo.services.block_storage.schema.management import ManageSnapshotBody, ManageVolumeBody
from cumulo.services.block_storage.tasks import (
    ManageSnapshot,
    ManageVolume,
    UnmanageSnapshot,
    UnmanageVolume,
)
from cumulo.services.block_storage.tasks.hold import is_worked_on

NAMES = ("source-name", "source-id")
"""How a request may name what lies in a pool."""
LARGEST_PAGE = 1000
SORTABLE = ("reference", "size")
LEAVABLE = frozenset({VolumeStatus.AVAILABLE, VolumeStatus.ERROR, VolumeStatus.ERROR_MANAGING})


async def held(ctx: Ctx, host: str | None) -> tuple[Pool, list[StoredVolume]]:
    """Return a pool and what lies in it. BadRequest, ServiceNotFound, Unavailable."""
    if not host:
        raise BadRequest(reason="Missing required element 'host': name the pool as host@backend#pool.")
    async with ctx.read() as db:
        pools = await db.all(Pool, (Pool.c.name == host) | (Pool.c.service == host))
    if len(pools) != 1:
        raise ServiceNotFound(host=host)
    try:
        return pools[0], await pool_at(ctx, pools[0].name, timeout=QUICK).stored()
    except DriverError as error:
        raise Unavailable(f"Pool {pools[0].name} cannot say what it holds: {error.public}") from error


async def volumes(ctx: Ctx, *, detail: bool) -> list[dict[str, Any]]:
    """Return the volumes that a pool holds, and of each whether it can be taken over."""
    _, stored = await held(ctx, ctx.request.first("host"))
    found = [one for one in stored if one.source is None]
    return [_shape(one, one.volume_id, detail=detail) for one in _page(ctx, found)]


async def snapshots(ctx: Ctx, *, detail: bool) -> list[dict[str, Any]]:
    """Return the snapshots that a pool holds, and of each whether it can be taken over."""
    _, stored = await held(ctx, ctx.request.first("host"))
    mine = {one.reference: one.volume_id for one in stored if one.source is None}
    shapes = []
    for one in _page(ctx, [one for one in stored if one.source is not None]):
        shape = _shape(one, one.snapshot_id, detail=detail)
        shape["source_reference"] = {NAMES[0]: one.source}
        if one.snapshot_id is None and mine.get(one.source or "") is None:
            shape["safe_to_manage"] = False
            if detail:
                shape["reason_not_safe"] = "its volume is not managed"
        shapes.append(shape)
    return shapes


def _shape(one: StoredVolume, id: str | None, *, detail: bool) -> dict[str, Any]:
    reason = "already managed" if id is not None else ("in use" if one.in_use else None)
    shape: dict[str, Any] = {
        "reference": {NAMES[0]: one.reference},
        "size": one.size_gib,
        "safe_to_manage": reason is None,
    }
    if detail:
        shape |= {"reason_not_safe": reason, "cinder_id": id, "extra_info": None}
    return shape


def _page(ctx: Ctx, found: Sequence[StoredVolume]) -> Sequence[StoredVolume]:
    """Return the part of a list that the request asks for, in its order."""
    key, _, direction = (ctx.request.first("sort") or "reference:desc").partition(":")
    if key not in SORTABLE or direction not in ("", "asc", "desc"):
        reason = "Sort by reference or size, in the direction asc or desc."
        raise BadParameter(field="sort", value=f"{key}:{direction}", reason=reason)
    by = (lambda one: (one.size_gib, one.reference)) if key == "size" else (lambda one: (one.reference, 0))
    ordered = sorted(found, key=by, reverse=direction != "asc")
    marker = ctx.request.first("marker")
    if marker:
        names = [one.reference for one in ordered]
        if marker not in names:
            raise BadParameter(field="marker", value=marker, reason="There is nothing of this name.")
        ordered = ordered[names.index(marker) + 1 :]
    offset = as_int("offset", ctx.request.first("offset") or "0", least=0)
    limit = as_int("limit", ctx.request.first("limit") or str(LARGEST_PAGE), least=0)
    return ordered[offset : offset + min(limit, LARGEST_PAGE)]


def _reference(ref: dict[str, Any]) -> str:
    found = next((ref[name] for name in NAMES if name in ref), None)
    if not isinstance(found, str) or not found:
        reason = f"Invalid input for field/attribute ref. Value: {ref}. It must hold {' or '.join(NAMES)}."
        raise BadRequest(reason=reason)
    return found


def _take(found: Sequence[StoredVolume], reference: str, pool: Pool) -> StoredVolume:
    """Return what lies under a reference, if it can be taken over."""
    one = next((each for each in found if each.reference == reference), None)
    if one is None:
        raise InvalidInput(reason=f"There is no '{reference}' in pool {pool.name} to be managed.")
    if one.volume_id is not None or one.snapshot_id is not None:
        raise InvalidInput(reason=f"'{reference}' in pool {pool.name} is managed already.")
    if one.in_use:
        raise InvalidInput(reason=f"'{reference}' in pool {pool.name} is in use.")
    return one


async def manage(ctx: Ctx, body: ManageVolumeBody) -> Volume:
    """Take over a volume that lies in a pool."""
    if body.cluster is not None:
        raise BadRequest(reason="There are no clusters: name a host.")
    reference = _reference(body.ref)
    pool, stored = await held(ctx, body.host)
    one = _take([each for each in stored if each.source is None], reference, pool)
    async with ctx.begin() as db:
        ctx.writing(db)
        kind = await _type(ctx, body.volume_type, pool)
        volume = Volume(
            project_id=ctx.identity.project_id or "",
            user_id=ctx.identity.user_id or "",
            name=body.name,
            description=body.description,
            size=one.size_gib,
            status=VolumeStatus.MANAGING,
            availability_zone=await _zone(ctx, body.availability_zone, pool),
            volume_type_id=kind.id,
            host=pool.name,
            bootable=bool(body.bootable),
            multiattach=kind.is_multiattach,
            metadata=msgspec.Raw(msgspec.json.encode(body.metadata or {})),
        )
        claimed = {"volumes": 1, "gigabytes": one.size_gib}
        await quotas.claim(ctx, volume.project_id, claimed, kind.id)
        saga = ManageVolume(volume_id=volume.id, host=pool.name, reference=reference)
        volume.operation = await ctx.start(saga)
        await db.insert(volume)
        return volume


async def _zone(ctx: Ctx, named: str | None, pool: Pool) -> str:
    """Return the zone of what is taken over: its pool's unless another one is named."""
    settings = ctx.use(BlockStorageSettings)
    if named:
        return await creation.known_zone(ctx.db, settings, named)
    mine = StorageService.c.binary == scheduler.BINARY, StorageService.c.host == pool.service
    service = await ctx.db.one(StorageService, *mine)
    return settings.default_zone if service is None else service.zone


async def _type(ctx: Ctx, named: str | None, pool: Pool) -> VolumeType:
    project_id, settings = ctx.identity.project_id, ctx.use(BlockStorageSettings)
    if named:
        kind = await types.find(ctx.db, named, project_id=project_id, is_admin=ctx.identity.is_admin)
    else:
        kind = await types.default_for(ctx.db, settings, project_id)
    wanted = scheduler.Wanted(
        size=0,
        zone=None,
        specs=kind.extra_specs,
        multiattach=kind.is_multiattach,
        other_than=pool.name,
    )
    if not await scheduler.may_stay(ctx.db, settings, wanted):
        raise InvalidInput(reason=f"Pool {pool.name} holds no volumes of type {kind.name}.")
    if await encryption.of_type(ctx.db, kind.id) is not None:
        reason = (
            f"Volumes of the encrypted type {kind.name} cannot be taken over: nobody has their passphrase."
        )
        raise InvalidInput(reason=reason)
    return kind


async def unmanage(ctx: Ctx, volume: Volume) -> None:
    """Forget a volume, and leave its bytes in the pool."""
    volume = await latest(ctx.db, volume.id)
    if volume.encrypted:
        raise InvalidVolume(reason="Unmanaging encrypted volumes is not supported.")
    if volume.status not in LEAVABLE or volume.migration_status in MOVING or volume.group_id is not None:
        reason = "Volume status must be available or error, and it must not be migrating or in a group."
        raise InvalidVolume(reason=reason)
    if await ctx.db.exists(Snapshot, Snapshot.c.volume_id == volume.id):
        raise InvalidVolume(reason="Volume has snapshots: they must be unmanaged or deleted first.")
    if await ctx.db.exists(VolumeAttachment, VolumeAttachment.c.volume_id == volume.id):
        raise InvalidVolume(reason="Volume must not be attached.")
    await check_not_copied(ctx.db, Volume.c.source_volume_id == volume.id, f"Volume {volume.id}")
    operation = await ctx.start(UnmanageVolume(volume_id=volume.id))
    status = VolumeStatus.UNMANAGING
    await write(ctx.db, volume, status=status, previous_status=volume.status, operation=operation)


async def manage_snapshot(ctx: Ctx, body: ManageSnapshotBody) -> Snapshot:
    """Take over a snapshot of a volume of ours."""
    reference = _reference(body.ref)
    async with ctx.read() as db:
        volume = await db.get(Volume, body.volume_id)
    if volume is None or volume.host is None:
        raise VolumeNotFound(id=body.volume_id)
    pool, stored = await held(ctx, volume.host)
    one = _take([each for each in stored if each.source == volume.id], reference, pool)
    async with ctx.begin() as db:
        ctx.writing(db)
        volume = await latest(db, volume.id)
        busy = volume.status is VolumeStatus.DELETING or await is_worked_on(db, volume)
        if volume.host != pool.name or busy:
            raise InvalidVolume(
                reason=f"Volume {volume.id} is {volume.status}: its snapshots stay as they are."
            )
        snapshot = Snapshot(
            volume_id=volume.id,
            project_id=volume.project_id,
            user_id=ctx.identity.user_id or "",
            name=body.name,
            description=body.description,
            size=one.size_gib,
            status=SnapshotStatus.MANAGING,
            volume_type_id=volume.volume_type_id,
            encryption_key_id=volume.encryption_key_id,
            metadata=msgspec.Raw(msgspec.json.encode(body.metadata or {})),
        )
        claimed = {"snapshots": 1, "gigabytes": one.size_gib}
        await quotas.claim(ctx, volume.project_id, claimed, volume.volume_type_id)
        where = {"volume_id": volume.id, "host": pool.name, "reference": reference}
        snapshot.operation = await ctx.start(ManageSnapshot(snapshot_id=snapshot.id, **where))
        await db.insert(snapshot)
        return snapshot


async def unmanage_snapshot(ctx: Ctx, snapshot: Snapshot) -> None:
    """Forget a snapshot, and leave its bytes in the pool."""
    snapshot = await snapshot_rules.latest(ctx.db, snapshot.id)
    if snapshot.status is not SnapshotStatus.AVAILABLE or await is_worked_on(ctx.db, snapshot):
        raise InvalidSnapshot(reason=f"Snapshot status must be available, but is {snapshot.status}.")
    if snapshot.group_snapshot_id is not None:
        raise InvalidSnapshot(reason="Snapshot belongs to a group snapshot.")
    await check_not_copied(ctx.db, Volume.c.snapshot_id == snapshot.id, f"Snapshot {snapshot.id}")
    operation = await ctx.start(UnmanageSnapshot(snapshot_id=snapshot.id))
    now = {"operation": operation, "updated_at": clock.now()}
    status = SnapshotStatus.UNMANAGING
    await ctx.db.update(Snapshot, Snapshot.c.id == snapshot.id, status=status, **now)
