"""Shelving servers, taking them down again, and keeping the last few copies of their disks."""

from typing import Any

from msgspec import UNSET

from cumulo.contracts.image import Images, NewImage
from cumulo.core.http import Ctx
from cumulo.services.compute import guests, policy
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.domain.images import properties_of
from cumulo.services.compute.domain.servers import begin, check_lock, check_state, latest, write
from cumulo.services.compute.errors import (
    BackupFromVolume,
    HostUnknown,
    OnShelfOnHost,
    ZoneUnknown,
)
from cumulo.services.compute.model import ComputeHost, Server, TaskState, VmState
from cumulo.services.compute.schema.bodies import BackupBody, UnshelveBody
from cumulo.services.compute.tasks import CreateImage, OffloadServer, ShelveServer, UnshelveServer
from cumulo.services.compute.tasks.moves import is_from_volume

_SHELVABLE = frozenset({VmState.ACTIVE, VmState.STOPPED, VmState.PAUSED, VmState.SUSPENDED})
_ON_SHELF = frozenset({VmState.SHELVED, VmState.SHELVED_OFFLOADED})


async def shelve(ctx: Ctx, server: Server) -> None:
    """Promise to put a server on the shelf; its disk becomes an image, its volumes stay what they are."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_state(server, "shelve", _SHELVABLE)
    image_id = None
    if not await is_from_volume(ctx.db, server.id):
        image = _image(ctx, server, f"{server.name}-shelved", {})
        image_id = await ctx.use(Images).create(ctx, image)
    saga = ShelveServer(
        server_id=server.id,
        action_id=await begin(ctx, server, "shelve"),
        image_id=image_id,
        offload=ctx.use(ComputeSettings).offload_shelved or image_id is None,
    )
    operation = await ctx.start(saga)
    await write(ctx.db, server, task_state=TaskState.SHELVING, operation=operation)


def _image(ctx: Ctx, server: Server, name: str, more: dict[str, str]) -> NewImage:
    return NewImage(
        owner=server.project_id,
        name=name[:255],
        disk_format="qcow2",
        container_format="bare",
        min_disk=guests.flavor_of(server).disk,
        properties={**properties_of(ctx, server), **more},
    )


async def offload(ctx: Ctx, server: Server) -> None:
    """Promise to take a shelved server off its host."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_state(server, "shelveOffload", frozenset({VmState.SHELVED}))
    saga = OffloadServer(server_id=server.id, action_id=await begin(ctx, server, "shelveOffload"))
    operation = await ctx.start(saga)
    await write(ctx.db, server, task_state=TaskState.SHELVING_OFFLOADING, operation=operation)


async def unshelve(ctx: Ctx, server: Server, body: UnshelveBody | None) -> None:
    """Promise that a shelved server runs again, in a zone or on a host where it left its own."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_state(server, "unshelve", _ON_SHELF)
    zone = body.availability_zone if body is not None else UNSET
    host = body.host if body is not None and isinstance(body.host, str) else None
    offloaded = server.vm_state is VmState.SHELVED_OFFLOADED
    values: dict[str, Any] = {}
    if body is not None and (zone is not UNSET or host is not None):
        if not offloaded:
            raise OnShelfOnHost(id=server.id)
        if host is not None:
            ctx.authorise(policy.UNSHELVE_TO_HOST, server)
        await _check_place(ctx, zone if isinstance(zone, str) else None, host)
    if zone is not UNSET:
        values["requested_zone"] = zone
    saga = UnshelveServer(
        server_id=server.id,
        action_id=await begin(ctx, server, "unshelve"),
        offloaded=offloaded,
        zone=zone if isinstance(zone, str) else None,
        host=host,
    )
    operation = await ctx.start(saga)
    await write(ctx.db, server, task_state=TaskState.UNSHELVING, operation=operation, **values)


async def _check_place(ctx: Ctx, zone: str | None, host: str | None) -> None:
    rows = await ctx.db.all(ComputeHost)
    if zone is not None and zone not in {row.zone for row in rows}:
        raise ZoneUnknown
    if host is not None and host not in {row.host for row in rows}:
        raise HostUnknown(host=host)


async def backup(ctx: Ctx, server: Server, body: BackupBody) -> str | None:
    """Promise an image of a server, and that of its kind the newest `rotation` are kept; return its id.

    With a rotation of 0 all of the kind go and none is made.
    """
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_state(server, "createBackup", _SHELVABLE)
    if await is_from_volume(ctx.db, server.id):
        raise BackupFromVolume(id=server.id)
    images, rotation = ctx.use(Images), int(body.rotation)
    if rotation == 0:
        for image_id in await images.backups(ctx.db, server.id, body.backup_type, owner=server.project_id):
            await images.discard(ctx, image_id)
        await begin(ctx, server, "createBackup", done=True)
        return None
    metadata = {} if body.metadata is UNSET else body.metadata
    kind = {"image_type": "backup", "backup_type": body.backup_type}
    image_id = await images.create(ctx, _image(ctx, server, body.name, {**metadata, **kind}))
    action = await begin(ctx, server, "createBackup")
    saga = CreateImage(
        server_id=server.id,
        image_id=image_id,
        action_id=action,
        backup_type=body.backup_type,
        rotation=rotation,
    )
    operation = await ctx.start(saga)
    await write(ctx.db, server, task_state=TaskState.IMAGE_BACKUP, operation=operation)
    return image_id
