"""Giving volumes to servers, and taking them back.

Nothing here speaks to a pool inside a transaction: `open_export` and `close_export` are called between two.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from cumulo.contracts.volumes import BlockAccess
from cumulo.core import clock
from cumulo.core.db import Reader, Transaction
from cumulo.core.drivers import DriverError, Gone
from cumulo.core.errors import Unavailable
from cumulo.core.work import Work
from cumulo.services.block_storage.domain.volumes import latest, write
from cumulo.services.block_storage.errors import (
    AttachmentConflict,
    AttachmentNotFound,
    BadRequest,
    InvalidVolume,
)
from cumulo.services.block_storage.keys import VolumeKeys
from cumulo.services.block_storage.model import (
    API,
    CLASSIC,
    COMPUTE,
    MOVING,
    AttachStatus,
    Volume,
    VolumeAttachment,
    VolumeStatus,
)
from cumulo.services.block_storage.pools import QUICK, Uses, opened, pool_at

READ_ONLY, READ_WRITE = "ro", "rw"
SHARED_FROM = frozenset(
    {VolumeStatus.IN_USE, VolumeStatus.RESERVED, VolumeStatus.ATTACHING, VolumeStatus.DETACHING}
)
BUSY = frozenset(
    {
        VolumeStatus.EXTENDING,
        VolumeStatus.DOWNLOADING,
        VolumeStatus.RETYPING,
        VolumeStatus.UPLOADING,
        VolumeStatus.BACKING_UP,
        VolumeStatus.MAINTENANCE,
    }
)
"""What is done to a volume in use without regard to who uses it: it returns to its status afterwards."""


async def held(db: Transaction, attachment_id: str) -> tuple[VolumeAttachment, Volume]:
    """Read an attachment and its volume, which is held until the transaction ends. AttachmentNotFound."""
    row = await db.get(VolumeAttachment, attachment_id)
    if row is not None:
        volume = await latest(db, row.volume_id)
        row = await db.get(VolumeAttachment, attachment_id)  # as who held the volume left it
        if row is not None:
            return row, volume
    raise AttachmentNotFound(id=attachment_id)


async def of_volume(db: Reader, volume_id: str) -> list[VolumeAttachment]:
    """Return a volume's attachments, the oldest first."""
    order = (VolumeAttachment.c.created_at.asc(), VolumeAttachment.c.id.asc())
    return await db.all(VolumeAttachment, VolumeAttachment.c.volume_id == volume_id, order_by=order)


def check_still(volume: Volume) -> None:
    """Refuse what a volume on its way to another pool must not have done to it."""
    if volume.migration_status in MOVING:
        raise InvalidVolume(reason=f"Volume {volume.id} is being moved to another pool.")


def check_free(volume: Volume) -> None:
    """Refuse to give away a volume that is not to be had. InvalidVolume names its status."""
    shared = volume.multiattach and volume.status in SHARED_FROM
    check_still(volume)
    if volume.status is not VolumeStatus.AVAILABLE and not shared:
        reason = f"Volume {volume.id} status must be available or downloading to reserve, but the current "
        raise InvalidVolume(reason=f"{reason}status is {volume.status}.")


async def reserve(
    work: Work, volume_id: str, server_id: str | None, *, mode: str | None = None, origin: str = API
) -> VolumeAttachment:
    """Take a volume for a server. InvalidVolume when it is not to be had."""
    volume = await latest(work.db, volume_id)
    check_free(volume)
    if server_id is not None:
        for other in await of_volume(work.db, volume.id):
            if other.server_id == server_id:
                raise InvalidVolume(reason=f"Volume {volume.id} is already attached to server {server_id}.")
    attachment = VolumeAttachment(
        volume_id=volume.id,
        project_id=volume.project_id,
        server_id=server_id,
        mode=mode_of(volume, mode),
        origin=origin,
    )
    await work.db.insert(attachment)
    await settle(work.db, volume)
    return attachment


