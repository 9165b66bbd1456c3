"""Requests that make a pool export a volume, or end that: each transaction ends before the pool is asked."""

import hashlib
from typing import Any

from cumulo.core.db import Transaction
from cumulo.core.errors import Error
from cumulo.core.http import Ctx
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.domain import attachments
from cumulo.services.block_storage.domain.volumes import latest
from cumulo.services.block_storage.errors import BadRequest, InvalidVolume, VolumeNotFound
from cumulo.services.block_storage.model import API, Volume, VolumeAttachment, VolumeStatus
from cumulo.services.block_storage.pools import shown
from cumulo.services.block_storage.schema.attachments import AttachmentBody
from cumulo.services.block_storage.schema.bodies import AttachBody

SERVICES = frozenset({"admin", "service"})


async def create(ctx: Ctx, body: AttachmentBody) -> VolumeAttachment:
    """Take a volume for a server and, with a connector, export it; nothing is left when that fails."""
    async with ctx.begin() as db:
        ctx.writing(db)
        volume = await db.get(Volume, body.volume_uuid)
        if volume is None or not (ctx.identity.is_admin or volume.project_id == ctx.identity.project_id):
            raise VolumeNotFound(id=body.volume_uuid)
        if volume.multiattach and volume.bootable:
            ctx.authorise(policy.MULTIATTACH_BOOTABLE, volume)
        made = await attachments.reserve(ctx, volume.id, body.instance_uuid, mode=body.mode, origin=API)
    if not body.connector:
        return made
    try:
        return await connect(ctx, made, body.connector)
    except Error:
        async with ctx.begin() as db:
            ctx.writing(db)
            await attachments.release(ctx, made.id)
        raise


async def connect(ctx: Ctx, attachment: VolumeAttachment, connector: dict[str, Any]) -> VolumeAttachment:
    """Export an attachment's volume, and note who connects."""
    attachments.check_not_computes(attachment, "Connect volume to")
    volume = await _volume(ctx, attachment.volume_id)
    access = await attachments.open_export(ctx, volume, attachment)
    async with ctx.begin() as db:
        ctx.writing(db)
        return await attachments.connected(ctx, attachment.id, access, connector)


async def delete(ctx: Ctx, attachment: VolumeAttachment) -> list[VolumeAttachment]:
    """End an attachment and its export; return those that the volume still has."""
    attachments.check_not_computes(attachment)
    volume = await _volume(ctx, attachment.volume_id)
    await attachments.close_export(ctx, volume, attachment.id)
    async with ctx.begin() as db:
        ctx.writing(db)
        await attachments.release(ctx, attachment.id)
        return await attachments.of_volume(db, volume.id)


async def _volume(ctx: Ctx, volume_id: str) -> Volume:
    async with ctx.read() as db:
        volume = await db.get(Volume, volume_id)
    if volume is None:
        raise VolumeNotFound(id=volume_id)
    return volume


async def attach(ctx: Ctx, volume: Volume, body: AttachBody) -> None:
    """Note that somebody attached a volume by itself."""
    if (body.instance_uuid is None) == (body.host_name is None):
        raise BadRequest(reason="Specify either instance_uuid or host_name.")
    await attachments.attach(
        ctx,
        volume.id,
        server_id=body.instance_uuid,
        host=body.host_name,
        device=body.mountpoint,
        mode=body.mode,
    )


async def detach(ctx: Ctx, volume: Volume, attachment_id: str | None) -> None:
    """Note that somebody detached a volume by itself."""
    volume = await latest(ctx.db, volume.id)
    found = await attachments.the_one(ctx.db, volume, attachment_id)
    if found is None:
        await _unattached(ctx.db, volume)
        return
    attachments.check_not_computes(found)
    await attachments.release(ctx, found.id)


async def _unattached(db: Transaction, volume: Volume) -> None:
    """Give a volume that nobody has its status back; one that is available stays so."""
    if volume.status in {*attachments.SHARED_FROM, VolumeStatus.AVAILABLE}:
        await attachments.settle(db, volume)
        return
    raise InvalidVolume(reason=f"Volume {volume.id} is not attached: its status is {volume.status}.")


async def force_detach(ctx: Ctx, volume: Volume, attachment_id: str | None) -> None:
    """End a volume's attachment and export, whoever has it; compute's only by way of compute."""
    async with ctx.read() as db:
        found = await attachments.the_one(db, volume, attachment_id)
    if found is not None:
        attachments.check_not_computes(found)
        await attachments.close_export(ctx, volume, found.id)
    async with ctx.begin() as db:
        ctx.writing(db)
        if found is not None:
            await attachments.release(ctx, found.id)
        else:
            await _unattached(db, await latest(db, volume.id))


async def initialize(ctx: Ctx, volume: Volume, connector: dict[str, Any]) -> dict[str, Any]:
    """Export a volume to whoever connects; the same one gets the same again."""
    attachments.check_still(volume)
    export = _export(volume, connector)
    made = VolumeAttachment(id=export, volume_id=volume.id, project_id=volume.project_id)
    made.mode = attachments.READ_ONLY if volume.read_only else attachments.READ_WRITE
    access = await attachments.open_export(ctx, volume, made)
    return shown(access, secrets=bool(SERVICES & ctx.identity.role_keys))


async def terminate(ctx: Ctx, volume: Volume, connector: dict[str, Any] | None) -> None:
    """End the export that `initialize` made for the same connector."""
    async with ctx.read() as db:
        for one in await attachments.of_volume(db, volume.id):
            attachments.check_not_computes(one)
    await attachments.close_export(ctx, volume, _export(volume, connector or {}))


def _export(volume: Volume, connector: dict[str, Any]) -> str:
    """Return the name of an export made for a connector: the same host, the same name."""
    host = hashlib.sha256(str(connector.get("host", "")).encode()).hexdigest()[:12]
    return f"{volume.id}-{host}"
