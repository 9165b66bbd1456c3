"""Volumes on the wire: every field with the versions that have it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET

from cumulo.core.http import Ctx
from cumulo.core.resource import (
    Computed,
    PageContext,
    Since,
    Sortable,
    Source,
    View,
    VisibleTo,
    Wire,
)
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.model import (
    CLASSIC,
    AttachStatus,
    StorageService,
    Volume,
    VolumeAttachment,
    VolumeType,
)
from cumulo.services.block_storage.schema.links import SORT_ONLY, instant, links

NO_ATTACHMENTS = msgspec.Raw(b"[]")
_METADATA = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class Beside:
    """What a page of volumes shows of other rows."""

    types: Mapping[str, str]
    attachments: Mapping[str, list[VolumeAttachment]]
    services: Mapping[str, str]


async def beside(ctx: Ctx, rows: Sequence[Volume]) -> Beside:
    """Fetch the names of types, the attachments and the backends' ids for a page of volumes."""
    types = await ctx.db.among(VolumeType, "id", {row.volume_type_id for row in rows if row.volume_type_id})
    held: dict[str, list[VolumeAttachment]] = {}
    for one in await ctx.db.among(VolumeAttachment, "volume_id", [row.id for row in rows], "created_at"):
        if one.status is AttachStatus.ATTACHED:
            held.setdefault(one.volume_id, []).append(one)
    services: Mapping[str, str] = {}
    if ctx.version is not None and ctx.version >= (3, 48):
        volume = StorageService.c.binary == "cinder-volume"
        services = {row.host: row.id for row in await ctx.db.all(StorageService, volume)}
    return Beside({row.id: row.name for row in types}, held, services)


def metadata_of(row: Any) -> dict[str, str]:
    """Return the metadata of a volume or snapshot."""
    return _METADATA.decode(row.metadata)


def image_metadata_of(row: Volume) -> dict[str, Any]:
    """Return what a volume knows of the image it was made from."""
    return {} if row.image_metadata is None else dict(msgspec.json.decode(row.image_metadata))


def _attachments(row: Volume, page: PageContext) -> Any:
    held = page.extra.attachments.get(row.id)
    if not held:
        return NO_ATTACHMENTS
    shows_host = page.ctx.identity.is_admin
    return [
        {
            "server_id": one.server_id,
            "attachment_id": one.id,
            "attached_at": instant(one.attached_at) if one.attached_at else None,
            "host_name": one.attached_host if shows_host else None,
            "volume_id": row.id,
            "device": one.device,
            "id": row.id,
        }
        for one in held
    ]


def _metadata(row: Volume, page: PageContext) -> Any:
    held = page.extra.attachments.get(row.id)
    mode = next((one.mode for one in held if one.origin == CLASSIC), None) if held else None
    if row.read_only is None and mode is None:
        return row.metadata
    shown = metadata_of(row)
    if row.read_only is not None:
        shown["readonly"] = str(row.read_only)
    if mode is not None:
        shown["attached_mode"] = mode
    return shown


def _image_metadata(row: Volume, _page: PageContext) -> Any:
    return UNSET if row.image_metadata is None else row.image_metadata


def _type(row: Volume, page: PageContext) -> Any:
    return page.extra.types.get(row.volume_type_id)


def _service(row: Volume, page: PageContext) -> Any:
    return page.extra.services.get((row.host or "").partition("#")[0])


def _key(row: Volume, _page: PageContext) -> Any:
    return row.encryption_key_id or UNSET


class VolumeBrief(View, model=Volume):
    """A volume in a list."""

    id: Annotated[str, Sortable]
    name: Annotated[str | None, Sortable]
    links: Annotated[Any, Computed(lambda row, page: links("volumes", row.id, page), reads=("id",))]
    status: Annotated[str, Sortable, SORT_ONLY]
    size: Annotated[int, Sortable, SORT_ONLY]
    availability_zone: Annotated[str, Sortable, SORT_ONLY]
    display_name: Annotated[str, Source("name"), Sortable, SORT_ONLY]
    bootable: Annotated[bool, Sortable, SORT_ONLY]
    created_at: Annotated[datetime, Sortable, SORT_ONLY]
    updated_at: Annotated[datetime, Sortable, SORT_ONLY]
    host: Annotated[str, Sortable, SORT_ONLY]
    user_id: Annotated[str, Sortable, SORT_ONLY]
    project_id: Annotated[str, Sortable, SORT_ONLY]
    volume_type_id: Annotated[str, Sortable, SORT_ONLY]
    snapshot_id: Annotated[str, Sortable, SORT_ONLY]
    group_id: Annotated[str, Sortable, SORT_ONLY]


