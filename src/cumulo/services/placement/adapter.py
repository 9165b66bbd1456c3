"""Placement's face to the other services."""

from collections.abc import Mapping

from cumulo.contracts.placement import Candidate, Inventory, Refusal
from cumulo.core.db import Reader
from cumulo.core.errors import Conflict
from cumulo.core.work import Work
from cumulo.services.placement import domain, errors
from cumulo.services.placement.model import Provider, Stock


class PlacementAdapter:
    """Fulfils `cumulo.contracts.placement.Placement`, in the caller's transaction."""

    async def ensure_provider(
        self,
        work: Work,
        provider_id: str,
        name: str,
        inventories: Mapping[str, Inventory],
        traits: frozenset[str] = frozenset(),
    ) -> None:
        """Make the provider be so, whatever it was."""
        db = work.db
        provider = await db.one(Provider, Provider.c.id == provider_id, for_update=True)
        if provider is None:
            provider = Provider(id=provider_id, name=name, root_id=provider_id)
            await db.insert(provider)
        elif provider.name != name:
            provider.name = name
            await db.save(provider, "name")
        await domain.add_classes(db, inventories)
        await domain.add_traits(db, traits)
        stocks = [
            Stock(
                provider_id=provider_id,
                resource=resource,
                total=inventory.total,
                reserved=inventory.reserved,
                min_unit=inventory.min_unit,
                max_unit=inventory.max_unit,
                step_size=inventory.step_size,
                allocation_ratio=inventory.allocation_ratio,
            )
            for resource, inventory in inventories.items()
        ]
        await domain.stock(db, provider, stocks, force=True)
        await domain.describe(db, provider, traits)

    async def remove_provider(self, work: Work, provider_id: str) -> None:
        """Remove a provider; Conflict while it has allocations."""
        provider = await work.db.get(Provider, provider_id)
        if provider is not None:
            await domain.remove(work.db, provider)

    async def candidates(
        self,
        db: Reader,
        resources: Mapping[str, int],
        required: frozenset[str] = frozenset(),
        forbidden: frozenset[str] = frozenset(),
    ) -> tuple[list[Candidate], list[Refusal]]:
        """Return providers with room for `resources`, and for all others why not."""
        found, refused = [], []
        for verdict in await domain.judge(db, resources, required, forbidden):
            provider = verdict.provider
            if verdict.objection is not None:
                refused.append(Refusal(name=provider.name, reason=verdict.objection))
                continue
            candidate = Candidate(
                provider_id=provider.id,
                name=provider.name,
                free={name: room.free for name, room in verdict.rooms.items()},
                capacity={name: room.stock.capacity for name, room in verdict.rooms.items()},
                traits=frozenset(verdict.traits),
            )
            found.append(candidate)
        return found, refused

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
        """Allocate, replacing what the consumer had; Conflict when there is no room any more.

        The transaction goes on after the Conflict: the caller may claim elsewhere.
        """
        wanted = {name: amount for name, amount in resources.items() if amount}
        claimant = domain.Claimant(id=consumer_id, project_id=project_id, user_id=user_id, kind="INSTANCE")
        async with work.db.savepoint():
            try:
                await domain.allocate(work.db, claimant, {provider_id: wanted})
            except errors.ProviderNotFound as error:
                raise Conflict(str(error)) from error

    async def transfer(self, work: Work, consumer_id: str, other_id: str) -> None:
        """Give all that the consumer has to another, in place of what that has; nothing changes nothing."""
        await domain.transfer(work.db, consumer_id, other_id)

    async def release(self, work: Work, consumer_id: str) -> None:
        """Give back all that the consumer has; nothing to give back is no error."""
        await domain.release(work.db, consumer_id)
