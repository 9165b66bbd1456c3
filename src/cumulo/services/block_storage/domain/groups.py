"""Groups of volumes: making, changing and deleting them."""

from collections.abc import Mapping, Sequence
from typing import Any

from cumulo.core import clock
from cumulo.core.db import Reader, Transaction
from cumulo.core.http import Ctx
from cumulo.core.work import Work
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.domain import creation, group_types, quotas, types, volumes
from cumulo.services.block_storage.errors import (
    BadRequest,
    GroupNotFound,
    GroupSnapshotNotFound,
    InvalidGroup,
    InvalidGroupSnapshot,
    InvalidVolume,
    VolumeNotFound,
)
from cumulo.services.block_storage.model import (
    Group,
    GroupSnapshot,
    GroupSnapshotStatus,
    GroupStatus,
    GroupType,
    Snapshot,
    Volume,
    VolumeAttachment,
    VolumeStatus,
)
from cumulo.services.block_storage.schema.groups import GroupBody, GroupChange, GroupCopyBody
from cumulo.services.block_storage.tasks.groups import settle_group


async def counted(db: Reader, project_id: str) -> Mapping[str, int]:
    """Count a project's groups."""
    return {"groups": await db.count(Group, Group.c.project_id == project_id)}


quotas.COUNTERS.append(counted)
DELETABLE = frozenset({GroupStatus.AVAILABLE, GroupStatus.ERROR, GroupStatus.ERROR_DELETING})
MEMBERS = frozenset({VolumeStatus.AVAILABLE, VolumeStatus.IN_USE})


async def latest(db: Transaction, group_id: str) -> Group:
    """Read a group again and hold it until the transaction ends. GroupNotFound."""
    row = await db.one(Group, Group.c.id == group_id, for_update=True)
    if row is None:
        raise GroupNotFound(id=group_id)
    return row


async def members(db: Transaction, group: Group) -> Sequence[Volume]:
    """Return a group's volumes, the oldest first."""
    order = (Volume.c.created_at.asc(), Volume.c.id.asc())
    return await db.all(Volume, Volume.c.group_id == group.id, order_by=order)


async def create(ctx: Ctx, body: GroupBody, kind: GroupType | None = None) -> Group:
    """Make an empty group: nothing has to be done for that in any pool."""
    is_admin, project_id = ctx.identity.is_admin, ctx.identity.project_id or ""
    kind = kind or await group_types.find(ctx.db, body.group_type, is_admin=is_admin)
    wanted = []
    for named in body.volume_types:
        found = await types.find(ctx.db, named.strip(), project_id=project_id, is_admin=is_admin)
        wanted.append(found.id)
    settings = ctx.use(BlockStorageSettings)
    zone = await creation.known_zone(ctx.db, settings, body.availability_zone or settings.default_zone)
    await quotas.claim(ctx, project_id, {"groups": 1}, None)
    group = Group(
        project_id=project_id,
        user_id=ctx.identity.user_id or "",
        name=body.name,
        description=body.description,
        status=GroupStatus.AVAILABLE,
        availability_zone=zone,
        group_type_id=kind.id,
        volume_types=list(dict.fromkeys(wanted)),
    )
    await ctx.db.insert(group)
    return group


async def copy(ctx: Ctx, body: GroupCopyBody) -> Group:
    """Make a group with a volume for each of another group's, or of a group's snapshot."""
    if bool(body.group_snapshot_id) == bool(body.source_group_id):
        reason = "Either 'group_snapshot_id' or 'source_group_id' must be provided, and not both."
        raise BadRequest(reason=reason)
    if body.group_snapshot_id:
        source, orders = await _of_snapshot(ctx, body.group_snapshot_id)
    else:
        source, orders = await _of_group(ctx, body.source_group_id or "")
    if not orders:
        raise InvalidGroup(reason="There are no volumes to make a group from.")
    project_id = ctx.identity.project_id or ""
    await quotas.claim(ctx, project_id, {"groups": 1}, None)
    group = Group(
        project_id=project_id,
        user_id=ctx.identity.user_id or "",
        name=body.name,
        description=body.description,
        availability_zone=source.availability_zone,
        group_type_id=source.group_type_id,
        volume_types=source.volume_types,
        group_snapshot_id=body.group_snapshot_id or None,
        source_group_id=body.source_group_id or None,
    )
    await ctx.db.insert(group)
    for order in orders:
        volume = await creation.create(ctx, order)
        await volumes.write(ctx.db, volume, group_id=group.id)
    return group


async def _of_snapshot(ctx: Ctx, snapshot_id: str) -> tuple[Group, list[creation.Order]]:
    row = await ctx.db.get(GroupSnapshot, snapshot_id)
    if row is None or not _sees(ctx, row):
        raise GroupSnapshotNotFound(id=snapshot_id)
    if row.status is not GroupSnapshotStatus.AVAILABLE:
        raise InvalidGroupSnapshot(reason=f"Group snapshot {row.id} must be available, but is {row.status}.")
    found = await ctx.db.all(Snapshot, Snapshot.c.group_snapshot_id == row.id)
    orders = [_order(ctx, one.name, snapshot_id=one.id) for one in found]
    return await latest(ctx.db, row.group_id), orders


