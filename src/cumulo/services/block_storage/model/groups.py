"""Groups of volumes, their types, and the snapshots of whole groups."""

from datetime import datetime

from cumulo.core import clock, ids
from cumulo.core.db import Boolean, Index, Json, Model, String, Text, When, column
from cumulo.services.block_storage.model.states import State


class GroupStatus(State):
    """What a group is, or what is being done to it."""

    CREATING = "creating"
    AVAILABLE = "available"
    UPDATING = "updating"
    DELETING = "deleting"
    ERROR = "error"
    ERROR_DELETING = "error_deleting"


class GroupSnapshotStatus(State):
    """What a group's snapshot is, or what is being done to it."""

    CREATING = "creating"
    AVAILABLE = "available"
    DELETING = "deleting"
    ERROR = "error"
    ERROR_DELETING = "error_deleting"


class GroupType(Model, table="block_storage_group_types"):
    """A kind of group."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    name: str = column(String(255), unique=True)
    description: str | None = column(Text, default=None)
    is_public: bool = column(Boolean, default=True)
    group_specs: dict[str, str] = column(Json, default_factory=dict)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)


class Group(Model, table="block_storage_groups"):
    """Volumes that are snapshotted together. volume_types: ids of the types that its volumes may have."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(64))
    user_id: str = column(String(64))
    name: str | None = column(String(255), default=None)
    description: str | None = column(Text, default=None)
    status: GroupStatus = column(String(32), default=GroupStatus.CREATING)
    availability_zone: str = column(String(255), default="nova")
    group_type_id: str = column(String(36), references="block_storage_group_types.id", index=True)
    volume_types: list[str] = column(Json, default_factory=list)
    group_snapshot_id: str | None = column(String(36), default=None)
    source_group_id: str | None = column(String(36), default=None)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)
    __extra__ = (Index("project_id", "created_at", "id"),)


class GroupSnapshot(Model, table="block_storage_group_snapshots"):
    """Snapshots of all volumes of a group."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    group_id: str = column(String(36), references="block_storage_groups.id", index=True)
    project_id: str = column(String(64))
    user_id: str = column(String(64))
    name: str | None = column(String(255), default=None)
    description: str | None = column(Text, default=None)
    status: GroupSnapshotStatus = column(String(32), default=GroupSnapshotStatus.CREATING)
    group_type_id: str = column(String(36))
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)
    __extra__ = (Index("project_id", "created_at", "id"),)