def mode_of(volume: Volume, asked: str | None) -> str:
    """Return how a volume is attached: a read-only one no other way."""
    if asked not in (None, READ_ONLY, READ_WRITE):
        raise BadRequest(reason=f"Invalid attaching mode '{asked}' for volume {volume.id}.")
    if volume.read_only and asked == READ_WRITE:
        reason = f"Invalid attaching mode 'rw' for volume {volume.id}: it is read-only."
        raise InvalidVolume(reason=reason)
    return READ_ONLY if volume.read_only else (asked or READ_WRITE)


async def settle(db: Transaction, volume: Volume) -> None:
    """Give a volume the status that its attachments make; one on its way out keeps that."""
    if volume.status is VolumeStatus.DELETING:
        return
    status = status_by(await of_volume(db, volume.id))
    if volume.status in BUSY:
        await write(db, volume, previous_status=status)
    elif volume.status is not status:
        kept = {} if volume.previous_status is None else {"previous_status": status}  # while it moves
        await write(db, volume, status=status, **kept)


def status_by(attachments: list[VolumeAttachment]) -> VolumeStatus:
    """Return the status of a volume with these attachments and nothing else going on."""
    states = {one.status for one in attachments}
    for state, status in _STATUSES:
        if state in states:
            return status
    return VolumeStatus.AVAILABLE


_STATUSES = (
    (AttachStatus.DETACHING, VolumeStatus.DETACHING),
    (AttachStatus.ATTACHING, VolumeStatus.ATTACHING),
    (AttachStatus.ATTACHED, VolumeStatus.IN_USE),
    (AttachStatus.RESERVED, VolumeStatus.RESERVED),
)


async def open_export(work: Uses, volume: Volume, attachment: VolumeAttachment) -> BlockAccess:
    """Have the pool export a volume; outside of any transaction. Unavailable says why it cannot."""
    if volume.host is None:
        raise InvalidVolume(reason=f"Volume {volume.id} is in no pool.")
    pool = pool_at(work, volume.host, timeout=QUICK)
    try:
        access = await pool.open(volume.id, attachment.id, read_only=attachment.mode == READ_ONLY)
    except DriverError as error:
        raise Unavailable(f"The volume cannot be exported: {error.public}") from error
    return opened(access, work.use, volume)


async def close_export(work: Uses, volume: Volume, attachment_id: str) -> None:
    """Have the pool end an export; outside of any transaction. None is no error."""
    if volume.host is None:
        return
    try:
        await pool_at(work, volume.host, timeout=QUICK).close(volume.id, attachment_id)
    except Gone:
        return
    except DriverError as error:
        raise Unavailable(f"The volume's export cannot be ended: {error.public}") from error


async def connected(
    work: Work, attachment_id: str, access: BlockAccess, connector: Mapping[str, Any]
) -> VolumeAttachment:
    """Note that an export is open for whoever the connector describes."""
    attachment, volume = await held(work.db, attachment_id)
    attachment.connector = dict(connector)
    attachment.attached_host = str(connector.get("host") or "") or None
    attachment.device = str(connector.get("mountpoint") or "") or attachment.device
    keys = work.use(VolumeKeys)
    attachment.sealed_access = keys.seal_bytes(msgspec.json.encode(access), attachment.id.encode())
    if attachment.status is not AttachStatus.ATTACHED:
        attachment.status = AttachStatus.ATTACHING
    attachment.updated_at = clock.now()
    await work.db.save(attachment)
    await settle(work.db, volume)
    return attachment


async def complete(
    work: Work, attachment_id: str, *, device: str | None = None, host: str | None = None
) -> None:
    """Note that whoever it is for has the volume."""
    attachment, volume = await held(work.db, attachment_id)
    attachment.status = AttachStatus.ATTACHED
    attachment.attached_at = attachment.attached_at or clock.now()
    attachment.device = device or attachment.device
    attachment.attached_host = host or attachment.attached_host
    attachment.updated_at = clock.now()
    await work.db.save(attachment)
    await settle(work.db, volume)


