"""Endpoint groups on the wire."""

from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from cumulo.core.http import OpenBody
from cumulo.core.resource import Computed, Filterable, PageContext, View
from cumulo.services.identity.model import EndpointGroup
from cumulo.services.identity.schema.people import Name


def _link(row: Any, page: PageContext) -> dict[str, str]:
    return {"self": f"{page.base_url}/OS-EP-FILTER/endpoint_groups/{row.id}"}


class EndpointGroupView(View, model=EndpointGroup):
    """An endpoint group."""

    id: str
    name: Annotated[str, Filterable]
    description: str | None
    filters: dict[str, Any]
    links: Annotated[Any, Computed(_link)]


class EndpointGroupCreate(OpenBody):
    """A new endpoint group."""

    name: Name
    filters: dict[str, Any]
    description: str | None = None


class EndpointGroupUpdate(OpenBody):
    """Changes of an endpoint group."""

    name: Name | UnsetType = UNSET
    filters: dict[str, Any] | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
