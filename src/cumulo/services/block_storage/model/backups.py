"""Backups of volumes: what a backup is, and where its bytes lie."""

from datetime import datetime

import msgspec

from cumulo.core import clock, ids
from cumulo.core.db import (
    BigInteger,
    Binary,
    Boolean,
    Index,
    Integer,
    Model,
    RawJson,
    String,
    Text,
    When,
    column,
)
from cumulo.services.block_storage.model.states import State
from cumulo.services.block_storage.model.volumes import NOTHING


class BackupStatus(State):
    """What a backup is, or what is being done to it."""

    CREATING = "creating"
    AVAILABLE = "available"
    RESTORING = "restoring"
    DELETING = "deleting"
    ERROR = "error"
    ERROR_DELETING = "error_deleting"


class Backup(Model, table="block_storage_backups"):
    """A volume's content at one moment, kept outside of its pool.

    location: the archive of the store that holds the bytes: the backup's own id, or that of the one whose
    exported record this was imported from; base: the archive that an incremental one builds on.
    digest: SHA-256 of the archive's manifest, which holds those of everything else. stored: bytes of content
    that the archive itself holds. sealed_key: of an encrypted volume, its passphrase, sealed and bound to the
    location.
    """

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(64))
    user_id: str = column(String(64))
    volume_id: str = column(String(36), index=True)
    snapshot_id: str | None = column(String(36), default=None)
    parent_id: str | None = column(String(36), default=None, index=True)
    name: str | None = column(String(255), default=None)
    description: str | None = column(Text, default=None)
    container: str | None = column(String(255), default=None)
    availability_zone: str = column(String(255), default="nova")
    size: int = column(Integer)
    status: BackupStatus = column(String(32), default=BackupStatus.CREATING)
    fail_reason: str | None = column(Text, default=None)
    location: str = column(String(36), index=True)
    base: str | None = column(String(36), default=None, index=True)
    digest: str | None = column(String(64), default=None)
    object_count: int = column(Integer, default=0)
    stored: int = column(BigInteger, default=0)
    volume_type_id: str | None = column(String(36), default=None)
    bootable: bool = column(Boolean, default=False)
    image_metadata: msgspec.Raw | None = column(RawJson, default=None)
    encryption_key_id: str | None = column(String(36), default=None)
    sealed_key: bytes | None = column(Binary, default=None)
    cipher: str | None = column(String(64), default=None)
    key_size: int | None = column(Integer, default=None)
    volume_metadata: msgspec.Raw = column(RawJson, default=NOTHING)
    metadata: msgspec.Raw = column(RawJson, default=NOTHING)
    operation: str | None = column(String(36), default=None)
    data_timestamp: datetime = column(When, default_factory=clock.now)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)
    __extra__ = (Index("project_id", "created_at", "id"),)

    @property
    def encrypted(self) -> bool:
        """Whether the bytes are those of an encrypted volume."""
        return self.sealed_key is not None
