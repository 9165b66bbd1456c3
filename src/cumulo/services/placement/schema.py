"""Placement on the wire."""

from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import Ctx
from cumulo.core.microversions import parse
from cumulo.core.resource import Body, Computed, Filterable, PageContext, Since, Source, View, Wire
from cumulo.services.placement.model import WHOLE, Provider, Stock, amounts_of

_HEX = "[0-9a-fA-F]"
Id = Annotated[str, Meta(pattern=rf"^{_HEX}{{8}}-?({_HEX}{{4}}-?){{3}}{_HEX}{{12}}$(?!\n)")]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
ClassName = Annotated[str, Meta(pattern=r"^[A-Z0-9_]+$(?!\n)", max_length=255)]
TraitName = Annotated[str, Meta(pattern=r"^[A-Z0-9_]+$(?!\n)", min_length=1, max_length=255)]
Amount = Annotated[int, Meta(ge=1)]
Unit = Annotated[int, Meta(ge=1, le=WHOLE)]
LARGEST_RATIO = 3.40282e38  # a number of single precision, as upstream keeps it

LINKS = (
    ("self", "", "1.0"),
    ("inventories", "/inventories", "1.0"),
    ("usages", "/usages", "1.0"),
    ("traits", "/traits", "1.6"),
    ("aggregates", "/aggregates", "1.1"),
    ("allocations", "/allocations", "1.11"),
)
"""Relation, path below the provider, first version."""


def path_of(ctx: Ctx) -> str:
    """Return the path at which the client sees placement."""
    return urlsplit(ctx.base_url).path


def provider_links(row: Provider, page: PageContext) -> list[dict[str, str]]:
    """Return the links to what a provider has."""
    here, version = f"{path_of(page.ctx)}/resource_providers/{row.id}", page.ctx.version
    return [
        {"rel": rel, "href": here + below}
        for rel, below, since in LINKS
        if version is None or version >= parse(since)
    ]


class ProviderView(View, model=Provider):
    """A resource provider as clients see it."""

    generation: int
    id: Annotated[str, Wire("uuid"), Filterable]
    name: Annotated[str, Filterable]
    links: Annotated[list[Any], Computed(provider_links)]
    parent: Annotated[str | None, Wire("parent_provider_uuid"), Source("parent_id"), Since("1.14")]
    root: Annotated[str, Wire("root_provider_uuid"), Source("root_id"), Since("1.14")]


class ProviderCreate(Body):
    """What a new provider is made from."""

    name: Name
    uuid: Id | UnsetType = UNSET
    parent: Annotated[Id | None, Since("1.14")] | UnsetType = msgspec.field(
        name="parent_provider_uuid", default=UNSET
    )


class ProviderUpdate(Body):
    """What of a provider can change."""

    name: Name
    parent: Annotated[Id | None, Since("1.14")] | UnsetType = msgspec.field(
        name="parent_provider_uuid", default=UNSET
    )


class Amounts(Body):
    """How much of a class a provider has."""

    total: Unit
    reserved: Annotated[int, Meta(ge=0, le=WHOLE)] = 0
    min_unit: Unit = 1
    max_unit: Unit = WHOLE
    step_size: Unit = 1
    allocation_ratio: Annotated[float, Meta(gt=0, le=LARGEST_RATIO)] = 1.0


class InventorySet(Body):
    """A provider's whole inventory."""

    generation: int = msgspec.field(name="resource_provider_generation")
    inventories: dict[ClassName, Amounts]


class InventoryUpdate(Amounts, kw_only=True):
    """One class of a provider's inventory."""

    generation: int = msgspec.field(name="resource_provider_generation")


class TraitSet(Body):
    """A provider's whole traits."""

    generation: int = msgspec.field(name="resource_provider_generation")
    traits: list[TraitName]


class ClassCreate(Body):
    """A resource class of one's own."""

    name: ClassName


class Share(Body):
    """What a consumer gets of one provider. (The generation is shown by reads and ignored here.)"""

    resources: Annotated[dict[ClassName, Amount], Meta(min_length=1)]
    generation: int | UnsetType = UNSET


class Named(Body):
    """A provider by its uuid."""

    uuid: Id


class ListedShare(Body):
    """What a consumer gets of one provider, as versions before 1.12 write it."""

    provider: Named = msgspec.field(name="resource_provider")
    resources: Annotated[dict[ClassName, Amount], Meta(min_length=1)]


class ListedAllocations(Body):
    """All that a consumer is to have, as versions before 1.12 write it."""

    allocations: Annotated[list[ListedShare], Meta(min_length=1)]
    project_id: Annotated[str, Since("1.8"), Meta(min_length=1, max_length=255)] | UnsetType = UNSET
    user_id: Annotated[str, Since("1.8"), Meta(min_length=1, max_length=255)] | UnsetType = UNSET


class Allocations(Body):
    """All that a consumer is to have."""

    allocations: dict[Id, Share]
    project_id: Annotated[str, Meta(min_length=1, max_length=255)]
    user_id: Annotated[str, Meta(min_length=1, max_length=255)]
    consumer_generation: Annotated[int | None, Since("1.28")] | UnsetType = UNSET
    consumer_type: Annotated[ClassName, Since("1.38")] | UnsetType = UNSET
    mappings: Annotated[dict[str, list[str]], Since("1.34")] | UnsetType = UNSET


class AggregateSet(Body):
    """All aggregates that a provider is in."""

    generation: int = msgspec.field(name="resource_provider_generation")
    aggregates: list[Id]


class Reshape(Body):
    """Inventories of providers, and allocations of consumers, to be changed at once."""

    inventories: dict[Id, InventorySet]
    allocations: dict[Id, Allocations]


class InventoryCreate(Amounts, kw_only=True):
    """One class of a provider's inventory, with its name."""

    generation: int | UnsetType = msgspec.field(name="resource_provider_generation", default=UNSET)
    resource_class: ClassName


def inventory_shape(stock: Stock) -> dict[str, Any]:
    """Return one class of an inventory as clients see it."""
    return amounts_of(stock)
