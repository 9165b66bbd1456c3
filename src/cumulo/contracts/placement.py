"""What compute asks of placement."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from cumulo.core.db import Reader
from cumulo.core.work import Work


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a resource class a provider has."""

    total: int
    reserved: int = 0
    min_unit: int = 1
    max_unit: int = 2147483647
    step_size: int = 1
    allocation_ratio: float = 1.0


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A provider with room, and how much of each class it has left."""

    provider_id: str
    name: str
    free: Mapping[str, int]
    capacity: Mapping[str, int]
    traits: frozenset[str] = frozenset()


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a provider is no candidate: a clause such as `lacks 512 MiB of memory (has 128 of 2048 free)`."""

    name: str
    reason: str


class Placement(Protocol):
    """Inventories, allocations and candidates, in the caller's own transaction."""

    async def ensure_provider(
        self,
        work: Work,
        provider_id: str,
        name: str,
        inventories: Mapping[str, Inventory],
        traits: frozenset[str] = frozenset(),
    ) -> None:
        """Make the provider be so, whatever it was."""

    async def remove_provider(self, work: Work, provider_id: str) -> None:
        """Remove a provider; Conflict while it has allocations."""

    async def candidates(
        self,
        db: Reader,
        resources: Mapping[str, int],
        required: frozenset[str] = frozenset(),
        forbidden: frozenset[str] = frozenset(),
    ) -> tuple[list[Candidate], list[Refusal]]:
        """Return providers with room for `resources`, and for all others why not."""

    async def claim(
        self,
        work: Work,
        consumer_id: str,
        provider_id: str,
        resources: Mapping[str, int],
        *,
        project_id: str,
        user_id: str,
    ) -> None:
        """Allocate, replacing what the consumer had; Conflict when there is no room any more."""

    async def transfer(self, work: Work, consumer_id: str, other_id: str) -> None:
        """Give all that the consumer has to another, in place of what that has; nothing changes nothing."""

    async def release(self, work: Work, consumer_id: str) -> None:
        """Give back all that the consumer has; nothing to give back is no error."""
