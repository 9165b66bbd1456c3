"""Block storage's tables."""

from cumulo.services.block_storage.model.backups import Backup, BackupStatus
from cumulo.services.block_storage.model.groups import (
    Group,
    GroupSnapshot,
    GroupSnapshotStatus,
    GroupStatus,
    GroupType,
)
from cumulo.services.block_storage.model.operators import (
    Message,
    Pool,
    QuotaClass,
    StorageService,
)
from cumulo.services.block_storage.model.states import (
    MOVING,
    AttachStatus,
    MigrationStatus,
    SnapshotStatus,
    VolumeStatus,
)
from cumulo.services.block_storage.model.transfers import Transfer
from cumulo.services.block_storage.model.types import (
    MULTIATTACH,
    DefaultType,
    Encryption,
    QosSpecs,
    TypeAccess,
    VolumeType,
)
from cumulo.services.block_storage.model.volumes import (
    API,
    CLASSIC,
    COMPUTE,
    NOTHING,
    ImageKey,
    Snapshot,
    Volume,
    VolumeAttachment,
)

__all__ = [
    "API",
    "CLASSIC",
    "COMPUTE",
    "MOVING",
    "MULTIATTACH",
    "NOTHING",
    "AttachStatus",
    "Backup",
    "BackupStatus",
    "DefaultType",
    "Encryption",
    "Group",
    "GroupSnapshot",
    "GroupSnapshotStatus",
    "GroupStatus",
    "GroupType",
    "ImageKey",
    "Message",
    "MigrationStatus",
    "Pool",
    "QosSpecs",
    "QuotaClass",
    "Snapshot",
    "SnapshotStatus",
    "StorageService",
    "Transfer",
    "TypeAccess",
    "Volume",
    "VolumeAttachment",
    "VolumeStatus",
    "VolumeType",
]
