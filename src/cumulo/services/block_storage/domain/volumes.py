"""What may be done to a volume that exists."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import func, select

from cumulo.core import clock
from cumulo.core.db import Reader, Transaction
from cumulo.core.http import Ctx
from cumulo.core.work import Work
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.domain import creation, quotas
from cumulo.services.block_storage.domain.search import wants_all
from cumulo.services.block_storage.errors import (
    BadRequest,
    InvalidInput,
    InvalidSnapshot,
    InvalidVolume,
    MetadataItemNotFound,
    SnapshotNotFound,
    VolumeNotFound,
)
from cumulo.services.block_storage.model import (
    COMPUTE,
    MOVING,
    MigrationStatus,
    Pool,
    Snapshot,
    SnapshotStatus,
    Volume,
    VolumeAttachment,
    VolumeStatus,
)
from cumulo.services.block_storage.schema.bodies import (
    NEW_VOLUME,
    ResetVolumeBody,
    VolumeBody,
    VolumeChange,
    VolumeRequestBody,
)
from cumulo.services.block_storage.schema.volumes import image_metadata_of, metadata_of
from cumulo.services.block_storage.tasks import ExtendVolume, RevertVolume
from cumulo.services.block_storage.tasks.hold import begin_deletion, is_worked_on

DELETABLE = frozenset(
    {
        VolumeStatus.AVAILABLE,
        VolumeStatus.ERROR,
        VolumeStatus.ERROR_RESTORING,
        VolumeStatus.ERROR_EXTENDING,
        VolumeStatus.ERROR_MANAGING,
    }
)
DOOMED_SNAPSHOTS = frozenset({SnapshotStatus.AVAILABLE, SnapshotStatus.ERROR, SnapshotStatus.DELETING})
STRICT = (3, 53)  # since then unknown fields of a request are refused
NOT_DELETABLE = (
    "Volume status must be available or error or error_restoring or error_extending or error_managing and "
    "must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be "
    "disassociated from snapshots after volume transfer."
)


async def latest(db: Transaction, volume_id: str) -> Volume:
    """Read a volume again and hold it until the transaction ends. VolumeNotFound."""
    row = await db.one(Volume, Volume.c.id == volume_id, for_update=True)
    if row is None:
        raise VolumeNotFound(id=volume_id)
    return row


def check_status(volume: Volume, allowed: Iterable[VolumeStatus], what: str) -> None:
    """Refuse what the volume's status, or its move to another pool, does not allow."""
    states = sorted(allowed)
    if volume.status not in states or volume.migration_status in MOVING:
        words = " or ".join(state.value for state in states)
        reason = (
            f"Volume {volume.id} status must be {words} to {what}, but current status is: {volume.status}."
        )
        raise InvalidVolume(reason=reason)


async def write(db: Transaction, volume: Volume, **values: Any) -> None:
    """Write columns of a volume."""
    values.setdefault("updated_at", clock.now())
    await db.update(Volume, Volume.c.id == volume.id, **values)


async def create(ctx: Ctx, request: VolumeRequestBody) -> Volume:
    """Create a volume as a request says."""
    dialect, identity = ctx.service.dialect, ctx.identity
    body: VolumeBody = NEW_VOLUME.value(request.volume, dialect, ctx.version, "volume")
    check_extra(ctx, body.extra)
    if body.multiattach:
        reason = "The multiattach parameter is gone; ask for a volume type that allows several servers."
        raise BadRequest(reason=reason)
    image_id = body.imageRef or body.image_id
    if image_id:
        ctx.authorise(policy.CREATE_FROM_IMAGE)
        image_id = image_id.rstrip("/").rpartition("/")[2]
    version = ctx.version or (3, 0)
    order = creation.Order(
        project_id=identity.project_id or "",
        user_id=identity.user_id or "",
        is_admin=identity.is_admin,
        size=body.size,
        name=_trimmed(body.display_name if body.name is None else body.name),
        description=_trimmed(body.display_description if body.description is None else body.description),
        image_id=image_id or None,
        snapshot_id=body.snapshot_id or None,
        source_id=body.source_volid or None,
        backup_id=(body.backup_id or None) if version >= (3, 47) else None,
        group_id=((body.group_id or None) if version >= (3, 13) else None)
        or body.consistencygroup_id
        or None,
        volume_type=body.volume_type,
        zone=body.availability_zone or None,
        metadata=body.metadata or {},
        hints=request.hints or {},
    )
    return await creation.create(ctx, order)


