"""Block storage's tables."""

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
    "DefaultType",
    "Encryption",
    "Message",
    "MigrationStatus",
    "Pool",
    "QosSpecs",
    "QuotaClass",
    "Snapshot",
    "SnapshotStatus",
    "StorageService",
    "TypeAccess",
    "Volume",
    "VolumeAttachment",
    "VolumeStatus",
    "VolumeType",
]
