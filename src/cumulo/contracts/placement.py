"""What compute and the network service ask of placement."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from cumulo.core.db import Reader, Transaction
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


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What a consumer wants beside its own size, all of it of one provider in its host's tree.

    `required` are traits of that provider, `forbidden` what it must not have. Demands of one `subtree` are
    served by providers of which one is above the others. Where one is to be `apart`, each of all that are
    claimed with it is served by another provider. One that is `fixed` stays as it is as long as the claim: it
    cannot be adjusted, and nobody is told who serves it.
    """

    id: str
    resources: dict[str, int]
    required: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    subtree: str = ""
    apart: bool = False
    fixed: bool = False


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """A provider below a host's: below that one itself, or below the child named `parent`."""

    name: str
    parent: str | None = None
    inventories: dict[str, Inventory] = {}
    traits: frozenset[str] = frozenset()


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
        """Remove a provider and all below it; Conflict while one has allocations."""

    async def below(self, db: Reader, mark: str) -> Mapping[str, Mapping[str, Child]]:
        """Return the providers below hosts' whose name begins with `HOST:mark`, by host and their names."""

    async def keep_below(self, db: Transaction, host: str, mark: str, children: Sequence[Child]) -> None:
        """Make these all there is of `mark` below a host's provider; a host that is not there has none.

        Of one that goes but is allocated from, only what it has goes.
        """

    async def candidates(
        self,
        db: Reader,
        resources: Mapping[str, int],
        required: frozenset[str] = frozenset(),
        forbidden: frozenset[str] = frozenset(),
        demands: Sequence[Demand] = (),
    ) -> tuple[list[Candidate], list[Refusal]]:
        """Return providers with room for `resources`, and for all others why not.

        What is below a provider must have room for the demands.
        """

    async def claim(
        self,
        work: Work,
        consumer_id: str,
        provider_id: str,
        resources: Mapping[str, int],
        *,
        project_id: str,
        user_id: str,
        demands: Sequence[Demand] = (),
    ) -> None:
        """Allocate, replacing what the consumer had; Conflict when there is no room any more."""

    async def extend(self, work: Work, consumer_id: str, host: str, demands: Sequence[Demand]) -> None:
        """Allocate more to a consumer on a host; Conflict when there is no room for it."""

    async def served(self, db: Reader, consumer_id: str) -> Mapping[str, str]:
        """Return which provider serves each of a consumer's demands, by their ids."""

    async def adjust(self, work: Work, consumer_id: str, wanted: Mapping[str, Mapping[str, int]]) -> None:
        """Give a consumer's demands other amounts, where they are served; Conflict when there is no room.

        By demands' ids. Nothing ends a demand; one that is not served is left alone.
        """

    async def transfer(self, work: Work, consumer_id: str, other_id: str) -> None:
        """Give all that the consumer has to another, in place of what that has; nothing changes nothing."""

    async def release(self, work: Work, consumer_id: str) -> None:
        """Give back all that the consumer has; nothing to give back is no error."""
