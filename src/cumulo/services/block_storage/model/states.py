"""The states of volumes, snapshots and attachments, in Cinder's words."""

from enum import StrEnum


class State(StrEnum):
    """A state. Its hash is its text's: an enum's own is computed in Python, and lists look up thousands."""

    __hash__ = str.__hash__


class VolumeStatus(State):
    """What a volume is, or what is being done to it."""

    CREATING = "creating"
    AVAILABLE = "available"
    RESERVED = "reserved"
    ATTACHING = "attaching"
    DETACHING = "detaching"
    IN_USE = "in-use"
    MAINTENANCE = "maintenance"
    DELETING = "deleting"
    AWAITING_TRANSFER = "awaiting-transfer"
    ERROR = "error"
    ERROR_DELETING = "error_deleting"
    ERROR_ATTACHING = "error_attaching"
    ERROR_DETACHING = "error_detaching"
    BACKING_UP = "backing-up"
    RESTORING_BACKUP = "restoring-backup"
    ERROR_BACKING_UP = "error_backing-up"
    ERROR_RESTORING = "error_restoring"
    EXTENDING = "extending"
    ERROR_EXTENDING = "error_extending"
    DOWNLOADING = "downloading"
    UPLOADING = "uploading"
    RETYPING = "retyping"
    REVERTING = "reverting"
    MANAGING = "managing"
    ERROR_MANAGING = "error_managing"
    UNMANAGING = "unmanaging"


class SnapshotStatus(State):
    """What a snapshot is, or what is being done to it."""

    CREATING = "creating"
    AVAILABLE = "available"
    BACKING_UP = "backing-up"
    DELETING = "deleting"
    ERROR = "error"
    ERROR_DELETING = "error_deleting"
    RESTORING = "restoring"
    UNMANAGING = "unmanaging"
    MANAGING = "managing"


class AttachStatus(State):
    """How far an attachment is."""

    RESERVED = "reserved"
    ATTACHING = "attaching"
    ATTACHED = "attached"
    DETACHING = "detaching"
    DETACHED = "detached"
    ERROR_ATTACHING = "error_attaching"
    ERROR_DETACHING = "error_detaching"


class MigrationStatus(State):
    """How far a volume's move to another pool is."""

    STARTING = "starting"
    MIGRATING = "migrating"
    COMPLETING = "completing"
    SUCCESS = "success"
    ERROR = "error"


MOVING = frozenset({MigrationStatus.STARTING, MigrationStatus.MIGRATING, MigrationStatus.COMPLETING})
"""A volume with one of these is on its way to another pool."""
