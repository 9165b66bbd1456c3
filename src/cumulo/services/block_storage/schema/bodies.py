"""Bodies of requests about volumes and snapshots."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import BodyForm, KeepingBody
from cumulo.core.resource import Body

Name = Annotated[str, Meta(max_length=255)]
Size = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Key = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^/%?]+$(?!\n)")]
Value = Annotated[str, Meta(max_length=255)]
Metadata = dict[Key, Value]
UUID = r"^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$(?!\n)"
Uuid = Annotated[str, Meta(pattern=UUID)]
MaybeUuid = Annotated[str, Meta(pattern=rf"{UUID}|^$(?!\n)")]


class VolumeBody(KeepingBody):
    """What a new volume is made from."""

    size: Size | None = None
    name: Name | None = None
    description: Name | None = None
    display_name: Name | None = None
    display_description: Name | None = None
    volume_type: Name | None = None
    metadata: Metadata | None = None
    snapshot_id: MaybeUuid | None = None
    source_volid: MaybeUuid | None = None
    consistencygroup_id: MaybeUuid | None = None
    group_id: MaybeUuid | None = None
    backup_id: MaybeUuid | None = None
    availability_zone: Name | None = None
    multiattach: bool | None = None
    image_id: Annotated[str, Meta(max_length=255)] | None = None
    imageRef: Annotated[str, Meta(max_length=255)] | None = None  # noqa: N815  the wire's own name


class VolumeRequestBody(Body):
    """The request for a volume, with hints for the scheduler beside it."""

    volume: msgspec.Raw  # a VolumeBody, read by `NEW_VOLUME` with the version in mind
    hints: dict[str, Any] | None = msgspec.field(name="OS-SCH-HNT:scheduler_hints", default=None)


NEW_VOLUME = BodyForm(VolumeBody)


class NamesBody(Body):
    """What a volume or snapshot is called."""

    name: Name | UnsetType | None = UNSET
    description: Name | UnsetType | None = UNSET
    display_name: Name | UnsetType | None = UNSET
    display_description: Name | UnsetType | None = UNSET

    def changes(self) -> dict[str, Any]:
        """Return the columns to write; the older words count when the newer are absent."""
        given = self.given()
        found = {}
        for column, old in (("name", "display_name"), ("description", "display_description")):
            value = given.get(column, given.get(old, UNSET))
            if value is not UNSET:
                found[column] = value.strip() if isinstance(value, str) else value
        return found


class VolumeChange(NamesBody):
    """What of a volume can change."""

    metadata: Metadata | UnsetType = UNSET


class SnapshotBody(NamesBody, kw_only=True):
    """What a new snapshot is made from."""

    volume_id: Uuid | None
    force: bool | None = None
    metadata: Metadata | None = None


class MetadataBody(Body):
    """Items of metadata."""

    metadata: Metadata


class MetaBody(Body):
    """One item of metadata."""

    meta: Metadata


class SizeBody(Body):
    """How large a volume is to be, in GiB."""

    new_size: Size


class ResetVolumeBody(Body):
    """Statuses set by hand."""

    status: str | None = None
    attach_status: str | None = None
    migration_status: str | None = None


class ResetBody(Body):
    """A status set by hand."""

    status: str


class BootableBody(Body):
    """Whether a volume is bootable."""

    bootable: bool


class ReadonlyBody(Body):
    """Whether a volume is read-only."""

    readonly: bool


class RetypeBody(Body):
    """Another type, and whether the volume may move for it."""

    new_type: Annotated[str, Meta(min_length=1, max_length=255)]
    migration_policy: str | None = "never"


class MigrateBody(Body):
    """Where a volume is to go."""

    host: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    cluster: Name | None = None
    force_host_copy: bool = False
    lock_volume: bool = False


class MigrateCompletionBody(Body):
    """The volume that a volume was copied to."""

    new_volume: Uuid
    error: bool | None = False


class AttachBody(Body):
    """Where a volume is attached."""

    mountpoint: Annotated[str, Meta(min_length=1, max_length=255)]
    instance_uuid: Uuid | None = None
    host_name: Name | None = None
    mode: str | None = None


class DetachBody(Body):
    """Which attachment ends."""

    attachment_id: Uuid | None = None


class ForceDetachBody(DetachBody, kw_only=True):
    """Which attachment ends, and whose export."""

    connector: dict[str, Any] | None = None


class ConnectorBody(Body):
    """Who connects."""

    connector: dict[str, Any]


class TerminateBody(Body):
    """Who is connected no more."""

    connector: dict[str, Any] | None


class UploadBody(Body):
    """The image to make of a volume."""

    image_name: Annotated[str, Meta(min_length=1, max_length=255)]
    force: bool = False
    disk_format: str = "raw"
    container_format: str = "bare"
    visibility: str | UnsetType = UNSET
    protected: bool | UnsetType = UNSET


class RevertBody(Body):
    """The snapshot to revert to."""

    snapshot_id: Uuid


class ReimageBody(Body):
    """The image to write over a volume."""

    image_id: Uuid
    reimage_reserved: bool = False


class ImageMetadataBody(Body):
    """Items of image metadata."""

    metadata: dict[Annotated[str, Meta(min_length=1, max_length=255)], Value]


class KeyBody(Body):
    """The key of an item."""

    key: Annotated[str, Meta(min_length=1, max_length=255)]


class ExtendCompletionBody(Body):
    """How a volume's growth ended."""

    error: bool = False
