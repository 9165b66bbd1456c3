"""Zones, hypervisors and compute services."""

from typing import Any

from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.domain import hosts as domain
from cumulo.services.compute.domain import services
from cumulo.services.compute.schema.bodies import ServiceChange, ServiceVerbBody

routes = RouteSet()


@routes.route("GET", "/os-availability-zone", policy=policy.ZONES_LIST)
async def list_zones(ctx: Ctx) -> Any:
    """List availability zones."""
    return await services.zones(ctx)


@routes.route("GET", "/os-availability-zone/detail", policy=policy.ZONES_DETAIL)
async def detail_zones(ctx: Ctx) -> Any:
    """List availability zones with their hosts."""
    return await services.zones(ctx, detail=True)


@routes.route("GET", "/os-hypervisors", policy=policy.HYPERVISORS_LIST)
async def list_hypervisors(ctx: Ctx) -> Any:
    """List hypervisors."""
    return await domain.hypervisors(ctx, detail=False)


@routes.route("GET", "/os-hypervisors/detail", policy=policy.HYPERVISORS_DETAIL)
async def detail_hypervisors(ctx: Ctx) -> Any:
    """List hypervisors with what they have."""
    return await domain.hypervisors(ctx, detail=True)


@routes.route("GET", "/os-hypervisors/statistics", policy=policy.HYPERVISORS_STATISTICS, until="2.87")
async def sum_hypervisors(ctx: Ctx) -> Any:
    """Sum up all hypervisors."""
    return await domain.statistics(ctx)


@routes.route("GET", "/os-hypervisors/{hypervisor_id}/search", policy=policy.HYPERVISORS_SEARCH, until="2.52")
async def search_hypervisors(ctx: Ctx, hypervisor_id: str) -> Any:
    """Find hypervisors by a part of their name."""
    return await domain.hypervisors(ctx, detail=False, pattern=hypervisor_id)


@routes.route(
    "GET", "/os-hypervisors/{hypervisor_id}/servers", policy=policy.HYPERVISORS_SERVERS, until="2.52"
)
async def servers_of_hypervisors(ctx: Ctx, hypervisor_id: str) -> Any:
    """List the servers on the hypervisors found by a part of their name."""
    return await domain.hypervisors(ctx, detail=False, pattern=hypervisor_id, with_servers=True)


@routes.route("GET", "/os-hypervisors/{hypervisor_id}", policy=policy.HYPERVISORS_SHOW)
async def show_hypervisor(ctx: Ctx, hypervisor_id: str) -> Any:
    """Show a hypervisor."""
    return await domain.hypervisor(ctx, await domain.find_hypervisor(ctx, hypervisor_id))


@routes.route("GET", "/os-services", policy=policy.SERVICES_LIST)
async def list_services(ctx: Ctx) -> Any:
    """List compute services."""
    return await services.services(ctx)


@routes.route("PUT", "/os-services/{service_id}", policy=policy.SERVICES_UPDATE, since="2.53")
async def update_service(ctx: Ctx, service_id: str, body: ServiceChange) -> Any:
    """Enable, disable or force down a compute service."""
    return await services.update_service(ctx, service_id, body)


@routes.route("PUT", "/os-services/{service_id}", policy=policy.SERVICES_UPDATE, until="2.52")
async def change_service(ctx: Ctx, service_id: str, body: ServiceVerbBody) -> Any:
    """Enable, disable or force down a compute service, by a verb in place of its id."""
    return await services.change_by_verb(ctx, service_id, body)


@routes.route("DELETE", "/os-services/{service_id}", policy=policy.SERVICES_DELETE)
async def delete_service(ctx: Ctx, service_id: str) -> Response:
    """Delete the compute service of a host that is gone."""
    await services.delete_service(ctx, service_id)
    return Response(204)
