"""Who has what of providers: claims, which give a consumer exactly this in place of what it had."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cumulo.core.db import Transaction
from cumulo.core.errors import Duplicate
from cumulo.services.placement import domain, errors
from cumulo.services.placement.domain import Amounts
from cumulo.services.placement.model import Allocation, Consumer, Provider, Serving


@dataclass(frozen=True, kw_only=True)
class Claimant:
    """Who wants allocations. generation: what it must be now; None: it must be new; -1: either way."""

    id: str
    project_id: str
    user_id: str
    kind: str | None = None
    generation: int | None = -1


Claim = tuple[Claimant, Mapping[str, Amounts]]  # who, and what of each provider


async def allocate(db: Transaction, claimant: Claimant, wanted: Mapping[str, Amounts]) -> None:
    """Give a consumer exactly this (provider id → amounts), in place of what it had. Raises as `place`."""
    await place(db, await clear(db, [(claimant, wanted)]))


@dataclass(frozen=True)
class Cleared:
    """Claims whose consumers have nothing now, these as they were, and all providers concerned: locked."""

    claims: Sequence[Claim]
    consumers: Mapping[str, Consumer]
    had: Collection[str]  # ids of providers that gave something
    providers: Mapping[str, Provider]


async def clear(db: Transaction, claims: Sequence[Claim], also: Collection[str] = ()) -> Cleared:
    """Take from the consumers of claims all that they have, so that they may change places. Outdated.

    Consumers are locked before providers, each in the order of their ids, by all who change allocations: so
    no claim is made in ignorance of another, no two see the same room, and none wait in a circle. `also`:
    further providers.
    """
    ids = [claimant.id for claimant, _ in claims]
    consumers = await domain.locked(db, Consumer, ids)
    for claimant, _ in claims:
        check_generation(claimant, consumers.get(claimant.id))
    held = Allocation.c.consumer_id.in_(ids)
    had = {row.provider_id for row in await db.all(Allocation, held)} if consumers else set[str]()
    asked = {provider_id for _, wanted in claims for provider_id in wanted}
    providers = await domain.locked(db, Provider, {*had, *asked, *also})
    if had:
        await db.delete(Allocation, held)
        await db.delete(Serving, Serving.c.consumer_id.in_(ids))
    return Cleared(claims, consumers, had, providers)


async def lone(db: Transaction, consumer_id: str) -> Consumer | None:
    """Return a consumer, whose allocations nobody else changes until the commit."""
    return await db.one(Consumer, Consumer.c.id == consumer_id, for_update=True)


async def place(db: Transaction, cleared: Cleared) -> None:
    """Give consumers what they claim. Raises ProviderNotFound, NoRoom, or Outdated."""
    asked = {provider_id for _, wanted in cleared.claims for provider_id in wanted}
    has = await domain.rooms(db, sorted(asked))
    for claimant, wanted in cleared.claims:
        for provider_id, amounts in wanted.items():
            if provider_id not in cleared.providers:
                raise errors.ProviderNotFound(id=provider_id)
            own = has.get(provider_id, {})
            objection = domain.objections(own, amounts)
            if objection is not None:
                raise errors.NoRoom(provider=cleared.providers[provider_id].name, reason=objection)
            has[provider_id] = domain.less(own, amounts)
        await _write(db, claimant, cleared.consumers.get(claimant.id), wanted)
    if touched := asked | set(cleared.had):
        await domain.touch(db, touched)


async def _write(
    db: Transaction, claimant: Claimant, known: Consumer | None, wanted: Mapping[str, Amounts]
) -> None:
    if not any(wanted.values()):
        await db.delete(Consumer, Consumer.c.id == claimant.id)
        return
    consumer = Consumer(
        id=claimant.id,
        project_id=claimant.project_id,
        user_id=claimant.user_id,
        kind=known.kind if claimant.kind is None and known is not None else claimant.kind,
        generation=1 if known is None else known.generation + 1,
    )
    if known is None:
        await _insert(db, consumer)
    else:
        await db.save(consumer)
    await db.insert_all(
        [
            Allocation(consumer_id=consumer.id, provider_id=provider, resource=resource, used=used)
            for provider, amounts in wanted.items()
            for resource, used in amounts.items()
            if used
        ]
    )


async def _insert(db: Transaction, consumer: Consumer) -> None:
    try:
        await db.insert(consumer)
    except Duplicate as error:  # nobody can lock what is not there yet
        raise errors.Outdated(what=f"consumer {consumer.id}", actual=1, given=None) from error


def check_generation(claimant: Claimant, consumer: Consumer | None) -> None:
    """Refuse a claim that was made in ignorance of a later one."""
    actual = None if consumer is None else consumer.generation
    if claimant.generation not in (-1, actual):
        what = f"consumer {claimant.id}"
        raise errors.Outdated(what=what, actual=actual, given=claimant.generation)


async def release(db: Transaction, consumer_id: str) -> int:
    """Give back all that a consumer has; return how many allocations that was."""
    if await lone(db, consumer_id) is None:
        return 0
    of_it = Allocation.c.consumer_id == consumer_id
    providers = sorted({row.provider_id for row in await db.all(Allocation, of_it)})
    if len(providers) > 1:
        await domain.locked(db, Provider, providers)
    count = await db.delete(Allocation, of_it)
    if providers:
        await domain.touch(db, providers)
    await db.delete(Consumer, Consumer.c.id == consumer_id)
    return count


async def transfer(db: Transaction, consumer_id: str, other_id: str) -> None:
    """Give all that a consumer has to another one, in place of what that has; nothing changes nothing."""
    known = (await domain.locked(db, Consumer, [consumer_id, other_id])).get(consumer_id)
    if known is None:
        return
    await release(db, other_id)
    kind = "INSTANCE" if known.kind == "MIGRATION" else "MIGRATION"
    owner = {"project_id": known.project_id, "user_id": known.user_id}
    await db.insert(Consumer(id=other_id, kind=kind, generation=1, **owner))
    await db.update(Allocation, Allocation.c.consumer_id == consumer_id, consumer_id=other_id)
    await db.update(Serving, Serving.c.consumer_id == consumer_id, consumer_id=other_id)
    await db.delete(Consumer, Consumer.c.id == consumer_id)
