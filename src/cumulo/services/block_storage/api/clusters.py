"""Clusters of backends, of which there are none, and the cleaning up after services, which does itself."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.resource import Body
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.errors import ClusterNotFound
from cumulo.services.block_storage.schema.bodies import MaybeUuid, Name

SINCE = "3.7"
routes = RouteSet()


class ClusterBody(Body):
    """Which cluster; why it is taken out of service."""

    name: Name
    binary: Name | None = None
    disabled_reason: Name | None = None


class CleanupBody(Body):
    """What is to be cleaned up."""

    cluster_name: Name | None = None
    service_id: int | None = None
    host: Name | None = None
    binary: Name | None = None
    is_up: bool | None = None
    disabled: bool | None = None
    resource_id: MaybeUuid | None = None
    resource_type: Name | None = None


@routes.route("GET", "/clusters", policy=policy.CLUSTER_LIST, since=SINCE)
async def list_clusters(ctx: Ctx) -> Any:
    """List the clusters: every backend stands alone here."""
    del ctx
    return {"clusters": []}


@routes.route("GET", "/clusters/detail", policy=policy.CLUSTER_LIST, since=SINCE)
async def list_clusters_in_detail(ctx: Ctx) -> Any:
    """List the clusters in detail: every backend stands alone here."""
    del ctx
    return {"clusters": []}


@routes.route("GET", "/clusters/{name}", policy=policy.CLUSTER_SHOW, since=SINCE)
async def show_cluster(ctx: Ctx, name: str) -> None:
    """Show a cluster."""
    del ctx
    raise ClusterNotFound(name=name)


@routes.route("PUT", "/clusters/enable", policy=policy.CLUSTER_UPDATE, since=SINCE)
async def enable(ctx: Ctx, body: ClusterBody) -> None:
    """Take a cluster back into service."""
    del ctx
    raise ClusterNotFound(name=body.name)


@routes.route("PUT", "/clusters/disable", policy=policy.CLUSTER_UPDATE, since=SINCE)
async def disable(ctx: Ctx, body: ClusterBody) -> None:
    """Take a cluster out of service."""
    del ctx
    raise ClusterNotFound(name=body.name)


@routes.route("POST", "/workers/cleanup", policy=policy.CLEAN_UP, status=202, since="3.24")
async def clean_up(ctx: Ctx, body: CleanupBody) -> Any:
    """Clean up after services that stopped: nothing waits for that, each operation goes on by itself."""
    del ctx, body
    return {"cleaning": [], "unavailable": []}
