"""Volumes of servers that exist."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from cumulo.contracts.block_storage import VolumeRecord, Volumes
from cumulo.contracts.hypervisor import Hypervisor, VolumeDisk
from cumulo.contracts.volumes import BlockAccess, Exchange
from cumulo.core.bus import Bus, remote
from cumulo.core.db import Reader
from cumulo.core.drivers import Permanent, Temporary
from cumulo.core.errors import Conflict, Invalid, NotFound
from cumulo.core.http import Ctx
from cumulo.core.work import Work
from cumulo.services.compute import containers, disks, guests, history, policy
from cumulo.services.compute.domain.block_devices import check_version
from cumulo.services.compute.domain.servers import check_lock, check_state, latest
from cumulo.services.compute.errors import (
    BadBlockDevice,
    CannotWhile,
    DetachingAlready,
    RootStays,
    VolumeNotAttached,
    VolumeNotFree,
    VolumeOfMany,
    VolumeUnknown,
)
from cumulo.services.compute.guests import Use
from cumulo.services.compute.model import BlockDeviceMapping, Server, TaskState, VmState
from cumulo.services.compute.schema.catalogue import is_true
from cumulo.services.compute.schema.volumes import VolumeAttachmentBody, VolumeAttachmentChange
from cumulo.services.compute.tasks import AttachVolume, DetachVolume, GrowVolume, SwapVolume

_CHANGEABLE = frozenset(
    {
        VmState.ACTIVE,
        VmState.STOPPED,
        VmState.PAUSED,
        VmState.RESIZED,
        VmState.SHELVED,
        VmState.SHELVED_OFFLOADED,
    }
)
_BESIDE = frozenset(  # what may be under way meanwhile: none of it moves the guest
    {
        None,
        TaskState.POWERING_ON,
        TaskState.POWERING_OFF,
        TaskState.REBOOTING,
        TaskState.REBOOTING_HARD,
        TaskState.PAUSING,
        TaskState.UNPAUSING,
        TaskState.IMAGE_SNAPSHOT,
        TaskState.IMAGE_UPLOADING,
        TaskState.IMAGE_BACKUP,
        TaskState.UPDATING_PASSWORD,
    }
)
_SWAPPABLE = frozenset({VmState.ACTIVE, VmState.PAUSED, VmState.RESIZED})
UPDATABLE = (2, 85)  # since which more of an attachment changes than its volume
_SOON = 2.0  # seconds until a server that is busy is looked at again
_ROOTS = ("/dev/vda", "/dev/sda", "/dev/hda")


async def of_server(ctx: Ctx, server: Server) -> list[BlockDeviceMapping]:
    """Return a server's volumes that exist."""
    return [mapping for mapping in await disks.of(ctx.db, server.id) if mapping.volume_id is not None]


async def one(ctx: Ctx, server: Server, volume_id: str) -> BlockDeviceMapping:
    """Return a server's hold on a volume. VolumeNotAttached."""
    mapping = await disks.one(ctx.db, server.id, volume_id)
    if mapping is None:
        raise VolumeNotAttached(volume_id=volume_id, id=server.id)
    return mapping


async def attach(ctx: Ctx, server: Server, body: VolumeAttachmentBody) -> BlockDeviceMapping:
    """Reserve a volume for a server and promise to plug it in."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_settled(server, "attach_volume")
    volume = await _volume(ctx, body.volume_id)
    check_version(ctx, volume)
    if volume.multiattach and server.vm_state is VmState.SHELVED_OFFLOADED:
        raise Invalid("Attaching multiattach volumes is not supported for shelved-offloaded instances.")
    if await disks.one(ctx.db, server.id, volume.id) is not None:
        raise VolumeNotFree(reason=f"Volume {volume.id} is already attached to server {server.id}.")
    bus = guests.bus_of(server)
    mapping = BlockDeviceMapping(
        server_id=server.id,
        volume_id=volume.id,
        device_name=await free_device(ctx, server, bus, body.device),
        bus=bus,
        delete_on_termination=is_true(body.delete_on_termination),
        tag=body.tag if isinstance(body.tag, str) else None,
    )
    mapping.attachment_id = await _reserve(ctx, volume, server)
    await ctx.db.insert(mapping)
    await disks.refresh(ctx.db, server.id)
    action = await _begin(ctx, server, "attach_volume")
    await ctx.start(AttachVolume(server_id=server.id, mapping_id=mapping.id, action_id=action))
    return mapping


async def detach(ctx: Ctx, server: Server, volume_id: str) -> None:
    """Promise to take a volume from a server."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    mapping = await one(ctx, server, volume_id)
    check_settled(server, "detach_volume")
    if mapping.boot_index == 0:
        raise RootStays
    if mapping.detaching or not mapping.attached:
        raise DetachingAlready(volume_id=volume_id, id=server.id)
    await _letting_go(ctx, mapping)
    mapping.detaching = True
    await ctx.db.save(mapping, "detaching")
    action = await _begin(ctx, server, "detach_volume")
    await ctx.start(DetachVolume(server_id=server.id, mapping_id=mapping.id, action_id=action))


