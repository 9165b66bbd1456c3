"""What compute asks of block storage."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from cumulo.contracts.volumes import BlockAccess
from cumulo.core.db import Reader
from cumulo.core.work import Work


class VolumeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A volume as compute needs it."""

    id: str
    name: str
    project_id: str
    status: str
    size_gib: int
    bootable: bool
    multiattach: bool
    encrypted: bool
    read_only: bool
    zone: str
    image_properties: Mapping[str, Any]  # of the image it was made from
    front_end_limits: Mapping[str, int]  # QoS that QEMU applies, such as total_iops_sec


class VolumeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A volume to be made for a server."""

    project_id: str
    user_id: str
    size_gib: int
    name: str = ""
    image_id: str | None = None
    snapshot_id: str | None = None
    volume_type: str | None = None
    zone: str | None = None


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A volume given to a server. `id` is also the name of the pool's export."""

    id: str
    volume_id: str
    server_id: str
    device: str | None = None
    read_only: bool = False


class Volumes(Protocol):
    """Volumes for servers; what changes rows does so in the caller's own transaction."""

    async def get(
        self, db: Reader, volume_id: str, *, project_id: str | None, is_admin: bool = False
    ) -> VolumeRecord:
        """Return a volume that the project can see; else NotFound."""

    async def snapshot_size(self, db: Reader, snapshot_id: str, *, project_id: str | None) -> int:
        """Return the GiB of an available snapshot that the project can see; else NotFound."""

    async def create(self, work: Work, request: VolumeRequest) -> str:
        """Record a volume and promise its making; return its id. It is `available`, or `error`, later."""

    async def reserve(self, work: Work, volume_id: str, server_id: str) -> Attachment:
        """Take a volume for a server: it is `reserved`. Invalid names the status that forbids it."""

    async def connect(self, db: Reader, attachment_id: str, host: str) -> BlockAccess:
        """Export the volume to a host, outside of any transaction; called again it gives the same."""

    async def complete(self, work: Work, attachment_id: str, *, device: str, host: str) -> None:
        """Note that the guest has it: the volume is `in-use`."""

    async def moved(self, work: Work, server_id: str, host: str) -> None:
        """Note that a server is on another host, and with it what it has of volumes."""

    async def detaching(self, work: Work, attachment_id: str) -> None:
        """Note that it is about to be taken from the guest: the volume is `detaching`."""

    async def disconnect(self, db: Reader, attachment_id: str) -> None:
        """End the export, outside of any transaction; none is no error."""

    async def release(self, work: Work, attachment_id: str) -> None:
        """Forget the attachment: without another one the volume is `available`. None is no error."""

    async def attachments(self, db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[Attachment]]:
        """Return the attachments of many servers, in the order in which they were made."""

    async def delete(self, work: Work, volume_id: str) -> None:
        """Promise the deletion of a volume that a server takes with it (`delete_on_termination`)."""

    async def snapshot(self, work: Work, volume_id: str, *, name: str) -> str:
        """Promise a snapshot of a volume, in use or not; return its id."""

    async def reimage(self, work: Work, volume_id: str, image_id: str) -> None:
        """Promise that an image is written over the volume of a server that is off, and not exported.

        It is `downloading`, then `in-use` again, or `error`. Invalid while something else is done to it.
        """


class NewVolume(msgspec.Struct, frozen=True, kw_only=True):
    """A volume that a user asks compute for."""

    project_id: str
    user_id: str
    size_gib: int
    name: str | None = None
    description: str | None = None
    volume_type: str | None = None
    zone: str | None = None
    snapshot_id: str | None = None
    metadata: dict[str, str] = {}


class ShownVolume(msgspec.Struct, frozen=True, kw_only=True):
    """A volume as compute shows it to its user."""

    id: str
    name: str | None
    description: str | None
    size_gib: int
    status: str
    zone: str
    created_at: datetime
    volume_type: str | None  # by its name
    snapshot_id: str | None
    metadata: Mapping[str, str]
    attachments: tuple[Attachment, ...]


class ShownSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot as compute shows it to its user."""

    id: str
    volume_id: str
    name: str | None
    description: str | None
    size_gib: int
    status: str
    created_at: datetime


class FormerVolumeCalls(Protocol):
    """What compute's API could do with volumes until 2.35. `project_id`: whose; None for everybody's."""

    async def volumes(
        self, db: Reader, *, project_id: str | None, offset: int = 0, limit: int | None = None
    ) -> list[ShownVolume]:
        """Return volumes, the newest first."""

    async def volume(self, db: Reader, volume_id: str, *, project_id: str | None) -> ShownVolume:
        """Return a volume; else NotFound."""

    async def create_volume(self, work: Work, new: NewVolume) -> ShownVolume:
        """Record a volume and promise its making; refuse what cannot be made."""

    async def delete_volume(self, work: Work, volume_id: str) -> None:
        """Promise a volume's deletion; Invalid while its state forbids it."""

    async def snapshots(
        self, db: Reader, *, project_id: str | None, offset: int = 0, limit: int | None = None
    ) -> list[ShownSnapshot]:
        """Return snapshots, the newest first."""

    async def snapshot(self, db: Reader, snapshot_id: str, *, project_id: str | None) -> ShownSnapshot:
        """Return a snapshot; else NotFound."""

    async def create_snapshot(
        self, work: Work, volume_id: str, *, user_id: str, name: str | None, about: str | None, force: bool
    ) -> ShownSnapshot:
        """Promise a snapshot of a volume; `force`: also of one in use."""

    async def delete_snapshot(self, work: Work, snapshot_id: str) -> None:
        """Promise a snapshot's deletion; Invalid while its state forbids it."""