def check_extra(ctx: Ctx, extra: dict[str, Any]) -> None:
    """Refuse fields that nobody knows, as versions since 3.53 do."""
    known_before = extra.keys() - {"OS-SCH-HNT:scheduler_hints"}
    if known_before and ctx.version is not None and ctx.version >= STRICT:
        names = ", ".join(f"'{name}'" for name in sorted(known_before))
        raise BadRequest(reason=f"Additional properties are not allowed ({names} was unexpected)")


def _trimmed(text: str | None) -> str | None:
    return text.strip() if text is not None else None


async def update(ctx: Ctx, volume: Volume, body: VolumeChange) -> Volume:
    """Change what a volume is called."""
    changes = body.changes()
    if not body.given() and ctx.version is not None and ctx.version >= STRICT:
        raise BadRequest(reason="Name, description or metadata must be given.")
    if body.metadata is not msgspec.UNSET:
        changes["metadata"] = msgspec.Raw(msgspec.json.encode(body.metadata))
    if changes:
        await write(ctx.db, volume, **changes)
    return await latest(ctx.db, volume.id)


async def delete(
    work: Work, volume_id: str, *, cascade: bool = False, force: bool = False, attached_too: bool = False
) -> None:
    """Delete a volume; by force whatever its status. InvalidVolume when its state forbids it.

    attached_too: with attachments that no server of ours has; compute's own are never cut off.
    """
    volume = await latest(work.db, volume_id)
    if volume.status is VolumeStatus.DELETING and await is_worked_on(work.db, volume):
        return
    used = VolumeAttachment.c.volume_id == volume.id
    if attached_too:
        used &= VolumeAttachment.c.origin == COMPUTE
    moving = volume.migration_status in MOVING
    unfit = volume.status not in DELETABLE or volume.group_id is not None
    if await work.db.exists(VolumeAttachment, used) or (not force and (moving or unfit)):
        raise InvalidVolume(reason=NOT_DELETABLE)
    await check_not_copied(work.db, Volume.c.source_volume_id == volume.id, f"Volume {volume.id}")
    await _doom_snapshots(work.db, volume, cascade=cascade, force=force)
    if await is_worked_on(work.db, volume):  # what works on it sees the mark, and begins the deletion
        await write(work.db, volume, status=VolumeStatus.DELETING, deletion=True)
        return
    await begin_deletion(work, volume, cascade=cascade)


async def check_not_copied(db: Reader, source: Any, what: str) -> None:
    """Refuse while a new volume is being made of something."""
    if await db.exists(Volume, source, Volume.c.status == VolumeStatus.CREATING):
        raise InvalidVolume(reason=f"{what} is being copied into a new volume: wait for that to end.")


async def _doom_snapshots(db: Transaction, volume: Volume, *, cascade: bool, force: bool) -> None:
    """Refuse while there are snapshots; with `cascade` they go with the volume, unless one is in use.

    force: those too that could not be deleted before.
    """
    allowed = DOOMED_SNAPSHOTS | ({SnapshotStatus.ERROR_DELETING} if force else set())
    here = Snapshot.c.volume_id == volume.id
    snapshots = await db.all(Snapshot, here)
    if not snapshots:
        return
    if not cascade:
        raise InvalidVolume(reason=NOT_DELETABLE)
    sources = Volume.c.snapshot_id.in_([one.id for one in snapshots])
    await check_not_copied(db, sources, f"A snapshot of volume {volume.id}")
    for one in snapshots:
        if one.status not in allowed or one.group_snapshot_id is not None:
            raise InvalidVolume(reason=f"Snapshot {one.id} is {one.status}: it cannot go with its volume.")
    await db.update(Snapshot, here, status=SnapshotStatus.DELETING, updated_at=clock.now())


