"""What other services keep below hosts' providers: each marks its own by a word in their names."""

import uuid
from collections.abc import Mapping, Sequence

from cumulo.contracts.placement import Child, Inventory
from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import Conflict
from cumulo.services.placement import domain
from cumulo.services.placement.model import Provider, Stock, amounts_of


async def below(db: Reader, mark: str) -> dict[str, dict[str, Child]]:
    """Return the marked providers below each host's, as they are now: by four queries."""
    named = Provider.c.name.contains(f":{mark}", autoescape=True)
    rows = await db.all(Provider, Provider.c.parent_id.is_not(None), named)
    if not rows:
        return {}
    roots = await db.all(Provider, Provider.c.id.in_(sorted({row.root_id for row in rows})))
    hosts = {root.id: root.name for root in roots}
    names = {row.id: row.name for row in rows}
    ids = list(names)
    stocked, traits = await domain.rooms(db, ids), await domain.traits(db, ids)
    found: dict[str, dict[str, Child]] = {}
    for row in rows:
        found.setdefault(hosts[row.root_id], {})[row.name] = Child(
            name=row.name,
            parent=names.get(row.parent_id or ""),
            inventories={name: inventory(room.stock) for name, room in stocked.get(row.id, {}).items()},
            traits=frozenset(traits.get(row.id, ())),
        )
    return found


async def keep_below(db: Transaction, host: str, mark: str, children: Sequence[Child]) -> None:
    """Make these all the marked providers below a host's. Parents come before what is below them."""
    root = await db.one(Provider, Provider.c.name == host, Provider.c.parent_id.is_(None), for_update=True)
    if root is None:
        return
    named = Provider.c.name.contains(f":{mark}", autoescape=True)  # whatever the host was called then
    here = {row.name: row for row in await db.all(Provider, Provider.c.root_id == root.id, named)}
    for child in children:
        parent = here[child.parent] if child.parent is not None else root
        here[child.name] = await _ensure(db, here.get(child.name), child, parent)
        await fill(db, here[child.name], child.inventories, child.traits)
    wanted = {child.name for child in children}
    for name in sorted(here.keys() - wanted, reverse=True):  # what is below another is named after it
        await _drop(db, here[name])


async def _ensure(db: Transaction, provider: Provider | None, child: Child, parent: Provider) -> Provider:
    if provider is None:
        id_ = str(uuid.uuid5(uuid.UUID(parent.root_id), child.name))
        provider = Provider(id=id_, name=child.name, parent_id=parent.id, root_id=parent.root_id)
        await db.insert(provider)
    return provider


async def _drop(db: Transaction, provider: Provider) -> None:
    """Remove a provider; one that is used, or has others below it, is left empty until it is not."""
    try:
        await domain.remove(db, provider)
    except Conflict:
        await domain.stock(db, provider, (), force=True)


async def fill(
    db: Transaction, provider: Provider, inventories: Mapping[str, Inventory], traits: frozenset[str]
) -> None:
    """Make these what a provider has and is, whatever is used of it."""
    await domain.add_classes(db, inventories)
    await domain.add_traits(db, traits)
    stocks = [Stock.of(provider.id, name, one) for name, one in inventories.items()]
    await domain.stock(db, provider, stocks, force=True)
    await domain.describe(db, provider, traits)


async def remove_tree(db: Transaction, root: Provider) -> None:
    """Remove a provider and all below it. Conflict while one is used."""
    rows = {row.id: row for row in await db.all(Provider, Provider.c.root_id == root.root_id)}
    of = {id_: [row for row in rows.values() if row.parent_id == id_] for id_ in rows}

    async def remove(provider: Provider) -> None:
        for child in of[provider.id]:
            await remove(child)
        await domain.remove(db, provider)

    await remove(root)


def inventory(row: Stock) -> Inventory:
    """Return what a row says of an inventory."""
    return Inventory(**amounts_of(row))