class VolumeCreated(View, model=Volume):
    """A volume as its creation and its change answer with."""

    id: Annotated[str, Sortable]
    name: Annotated[str | None, Sortable]
    status: Annotated[str, Sortable]
    size: Annotated[int, Sortable]
    availability_zone: Annotated[str, Sortable]
    created_at: Annotated[datetime, Sortable]
    updated_at: Annotated[datetime | None, Sortable]
    description: Annotated[str | None, Sortable]
    attachments: Annotated[Any, Computed(_attachments, reads=("id",))]
    volume_type: Annotated[Any, Computed(_type, reads=("volume_type_id",))]
    snapshot_id: Annotated[str | None, Sortable]
    source_volid: Annotated[str | None, Source("source_volume_id"), Sortable]
    metadata: Annotated[Any, Computed(_metadata, reads=("id", "metadata", "read_only"))]
    links: Annotated[Any, Computed(lambda row, page: links("volumes", row.id, page), reads=("id",))]
    user_id: Annotated[str, Sortable]
    bootable: Annotated[
        str, Computed(lambda row, _page: "true" if row.bootable else "false", reads=("bootable",))
    ]
    encrypted: bool
    replication_status: str | None
    consistencygroup_id: Annotated[Any, Computed(lambda _row, _page: None, reads=())]
    multiattach: bool
    migration_status: Annotated[str | None, VisibleTo(policy.SEE_MIGRATION)]
    group_id: Annotated[str | None, Since("3.13"), Sortable]
    provider_id: Annotated[
        Any, Computed(lambda _row, _page: None, reads=()), Since("3.21"), VisibleTo(policy.SEE_HOST)
    ]
    service_uuid: Annotated[Any, Computed(_service, reads=("host",)), Since("3.48")]
    shared_targets: Annotated[Any, Computed(lambda _row, _page: False, reads=()), Since("3.48")]
    cluster_name: Annotated[
        Any, Computed(lambda _row, _page: None, reads=()), Since("3.61"), VisibleTo(policy.SEE_HOST)
    ]
    volume_type_id: Annotated[str | None, Since("3.63"), Sortable]
    encryption_key: Annotated[
        Any,
        Computed(_key, optional=True, reads=("encryption_key_id",)),
        Wire("encryption_key_id"),
        Since("3.64"),
    ]
    consumes_quota: Annotated[bool, Since("3.65")]
    display_name: Annotated[str, Source("name"), Sortable, SORT_ONLY]
    is_bootable: Annotated[bool, Wire("bootable"), Source("bootable"), Sortable, SORT_ONLY]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch types, attachments and backends of a page."""
        return await beside(ctx, rows)


class VolumeView(VolumeCreated, model=Volume):
    """A volume with all its details."""

    host: Annotated[str | None, Wire("os-vol-host-attr:host"), VisibleTo(policy.SEE_HOST)]
    project: Annotated[
        str, Source("project_id"), Wire("os-vol-tenant-attr:tenant_id"), VisibleTo(policy.SEE_PROJECT)
    ]
    migstat: Annotated[
        str | None,
        Source("migration_status"),
        Wire("os-vol-mig-status-attr:migstat"),
        VisibleTo(policy.SEE_MIGRATION),
    ]
    name_id: Annotated[
        Any,
        Computed(lambda _row, _page: None, reads=()),
        Wire("os-vol-mig-status-attr:name_id"),
        VisibleTo(policy.SEE_MIGRATION),
    ]
    image_metadata: Annotated[
        Any,
        Computed(_image_metadata, optional=True, reads=("image_metadata",)),
        Wire("volume_image_metadata"),
        VisibleTo(policy.SEE_IMAGE_METADATA),
    ]
