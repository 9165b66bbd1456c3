"""What placement decides: who has room, who may take it, and what may be changed while it is used."""

import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy

from cumulo.core import clock
from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import Duplicate
from cumulo.services.placement import errors
from cumulo.services.placement.model import (
    Allocation,
    Consumer,
    CustomClass,
    CustomTrait,
    Provider,
    ProviderAggregate,
    ProviderTrait,
    Stock,
)
from cumulo.services.placement.standard_traits import TRAITS
from cumulo.services.placement.standards import CLASSES, spoken

CUSTOM = re.compile(r"CUSTOM_[A-Z0-9_]{1,248}")  # 255 letters in all

Amounts = Mapping[str, int]  # resource class → amount
Locked = TypeVar("Locked", Provider, Consumer)


@dataclass(frozen=True, slots=True)
class Room:
    """One resource class of a provider: its inventory and what of it is allocated."""

    stock: Stock
    used: int

    @property
    def free(self) -> int:
        """How much is left; negative when the inventory has shrunk below what is used."""
        return self.stock.capacity - self.used

    def gives(self, amount: int) -> bool:
        """Say whether one consumer can have this much: without the words of `objection`."""
        stock = self.stock
        return (
            stock.min_unit <= amount <= stock.max_unit
            and not amount % stock.step_size
            and amount <= self.free
        )

    def objection(self, amount: int) -> str | None:
        """Say why one consumer cannot have this much; None when it can."""
        stock, wanted = self.stock, spoken(self.stock.resource, amount)
        if amount > self.free:
            return f"lacks {wanted} ({max(self.free, 0)} of {stock.capacity} free)"
        if amount > stock.max_unit:
            return f"gives no {wanted} to one consumer (at most {stock.max_unit})"
        if amount < stock.min_unit:
            return f"gives no {wanted} to one consumer (at least {stock.min_unit})"
        if amount % stock.step_size:
            return f"gives {spoken(stock.resource)} in steps of {stock.step_size}, not {amount}"
        return None


Rooms = dict[str, dict[str, Room]]  # provider id → resource class → room


async def rooms(db: Reader, provider_ids: Collection[str] | None = None) -> Rooms:
    """Return the rooms of providers (all: None), by two queries."""
    stocked, allocated = [], []
    if provider_ids is not None:
        stocked.append(Stock.c.provider_id.in_(list(provider_ids)))
        allocated.append(Allocation.c.provider_id.in_(list(provider_ids)))
    usage = (
        sqlalchemy.select(
            Allocation.c.provider_id, Allocation.c.resource, sqlalchemy.func.sum(Allocation.c.used)
        )
        .where(*allocated)
        .group_by(Allocation.c.provider_id, Allocation.c.resource)
    )
    used = {(provider, resource): total for provider, resource, total in await db.rows(usage)}
    found: Rooms = {}
    for stock in await db.all(Stock, *stocked, order_by=[Stock.c.provider_id, Stock.c.resource]):
        room = Room(stock, used.get((stock.provider_id, stock.resource), 0))
        found.setdefault(stock.provider_id, {})[stock.resource] = room
    return found


async def traits(db: Reader, provider_ids: Collection[str] | None = None) -> dict[str, set[str]]:
    """Return the traits of providers (all: None)."""
    where = [] if provider_ids is None else [ProviderTrait.c.provider_id.in_(list(provider_ids))]
    found: dict[str, set[str]] = {}
    for row in await db.all(ProviderTrait, *where):
        found.setdefault(row.provider_id, set()).add(row.trait)
    return found


def objections(
    has: Mapping[str, Room],
    wanted: Amounts,
    is_: Collection[str] = (),
    required: Collection[str] = (),
    forbidden: Collection[str] = (),
) -> str | None:
    """Say in one clause all that speaks against a provider; None when nothing does."""
    found = []
    for resource, amount in wanted.items():
        room = has.get(resource)
        found.append(f"has no {spoken(resource)}" if room is None else room.objection(amount))
    found += [f"lacks the trait {name}" for name in sorted(required) if name not in is_]
    found += [f"has the trait {name}" for name in sorted(forbidden) if name in is_]
    return " and ".join(clause for clause in found if clause) or None


def less(has: Mapping[str, Room], taken: Amounts) -> dict[str, Room]:
    """Return what is left of rooms once these amounts are taken."""
    return {name: Room(room.stock, room.used + taken.get(name, 0)) for name, room in has.items()}


@dataclass(frozen=True)
class Verdict:
    """A provider, what it has, what it is, and what speaks against it."""

    provider: Provider
    rooms: Mapping[str, Room]
    traits: Collection[str]
    objection: str | None


async def judge(
    db: Reader, wanted: Amounts, required: Collection[str] = (), forbidden: Collection[str] = ()
) -> list[Verdict]:
    """Hold every provider that has an inventory against a request, by four queries."""
    wanted = {resource: amount for resource, amount in wanted.items() if amount}
    providers = await db.all(Provider, order_by=[Provider.c.name])
    has, is_ = await rooms(db), await traits(db)
    verdicts = []
    for provider in providers:
        own, named = has.get(provider.id, {}), is_.get(provider.id, set())
        objection = objections(own, wanted, named, required, forbidden)
        verdicts.append(Verdict(provider, own, named, objection))
    return verdicts


