"""Providers, what they have, what they are, and who has how much of them."""

from datetime import datetime
from typing import Any

from cumulo.core import clock
from cumulo.core.db import Float, Integer, Json, Model, String, Uuid, When, column

WHOLE = 2147483647
"""The largest unit there can be: no limit."""
MOST = 2**62
"""More than anybody has: as much as clients and databases can count without thinking."""
_AMOUNTS = ("total", "reserved", "min_unit", "max_unit", "step_size", "allocation_ratio")


def amounts_of(inventory: Any) -> dict[str, Any]:
    """Return how much a provider has of a class, by the names that a row, a body and a contract share."""
    return {name: getattr(inventory, name) for name in _AMOUNTS}


class Provider(Model, table="placement_providers"):
    """Something that has resources. generation: grows with each change of what it has or is."""

    id: str = column(Uuid, key=True)
    name: str = column(String(200), unique=True)
    generation: int = column(Integer, default=0)
    parent_id: str | None = column(Uuid, default=None, references="placement_providers.id", index=True)
    root_id: str = column(Uuid, index=True)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)


class Stock(Model, table="placement_inventories"):
    """How much of a resource class a provider has."""

    provider_id: str = column(Uuid, key=True, references="placement_providers.id", on_delete="CASCADE")
    resource: str = column(String(255), key=True)
    total: int = column(Integer)
    reserved: int = column(Integer, default=0)
    min_unit: int = column(Integer, default=1)
    max_unit: int = column(Integer, default=WHOLE)
    step_size: int = column(Integer, default=1)
    allocation_ratio: float = column(Float, default=1.0)

    @classmethod
    def of(cls, provider_id: str, resource: str, inventory: Any) -> "Stock":
        """Return the row of what a provider has of a class."""
        return cls(provider_id=provider_id, resource=resource, **amounts_of(inventory))

    @property
    def capacity(self) -> int:
        """How much can be allocated in all; no more than a number can tell, whatever the ratio."""
        return int(min((self.total - self.reserved) * self.allocation_ratio, MOST))


class ProviderTrait(Model, table="placement_provider_traits"):
    """What a provider is, beyond amounts."""

    provider_id: str = column(Uuid, key=True, references="placement_providers.id", on_delete="CASCADE")
    trait: str = column(String(255), key=True)


class ProviderAggregate(Model, table="placement_provider_aggregates"):
    """That a provider is in an aggregate: a group that has nothing but its UUID."""

    provider_id: str = column(Uuid, key=True, references="placement_providers.id", on_delete="CASCADE")
    aggregate: str = column(Uuid, key=True, index=True)


class CustomTrait(Model, table="placement_traits"):
    """A trait that is not one of the standard ones."""

    name: str = column(String(255), key=True)


class CustomClass(Model, table="placement_resource_classes"):
    """A resource class that is not one of the standard ones."""

    name: str = column(String(255), key=True)


class Consumer(Model, table="placement_consumers"):
    """Who has allocations: a server, for example."""

    id: str = column(Uuid, key=True)
    project_id: str = column(String(255), index=True)
    user_id: str = column(String(255))
    kind: str | None = column(String(255), default=None)
    generation: int = column(Integer, default=0)


class Allocation(Model, table="placement_allocations"):
    """How much of a provider's resource class a consumer has."""

    consumer_id: str = column(Uuid, key=True, references="placement_consumers.id")
    provider_id: str = column(Uuid, key=True, references="placement_providers.id", index=True)
    resource: str = column(String(255), key=True)
    used: int = column(Integer)


class Serving(Model, table="placement_servings"):
    """Which provider serves one of a consumer's demands, and with how much: a part of its allocations."""

    consumer_id: str = column(Uuid, key=True, references="placement_consumers.id", on_delete="CASCADE")
    demand_id: str = column(String(64), key=True)
    provider_id: str = column(Uuid)
    resources: dict[str, int] = column(Json, default_factory=dict)
