"""Services, endpoints and regions. What is shown here is what tokens carry as their catalog."""

from typing import Any

from cumulo.core.errors import Invalid
from cumulo.core.http import Ctx, RouteSet
from cumulo.core.resource import GLOBAL, Resource
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import shown
from cumulo.services.identity.domain import catalog as domain
from cumulo.services.identity.errors import EndpointNotFound, RegionNotFound, ServiceNotFound
from cumulo.services.identity.model import CatalogService, Endpoint, Region
from cumulo.services.identity.schema.catalog import (
    EndpointCreate,
    EndpointUpdate,
    EndpointView,
    RegionCreate,
    RegionUpdate,
    RegionView,
    ServiceCreate,
    ServiceUpdate,
    ServiceView,
)

services = Resource(
    "service",
    "/services",
    model=CatalogService,
    view=ServiceView,
    scope=GLOBAL,
    missing=ServiceNotFound,
)
services.list(policy=policy.LIST_SERVICES)
services.show(policy=policy.GET_SERVICE)


@services.create(policy=policy.CREATE_SERVICE)
async def create_service(ctx: Ctx, body: ServiceCreate) -> CatalogService:
    """Create a service of the catalog."""
    return await domain.create_service(ctx, CatalogService(**body.given()))


@services.update(policy=policy.UPDATE_SERVICE)
async def update_service(ctx: Ctx, service: CatalogService, body: ServiceUpdate) -> CatalogService:
    """Change a service of the catalog."""
    return await domain.update_service(ctx, service, body.given())


@services.delete(policy=policy.DELETE_SERVICE)
async def delete_service(ctx: Ctx, service: CatalogService) -> None:
    """Delete a service of the catalog with its endpoints."""
    await domain.delete_service(ctx, service)


endpoints = Resource(
    "endpoint", "/endpoints", model=Endpoint, view=EndpointView, scope=GLOBAL, missing=EndpointNotFound
)
endpoints.list(policy=policy.LIST_ENDPOINTS)
endpoints.show(policy=policy.GET_ENDPOINT)


@endpoints.filter("region")
def _in_region(_ctx: Ctx, value: str) -> Any:
    return Endpoint.c.region_id == value


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    """Take `region`, the older word, for `region_id`."""
    older = values.pop("region", None)
    if older is not None and values.get("region_id") is None:
        values["region_id"] = older
    return values


@endpoints.create(policy=policy.CREATE_ENDPOINT)
async def create_endpoint(ctx: Ctx, body: EndpointCreate) -> Endpoint:
    """Create an endpoint."""
    return await domain.create_endpoint(ctx, Endpoint(**_columns(body.given())))


@endpoints.update(policy=policy.UPDATE_ENDPOINT)
async def update_endpoint(ctx: Ctx, endpoint: Endpoint, body: EndpointUpdate) -> Endpoint:
    """Change an endpoint."""
    return await domain.update_endpoint(ctx, endpoint, _columns(body.given()))


@endpoints.delete(policy=policy.DELETE_ENDPOINT)
async def delete_endpoint(ctx: Ctx, endpoint: Endpoint) -> None:
    """Delete an endpoint."""
    await domain.delete_endpoint(ctx, endpoint)


regions = Resource("region", "/regions", model=Region, view=RegionView, scope=GLOBAL, missing=RegionNotFound)
named_regions = RouteSet()
regions.list(policy=policy.LIST_REGIONS)
regions.show(policy=policy.GET_REGION)
regions.update(RegionUpdate, policy=policy.UPDATE_REGION)


@regions.create(policy=policy.CREATE_REGION)
async def create_region(ctx: Ctx, body: RegionCreate) -> Region:
    """Create a region."""
    given: dict[str, Any] = {"id": body.id} if body.id else {}
    row = Region(**given, description=body.description or "", parent_region_id=body.parent_region_id)
    return await domain.create_region(ctx, row)


@named_regions.route("PUT", regions.item, policy=policy.CREATE_REGION, status=201, envelope="region")
async def create_named_region(ctx: Ctx, region_id: str, body: RegionCreate) -> dict[str, Any]:
    """Create a region with the id in the path."""
    if body.id is not None and body.id != region_id:
        raise Invalid("The id in the body is not the one in the path.")
    row = Region(id=region_id, description=body.description or "", parent_region_id=body.parent_region_id)
    return await shown(ctx, "region", RegionView, await domain.create_region(ctx, row))


@regions.delete(policy=policy.DELETE_REGION)
async def delete_region(ctx: Ctx, region: Region) -> None:
    """Delete a region that holds nothing."""
    await domain.delete_region(ctx, region)
