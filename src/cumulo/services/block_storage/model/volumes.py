"""Volumes, their snapshots and their attachments.

A list of hundreds of volumes must be cheap, so metadata lies on the volume's own row as JSON that is written
out as it was stored.
"""

from datetime import datetime

import msgspec

from cumulo.core import clock, ids
from cumulo.core.db import Binary, Boolean, Index, Integer, Json, Model, RawJson, String, Text, When, column
from cumulo.services.block_storage.model.states import (
    AttachStatus,
    MigrationStatus,
    SnapshotStatus,
    VolumeStatus,
)

NOTHING = msgspec.Raw(b"{}")
API, CLASSIC, COMPUTE = "api", "classic", "compute"


class Volume(Model, table="block_storage_volumes"):
    """A block device.

    operation: the saga that works on it now; deletion: that it is to be deleted once that saga lets go.
    host: the pool that holds it, `host@backend#pool`. size: GiB. What the volume is growing to, turning into
    and moving to (`extending_to`, `retyping_to`, `moving_to`) counts already. previous_status: where it
    returns to.
    sealed_key: of an encrypted volume, its passphrase, sealed and bound to the id.
    """

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(64))
    user_id: str = column(String(64))
    name: str | None = column(String(255), default=None)
    description: str | None = column(Text, default=None)
    size: int = column(Integer)
    status: VolumeStatus = column(String(32), default=VolumeStatus.CREATING)
    previous_status: VolumeStatus | None = column(String(32), default=None)
    migration_status: MigrationStatus | None = column(String(32), default=None)
    replication_status: str | None = column(String(32), default=None)
    availability_zone: str = column(String(255), default="nova")
    host: str | None = column(String(255), default=None)
    volume_type_id: str | None = column(String(36), default=None, references="block_storage_types.id")
    snapshot_id: str | None = column(String(36), default=None)
    source_volume_id: str | None = column(String(36), default=None)
    image_id: str | None = column(String(36), default=None)  # what it is being made from
    backup_id: str | None = column(String(36), default=None)  # the same
    group_id: str | None = column(String(36), default=None, index=True)
    bootable: bool = column(Boolean, default=False)
    multiattach: bool = column(Boolean, default=False)
    read_only: bool | None = column(Boolean, default=None)  # None: nobody has said
    consumes_quota: bool = column(Boolean, default=True)
    encryption_key_id: str | None = column(String(36), default=None)
    sealed_key: bytes | None = column(Binary, default=None)
    cipher: str | None = column(String(64), default=None)
    key_size: int | None = column(Integer, default=None)
    metadata: msgspec.Raw = column(RawJson, default=NOTHING)
    image_metadata: msgspec.Raw | None = column(RawJson, default=None)
    scheduler_hints: dict[str, str | list[str]] = column(Json, default_factory=dict)
    extending_to: int | None = column(Integer, default=None)
    retyping_to: str | None = column(String(36), default=None)
    moving_to: str | None = column(String(255), default=None)
    operation: str | None = column(String(36), default=None)
    deletion: bool = column(Boolean, default=False)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)
    launched_at: datetime | None = column(When, default=None)
    __extra__ = (
        Index("project_id", "created_at", "id"),
        Index("host"),
        Index("volume_type_id"),
        Index("created_at", "id"),
    )

    @property
    def encrypted(self) -> bool:
        """Whether the volume is encrypted at rest."""
        return self.encryption_key_id is not None


class ImageKey(Model, table="block_storage_image_keys"):
    """What opens an image that was made of an encrypted volume. `id`: the key's, in the image's properties.

    sealed_key: the passphrase, sealed and bound to the image's id. size_gib: the volume's.
    """

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    image_id: str = column(String(36), unique=True)
    size_gib: int = column(Integer)
    sealed_key: bytes = column(Binary)
    created_at: datetime = column(When, default_factory=clock.now)


class Snapshot(Model, table="block_storage_snapshots"):
    """A volume's content at one moment. It lies in its volume's pool. `size`: the volume's at that moment."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    volume_id: str = column(String(36), references="block_storage_volumes.id", index=True)
    project_id: str = column(String(64))
    user_id: str = column(String(64))
    name: str | None = column(String(255), default=None)
    description: str | None = column(Text, default=None)
    size: int = column(Integer)
    status: SnapshotStatus = column(String(32), default=SnapshotStatus.CREATING)
    progress: str = column(String(8), default="0%")
    volume_type_id: str | None = column(String(36), default=None)
    group_snapshot_id: str | None = column(String(36), default=None, index=True)
    encryption_key_id: str | None = column(String(36), default=None)
    consumes_quota: bool = column(Boolean, default=True)
    metadata: msgspec.Raw = column(RawJson, default=NOTHING)
    operation: str | None = column(String(36), default=None)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)
    __extra__ = (Index("project_id", "created_at", "id"),)


class VolumeAttachment(Model, table="block_storage_attachments"):
    """A volume given to a server, or to a host. `id` names the pool's export.

    origin: who made it: this API, its older calls (`classic`), or compute.
    connector: who connects, as the caller described it. sealed_access: how the export is reached, sealed,
    for it may hold secrets; None while nothing is exported.
    """

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    volume_id: str = column(
        String(36), references="block_storage_volumes.id", on_delete="CASCADE", index=True
    )
    project_id: str = column(String(64), index=True)
    server_id: str | None = column(String(36), default=None, index=True)
    status: AttachStatus = column(String(32), default=AttachStatus.RESERVED)
    mode: str = column(String(4), default="rw")
    attached_host: str | None = column(String(255), default=None)
    device: str | None = column(String(255), default=None)
    connector: dict[str, object] | None = column(Json, default=None)
    sealed_access: bytes | None = column(Binary, default=None)
    origin: str = column(String(16), default=API)
    attached_at: datetime | None = column(When, default=None)
    detached_at: datetime | None = column(When, default=None)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)
