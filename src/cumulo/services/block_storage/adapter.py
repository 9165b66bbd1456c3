"""Block storage's face to the others: implements `cumulo.contracts.block_storage`."""

from collections.abc import Mapping, Sequence

from cumulo.contracts.block_storage import Attachment, VolumeRecord, VolumeRequest
from cumulo.contracts.image import Images
from cumulo.contracts.volumes import BlockAccess
from cumulo.core.db import Reader
from cumulo.core.drivers import Gone
from cumulo.core.errors import Invalid
from cumulo.core.work import Work
from cumulo.services.block_storage import image_keys
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.domain import attachments, creation, qos, snapshots, volumes
from cumulo.services.block_storage.errors import SnapshotNotFound, VolumeNotFound
from cumulo.services.block_storage.keys import Use
from cumulo.services.block_storage.messages import tell
from cumulo.services.block_storage.model import (
    COMPUTE,
    Snapshot,
    SnapshotStatus,
    Volume,
    VolumeAttachment,
    VolumeStatus,
)
from cumulo.services.block_storage.schema.volumes import image_metadata_of
from cumulo.services.block_storage.tasks import ReimageVolume


class VolumesAdapter:
    """Implements `Volumes`. `use` returns what is bound to a type."""

    def __init__(self, use: Use) -> None:
        self.use = use

    async def get(
        self, db: Reader, volume_id: str, *, project_id: str | None, is_admin: bool = False
    ) -> VolumeRecord:
        """Return a volume that the project can see; else NotFound."""
        volume = await db.get(Volume, volume_id)
        if volume is None or not (is_admin or volume.project_id == project_id):
            raise VolumeNotFound(id=volume_id)
        return VolumeRecord(
            id=volume.id,
            name=volume.name or "",
            project_id=volume.project_id,
            status=volume.status.value,
            size_gib=volume.size,
            bootable=volume.bootable,
            multiattach=volume.multiattach,
            encrypted=volume.encrypted,
            read_only=bool(volume.read_only),
            zone=volume.availability_zone,
            image_properties=image_metadata_of(volume),
            front_end_limits=await qos.front_end_limits(db, volume),
        )

    async def snapshot_size(self, db: Reader, snapshot_id: str, *, project_id: str | None) -> int:
        """Return the GiB of an available snapshot that the project can see; else NotFound."""
        snapshot = await db.get(Snapshot, snapshot_id)
        unfit = snapshot is None or snapshot.status is not SnapshotStatus.AVAILABLE
        if snapshot is None or unfit or project_id not in (None, snapshot.project_id):
            raise SnapshotNotFound(id=snapshot_id)
        return snapshot.size

    async def create(self, work: Work, request: VolumeRequest) -> str:
        """Record a volume and promise its making; return its id."""
        order = creation.Order(
            project_id=request.project_id,
            user_id=request.user_id,
            size=request.size_gib,
            name=request.name,
            image_id=request.image_id,
            snapshot_id=request.snapshot_id,
            volume_type=request.volume_type,
            zone=request.zone if await self._is_zone(work.db, request.zone) else None,
        )
        return (await creation.create(work, order)).id

    async def _is_zone(self, db: Reader, zone: str | None) -> bool:
        """Say whether a server's zone is one of ours too: else the volume goes where there is room."""
        return zone is not None and zone in await creation.zones(db, self.use(BlockStorageSettings))

    async def reserve(self, work: Work, volume_id: str, server_id: str) -> Attachment:
        """Take a volume for a server: it is `reserved`."""
        return record(await attachments.reserve(work, volume_id, server_id, origin=COMPUTE))

    async def connect(self, db: Reader, attachment_id: str, host: str) -> BlockAccess:
        """Export the volume to a host, outside of any transaction; called again it gives the same."""
        del host  # every driver's export can be reached from every host that its protocol reaches
        attachment, volume = await self._both(db, attachment_id)
        return await attachments.open_export(self, volume, attachment)

    async def complete(self, work: Work, attachment_id: str, *, device: str, host: str) -> None:
        """Note that the guest has it: the volume is `in-use`."""
        await attachments.complete(work, attachment_id, device=device, host=host)

    async def moved(self, work: Work, server_id: str, host: str) -> None:
        """Note that a server is on another host, and with it what it has of volumes."""
        await attachments.moved(work.db, server_id, host)

    async def detaching(self, work: Work, attachment_id: str) -> None:
        """Note that it is about to be taken from the guest: the volume is `detaching`."""
        await attachments.detaching(work, attachment_id)

    async def disconnect(self, db: Reader, attachment_id: str) -> None:
        """End the export, outside of any transaction; none is no error."""
        attachment = await db.get(VolumeAttachment, attachment_id)
        volume = await db.get(Volume, attachment.volume_id) if attachment is not None else None
        if volume is not None:
            await attachments.close_export(self, volume, attachment_id)

    async def release(self, work: Work, attachment_id: str) -> None:
        """Forget the attachment: without another one the volume is `available`."""
        await attachments.release(work, attachment_id)

    async def attachments(self, db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[Attachment]]:
        """Return the attachments of many servers, in the order in which they were made."""
        found: dict[str, list[Attachment]] = {server_id: [] for server_id in server_ids}
        if found:
            here = VolumeAttachment.c.server_id.in_(list(found))
            order = (VolumeAttachment.c.created_at.asc(), VolumeAttachment.c.id.asc())
            for row in await db.all(VolumeAttachment, here, order_by=order):
                found[row.server_id or ""].append(record(row))
        return found

    async def delete(self, work: Work, volume_id: str) -> None:
        """Promise the deletion of a volume that a server takes with it; one that may not go stays."""
        volume = await work.db.get(Volume, volume_id)
        if volume is None:
            return
        try:
            await volumes.delete(work, volume_id)
        except Invalid as error:
            about = {"project_id": volume.project_id, "kind": "VOLUME", "id": volume_id}
            await tell(work, **about, action="delete volume", reason=error.message)

    async def snapshot(self, work: Work, volume_id: str, *, name: str) -> str:
        """Promise a snapshot of a volume, in use or not; return its id."""
        volume = await volumes.latest(work.db, volume_id)
        order = snapshots.Order(volume_id=volume_id, user_id=volume.user_id, name=name, force=True)
        return (await snapshots.create(work, volume, order)).id

    async def reimage(self, work: Work, volume_id: str, image_id: str) -> None:
        """Promise that an image is written over the volume of a server that is off."""
        volume = await volumes.latest(work.db, volume_id)
        volumes.check_status(volume, {VolumeStatus.IN_USE, VolumeStatus.ERROR}, "reimage")
        owner = volume.project_id
        image = await self.use(Images).get(work.db, image_id, project_id=owner, is_admin=True)
        await image_keys.check(work.db, image, project_id=owner, is_admin=False, encrypted=volume.encrypted)
        operation = await work.start(ReimageVolume(volume_id=volume.id, image_id=image_id))
        statuses = {"status": VolumeStatus.DOWNLOADING, "previous_status": VolumeStatus.IN_USE}
        await volumes.write(work.db, volume, operation=operation, **statuses)

    async def _both(self, db: Reader, attachment_id: str) -> tuple[VolumeAttachment, Volume]:
        attachment = await db.get(VolumeAttachment, attachment_id)
        volume = await db.get(Volume, attachment.volume_id) if attachment is not None else None
        if attachment is None or volume is None:
            raise Gone(f"attachment {attachment_id} is gone")
        return attachment, volume


def record(row: VolumeAttachment) -> Attachment:
    """Return an attachment as compute knows it."""
    return Attachment(
        id=row.id,
        volume_id=row.volume_id,
        server_id=row.server_id or "",
        device=row.device,
        read_only=row.mode == attachments.READ_ONLY,
    )
