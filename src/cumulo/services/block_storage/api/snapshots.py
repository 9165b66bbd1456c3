"""Snapshots."""

from typing import Any

from cumulo.core.http import Ctx
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.api.counted import CountedResource
from cumulo.services.block_storage.domain import search
from cumulo.services.block_storage.domain import snapshots as domain
from cumulo.services.block_storage.domain.volumes import metadata_item, only
from cumulo.services.block_storage.errors import SnapshotNotFound
from cumulo.services.block_storage.model import Snapshot, SnapshotStatus, Volume
from cumulo.services.block_storage.schema.bodies import (
    MetaBody,
    MetadataBody,
    NamesBody,
    ResetBody,
    SnapshotBody,
)
from cumulo.services.block_storage.schema.snapshots import (
    SnapshotDetail,
    SnapshotStatusBody,
    SnapshotView,
)
from cumulo.services.block_storage.schema.volumes import metadata_of


def of_zone(ctx: Ctx, value: str) -> Any:
    """Keep the snapshots of volumes in a zone."""
    del ctx
    return Snapshot.c.volume_id.in_(_volumes().where(Volume.c.availability_zone == value))


def _volumes() -> Any:
    return Volume.table.select().with_only_columns(Volume.c.id)


FILTERS = {
    "name": search.text(Snapshot, "name"),
    "display_name": search.text(Snapshot, "name"),
    "name~": search.like(Snapshot, "name"),
    "description": search.text(Snapshot, "description"),
    "description~": search.like(Snapshot, "description"),
    "status": search.choice(Snapshot, "status", SnapshotStatus),
    "status~": search.like(Snapshot, "status"),
    "volume_id": search.text(Snapshot, "volume_id"),
    "metadata": search.items(Snapshot, "metadata", "metadata"),
    "availability_zone": of_zone,
    "consumes_quota": search.truth(Snapshot, "consumes_quota"),
    "id": search.text(Snapshot, "id"),
    "group_snapshot_id": search.text(Snapshot, "group_snapshot_id"),
    "user_id": search.operators_only(search.text(Snapshot, "user_id")),
    "project_id": search.others_project(Snapshot),
    "tenant_id": search.others_project(Snapshot),
}
EVERYONES = (
    "name",
    "display_name",
    "description",
    "status",
    "volume_id",
    "metadata",
    "availability_zone",
    "consumes_quota",
)

snapshots = CountedResource(
    "snapshot",
    "/snapshots",
    model=Snapshot,
    view=SnapshotDetail,
    scope=search.owned(EVERYONES),
    order=("created_at:desc", "id:desc"),
    missing=SnapshotNotFound,
)
snapshots.list(policy=policy.SNAPSHOT_LIST, detail=policy.SNAPSHOT_LIST, brief=SnapshotView)
snapshots.show(policy=policy.SNAPSHOT_SHOW)
for _name, _filter in FILTERS.items():
    snapshots.filter(_name)(_filter)


@snapshots.create(policy=policy.SNAPSHOT_CREATE, status=202, view=SnapshotView)
async def create(ctx: Ctx, body: SnapshotBody) -> Snapshot:
    """Take a snapshot of a volume."""
    return await domain.order(ctx, body)


@snapshots.update(policy=policy.SNAPSHOT_UPDATE, view=SnapshotView)
async def update(ctx: Ctx, snapshot: Snapshot, body: NamesBody) -> Snapshot:
    """Update a snapshot's name or description."""
    return await domain.update(ctx, snapshot, body)


@snapshots.delete(policy=policy.SNAPSHOT_DELETE, status=202)
async def delete(ctx: Ctx, snapshot: Snapshot) -> None:
    """Delete a snapshot."""
    await domain.delete(ctx, snapshot.id)


@snapshots.action("os-reset_status", policy=policy.SNAPSHOT_RESET, status=202)
async def reset_status(ctx: Ctx, snapshot: Snapshot, body: ResetBody) -> None:
    """Set a snapshot's status by hand."""
    await domain.write(ctx.db, snapshot, status=domain.status_named(body.status))


@snapshots.action("os-force_delete", policy=policy.SNAPSHOT_FORCE_DELETE, status=202)
async def force_delete(ctx: Ctx, snapshot: Snapshot) -> None:
    """Delete a snapshot whatever its status."""
    await domain.delete(ctx, snapshot.id, force=True)


@snapshots.action("os-update_snapshot_status", policy=policy.SNAPSHOT_STATUS, status=202)
async def report_status(ctx: Ctx, snapshot: Snapshot, body: SnapshotStatusBody) -> None:
    """Report how a snapshot goes that somebody else takes."""
    await domain.report_status(ctx, snapshot, body.status, body.progress)


@snapshots.member("GET", "/metadata", policy=policy.SNAPSHOT_METADATA_GET)
async def list_metadata(ctx: Ctx, snapshot: Snapshot) -> Any:
    """Show a snapshot's metadata."""
    del ctx
    return {"metadata": metadata_of(snapshot)}


@snapshots.member("POST", "/metadata", policy=policy.SNAPSHOT_METADATA_UPDATE)
async def add_metadata(ctx: Ctx, snapshot: Snapshot, body: MetadataBody) -> Any:
    """Add items to a snapshot's metadata."""
    return {"metadata": await domain.set_metadata(ctx, snapshot, body.metadata)}


@snapshots.member("PUT", "/metadata", policy=policy.SNAPSHOT_METADATA_UPDATE)
async def replace_metadata(ctx: Ctx, snapshot: Snapshot, body: MetadataBody) -> Any:
    """Replace a snapshot's metadata."""
    return {"metadata": await domain.set_metadata(ctx, snapshot, body.metadata, replace=True)}


@snapshots.member("GET", "/metadata/{key}", policy=policy.SNAPSHOT_METADATA_GET)
async def show_metadata(ctx: Ctx, snapshot: Snapshot, key: str) -> Any:
    """Show an item of a snapshot's metadata."""
    del ctx
    return {"meta": metadata_item(metadata_of(snapshot), key)}


@snapshots.member("PUT", "/metadata/{key}", policy=policy.SNAPSHOT_METADATA_UPDATE)
async def set_metadata(ctx: Ctx, snapshot: Snapshot, key: str, body: MetaBody) -> Any:
    """Set an item of a snapshot's metadata."""
    item = only(key, body.meta)
    await domain.set_metadata(ctx, snapshot, item)
    return {"meta": item}


@snapshots.member("DELETE", "/metadata/{key}", policy=policy.SNAPSHOT_METADATA_DELETE)
async def delete_metadata(ctx: Ctx, snapshot: Snapshot, key: str) -> None:
    """Delete an item of a snapshot's metadata."""
    await domain.delete_metadata(ctx, snapshot, key)
