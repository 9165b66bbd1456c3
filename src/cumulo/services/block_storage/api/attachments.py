"""Attachments: volumes given to servers (3.27), and the older calls for the same."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.api.counted import CountedResource
from cumulo.services.block_storage.api.volumes import volumes
from cumulo.services.block_storage.domain import attachments as domain
from cumulo.services.block_storage.domain import connections, search
from cumulo.services.block_storage.errors import AttachmentNotFound
from cumulo.services.block_storage.model import AttachStatus, Volume, VolumeAttachment, VolumeStatus
from cumulo.services.block_storage.schema.attachments import (
    AttachmentBody,
    AttachmentBrief,
    AttachmentChange,
    AttachmentView,
)
from cumulo.services.block_storage.schema.bodies import (
    AttachBody,
    ConnectorBody,
    DetachBody,
    ForceDetachBody,
    TerminateBody,
)

FILTERS = {
    "volume_id": search.text(VolumeAttachment, "volume_id"),
    "instance_id": search.text(VolumeAttachment, "server_id"),
    "status": search.choice(VolumeAttachment, "status", AttachStatus),
    "attach_status": search.choice(VolumeAttachment, "status", AttachStatus),
    "project_id": search.others_project(VolumeAttachment),
}
SINCE = "3.27"

attachments = CountedResource(
    "attachment",
    "/attachments",
    model=VolumeAttachment,
    view=AttachmentView,
    scope=search.owned(tuple(FILTERS)),
    order=("created_at:desc", "id:desc"),
    missing=AttachmentNotFound,
)
attachments.list(policy=policy.LIST, detail=policy.LIST, brief=AttachmentBrief, since=SINCE)
attachments.show(policy=policy.SHOW, since=SINCE)
for _name, _filter in FILTERS.items():
    attachments.filter(_name)(_filter)

routes = RouteSet()
_ITEM = "/attachments/{attachment_id}"
_ACTION = "/volumes/{volume_id}/action"


@routes.route(
    "POST",
    "/attachments",
    policy=policy.ATTACHMENT_CREATE,
    envelope="attachment",
    since=SINCE,
    transaction=False,
)
async def create(ctx: Ctx, body: AttachmentBody) -> Any:
    """Take a volume for a server; with a connector, export it too."""
    row = await connections.create(ctx, body)
    return await _shown(ctx, row)


@routes.route(
    "PUT",
    _ITEM,
    policy=policy.ATTACHMENT_UPDATE,
    envelope="attachment",
    since=SINCE,
    transaction=False,
    load=attachments.load,
)
async def update(ctx: Ctx, attachment: VolumeAttachment, body: AttachmentChange) -> Any:
    """Export an attachment's volume to whoever connects."""
    row = await connections.connect(ctx, attachment, body.connector)
    return await _shown(ctx, row)


@routes.route(
    "DELETE",
    _ITEM,
    policy=policy.ATTACHMENT_DELETE,
    since=SINCE,
    transaction=False,
    load=attachments.load,
)
async def delete(ctx: Ctx, attachment: VolumeAttachment) -> Any:
    """End an attachment; show those that the volume still has."""
    left = await connections.delete(ctx, attachment)
    return {"attachments": await AttachmentBrief.render(ctx, left)}


@attachments.action("os-complete", policy=policy.ATTACHMENT_COMPLETE, status=204, since="3.44")
async def complete(ctx: Ctx, attachment: VolumeAttachment) -> None:
    """Note that the server has the volume."""
    await domain.complete(ctx, attachment.id)


async def _shown(ctx: Ctx, row: VolumeAttachment) -> Any:
    return {"attachment": (await AttachmentView.render(ctx, [row]))[0]}


@volumes.action("os-reserve", policy=policy.RESERVE, status=202)
async def reserve(ctx: Ctx, volume: Volume) -> None:
    """Reserve a volume for a server to come."""
    available, attaching = VolumeStatus.AVAILABLE, VolumeStatus.ATTACHING
    await domain.move(ctx.db, volume.id, available, attaching, "reserve")


@volumes.action("os-unreserve", policy=policy.UNRESERVE, status=202)
async def unreserve(ctx: Ctx, volume: Volume) -> None:
    """Reserve a volume no more."""
    await domain.unreserve(ctx.db, volume.id)


@volumes.action("os-begin_detaching", policy=policy.BEGIN_DETACHING, status=202)
async def begin_detaching(ctx: Ctx, volume: Volume) -> None:
    """Note that a volume is about to be detached."""
    await domain.move(ctx.db, volume.id, VolumeStatus.IN_USE, VolumeStatus.DETACHING, "detach")


@volumes.action("os-roll_detaching", policy=policy.ROLL_DETACHING, status=202)
async def roll_detaching(ctx: Ctx, volume: Volume) -> None:
    """Note that a volume stays attached after all."""
    detaching, in_use = VolumeStatus.DETACHING, VolumeStatus.IN_USE
    await domain.move(ctx.db, volume.id, detaching, in_use, "keep")


@volumes.action("os-attach", policy=policy.ATTACH, status=202)
async def attach(ctx: Ctx, volume: Volume, body: AttachBody) -> None:
    """Note that a volume is attached."""
    await connections.attach(ctx, volume, body)


@volumes.action("os-detach", policy=policy.DETACH, status=202)
async def detach(ctx: Ctx, volume: Volume, body: DetachBody | None) -> None:
    """Note that a volume is detached."""
    await connections.detach(ctx, volume, body.attachment_id if body is not None else None)


@routes.route(
    "POST",
    _ACTION,
    policy=policy.FORCE_DETACH,
    action="os-force_detach",
    status=202,
    transaction=False,
    load=volumes.load,
)
async def force_detach(ctx: Ctx, volume: Volume, body: ForceDetachBody) -> None:
    """End a volume's export and attachment, whoever has it."""
    await connections.force_detach(ctx, volume, body.attachment_id)


@routes.route(
    "POST",
    _ACTION,
    policy=policy.INITIALIZE,
    action="os-initialize_connection",
    transaction=False,
    load=volumes.load,
)
async def initialize_connection(ctx: Ctx, volume: Volume, body: ConnectorBody) -> Any:
    """Export a volume to whoever connects."""
    return {"connection_info": await connections.initialize(ctx, volume, body.connector)}


@routes.route(
    "POST",
    _ACTION,
    policy=policy.TERMINATE,
    action="os-terminate_connection",
    status=202,
    transaction=False,
    load=volumes.load,
)
async def terminate_connection(ctx: Ctx, volume: Volume, body: TerminateBody) -> None:
    """End a volume's export."""
    await connections.terminate(ctx, volume, body.connector)