async def change(ctx: Ctx, server: Server, volume_id: str, body: VolumeAttachmentChange) -> None:
    """Say whether a volume goes with its server, or exchange it for another one; until 2.84 only that."""
    mapping = await one(ctx, server, volume_id)
    swapping = body.volume_id != volume_id or (ctx.version is not None and ctx.version < UPDATABLE)
    if swapping:
        ctx.authorise(policy.VOLUMES_SWAP, server)
    for name, given, current in (
        ("device", body.device, mapping.device_name),
        ("tag", body.tag, mapping.tag),
        ("serverId", body.server_id, server.id),
    ):
        if given is not UNSET and given != current:
            raise BadBlockDevice(reason=f"'{name}' of an attachment cannot be changed")
    if body.delete_on_termination is not UNSET:
        mapping.delete_on_termination = is_true(body.delete_on_termination)
        await ctx.db.save(mapping, "delete_on_termination")
        await disks.refresh(ctx.db, server.id)
    if swapping:
        await swap(ctx, server, mapping, body.volume_id)


async def swap(ctx: Ctx, server: Server, mapping: BlockDeviceMapping, volume_id: str) -> None:
    """Promise a running server another volume, of the same size, in the place of one it has."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    if server.task_state not in _BESIDE or server.vm_state not in _SWAPPABLE:
        check_state(server, "swap_volume", _SWAPPABLE)
    if mapping.detaching or not mapping.attached:
        raise DetachingAlready(volume_id=mapping.volume_id, id=server.id)
    new = await _replacement(ctx, volume_id)
    old = await _volume(ctx, mapping.volume_id or "")
    if await ctx.db.exists(
        BlockDeviceMapping,
        BlockDeviceMapping.c.volume_id == old.id,
        BlockDeviceMapping.c.server_id != server.id,
    ):
        raise VolumeOfMany(id=old.id)
    if new.size_gib != old.size_gib:
        reason = f"New volume must be the same size: it has {new.size_gib} GiB, the old one {old.size_gib}."
        raise VolumeNotFree(reason=reason)
    if new.read_only:
        raise VolumeNotFree(reason=f"New volume {new.id} is read-only.")
    reserved = await _reserve(ctx, new, server)
    await _letting_go(ctx, mapping)
    mapping.attached = False
    await ctx.db.save(mapping, "attached")
    saga = SwapVolume(
        server_id=server.id,
        mapping_id=mapping.id,
        action_id=await _begin(ctx, server, "swap_volume"),
        volume_id=new.id,
        attachment_id=reserved,
        old_volume_id=old.id,
        old_attachment_id=mapping.attachment_id or "",
    )
    await ctx.start(saga)


async def _replacement(ctx: Ctx, volume_id: str) -> VolumeRecord:
    try:
        return await _volume(ctx, volume_id)
    except VolumeUnknown as error:
        raise VolumeNotFree(reason=str(error)) from error


async def exchange(
    db: Reader, use: Use[Any], server_id: str, volume_id: str, access: BlockAccess, *, hold: bool
) -> Exchange:
    """Take a step of the way of a guest's disk to where `access` leads. Permanent when it cannot go there."""
    found = await _placed(db, server_id, volume_id)
    if found is None:
        raise Permanent("the server is gone, or has the volume no more")
    server, disk = found
    if server.task_state not in _BESIDE:
        raise Temporary(f"the server is {server.task_state}", retry_in=_SOON)
    disk = msgspec.structs.replace(disk, access=access)
    host = remote(use(Bus), server.host or "", Hypervisor)
    return await host.exchange_volume(server.id, volume_id, disk, hold=hold)


