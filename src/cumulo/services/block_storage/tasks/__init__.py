"""Block storage's durable work."""

from cumulo.services.block_storage.tasks.backups import CreateBackup, DeleteBackup, RestoreBackup
from cumulo.services.block_storage.tasks.creation import CreateVolume
from cumulo.services.block_storage.tasks.deletion import DeleteSnapshot, DeleteVolume
from cumulo.services.block_storage.tasks.exports import orphaned_exports
from cumulo.services.block_storage.tasks.growth import ExtendVolume
from cumulo.services.block_storage.tasks.housekeeping import expired_messages, keys_of_gone_images
from cumulo.services.block_storage.tasks.images import ReimageVolume, UploadVolume
from cumulo.services.block_storage.tasks.management import (
    ManageSnapshot,
    ManageVolume,
    UnmanageSnapshot,
    UnmanageVolume,
)
from cumulo.services.block_storage.tasks.moving import RemoveOldCopy, RetypeVolume
from cumulo.services.block_storage.tasks.pools import listen, pool_reported
from cumulo.services.block_storage.tasks.snapshots import CreateSnapshot, RevertVolume

SAGAS = (
    CreateVolume,
    DeleteVolume,
    ExtendVolume,
    RetypeVolume,
    RemoveOldCopy,
    UploadVolume,
    ReimageVolume,
    CreateSnapshot,
    DeleteSnapshot,
    RevertVolume,
    CreateBackup,
    RestoreBackup,
    DeleteBackup,
    ManageVolume,
    UnmanageVolume,
    ManageSnapshot,
    UnmanageSnapshot,
)
RECONCILERS = (orphaned_exports,)
SCHEDULES = (expired_messages, keys_of_gone_images)

__all__ = [
    "RECONCILERS",
    "SAGAS",
    "SCHEDULES",
    "CreateBackup",
    "CreateSnapshot",
    "CreateVolume",
    "DeleteBackup",
    "DeleteSnapshot",
    "DeleteVolume",
    "ExtendVolume",
    "ManageSnapshot",
    "ManageVolume",
    "ReimageVolume",
    "RemoveOldCopy",
    "RestoreBackup",
    "RetypeVolume",
    "RevertVolume",
    "UnmanageSnapshot",
    "UnmanageVolume",
    "UploadVolume",
    "listen",
    "pool_reported",
]
