"""A fake of block storage as compute asks it: volumes in memory."""

from collections.abc import Mapping, Sequence

import msgspec

from cumulo.contracts.block_storage import Attachment, VolumeRecord, VolumeRequest
from cumulo.contracts.volumes import BlockAccess
from cumulo.core import ids
from cumulo.core.db import Reader
from cumulo.core.errors import Invalid, NotFound
from cumulo.core.work import Work

SNAPSHOT = "66666666-6666-4666-8666-666666666666"
IMAGE_METADATA = {"hw_disk_bus": "scsi", "min_disk": "0", "image_name": "mini", "disk_format": "qcow2"}


class FakeVolume(msgspec.Struct, kw_only=True):
    """A volume and who has it."""

    id: str
    status: str = "available"
    size_gib: int = 1
    project_id: str = "p1"
    bootable: bool = False
    multiattach: bool = False
    image_id: str | None = None
    request: VolumeRequest | None = None


class FakeVolumes:
    """Volumes in memory, changed with the caller's transaction. `born`: the status that new ones have."""

    def __init__(self) -> None:
        self.volumes: dict[str, FakeVolume] = {}
        self.held: dict[str, Attachment] = {}
        self.exports: dict[str, str] = {}  # attachment → host
        self.whereabouts: dict[str, str] = {}  # server → the host it last went to
        self.born = "available"
        self.unwritable: set[str] = set()

    def add(self, **facts: object) -> str:
        """Have one more volume; return its id."""
        volume = FakeVolume(id=ids.dashed(), **facts)  # type: ignore[arg-type]  free keywords
        self.volumes[volume.id] = volume
        return volume.id

    async def get(
        self, db: Reader, volume_id: str, *, project_id: str | None, is_admin: bool = False
    ) -> VolumeRecord:
        """Return a volume."""
        volume = self.volumes.get(volume_id)
        if volume is None or not (is_admin or volume.project_id == project_id):
            raise NotFound(f"Volume {volume_id} could not be found.")
        return VolumeRecord(
            id=volume.id,
            name="",
            project_id=volume.project_id,
            status=volume.status,
            size_gib=volume.size_gib,
            bootable=volume.bootable,
            multiattach=volume.multiattach,
            encrypted=False,
            read_only=False,
            zone="nova",
            image_properties={**IMAGE_METADATA, "image_id": volume.image_id} if volume.bootable else {},
            front_end_limits={"total_iops_sec": 50},
        )

    async def snapshot_size(self, db: Reader, snapshot_id: str, *, project_id: str | None) -> int:
        """Return the size of the one snapshot."""
        if snapshot_id != SNAPSHOT:
            raise NotFound(f"Snapshot {snapshot_id} could not be found.")
        return 3

    async def create(self, work: Work, request: VolumeRequest) -> str:
        """Make a volume."""
        volume = FakeVolume(id=ids.dashed(), status=self.born, size_gib=request.size_gib, request=request)
        work.after_commit(lambda: self.volumes.update({volume.id: volume}))
        return volume.id

    async def reserve(self, work: Work, volume_id: str, server_id: str) -> Attachment:
        """Take a volume that is free."""
        volume = self.volumes[volume_id]
        if volume.status != "available":
            raise Invalid(f"status must be available, it is {volume.status}")
        held = Attachment(id=ids.dashed(), volume_id=volume_id, server_id=server_id)
        work.after_commit(lambda: self.held.update({held.id: held}))
        self._become(work, volume_id, "reserved")
        return held

    async def connect(self, db: Reader, attachment_id: str, host: str) -> BlockAccess:
        """Export it."""
        self.exports[attachment_id] = host
        return BlockAccess(protocol="nbd", path=f"/run/{attachment_id}", name="v")

    async def complete(self, work: Work, attachment_id: str, *, device: str, host: str) -> None:
        """Note that the guest has it."""
        self._become(work, self.held[attachment_id].volume_id, "in-use")

    async def moved(self, work: Work, server_id: str, host: str) -> None:
        """Note where the server has them."""
        self.whereabouts[server_id] = host

    async def detaching(self, work: Work, attachment_id: str) -> None:
        """Note that it goes."""
        self._become(work, self.held[attachment_id].volume_id, "detaching")

    async def disconnect(self, db: Reader, attachment_id: str) -> None:
        """End the export."""
        self.exports.pop(attachment_id, None)

    async def release(self, work: Work, attachment_id: str) -> None:
        """Forget who has it."""
        held = self.held.get(attachment_id)
        if held is not None:
            work.after_commit(lambda: self.held.pop(attachment_id, None))
            self._become(work, held.volume_id, "available")

    async def attachments(self, db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[Attachment]]:
        """Return who has what."""
        return {
            server_id: [held for held in self.held.values() if held.server_id == server_id]
            for server_id in server_ids
        }

    async def delete(self, work: Work, volume_id: str) -> None:
        """Delete a volume."""
        work.after_commit(lambda: self.volumes.pop(volume_id, None))

    async def snapshot(self, work: Work, volume_id: str, *, name: str) -> str:
        """Pretend to keep its content."""
        return SNAPSHOT

    async def reimage(self, work: Work, volume_id: str, image_id: str) -> None:
        """Pretend to write an image over it; `unwritable` images fail."""
        if volume_id in self.exports.values():
            raise Invalid("it is exported")
        volume = self.volumes[volume_id]
        work.after_commit(lambda: setattr(volume, "image_id", image_id))
        self._become(work, volume_id, "error" if image_id in self.unwritable else "in-use")

    def _become(self, work: Work, volume_id: str, status: str) -> None:
        def change() -> None:
            if volume_id in self.volumes:
                self.volumes[volume_id].status = status

        work.after_commit(change)

    def nothing_held(self) -> bool:
        """Say whether no server holds a volume, and none is exported."""
        return not self.held and not self.exports