async def extend(ctx: Ctx, volume: Volume, size: int) -> None:
    """Grow a volume; one in use since 3.42, if its pool can."""
    volume = await latest(ctx.db, volume.id)
    if volume.status is VolumeStatus.IN_USE and (ctx.version or (3, 0)) >= (3, 42):
        ctx.authorise(policy.EXTEND_ATTACHED, volume)
        pool = await ctx.db.get(Pool, volume.host) if volume.host else None
        if pool is None or not pool.online_extend:
            raise InvalidVolume(reason=f"The pool of volume {volume.id} cannot grow volumes in use.")
    else:
        check_status(volume, {VolumeStatus.AVAILABLE}, "extend")
    if size <= volume.size:
        reason = f"New size for extend must be greater than current size. (current: {volume.size}, "
        raise InvalidInput(reason=f"{reason}extended: {size}).")
    await quotas.check_size(ctx, volume.project_id, size)
    more = {"gigabytes": size - volume.size}
    await quotas.claim(ctx, volume.project_id, more, volume.volume_type_id)
    operation = await ctx.start(ExtendVolume(volume_id=volume.id, size=size))
    await write(
        ctx.db,
        volume,
        status=VolumeStatus.EXTENDING,
        previous_status=volume.status,
        extending_to=size,
        operation=operation,
    )


async def revert(ctx: Ctx, volume: Volume, snapshot_id: str) -> None:
    """Bring a volume back to its newest snapshot."""
    volume = await latest(ctx.db, volume.id)
    snapshot = await ctx.db.one(Snapshot, Snapshot.c.id == snapshot_id, for_update=True)
    if snapshot is None or snapshot.project_id != volume.project_id:
        raise SnapshotNotFound(id=snapshot_id)
    newest = await ctx.db.all(
        Snapshot,
        Snapshot.c.volume_id == volume.id,
        order_by=(Snapshot.c.created_at.desc(), Snapshot.c.id.desc()),
        limit=1,
    )
    if not newest or newest[0].id != snapshot_id:
        raise InvalidSnapshot(reason="Volume can only be reverted to its most recent snapshot")
    if snapshot.status is not SnapshotStatus.AVAILABLE:
        raise InvalidSnapshot(reason=f"Snapshot {snapshot.id} must be available, is {snapshot.status}")
    if snapshot.size != volume.size:
        raise InvalidSnapshot(reason="Volume has another size than its most recent snapshot")
    check_status(volume, {VolumeStatus.AVAILABLE}, "revert")
    operation = await ctx.start(RevertVolume(volume_id=volume.id, snapshot_id=snapshot.id))
    await write(ctx.db, volume, status=VolumeStatus.REVERTING, operation=operation)
    await ctx.db.update(Snapshot, Snapshot.c.id == snapshot.id, status=SnapshotStatus.RESTORING)


async def reset(ctx: Ctx, volume: Volume, body: ResetVolumeBody) -> None:
    """Set a volume's statuses by hand; what works on it goes on."""
    values: dict[str, Any] = {}
    if body.status is not None:
        values["status"] = _member(VolumeStatus, "status", body.status)
    if body.migration_status is not None:
        none = body.migration_status in ("none", "")
        values["migration_status"] = (
            None if none else _member(MigrationStatus, "migration_status", body.migration_status)
        )
    if body.attach_status not in (None, "attached", "detached"):
        raise BadRequest(reason=f"Must specify a valid attach_status, not '{body.attach_status}'.")
    if not values and body.attach_status is None:
        raise BadRequest(reason="Must specify 'status', 'attach_status' or 'migration_status' for update.")
    if body.attach_status == "detached":
        await ctx.db.delete(VolumeAttachment, VolumeAttachment.c.volume_id == volume.id)
    await write(ctx.db, volume, **values)


def _member(kind: Any, field: str, value: str) -> Any:
    try:
        return kind(value.lower())
    except ValueError as error:
        raise BadRequest(reason=f"Must specify a valid {field}, not '{value}'.") from error