async def stay(db: Reader, use: Use[Any], server_id: str, volume_id: str, access: BlockAccess) -> bool:
    """Have a guest's disk not go to where `access` leads; False when it is there already."""
    found = await _placed(db, server_id, volume_id)
    if found is None:
        return True
    server, disk = found
    disk = msgspec.structs.replace(disk, access=access)
    return await remote(use(Bus), server.host or "", Hypervisor).keep_volume(server.id, volume_id, disk)


async def _placed(db: Reader, server_id: str, volume_id: str) -> tuple[Server, VolumeDisk] | None:
    """Return a server on a host, and a volume of its as a disk without a way to it; None: not there."""
    server = await db.get(Server, server_id)
    mapping = await disks.one(db, server_id, volume_id)
    if server is None or mapping is None or server.host is None or server.deleted_at is not None:
        return None
    nowhere = BlockAccess(protocol="")
    return server, VolumeDisk(volume_id=volume_id, access=nowhere, device=mapping.device, bus=mapping.bus)


async def grown(work: Work, server_ids: Sequence[str], volume_id: str, size_gib: int) -> None:
    """Promise that the guests of these servers see the new size of a volume that they have."""
    rows = BlockDeviceMapping.c
    here = rows.server_id.in_(list(server_ids))
    for mapping in await work.db.all(BlockDeviceMapping, here, rows.volume_id == volume_id):
        server = await work.db.get(Server, mapping.server_id)
        if server is None or server.deleted_at is not None:
            continue
        who = {"user_id": server.user_id, "project_id": server.project_id}
        action = await history.begin(work, server.id, "extend_volume", **who)
        await work.start(
            GrowVolume(server_id=server.id, mapping_id=mapping.id, action_id=action, size_gib=size_gib)
        )


def check_settled(server: Server, action: str) -> None:
    """Refuse while the server is made, moved or deleted; its power may change meanwhile."""
    containers.check(server, action)
    if server.vm_state not in _CHANGEABLE or server.task_state not in _BESIDE:
        check_state(server, action, _CHANGEABLE)


async def check_in_place(db: Reader, server: Server, action: str) -> None:
    """Refuse while a volume comes to the server or goes: its host is asked, so the guest must stay there."""
    for mapping in await disks.of(db, server.id):
        if mapping.detaching or not mapping.attached:
            state = "detaching" if mapping.detaching else "attaching"
            raise CannotWhile(action=action, id=server.id, attribute="volume_state", state=state)


async def free_device(ctx: Ctx, server: Server, bus: str, wish: str | UnsetType | None) -> str:
    """Return the name of the new disk in the guest: a wish only has to be free, it is not followed."""
    mappings = await disks.of(ctx.db, server.id)
    taken = [mapping.device_name for mapping in mappings]
    taken += [f"/dev/{disk.device}" for disk in guests.local_disks_of(server, taken)]
    if not any(mapping.boot_index == 0 for mapping in mappings):
        taken += _ROOTS
    if isinstance(wish, str) and wish in taken:
        raise BadBlockDevice(reason=f"The supplied device path ({wish}) is in use.")
    return disks.next_device(bus, taken)


async def _volume(ctx: Ctx, volume_id: str) -> VolumeRecord:
    identity = ctx.identity
    try:
        return await ctx.use(Volumes).get(
            ctx.db, volume_id, project_id=identity.project_id, is_admin=identity.is_admin
        )
    except NotFound as error:
        raise VolumeUnknown(id=volume_id) from error


async def _reserve(ctx: Ctx, volume: VolumeRecord, server: Server) -> str:
    try:
        return (await ctx.use(Volumes).reserve(ctx, volume.id, server.id)).id
    except (Invalid, Conflict) as error:
        raise VolumeNotFree(reason=str(error)) from error


async def _letting_go(ctx: Ctx, mapping: BlockDeviceMapping) -> None:
    try:
        await ctx.use(Volumes).detaching(ctx, mapping.attachment_id or "")
    except (Invalid, Conflict) as error:
        raise VolumeNotFree(reason=str(error)) from error


async def _begin(ctx: Ctx, server: Server, action: str) -> str:
    return await history.begin(
        ctx,
        server.id,
        action,
        user_id=ctx.identity.user_id or "",
        project_id=ctx.identity.project_id or "",
    )
