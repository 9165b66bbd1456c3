"""Volumes and snapshots that pools hold: listing them, taking them over, leaving them."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.api.snapshots import snapshots
from cumulo.services.block_storage.api.volumes import volumes
from cumulo.services.block_storage.domain import management as domain
from cumulo.services.block_storage.model import Snapshot, Volume
from cumulo.services.block_storage.schema.management import ManageSnapshotBody, ManageVolumeBody
from cumulo.services.block_storage.schema.snapshots import SnapshotView
from cumulo.services.block_storage.schema.volumes import VolumeCreated

routes = RouteSet()


def _volumes(path: str, since: str | None) -> None:
    see: dict[str, Any] = {"policy": policy.MANAGEABLE, "since": since, "transaction": False}

    @routes.route("GET", path, **see)
    async def list_volumes(ctx: Ctx) -> Any:
        """List the volumes that a pool holds."""
        return {"manageable-volumes": await domain.volumes(ctx, detail=False)}

    @routes.route("GET", f"{path}/detail", **see)
    async def list_volumes_in_detail(ctx: Ctx) -> Any:
        """List the volumes that a pool holds, with why one cannot be taken over."""
        return {"manageable-volumes": await domain.volumes(ctx, detail=True)}

    @routes.route(
        "POST", path, policy=policy.MANAGE, status=202, envelope="volume", since=since, transaction=False
    )
    async def manage(ctx: Ctx, body: ManageVolumeBody) -> Any:
        """Take over a volume that a pool holds."""
        row = await domain.manage(ctx, body)
        async with ctx.read() as ctx.reader:
            return {"volume": (await VolumeCreated.render(ctx, [row]))[0]}


def _snapshots(path: str, since: str | None) -> None:
    see: dict[str, Any] = {"policy": policy.SNAPSHOT_MANAGEABLE, "since": since, "transaction": False}

    @routes.route("GET", path, **see)
    async def list_snapshots(ctx: Ctx) -> Any:
        """List the snapshots that a pool holds."""
        return {"manageable-snapshots": await domain.snapshots(ctx, detail=False)}

    @routes.route("GET", f"{path}/detail", **see)
    async def list_snapshots_in_detail(ctx: Ctx) -> Any:
        """List the snapshots that a pool holds, with why one cannot be taken over."""
        return {"manageable-snapshots": await domain.snapshots(ctx, detail=True)}

    rule = policy.SNAPSHOT_MANAGE

    @routes.route("POST", path, policy=rule, status=202, envelope="snapshot", since=since, transaction=False)
    async def manage(ctx: Ctx, body: ManageSnapshotBody) -> Any:
        """Take over a snapshot that a pool holds."""
        row = await domain.manage_snapshot(ctx, body)
        return {"snapshot": (await SnapshotView.render(ctx, [row]))[0]}


_volumes("/os-volume-manage", None)
_volumes("/manageable_volumes", "3.8")
_snapshots("/os-snapshot-manage", None)
_snapshots("/manageable_snapshots", "3.8")


@volumes.action("os-unmanage", policy=policy.UNMANAGE, status=202)
async def unmanage(ctx: Ctx, volume: Volume) -> None:
    """Manage a volume no more, and leave its bytes."""
    await domain.unmanage(ctx, volume)


@snapshots.action("os-unmanage", policy=policy.SNAPSHOT_UNMANAGE, status=202)
async def unmanage_snapshot(ctx: Ctx, snapshot: Snapshot) -> None:
    """Manage a snapshot no more, and leave its bytes."""
    await domain.unmanage_snapshot(ctx, snapshot)