async def locked(db: Transaction, model: type[Locked], ids: Collection[str]) -> dict[str, Locked]:
    """Return rows by id, locked in the order of their ids, so that no two claims wait in a circle."""
    key = model.c.id
    statement = sqlalchemy.select(model.table).where(key.in_(ids)).order_by(key).with_for_update()
    return {row.id: row for row in await db.models(model, statement)}


async def touch(db: Transaction, provider_ids: Collection[str]) -> None:
    """Count providers' generations up."""
    await db.update(
        Provider,
        Provider.c.id.in_(list(provider_ids)),
        generation=Provider.c.generation + 1,
        updated_at=clock.now(),
    )


async def stock(db: Transaction, provider: Provider, stocks: Iterable[Stock], *, force: bool = False) -> None:
    """Make these a provider's whole inventory. InventoryInUse for one that goes but is allocated from.

    force: a host that reports itself is believed; what it lost stays allocated until it is given back.
    """
    wanted = {one.resource: one for one in stocks}
    known = {one.resource: one for one in await db.all(Stock, Stock.c.provider_id == provider.id)}
    gone = known.keys() - wanted.keys()
    if gone and not force:
        await _refuse_used(db, provider, gone)
    if gone:
        await db.delete(Stock, Stock.c.provider_id == provider.id, Stock.c.resource.in_(sorted(gone)))
    for resource, one in wanted.items():
        if resource not in known:
            await db.insert(one)
        elif known[resource] != one:
            await db.save(one)
    if wanted != known:
        await touch(db, [provider.id])
        provider.generation += 1


async def _refuse_used(db: Reader, provider: Provider, resources: Collection[str]) -> None:
    has = (await rooms(db, [provider.id])).get(provider.id, {})
    used = sorted(resource for resource in resources if has[resource].used)
    if used:
        raise errors.InventoryInUse(resources=", ".join(used), provider=provider.id)


async def describe(db: Transaction, provider: Provider, names: Collection[str]) -> None:
    """Make these a provider's whole traits."""
    known = {row.trait for row in await db.all(ProviderTrait, ProviderTrait.c.provider_id == provider.id)}
    gone, new = known - set(names), set(names) - known
    if gone:
        here = ProviderTrait.c.provider_id == provider.id
        await db.delete(ProviderTrait, here, ProviderTrait.c.trait.in_(sorted(gone)))
    rows = [ProviderTrait(provider_id=provider.id, trait=name) for name in sorted(new)]
    await db.insert_all(rows)
    if gone or new:
        await touch(db, [provider.id])
        provider.generation += 1


async def gather(
    db: Transaction, provider: Provider, aggregates: Collection[str], *, counted: bool = True
) -> None:
    """Make these all the aggregates that a provider is in. `counted`: as a change of its generation."""
    await db.delete(ProviderAggregate, ProviderAggregate.c.provider_id == provider.id)
    rows = [ProviderAggregate(provider_id=provider.id, aggregate=one) for one in sorted(set(aggregates))]
    await db.insert_all(rows)
    if counted:
        await touch(db, [provider.id])
        provider.generation += 1
    else:
        await db.update(Provider, Provider.c.id == provider.id, updated_at=clock.now())


async def remove(db: Transaction, provider: Provider) -> None:
    """Remove a provider with its inventories and traits. Conflict while it is used or has children."""
    if await db.exists(Allocation, Allocation.c.provider_id == provider.id):
        raise errors.ProviderInUse(provider=provider.id)
    if await db.exists(Provider, Provider.c.parent_id == provider.id):
        raise errors.ProviderHasChildren(provider=provider.id)
    await db.delete(Provider, Provider.c.id == provider.id)


async def unknown_classes(db: Reader, names: Iterable[str]) -> list[str]:
    """Return those names that are no resource class."""
    odd = sorted(set(names) - set(CLASSES))
    if not odd:
        return []
    known = {row.name for row in await db.all(CustomClass, CustomClass.c.name.in_(odd))}
    return [name for name in odd if name not in known]


async def unknown_traits(db: Reader, names: Iterable[str]) -> list[str]:
    """Return those names that are no trait."""
    odd = sorted(set(names) - TRAITS)
    if not odd:
        return []
    known = {row.name for row in await db.all(CustomTrait, CustomTrait.c.name.in_(odd))}
    return [name for name in odd if name not in known]


async def check_asked(db: Reader, classes: Iterable[str], traits: Iterable[str]) -> None:
    """Refuse questions after classes and traits that do not exist. BadQuery."""
    for name in await unknown_classes(db, classes):
        raise errors.BadQuery(name="resources", reason=f"there is no resource class {name}")
    for name in await unknown_traits(db, traits):
        raise errors.BadQuery(name="required", reason=f"there is no trait {name}")


async def add_traits(db: Transaction, names: Iterable[str]) -> None:
    """Make these traits exist."""
    await _add(db, [CustomTrait(name=name) for name in await unknown_traits(db, names)])


async def add_classes(db: Transaction, names: Iterable[str]) -> None:
    """Make these resource classes exist."""
    await _add(db, [CustomClass(name=name) for name in await unknown_classes(db, names)])


async def _add(db: Transaction, rows: Iterable[CustomTrait | CustomClass]) -> None:
    """Insert names; one that somebody else makes at the same time is as good."""
    for row in rows:
        with suppress(Duplicate):
            async with db.savepoint():
                await db.insert(row)
