"""Services, endpoints and regions on the wire."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import OpenBody
from cumulo.core.resource import Filterable, Source, View
from cumulo.services.identity.model import CatalogService, Endpoint, Region
from cumulo.services.identity.schema.people import Name, self_link

Interface = Literal["public", "internal", "admin"]
Url = Annotated[str, Meta(min_length=1, max_length=225)]


class ServiceView(View, model=CatalogService):
    """A service of the catalog."""

    id: str
    type: Annotated[str, Filterable]
    name: Annotated[str | None, Filterable]
    description: str | None
    enabled: bool
    links: Annotated[Any, self_link("services")]


class ServiceCreate(OpenBody):
    """A new service."""

    type: Name
    name: str | None = None
    description: str | None = None
    enabled: bool = True


class ServiceUpdate(OpenBody):
    """Changes of a service."""

    type: Name | UnsetType = UNSET
    name: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


class EndpointView(View, model=Endpoint):
    """An endpoint."""

    id: str
    service_id: Annotated[str, Filterable]
    interface: Annotated[str, Filterable]
    url: str
    region: Annotated[str | None, Source("region_id")]
    region_id: Annotated[str | None, Filterable]
    enabled: bool
    links: Annotated[Any, self_link("endpoints")]


class EndpointCreate(OpenBody):
    """A new endpoint."""

    service_id: str
    interface: Interface
    url: Url
    region: str | None = None
    region_id: str | None = None
    name: str | None = None
    description: str | None = None
    enabled: bool = True


class EndpointUpdate(OpenBody):
    """Changes of an endpoint."""

    service_id: str | UnsetType = UNSET
    interface: Interface | UnsetType = UNSET
    url: Url | UnsetType = UNSET
    region: str | UnsetType | None = UNSET
    region_id: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


class RegionView(View, model=Region):
    """A region."""

    id: str
    description: str
    parent_region_id: Annotated[str | None, Filterable]
    links: Annotated[Any, self_link("regions")]


class RegionCreate(OpenBody):
    """A new region; without an id it gets one."""

    id: Annotated[str, Meta(max_length=255)] | None = None
    description: str | None = None
    parent_region_id: str | None = None


class RegionUpdate(OpenBody):
    """Changes of a region."""

    description: str | UnsetType = UNSET
    parent_region_id: str | UnsetType | None = UNSET
