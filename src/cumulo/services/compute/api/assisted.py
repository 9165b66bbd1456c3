"""Snapshots that a driver of volumes has a host take. No driver here does: pools take their own."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.domain import assisted as domain
from cumulo.services.compute.schema.declined import AssistedBody

routes = RouteSet()
SNAPSHOTS = "/os-assisted-volume-snapshots"


@routes.route("POST", SNAPSHOTS, policy=policy.ASSISTED_CREATE, envelope="snapshot")
async def create_assisted_snapshot(ctx: Ctx, body: AssistedBody) -> Any:
    """Have a host take a volume's snapshot, which it refuses."""
    await domain.refuse(ctx.db, body.volume_id)


@routes.route("DELETE", f"{SNAPSHOTS}/{{snapshot_id}}", policy=policy.ASSISTED_DELETE)
async def delete_assisted_snapshot(ctx: Ctx) -> Any:
    """Have a host delete a volume's snapshot, which it refuses."""
    await domain.refuse(ctx.db, domain.volume_in(ctx.request.first("delete_info")))
