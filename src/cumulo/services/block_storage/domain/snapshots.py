"""Taking snapshots, and what may be done to one."""

import dataclasses
from typing import Any

import msgspec

from cumulo.core import clock
from cumulo.core.db import Transaction
from cumulo.core.http import Ctx
from cumulo.core.work import Work
from cumulo.services.block_storage.domain import quotas
from cumulo.services.block_storage.domain.volumes import check_not_copied, metadata_item
from cumulo.services.block_storage.domain.volumes import latest as latest_volume
from cumulo.services.block_storage.errors import (
    BadRequest,
    InvalidSnapshot,
    InvalidVolume,
    SnapshotNotFound,
    VolumeNotFound,
)
from cumulo.services.block_storage.model import (
    MOVING,
    Snapshot,
    SnapshotStatus,
    Volume,
    VolumeStatus,
)
from cumulo.services.block_storage.schema.bodies import NamesBody, SnapshotBody
from cumulo.services.block_storage.schema.volumes import metadata_of
from cumulo.services.block_storage.tasks import CreateSnapshot, DeleteSnapshot
from cumulo.services.block_storage.tasks.hold import is_worked_on

ALWAYS_FORCED = (3, 66)  # since then snapshots of volumes in use need no `force`
DELETABLE = frozenset({SnapshotStatus.AVAILABLE, SnapshotStatus.ERROR})


@dataclasses.dataclass(kw_only=True)
class Order:
    """A request for a snapshot, by whichever way it came. force: of a volume in use too."""

    volume_id: str
    user_id: str
    name: str | None = None
    description: str | None = None
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    force: bool = False
    group_snapshot_id: str | None = None


async def order(ctx: Ctx, body: SnapshotBody) -> Snapshot:
    """Take a snapshot as a request says."""
    volume = await ctx.db.get(Volume, body.volume_id) if body.volume_id else None
    if volume is None or not (ctx.identity.is_admin or volume.project_id == ctx.identity.project_id):
        raise VolumeNotFound(id=body.volume_id)
    always = ctx.version is not None and ctx.version >= ALWAYS_FORCED
    if always and body.force is False and "force" in _sent(ctx):
        reason = "Invalid input for field/attribute force. Value: False. It may only be true since 3.66."
        raise BadRequest(reason=reason)
    changes = body.changes()
    wanted = Order(
        volume_id=volume.id,
        user_id=ctx.identity.user_id or "",
        name=changes.get("name"),
        description=changes.get("description"),
        metadata=body.metadata or {},
        force=always or bool(body.force),
    )
    return await create(ctx, await latest_volume(ctx.db, volume.id), wanted)


def _sent(ctx: Ctx) -> set[str]:
    return {name for name, value in ctx.body.given().items() if value is not None}


async def create(work: Work, volume: Volume, wanted: Order) -> Snapshot:
    """Record a snapshot and promise its taking."""
    allowed = {VolumeStatus.AVAILABLE} | ({VolumeStatus.IN_USE} if wanted.force else set())
    if volume.status not in allowed or volume.migration_status in MOVING:
        words = " or ".join(sorted(state.value for state in allowed))
        reason = f"Volume {volume.id} status must be {words}, but current status is: {volume.status}."
        raise InvalidVolume(reason=reason)
    claimed = {"snapshots": 1, "gigabytes": volume.size}
    await quotas.claim(work, volume.project_id, claimed, volume.volume_type_id)
    snapshot = Snapshot(
        volume_id=volume.id,
        project_id=volume.project_id,
        user_id=wanted.user_id,
        name=wanted.name,
        description=wanted.description,
        size=volume.size,
        volume_type_id=volume.volume_type_id,
        group_snapshot_id=wanted.group_snapshot_id,
        encryption_key_id=volume.encryption_key_id,
        metadata=msgspec.Raw(msgspec.json.encode(wanted.metadata)),
    )
    snapshot.operation = await work.start(CreateSnapshot(snapshot_id=snapshot.id))
    await work.db.insert(snapshot)
    return snapshot


