"""Volumes."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.resource import as_bool
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.api.counted import CountedResource
from cumulo.services.block_storage.domain import search
from cumulo.services.block_storage.domain import volumes as domain
from cumulo.services.block_storage.errors import VolumeNotFound
from cumulo.services.block_storage.model import MigrationStatus, Volume, VolumeStatus
from cumulo.services.block_storage.schema.bodies import (
    MetaBody,
    MetadataBody,
    VolumeChange,
    VolumeRequestBody,
)
from cumulo.services.block_storage.schema.volumes import (
    VolumeBrief,
    VolumeCreated,
    VolumeView,
    metadata_of,
)

FILTERS = {
    "name": search.text(Volume, "name"),
    "display_name": search.text(Volume, "name"),
    "name~": search.like(Volume, "name"),
    "description": search.text(Volume, "description"),
    "description~": search.like(Volume, "description"),
    "status": search.choice(Volume, "status", VolumeStatus),
    "status~": search.like(Volume, "status"),
    "metadata": search.items(Volume, "metadata", "metadata"),
    "glance_metadata": search.items(Volume, "image_metadata", "glance_metadata"),
    "bootable": search.truth(Volume, "bootable"),
    "migration_status": search.choice(Volume, "migration_status", MigrationStatus),
    "availability_zone": search.text(Volume, "availability_zone"),
    "availability_zone~": search.like(Volume, "availability_zone"),
    "group_id": search.text(Volume, "group_id"),
    "size": search.whole(Volume, "size"),
    "created_at": search.moment(Volume, "created_at"),
    "updated_at": search.moment(Volume, "updated_at"),
    "consumes_quota": search.truth(Volume, "consumes_quota"),
    "multiattach": search.truth(Volume, "multiattach"),
    "id": search.text(Volume, "id"),
    "snapshot_id": search.text(Volume, "snapshot_id"),
    "source_volid": search.text(Volume, "source_volume_id"),
    "volume_type_id": search.text(Volume, "volume_type_id"),
    "user_id": search.operators_only(search.text(Volume, "user_id")),
    "host": search.operators_only(search.text(Volume, "host")),
    "project_id": search.others_project(Volume),
    "tenant_id": search.others_project(Volume),
}
EVERYONES = (
    "name",
    "display_name",
    "status",
    "metadata",
    "glance_metadata",
    "bootable",
    "migration_status",
    "availability_zone",
    "group_id",
    "size",
    "created_at",
    "updated_at",
    "consumes_quota",
    "description",
)

volumes = CountedResource(
    "volume",
    "/volumes",
    model=Volume,
    view=VolumeView,
    scope=search.owned(EVERYONES),
    order=("created_at:desc", "id:desc"),
    missing=VolumeNotFound,
)
volumes.list(policy=policy.LIST, detail=policy.LIST, brief=VolumeBrief)
volumes.show(policy=policy.SHOW)
for _name, _filter in FILTERS.items():
    volumes.filter(_name)(_filter)

routes = RouteSet()


@routes.route("GET", "/volumes/summary", policy=policy.LIST, since="3.12")
async def summary(ctx: Ctx) -> Any:
    """Summarise a project's volumes."""
    return await domain.summary(ctx)


@volumes.create(policy=policy.CREATE, status=202, envelope="", view=VolumeCreated)
async def create(ctx: Ctx, body: VolumeRequestBody) -> Volume:
    """Create a volume: empty, or from an image, a snapshot or a volume."""
    return await domain.create(ctx, body)


@volumes.update(policy=policy.UPDATE, view=VolumeCreated)
async def update(ctx: Ctx, volume: Volume, body: VolumeChange) -> Volume:
    """Update a volume's name, description or metadata."""
    return await domain.update(ctx, volume, body)


@volumes.delete(policy=policy.DELETE, status=202)
async def delete(ctx: Ctx, volume: Volume) -> None:
    """Delete a volume; with `cascade` its snapshots too, with `force` (3.23) whatever its status."""
    cascade = as_bool("cascade", ctx.request.first("cascade") or "false")
    force = as_bool("force", ctx.request.first("force") or "false")
    if force := force and (ctx.version or (3, 0)) >= (3, 23):
        ctx.authorise(policy.FORCE_DELETE, volume)
    await domain.delete(ctx, volume.id, cascade=cascade, force=force)


@volumes.member("GET", "/metadata", policy=policy.METADATA_GET)
async def list_metadata(ctx: Ctx, volume: Volume) -> Any:
    """Show a volume's metadata."""
    del ctx
    return {"metadata": metadata_of(volume)}


@volumes.member("POST", "/metadata", policy=policy.METADATA_CREATE)
async def add_metadata(ctx: Ctx, volume: Volume, body: MetadataBody) -> Any:
    """Add items to a volume's metadata."""
    return {"metadata": await domain.set_metadata(ctx, volume, body.metadata)}


@volumes.member("PUT", "/metadata", policy=policy.METADATA_UPDATE)
async def replace_metadata(ctx: Ctx, volume: Volume, body: MetadataBody) -> Any:
    """Replace a volume's metadata."""
    return {"metadata": await domain.set_metadata(ctx, volume, body.metadata, replace=True)}


@volumes.member("GET", "/metadata/{key}", policy=policy.METADATA_GET)
async def show_metadata(ctx: Ctx, volume: Volume, key: str) -> Any:
    """Show an item of a volume's metadata."""
    del ctx
    return {"meta": domain.metadata_item(metadata_of(volume), key)}


@volumes.member("PUT", "/metadata/{key}", policy=policy.METADATA_UPDATE)
async def set_metadata(ctx: Ctx, volume: Volume, key: str, body: MetaBody) -> Any:
    """Set an item of a volume's metadata."""
    item = domain.only(key, body.meta)
    await domain.set_metadata(ctx, volume, item)
    return {"meta": item}


@volumes.member("DELETE", "/metadata/{key}", policy=policy.METADATA_DELETE)
async def delete_metadata(ctx: Ctx, volume: Volume, key: str) -> None:
    """Delete an item of a volume's metadata."""
    await domain.delete_metadata(ctx, volume, key)


@volumes.member("GET", "/encryption", policy=policy.SEE_ENCRYPTION)
async def show_encryption(ctx: Ctx, volume: Volume) -> Any:
    """Show how a volume is encrypted."""
    del ctx
    return domain.encryption_of(volume)


@volumes.member("GET", "/encryption/{key}", policy=policy.SEE_ENCRYPTION)
async def show_encryption_item(ctx: Ctx, volume: Volume, key: str) -> Any:
    """Show one word on how a volume is encrypted."""
    del ctx
    return domain.metadata_item(domain.encryption_of(volume), key)
