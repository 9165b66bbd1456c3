"""Demands beside a server's own size: each is served by one provider in the tree of the server's host.

Which one is kept (`Serving`) with what it gives of the demand, so that a demand can change, or end, without
the rest of its consumer's allocations being known.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from cumulo.contracts.placement import Demand
from cumulo.core.db import Transaction
from cumulo.services.placement import claims, domain, errors, trees
from cumulo.services.placement.domain import Amounts, Room
from cumulo.services.placement.model import Allocation, Consumer, Provider, Serving
from cumulo.services.placement.standards import spoken
from cumulo.services.placement.trees import Landscape

Served = Mapping[str, str]  # demand → provider


def seen(verdicts: Sequence[domain.Verdict]) -> Landscape:
    """Return the landscape that a judgement has looked at."""
    return Landscape(
        {verdict.provider.id: verdict.provider for verdict in verdicts},
        {verdict.provider.id: dict(verdict.rooms) for verdict in verdicts},
        {verdict.provider.id: set(verdict.traits) for verdict in verdicts},
        {},
    )


async def tree(db: Transaction, root_id: str) -> Landscape:
    """Return the landscape of one tree, of which nobody else takes until the commit."""
    ids = [row.id for row in await db.all(Provider, Provider.c.root_id == root_id)]
    found = await domain.locked(db, Provider, ids)
    providers = dict(sorted(found.items(), key=lambda item: item[1].name))
    return Landscape(providers, await domain.rooms(db, ids), await domain.traits(db, ids), {})


def choose(land: Landscape, root_id: str, demands: Sequence[Demand], own: Amounts) -> Served | None:
    """Return which providers of a tree could serve all the demands at once; None when they cannot.

    own: what the consumer takes of the tree's root besides.
    """
    if not demands:
        return {}
    members = {provider.id: provider for provider in land.trees.get(root_id, ())}
    rooms = {id_: land.rooms.get(id_, {}) for id_ in members}
    rooms[root_id] = domain.less(rooms.get(root_id, {}), own)
    alone = Landscape(members, rooms, land.traits, {})
    groups = [
        trees.Group(
            suffix=demand.id,
            resources=demand.resources,
            required=tuple(frozenset({name}) for name in sorted(demand.required)),
            forbidden=demand.forbidden,
        )
        for demand in demands
    ]
    together: dict[str, set[str]] = {}
    for demand in demands:
        if demand.subtree:
            together.setdefault(demand.subtree, set()).add(demand.id)
    subtrees = [frozenset(ids) for ids in together.values() if len(ids) > 1]
    apart = any(demand.apart for demand in demands)
    request = trees.Request(groups=groups, subtrees=subtrees, isolate=apart, limit=1)
    found = trees.ways(alone, request)
    return {suffix: ids[0] for suffix, ids in found[0].mappings.items()} if found else None


def objection(
    land: Landscape, root_id: str, demands: Sequence[Demand], own: Amounts | None = None
) -> str | None:
    """Say in one clause why a tree cannot serve the demands beside what its root gives; None when it can."""
    own = own or {}
    if choose(land, root_id, demands, own) is not None:
        return None
    for demand in demands:
        if choose(land, root_id, [demand], own) is None:
            return f"cannot promise {_spoken(demand.resources)}{_kind(demand)}"
    how = "at once by different providers" if any(demand.apart for demand in demands) else "at once"
    return f"cannot promise {' and '.join(_spoken(demand.resources) for demand in demands)} {how}"


def _kind(demand: Demand) -> str:
    """Return what the provider of a demand must be, and must not, for operators."""
    words = [*sorted(demand.required), *(f"not {name}" for name in sorted(demand.forbidden))]
    return f" ({', '.join(words)})" if words else ""


async def chosen(
    db: Transaction, root_id: str, demands: Sequence[Demand], own: Amounts | None = None
) -> Served:
    """Return which providers of a tree serve the demands beside what is taken of its root. NoRoom.

    The consumer is locked already where there are demands, for this locks providers.
    """
    if not demands:
        return {}
    land = await tree(db, root_id)
    served = choose(land, root_id, demands, own or {})
    if served is None:
        name = land.providers[root_id].name if root_id in land.providers else root_id
        raise errors.NoRoom(provider=name, reason=objection(land, root_id, demands, own))
    return served


def _spoken(amounts: Amounts) -> str:
    return " and ".join(spoken(name, amount) for name, amount in sorted(amounts.items()))


def joined(amounts: Mapping[str, Amounts], demands: Sequence[Demand], served: Served) -> dict[str, Amounts]:
    """Return amounts by provider, with those of the demands."""
    found = {id_: Counter(dict(has)) for id_, has in amounts.items()}
    for demand in demands:
        found.setdefault(served[demand.id], Counter()).update(demand.resources)
    return {id_: dict(has) for id_, has in found.items()}


async def note(db: Transaction, consumer_id: str, demands: Sequence[Demand], served: Served) -> None:
    """Write down who serves demands that were allocated and may change."""
    rows = [
        Serving(
            consumer_id=consumer_id,
            demand_id=demand.id,
            provider_id=served[demand.id],
            resources=demand.resources,
        )
        for demand in demands
        if not demand.fixed
    ]
    await db.insert_all(rows)


async def extend(db: Transaction, consumer_id: str, root: Provider, demands: Sequence[Demand]) -> None:
    """Allocate more to a consumer, in a tree. NoRoom."""
    served = await chosen(db, root.id, demands)
    await db.insert_all(
        [
            Serving(consumer_id=consumer_id, demand_id=demand.id, provider_id=served[demand.id])
            for demand in demands
        ]
    )
    await adjust(db, consumer_id, {demand.id: demand.resources for demand in demands})


async def adjust(db: Transaction, consumer_id: str, wanted: Mapping[str, Amounts]) -> None:
    """Give demands that are served other amounts; nothing ends them. NoRoom."""
    await claims.lone(db, consumer_id)
    mine = (Serving.c.consumer_id == consumer_id, Serving.c.demand_id.in_(sorted(wanted)))
    changed = [row for row in await db.all(Serving, *mine) if row.resources != wanted[row.demand_id]]
    if not changed:
        return
    providers = await domain.locked(db, Provider, {row.provider_id for row in changed})
    more: dict[str, Counter[str]] = {}
    for row in changed:
        of = more.setdefault(row.provider_id, Counter())
        of.update(wanted[row.demand_id])
        of.subtract(row.resources)
    await _allocate_more(db, consumer_id, providers, more)
    for row in changed:
        row.resources = dict(wanted[row.demand_id])
        if row.resources:
            await db.save(row, "resources")
        else:
            await db.delete(Serving, *mine, Serving.c.demand_id == row.demand_id)
    await db.update(Consumer, Consumer.c.id == consumer_id, generation=Consumer.c.generation + 1)
    await domain.touch(db, list(more))


async def _allocate_more(
    db: Transaction, consumer_id: str, providers: Mapping[str, Provider], more: Mapping[str, Amounts]
) -> None:
    """Change a consumer's allocations by these amounts, which may be negative. NoRoom."""
    rooms = await domain.rooms(db, list(more))
    held = (Allocation.c.consumer_id == consumer_id, Allocation.c.provider_id.in_(list(more)))
    has = {(row.provider_id, row.resource): row.used for row in await db.all(Allocation, *held)}
    for provider_id, amounts in more.items():
        for resource, amount in amounts.items():
            before = has.get((provider_id, resource), 0)
            if amount > 0:
                room = rooms.get(provider_id, {}).get(resource)
                reason = _reason(room, resource, before, amount)
                if reason is not None:
                    raise errors.NoRoom(provider=providers[provider_id].name, reason=reason)
            one = Allocation(
                consumer_id=consumer_id, provider_id=provider_id, resource=resource, used=before + amount
            )
            await _write(db, one, new=not before)


def _reason(room: Room | None, resource: str, before: int, amount: int) -> str | None:
    """Say why a consumer cannot have this much more of a resource; None when it can."""
    if room is None:
        return f"has no {spoken(resource)}"
    return Room(room.stock, room.used - before).objection(before + amount)


async def _write(db: Transaction, one: Allocation, *, new: bool) -> None:
    """Write what a consumer has of a resource now, perhaps nothing."""
    if one.used > 0 and new:
        await db.insert(one)
    elif one.used > 0:
        await db.save(one, "used")
    elif not new:
        key = Allocation.c
        of_it = (key.consumer_id == one.consumer_id, key.provider_id == one.provider_id)
        await db.delete(Allocation, *of_it, key.resource == one.resource)