async def _of_group(ctx: Ctx, group_id: str) -> tuple[Group, list[creation.Order]]:
    group = await latest(ctx.db, group_id)
    if not _sees(ctx, group):
        raise GroupNotFound(id=group_id)
    if group.status is not GroupStatus.AVAILABLE:
        raise InvalidGroup(reason=f"Group {group.id} status must be available, but is {group.status}.")
    return group, [_order(ctx, one.name, source_id=one.id) for one in await members(ctx.db, group)]


def _order(ctx: Ctx, name: str | None, **source: Any) -> creation.Order:
    identity = ctx.identity
    whose: dict[str, Any] = {"project_id": identity.project_id or "", "user_id": identity.user_id or ""}
    return creation.Order(**whose, is_admin=identity.is_admin, name=name, **source)


def _sees(ctx: Ctx, row: Group | GroupSnapshot | Volume) -> bool:
    return ctx.identity.is_admin or row.project_id == ctx.identity.project_id


async def update(ctx: Ctx, group: Group, body: GroupChange) -> None:
    """Change what a group is called, and which volumes are in it."""
    group = await latest(ctx.db, group.id)
    names = {name: value for name, value in body.given().items() if name in ("name", "description")}
    joining, leaving = _ids(body.add_volumes), _ids(body.remove_volumes)
    if not (names or joining or leaving):
        reason = (
            "Name, description, add_volumes, and remove_volumes can not be all empty in the request body."
        )
        raise BadRequest(reason=reason)
    if group.status is not GroupStatus.AVAILABLE:
        raise InvalidGroup(reason=f"Group {group.id} status must be available, but is {group.status}.")
    if both := set(joining) & set(leaving):
        raise InvalidVolume(reason=f"Volume {min(both)} cannot be both added and removed.")
    for volume_id in leaving:
        volume = await _volume(ctx, volume_id)
        if volume.group_id != group.id:
            raise InvalidVolume(reason=f"Cannot remove volume {volume_id}: it is not in group {group.id}.")
        await volumes.write(ctx.db, volume, group_id=None)
    for volume_id in joining:
        volume = await _volume(ctx, volume_id)
        _check_member(group, volume)
        await volumes.write(ctx.db, volume, group_id=group.id)
    await ctx.db.update(Group, Group.c.id == group.id, updated_at=clock.now(), **names)


def _ids(text: str | None) -> list[str]:
    return [one.strip() for one in (text or "").split(",") if one.strip()]


async def _volume(ctx: Ctx, volume_id: str) -> Volume:
    volume = await ctx.db.one(Volume, Volume.c.id == volume_id, for_update=True)
    if volume is None or not _sees(ctx, volume):
        raise VolumeNotFound(id=volume_id)
    if volume.status not in MEMBERS:
        reason = f"Volume {volume_id} must be available or in-use, but is {volume.status}."
        raise InvalidVolume(reason=reason)
    return volume


def _check_member(group: Group, volume: Volume) -> None:
    if volume.group_id not in (None, group.id):
        raise InvalidVolume(reason=f"Cannot add volume {volume.id}: it is in group {volume.group_id}.")
    if volume.project_id != group.project_id:
        raise InvalidVolume(reason=f"Cannot add volume {volume.id}: it is another project's.")
    if volume.volume_type_id not in group.volume_types:
        reason = f"Cannot add volume {volume.id}: group {group.id} has no volumes of its type."
        raise InvalidVolume(reason=reason)


async def delete(work: Work, group: Group, *, with_volumes: bool) -> None:
    """Delete a group; with its volumes if asked, without them only an empty one."""
    group = await latest(work.db, group.id)
    if group.status not in DELETABLE:
        reason = f"Group status must be available or error, but current status is {group.status}."
        raise InvalidGroup(reason=reason)
    if await work.db.exists(GroupSnapshot, GroupSnapshot.c.group_id == group.id):
        raise InvalidGroup(reason=f"Group {group.id} has group snapshots: delete them first.")
    found = await members(work.db, group)
    if found and not with_volumes:
        reason = f"Group {group.id} still contains volumes. The delete-volumes flag is required to delete it."
        raise InvalidGroup(reason=reason)
    held = Volume.c.group_id == group.id
    ids = Volume.table.select().with_only_columns(Volume.c.id).where(held)
    if await work.db.exists(VolumeAttachment, VolumeAttachment.c.volume_id.in_(ids)):
        raise InvalidGroup(reason=f"Volumes of group {group.id} are in use.")
    if await work.db.exists(Snapshot, Snapshot.c.volume_id.in_(ids)):
        raise InvalidGroup(reason=f"Volumes of group {group.id} have snapshots: delete them first.")
    status = GroupStatus.DELETING
    await work.db.update(Group, Group.c.id == group.id, status=status, updated_at=clock.now())
    for volume in found:
        await volumes.delete(work, volume.id, force=True)
    await settle_group(work.db, group.id)


async def reset(ctx: Ctx, group: Group, status: str) -> None:
    """Set a group's status by hand."""
    try:
        wanted = GroupStatus(status.lower())
    except ValueError as error:
        raise BadRequest(reason=f"Must specify a valid status, not '{status}'.") from error
    await ctx.db.update(Group, Group.c.id == group.id, status=wanted, updated_at=clock.now())


def refuse_replication(group: Group) -> None:
    """Refuse what would need pools that replicate: none of our drivers does."""
    raise InvalidGroup(reason=f"Group {group.id} is not a replication group: no backend here replicates.")
