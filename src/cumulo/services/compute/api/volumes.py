"""Volumes and snapshots, which compute's API had until 2.35. Clients of today ask block storage."""

from typing import Any

from cumulo.contracts.block_storage import FormerVolumeCalls, NewVolume
from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.core.resource import as_int
from cumulo.services.compute import policy
from cumulo.services.compute.schema.catalogue import is_true
from cumulo.services.compute.schema.former import (
    FormerSnapshotBody,
    FormerVolumeBody,
    given,
    snapshot_document,
    volume_document,
)

routes = RouteSet()
LAST = "2.35"


@routes.route("GET", "/os-volumes", policy=policy.FORMER_VOLUMES_LIST, until=LAST)
async def list_volumes(ctx: Ctx) -> Any:
    """List the project's volumes."""
    found = await ctx.use(FormerVolumeCalls).volumes(ctx.db, project_id=_project(ctx), **_window(ctx))
    return {"volumes": [volume_document(volume) for volume in found]}


@routes.route("GET", "/os-volumes/detail", policy=policy.FORMER_VOLUMES_DETAIL, until=LAST)
async def list_volumes_in_detail(ctx: Ctx) -> Any:
    """List the project's volumes, which says as much of each."""
    return await list_volumes(ctx)


@routes.route(
    "POST", "/os-volumes", policy=policy.FORMER_VOLUMES_CREATE, envelope="volume", until=LAST, status=200
)
async def create_volume(ctx: Ctx, body: FormerVolumeBody) -> Any:
    """Create a volume."""
    new = NewVolume(
        project_id=_project(ctx),
        user_id=ctx.identity.user_id or "",
        size_gib=int(body.size),
        name=given(body.display_name),
        description=given(body.display_description),
        volume_type=given(body.volume_type),
        zone=given(body.availability_zone),
        snapshot_id=given(body.snapshot_id),
        metadata=given(body.metadata) or {},
    )
    return {"volume": volume_document(await ctx.use(FormerVolumeCalls).create_volume(ctx, new))}


@routes.route("GET", "/os-volumes/{volume_id}", policy=policy.FORMER_VOLUMES_SHOW, until=LAST)
async def show_volume(ctx: Ctx, volume_id: str) -> Any:
    """Show a volume."""
    found = await ctx.use(FormerVolumeCalls).volume(ctx.db, volume_id, project_id=_owner(ctx))
    return {"volume": volume_document(found)}


@routes.route("DELETE", "/os-volumes/{volume_id}", policy=policy.FORMER_VOLUMES_DELETE, until=LAST)
async def delete_volume(ctx: Ctx, volume_id: str) -> Response:
    """Delete a volume."""
    calls = ctx.use(FormerVolumeCalls)
    found = await calls.volume(ctx.db, volume_id, project_id=_owner(ctx))
    await calls.delete_volume(ctx, found.id)
    return Response(202)


@routes.route("GET", "/os-snapshots", policy=policy.FORMER_SNAPSHOTS_LIST, until=LAST)
async def list_snapshots(ctx: Ctx) -> Any:
    """List the project's snapshots of volumes."""
    found = await ctx.use(FormerVolumeCalls).snapshots(ctx.db, project_id=_project(ctx), **_window(ctx))
    return {"snapshots": [snapshot_document(snapshot) for snapshot in found]}


@routes.route("GET", "/os-snapshots/detail", policy=policy.FORMER_SNAPSHOTS_DETAIL, until=LAST)
async def list_snapshots_in_detail(ctx: Ctx) -> Any:
    """List the project's snapshots of volumes, which says as much of each."""
    return await list_snapshots(ctx)


@routes.route(
    "POST",
    "/os-snapshots",
    policy=policy.FORMER_SNAPSHOTS_CREATE,
    envelope="snapshot",
    until=LAST,
    status=200,
)
async def create_snapshot(ctx: Ctx, body: FormerSnapshotBody) -> Any:
    """Take a snapshot of a volume."""
    calls = ctx.use(FormerVolumeCalls)
    volume = await calls.volume(ctx.db, body.volume_id, project_id=_owner(ctx))
    taken = await calls.create_snapshot(
        ctx,
        volume.id,
        user_id=ctx.identity.user_id or "",
        name=given(body.display_name),
        about=given(body.display_description),
        force=is_true(body.force),
    )
    return {"snapshot": snapshot_document(taken)}


@routes.route("GET", "/os-snapshots/{snapshot_id}", policy=policy.FORMER_SNAPSHOTS_SHOW, until=LAST)
async def show_snapshot(ctx: Ctx, snapshot_id: str) -> Any:
    """Show a snapshot of a volume."""
    found = await ctx.use(FormerVolumeCalls).snapshot(ctx.db, snapshot_id, project_id=_owner(ctx))
    return {"snapshot": snapshot_document(found)}


@routes.route("DELETE", "/os-snapshots/{snapshot_id}", policy=policy.FORMER_SNAPSHOTS_DELETE, until=LAST)
async def delete_snapshot(ctx: Ctx, snapshot_id: str) -> Response:
    """Delete a snapshot of a volume."""
    calls = ctx.use(FormerVolumeCalls)
    found = await calls.snapshot(ctx.db, snapshot_id, project_id=_owner(ctx))
    await calls.delete_snapshot(ctx, found.id)
    return Response(202)


def _project(ctx: Ctx) -> str:
    return ctx.identity.project_id or ""


def _owner(ctx: Ctx) -> str | None:
    """Return the project whose volumes the caller may touch; None: all."""
    return None if ctx.identity.is_admin else _project(ctx)


def _window(ctx: Ctx) -> dict[str, int]:
    """Return the part of a list that is asked for."""
    asked = {name: ctx.request.first(name) for name in ("offset", "limit")}
    return {name: as_int(name, text, least=0) for name, text in asked.items() if text}
