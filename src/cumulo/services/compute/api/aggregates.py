"""Host aggregates."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.domain import aggregates as domain
from cumulo.services.compute.schema.bodies import (
    AggregateBody,
    AggregateChange,
    AggregateHost,
    AggregateMetadata,
    CachedImages,
)

routes = RouteSet()
ONE = "/os-aggregates/{aggregate_id}"


@routes.route("GET", "/os-aggregates", policy=policy.AGGREGATES_LIST)
async def list_aggregates(ctx: Ctx) -> Any:
    """List host aggregates."""
    return {"aggregates": [domain.document(ctx, row) for row in await domain.listed(ctx)]}


@routes.route("POST", "/os-aggregates", policy=policy.AGGREGATES_CREATE, envelope="aggregate")
async def create_aggregate(ctx: Ctx, body: AggregateBody) -> Any:
    """Create a host aggregate."""
    document = domain.document(ctx, await domain.create(ctx, body))
    return {"aggregate": {k: v for k, v in document.items() if k not in ("hosts", "metadata")}}


@routes.route("GET", ONE, policy=policy.AGGREGATES_SHOW)
async def show_aggregate(ctx: Ctx, aggregate_id: str) -> Any:
    """Show a host aggregate."""
    return {"aggregate": domain.document(ctx, await domain.find(ctx.db, aggregate_id))}


@routes.route("PUT", ONE, policy=policy.AGGREGATES_UPDATE, envelope="aggregate")
async def update_aggregate(ctx: Ctx, aggregate_id: str, body: AggregateChange) -> Any:
    """Rename a host aggregate, or change the zone of its hosts."""
    row = await domain.held(ctx, aggregate_id)
    return {"aggregate": domain.document(ctx, await domain.update(ctx, row, body))}


@routes.route("DELETE", ONE, policy=policy.AGGREGATES_DELETE, status=200)
async def delete_aggregate(ctx: Ctx, aggregate_id: str) -> None:
    """Delete a host aggregate that has no hosts."""
    await domain.delete(ctx, await domain.held(ctx, aggregate_id))


@routes.route("POST", f"{ONE}/action", policy=policy.AGGREGATES_ADD, action="add_host")
async def add_host(ctx: Ctx, aggregate_id: str, body: AggregateHost) -> Any:
    """Put a host into an aggregate."""
    row = await domain.held(ctx, aggregate_id)
    return {"aggregate": domain.document(ctx, await domain.add_host(ctx, row, body.host))}


@routes.route("POST", f"{ONE}/action", policy=policy.AGGREGATES_REMOVE, action="remove_host")
async def remove_host(ctx: Ctx, aggregate_id: str, body: AggregateHost) -> Any:
    """Take a host out of an aggregate."""
    row = await domain.held(ctx, aggregate_id)
    return {"aggregate": domain.document(ctx, await domain.remove_host(ctx, row, body.host))}


@routes.route("POST", f"{ONE}/action", policy=policy.AGGREGATES_METADATA, action="set_metadata")
async def set_metadata(ctx: Ctx, aggregate_id: str, body: AggregateMetadata) -> Any:
    """Say what the hosts of an aggregate share."""
    row = await domain.held(ctx, aggregate_id)
    return {"aggregate": domain.document(ctx, await domain.set_metadata(ctx, row, body.metadata))}


@routes.route("POST", f"{ONE}/images", policy=policy.AGGREGATES_IMAGES, status=202, since="2.81")
async def cache_images(ctx: Ctx, aggregate_id: str, body: CachedImages) -> None:
    """Have images ready on the hosts of an aggregate."""
    row = await domain.find(ctx.db, aggregate_id)
    await domain.cache_images(ctx, row, [image.id for image in body.cache])