async def set_metadata(
    ctx: Ctx, volume: Volume, items: dict[str, str], *, replace: bool = False
) -> dict[str, str]:
    """Add items to a volume's metadata, or put them in its place; return all."""
    volume = await latest(ctx.db, volume.id)
    check_settled(volume)
    metadata = items if replace else {**metadata_of(volume), **items}
    limit = ctx.use(BlockStorageSettings).max_metadata
    if len(metadata) > limit:
        raise BadRequest(reason=f"At most {limit} items of metadata are allowed.")
    await write(ctx.db, volume, metadata=msgspec.Raw(msgspec.json.encode(metadata)))
    return metadata


def check_settled(volume: Volume) -> None:
    """Refuse while the volume is on its way out or being looked after."""
    if volume.status in (VolumeStatus.DELETING, VolumeStatus.MAINTENANCE, VolumeStatus.UNMANAGING):
        raise InvalidVolume(reason=f"The volume cannot be changed when it is in '{volume.status}' status.")


def metadata_item(metadata: dict[str, str], key: str) -> dict[str, str]:
    """Return one item of metadata. MetadataItemNotFound."""
    if key not in metadata:
        raise MetadataItemNotFound
    return {key: metadata[key]}


async def delete_metadata(ctx: Ctx, volume: Volume, key: str) -> None:
    """Take an item off a volume's metadata."""
    volume = await latest(ctx.db, volume.id)
    metadata = metadata_of(volume)
    metadata_item(metadata, key)
    check_settled(volume)
    del metadata[key]
    await write(ctx.db, volume, metadata=msgspec.Raw(msgspec.json.encode(metadata)))


async def set_image_metadata(ctx: Ctx, volume: Volume, items: dict[str, str]) -> dict[str, Any]:
    """Add items to a volume's image metadata; return all."""
    volume = await latest(ctx.db, volume.id)
    metadata = {**image_metadata_of(volume), **items}
    await write(ctx.db, volume, image_metadata=msgspec.Raw(msgspec.json.encode(metadata)))
    return metadata


async def unset_image_metadata(ctx: Ctx, volume: Volume, key: str) -> None:
    """Take an item off a volume's image metadata."""
    volume = await latest(ctx.db, volume.id)
    metadata = image_metadata_of(volume)
    metadata_item(metadata, key)
    del metadata[key]
    shown = msgspec.Raw(msgspec.json.encode(metadata)) if metadata else None
    await write(ctx.db, volume, image_metadata=shown)


async def set_readonly(ctx: Ctx, volume: Volume, *, readonly: bool) -> None:
    """Make a volume read-only for whoever it is given to next, or writable again."""
    volume = await latest(ctx.db, volume.id)
    check_status(volume, {VolumeStatus.AVAILABLE}, "update readonly flag")
    await write(ctx.db, volume, read_only=readonly)


async def summary(ctx: Ctx) -> dict[str, Any]:
    """Return how many volumes there are, and how large together; since 3.36 the metadata they have too."""
    mine = () if wants_all(ctx) else (Volume.c.project_id == ctx.identity.project_id,)
    totals = select(func.count(), func.coalesce(func.sum(Volume.c.size), 0)).where(*mine)
    count, size = (await ctx.db.rows(totals))[0]
    shown: dict[str, Any] = {"total_size": int(size), "total_count": int(count)}
    if ctx.version is not None and ctx.version >= (3, 36):
        shown["metadata"] = await _all_metadata(ctx.db, mine)
    return {"volume-summary": shown}


async def _all_metadata(db: Reader, mine: tuple[Any, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for (raw,) in await db.rows(select(Volume.c.metadata).where(*mine)):
        for key, value in msgspec.json.decode(raw, type=dict[str, str]).items():
            values = found.setdefault(key, [])
            if value not in values:
                values.append(value)
    return found


def only(key: str, items: dict[str, str]) -> dict[str, str]:
    """Return the one item of a body that must be about `key` and nothing else."""
    if list(items) != [key]:
        raise BadRequest(reason=f"Request body must hold exactly the item '{key}'.")
    return items


def encryption_of(volume: Volume) -> dict[str, Any]:
    """Return how a volume is encrypted; nothing of its passphrase."""
    return {
        "encryption_key_id": volume.encryption_key_id,
        "control_location": "front-end" if volume.encrypted else None,
        "cipher": volume.cipher,
        "key_size": volume.key_size,
        "provider": "luks" if volume.encrypted else None,
    }
