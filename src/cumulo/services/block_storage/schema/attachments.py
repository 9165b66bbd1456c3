"""Attachments on the wire."""

from datetime import datetime
from typing import Annotated, Any

from cumulo.core.resource import Body, Computed, PageContext, Since, Sortable, Source, View
from cumulo.services.block_storage.keys import VolumeKeys
from cumulo.services.block_storage.model import VolumeAttachment
from cumulo.services.block_storage.pools import access_of, shown
from cumulo.services.block_storage.schema.bodies import Uuid
from cumulo.services.block_storage.schema.links import SORT_ONLY


class AttachmentBrief(View, model=VolumeAttachment):
    """An attachment in a list."""

    id: Annotated[str, Sortable]
    status: Annotated[str, Sortable]
    instance: Annotated[str | None, Source("server_id"), Sortable]
    volume_id: Annotated[str, Sortable]
    attach_status: Annotated[str, Source("status"), Sortable, SORT_ONLY]
    created_at: Annotated[datetime, Sortable, SORT_ONLY]


def connection_info(row: VolumeAttachment, page: PageContext) -> Any:
    """Return how the export is reached; CHAP's and Ceph's secrets only for administrators and services."""
    access = access_of(page.ctx.use(VolumeKeys), row)
    if access is None:
        return {}
    keys = page.ctx.identity.role_keys
    info = shown(access, secrets="admin" in keys or "service" in keys)
    return {**info["data"], "driver_volume_type": info["driver_volume_type"], "attachment_id": row.id}


class AttachmentView(AttachmentBrief, model=VolumeAttachment):
    """An attachment with all its details."""

    attached_at: datetime | None
    detached_at: datetime | None
    attach_mode: Annotated[str, Source("mode")]
    connection_info: Annotated[Any, Computed(connection_info)]


class AttachmentBody(Body):
    """Which volume is for which server."""

    volume_uuid: Uuid
    instance_uuid: Uuid | None = None
    connector: dict[str, Any] | None = None
    mode: Annotated[str | None, Since("3.54")] = None


class AttachmentChange(Body):
    """Who connects."""

    connector: dict[str, Any]
