"""Placement's face to the other services."""

from collections.abc import Mapping, Sequence

from cumulo.contracts.placement import Candidate, Child, Demand, Inventory, Refusal
from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import Conflict
from cumulo.core.work import Work
from cumulo.services.placement import claims, domain, errors, granular, nested
from cumulo.services.placement.model import Provider, Serving


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
        await nested.fill(db, provider, inventories, traits)

    async def remove_provider(self, work: Work, provider_id: str) -> None:
        """Remove a provider and all below it; Conflict while one has allocations."""
        provider = await work.db.get(Provider, provider_id)
        if provider is not None:
            await nested.remove_tree(work.db, provider)

    async def below(self, db: Reader, mark: str) -> Mapping[str, Mapping[str, Child]]:
        """Return the providers below hosts' that are marked so, by host and their names."""
        return await nested.below(db, mark)

    async def keep_below(self, db: Transaction, host: str, mark: str, children: Sequence[Child]) -> None:
        """Make these all there is of `mark` below a host's provider."""
        await nested.keep_below(db, host, mark, children)

    async def candidates(
        self,
        db: Reader,
        resources: Mapping[str, int],
        required: frozenset[str] = frozenset(),
        forbidden: frozenset[str] = frozenset(),
        demands: Sequence[Demand] = (),
    ) -> tuple[list[Candidate], list[Refusal]]:
        """Return providers with room for `resources`, and for all others why not."""
        found, refused = [], []
        verdicts = await domain.judge(db, resources, required, forbidden)
        land = granular.seen(verdicts) if demands else None
        for verdict in verdicts:
            provider, objection = verdict.provider, verdict.objection
            if land is not None and objection is None:
                objection = granular.objection(land, provider.id, demands, resources)
            if objection is not None:
                refused.append(Refusal(name=provider.name, reason=objection))
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
        demands: Sequence[Demand] = (),
    ) -> None:
        """Allocate, replacing what the consumer had; Conflict when there is no room any more.

        The transaction goes on after the Conflict: the caller may claim elsewhere.
        """
        wanted = {name: amount for name, amount in resources.items() if amount}
        claimant = claims.Claimant(id=consumer_id, project_id=project_id, user_id=user_id, kind="INSTANCE")
        async with work.db.savepoint():
            try:
                if demands:
                    await claims.lone(work.db, consumer_id)
                served = await granular.chosen(work.db, provider_id, demands, wanted)
                amounts = granular.joined({provider_id: wanted}, demands, served)
                await claims.allocate(work.db, claimant, amounts)
                await granular.note(work.db, consumer_id, demands, served)
            except errors.ProviderNotFound as error:
                raise Conflict(str(error)) from error

    async def extend(self, work: Work, consumer_id: str, host: str, demands: Sequence[Demand]) -> None:
        """Allocate more to a consumer on a host; Conflict when there is no room for it."""
        root = await work.db.one(Provider, Provider.c.name == host, Provider.c.parent_id.is_(None))
        if root is None or await claims.lone(work.db, consumer_id) is None:
            raise Conflict(f"{consumer_id} has nothing on host {host}.")
        await granular.extend(work.db, consumer_id, root, demands)

    async def served(self, db: Reader, consumer_id: str) -> Mapping[str, str]:
        """Return which provider serves each of a consumer's demands, by their ids."""
        rows = await db.all(Serving, Serving.c.consumer_id == consumer_id)
        return {row.demand_id: row.provider_id for row in rows}

    async def adjust(self, work: Work, consumer_id: str, wanted: Mapping[str, Mapping[str, int]]) -> None:
        """Give a consumer's demands other amounts, where they are served."""
        await granular.adjust(work.db, consumer_id, wanted)

    async def transfer(self, work: Work, consumer_id: str, other_id: str) -> None:
        """Give all that the consumer has to another, in place of what that has; nothing changes nothing."""
        await claims.transfer(work.db, consumer_id, other_id)

    async def release(self, work: Work, consumer_id: str) -> None:
        """Give back all that the consumer has; nothing to give back is no error."""
        await claims.release(work.db, consumer_id)