async def moved(db: Transaction, server_id: str, host: str) -> None:
    """Note that a server which compute gave volumes is on another host, and has them there."""
    rows = VolumeAttachment.c
    here = (rows.server_id == server_id, rows.origin == COMPUTE, rows.attached_host.is_not(None))
    await db.update(VolumeAttachment, *here, attached_host=host, updated_at=clock.now())


async def detaching(work: Work, attachment_id: str) -> None:
    """Note that the volume is about to be taken away."""
    attachment, volume = await held(work.db, attachment_id)
    check_still(volume)
    attachment.status = AttachStatus.DETACHING
    await work.db.save(attachment, "status")
    await settle(work.db, volume)


async def release(work: Work, attachment_id: str) -> None:
    """Forget an attachment; none is no error."""
    attachment = await work.db.get(VolumeAttachment, attachment_id)
    if attachment is None:
        return
    volume = await latest(work.db, attachment.volume_id)
    await work.db.delete(VolumeAttachment, VolumeAttachment.c.id == attachment.id)
    await settle(work.db, volume)


def check_not_computes(attachment: VolumeAttachment, what: str = "Detach volume from") -> None:
    """Refuse to take a disk from under a running server: compute sees to what compute attached."""
    if attachment.origin == COMPUTE:
        raise AttachmentConflict(reason=f"{what} instance {attachment.server_id} using the Compute API")


async def attach(
    work: Work, volume_id: str, *, server_id: str | None, host: str | None, device: str, mode: str | None
) -> None:
    """Note that somebody attached a volume by itself, as `os-attach` says."""
    volume = await latest(work.db, volume_id)
    reserved = volume.status in (VolumeStatus.RESERVED, VolumeStatus.ATTACHING)
    if not (reserved and not await of_volume(work.db, volume.id)):
        check_free(volume)
    attachment = VolumeAttachment(
        volume_id=volume.id,
        project_id=volume.project_id,
        server_id=server_id,
        attached_host=host,
        device=device,
        mode=mode_of(volume, mode),
        status=AttachStatus.ATTACHED,
        attached_at=clock.now(),
        origin=CLASSIC,
    )
    await work.db.insert(attachment)
    await settle(work.db, volume)


async def the_one(db: Reader, volume: Volume, attachment_id: str | None) -> VolumeAttachment | None:
    """Return the attachment that an older call means: the named one, or the only one there is."""
    found = await of_volume(db, volume.id)
    if attachment_id is not None:
        named = next((one for one in found if one.id == attachment_id), None)
        if named is None and await db.exists(VolumeAttachment, VolumeAttachment.c.id == attachment_id):
            reason = f"Attachment {attachment_id} is another volume's than {volume.id}."
            raise InvalidVolume(reason=reason)
        if named is None:
            raise AttachmentNotFound(id=attachment_id)
        return named
    if len(found) > 1:
        reason = "Detach volume failed: More than one attachment, but no attachment_id provided."
        raise InvalidVolume(reason=reason)
    return found[0] if found else None


async def move(db: Transaction, volume_id: str, origin: VolumeStatus, goal: VolumeStatus, what: str) -> None:
    """Change a volume's status from one to another, as the older calls ask for."""
    volume = await latest(db, volume_id)
    check_still(volume)
    if volume.status is not origin:
        reason = (
            f"Unable to {what} volume {volume.id}: its status must be '{origin}', but is '{volume.status}'"
        )
        raise InvalidVolume(reason=f"{reason}.")
    await write(db, volume, status=goal)


async def unreserve(db: Transaction, volume_id: str) -> None:
    """Give a volume that was reserved for nobody in particular its status back."""
    volume = await latest(db, volume_id)
    if volume.status in (VolumeStatus.RESERVED, VolumeStatus.ATTACHING):
        await settle(db, volume)