async def latest(db: Transaction, snapshot_id: str) -> Snapshot:
    """Read a snapshot again and hold it until the transaction ends. SnapshotNotFound."""
    row = await db.one(Snapshot, Snapshot.c.id == snapshot_id, for_update=True)
    if row is None:
        raise SnapshotNotFound(id=snapshot_id)
    return row


async def write(db: Transaction, snapshot: Snapshot, **values: Any) -> None:
    """Write columns of a snapshot."""
    await db.update(Snapshot, Snapshot.c.id == snapshot.id, updated_at=clock.now(), **values)


async def delete(work: Work, snapshot_id: str, *, force: bool = False) -> None:
    """Delete a snapshot; by force whatever its status, unless something works on it."""
    snapshot = await latest(work.db, snapshot_id)
    if snapshot.status is SnapshotStatus.DELETING and await is_worked_on(work.db, snapshot):
        return
    if not force and snapshot.status not in DELETABLE:
        reason = f"Snapshot status must be available or error, but is {snapshot.status}"
        raise InvalidSnapshot(reason=reason)
    if snapshot.group_snapshot_id is not None and not force:
        raise InvalidSnapshot(reason="Snapshot belongs to a group snapshot: delete that.")
    await check_not_copied(work.db, Volume.c.snapshot_id == snapshot.id, f"Snapshot {snapshot.id}")
    if await is_worked_on(work.db, snapshot):
        raise InvalidSnapshot(reason=f"Snapshot {snapshot.id} is {snapshot.status}: wait for that to end")
    operation = await work.start(DeleteSnapshot(snapshot_id=snapshot.id))
    await write(work.db, snapshot, status=SnapshotStatus.DELETING, operation=operation)


async def update(ctx: Ctx, snapshot: Snapshot, body: NamesBody) -> Snapshot:
    """Change what a snapshot is called."""
    changes = body.changes()
    if not body.given():
        raise BadRequest(reason="Name or description must be given.")
    await write(ctx.db, snapshot, **changes)
    return await latest(ctx.db, snapshot.id)


def status_named(text: str) -> SnapshotStatus:
    """Return a status by its name. BadRequest."""
    try:
        return SnapshotStatus(text.lower())
    except ValueError as error:
        raise BadRequest(reason=f"Must specify a valid status, not '{text}'.") from error


async def report_status(ctx: Ctx, snapshot: Snapshot, status: str, progress: str | None) -> None:
    """Note how a snapshot goes that somebody else takes."""
    allowed = {
        SnapshotStatus.CREATING: {SnapshotStatus.CREATING, SnapshotStatus.AVAILABLE, SnapshotStatus.ERROR},
        SnapshotStatus.DELETING: {SnapshotStatus.DELETING, SnapshotStatus.ERROR_DELETING},
    }
    if snapshot.status not in allowed:
        raise BadRequest(reason=f"Snapshot status {snapshot.status} not allowed for update_snapshot_status.")
    wanted = status_named(status)
    if wanted not in allowed[snapshot.status]:
        reason = f"Provided snapshot status {wanted} not allowed for snapshot with status {snapshot.status}."
        raise BadRequest(reason=reason)
    if progress is not None and not (progress.endswith("%") and progress[:-1].isdecimal()):
        raise BadRequest(reason="progress must be an integer percentage")
    values = {"progress": progress} if progress is not None else {}
    await write(ctx.db, snapshot, status=wanted, **values)


async def set_metadata(
    ctx: Ctx, snapshot: Snapshot, items: dict[str, str], *, replace: bool = False
) -> dict[str, str]:
    """Add items to a snapshot's metadata, or put them in its place; return all."""
    snapshot = await latest(ctx.db, snapshot.id)
    metadata = items if replace else {**metadata_of(snapshot), **items}
    await write(ctx.db, snapshot, metadata=msgspec.Raw(msgspec.json.encode(metadata)))
    return metadata


async def delete_metadata(ctx: Ctx, snapshot: Snapshot, key: str) -> None:
    """Take an item off a snapshot's metadata."""
    snapshot = await latest(ctx.db, snapshot.id)
    metadata = metadata_of(snapshot)
    metadata_item(metadata, key)
    del metadata[key]
    await write(ctx.db, snapshot, metadata=msgspec.Raw(msgspec.json.encode(metadata)))
