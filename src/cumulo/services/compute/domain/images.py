"""Images made of servers: of their own disk, or snapshots of their volumes and how to boot from them."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from cumulo.contracts.block_storage import Volumes
from cumulo.contracts.image import Images, NewImage
from cumulo.core.errors import NotFound
from cumulo.core.http import Ctx
from cumulo.services.compute import disks, guests, history
from cumulo.services.compute.domain.servers import check_lock, check_state, latest
from cumulo.services.compute.errors import CannotBeQuiet
from cumulo.services.compute.model import BlockDeviceMapping, Server, TaskState, VmState
from cumulo.services.compute.schema.bodies import CreateImageBody
from cumulo.services.compute.tasks import CreateImage

_IMAGED = frozenset({VmState.ACTIVE, VmState.STOPPED, VmState.PAUSED, VmState.SUSPENDED})
_NOT_INHERITED = frozenset({"block_device_mapping", "bdm_v2", "root_device_name", "signature_verified"})
_SIGNATURE = "img_signature"  # of the image's own bytes, so what is made of a server cannot have it


async def create(ctx: Ctx, server: Server, body: CreateImageBody) -> str:
    """Promise an image of a server; return its id."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_state(server, "createImage", _IMAGED)
    mappings = await disks.of(ctx.db, server.id)
    metadata = {} if body.metadata is UNSET else body.metadata
    if any(mapping.boot_index == 0 for mapping in mappings):
        return await _of_volumes(ctx, server, body.name, metadata, mappings)
    if wants_quiet(server) and not guests.has_agent(guests.properties_of(server)):
        raise CannotBeQuiet(id=server.id)
    image = NewImage(
        owner=ctx.identity.project_id or "",
        name=body.name,
        disk_format="qcow2",
        container_format="bare",
        min_disk=guests.flavor_of(server).disk,
        min_ram=await _min_ram(ctx, server),
        properties={**properties_of(ctx, server), **metadata},
    )
    image_id = await ctx.use(Images).create(ctx, image)
    action = await _begin(ctx, server)
    saga = CreateImage(server_id=server.id, image_id=image_id, action_id=action)
    operation = await ctx.start(saga)
    snapshot = {"task_state": TaskState.IMAGE_SNAPSHOT, "operation": operation}
    await ctx.db.update(Server, Server.c.id == server.id, **snapshot)
    return image_id


def wants_quiet(server: Server) -> bool:
    """Say whether the server's image forbids a copy of file systems that are being written to."""
    wish = guests.properties_of(server).get("os_require_quiesce", "no")
    return server.vm_state is VmState.ACTIVE and str(wish).lower() in ("yes", "true", "1")


async def _min_ram(ctx: Ctx, server: Server) -> int:
    """Return how much memory the server's image wants, MiB; 0 when the image is gone."""
    if server.image_id is None:
        return 0
    try:
        image = await ctx.use(Images).get(ctx.db, server.image_id, project_id=None, is_admin=True)
    except NotFound:
        return 0
    return image.min_ram


async def _of_volumes(
    ctx: Ctx,
    server: Server,
    name: str,
    metadata: Mapping[str, str],
    mappings: list[BlockDeviceMapping],
) -> str:
    """Snapshot each volume and record an image that says so: it needs no data of its own."""
    volumes = ctx.use(Volumes)
    entries = []
    for mapping in mappings:
        if mapping.volume_id is None:
            continue
        snapshot_id = await volumes.snapshot(ctx, mapping.volume_id, name=f"snapshot for {name}")
        volume = await volumes.get(ctx.db, mapping.volume_id, project_id=None, is_admin=True)
        entries.append(_entry(mapping, snapshot_id, volume.size_gib))
    properties = {
        **properties_of(ctx, server),
        "bdm_v2": "True",
        "root_device_name": "/dev/vda",
        "block_device_mapping": msgspec.json.encode(entries).decode(),
        **metadata,
    }
    owner = ctx.identity.project_id or ""
    image_id = await ctx.use(Images).create(
        ctx, NewImage(owner=owner, name=name, properties=properties, empty=True)
    )
    await history.note(ctx.db, await _begin(ctx, server), "api_snapshot_instance", last=True)
    return image_id


def _entry(mapping: BlockDeviceMapping, snapshot_id: str, size: int) -> dict[str, Any]:
    """Return how a server made from the image gets this disk."""
    return {
        "source_type": "snapshot",
        "destination_type": "volume",
        "snapshot_id": snapshot_id,
        "volume_size": size,
        "boot_index": mapping.boot_index,
        "device_name": mapping.device_name,
        "disk_bus": mapping.bus,
        "delete_on_termination": mapping.delete_on_termination,
        "tag": mapping.tag,
    }


def properties_of(ctx: Ctx, server: Server) -> dict[str, str]:
    """Return what the image keeps of the server's image, and where it comes from."""
    inherited = {
        name: str(value)
        for name, value in guests.properties_of(server).items()
        if name not in _NOT_INHERITED and not name.startswith(_SIGNATURE) and value is not None
    }
    origin = {"image_type": "snapshot", "instance_uuid": server.id, "user_id": ctx.identity.user_id or ""}
    base = {"base_image_ref": server.image_id} if server.image_id else {}
    return {**inherited, **origin, **base}


async def _begin(ctx: Ctx, server: Server) -> str:
    identity = ctx.identity
    return await history.begin(
        ctx,
        server.id,
        "createImage",
        user_id=identity.user_id or "",
        project_id=identity.project_id or "",
    )
