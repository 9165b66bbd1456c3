"""What a provider has and is: inventories, usages, traits, and who has what of it."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy
from msgspec import UNSET

from cumulo.core.http import Ctx, Response
from cumulo.core.microversions import parse
from cumulo.services.placement import domain, errors, policy
from cumulo.services.placement.api.dialect import reached
from cumulo.services.placement.api.freshness import dated
from cumulo.services.placement.api.providers import providers
from cumulo.services.placement.model import Allocation, Consumer, Provider, ProviderTrait, Stock
from cumulo.services.placement.schema import (
    InventoryCreate,
    InventorySet,
    InventoryUpdate,
    TraitSet,
    inventory_shape,
)

PROVIDERS = providers
"""Resource providers, with what hangs on them here."""

GENERATION = "resource_provider_generation"
WHOLLY_RESERVED, CONSUMERS_GENERATIONS = parse("1.26"), parse("1.28")


async def whole(ctx: Ctx, provider: Provider) -> dict[str, Any]:
    """Return a provider's inventories with its generation."""
    order = [Stock.c.resource]
    stocks = await ctx.db.all(Stock, Stock.c.provider_id == provider.id, order_by=order)
    shapes = {stock.resource: inventory_shape(stock) for stock in stocks}
    return {GENERATION: provider.generation, "inventories": shapes}


def check(provider: Provider, generation: int) -> None:
    """Refuse a change made in ignorance of a later one."""
    if generation != provider.generation:
        what = f"resource provider {provider.id}"
        raise errors.Outdated(what=what, actual=provider.generation, given=generation)


async def check_stocks(ctx: Ctx, provider: Provider, stocks: Mapping[str, Stock]) -> None:
    """Refuse classes that do not exist, and reserving more than there is."""
    for name in await domain.unknown_classes(ctx.db, stocks):
        raise errors.UnknownClass(provider=provider.id, name=name)
    least = 0 if reached(ctx, WHOLLY_RESERVED) else 1
    for stock in stocks.values():
        if stock.capacity < least:
            raise errors.BadInventory(resource=stock.resource, provider=provider.id)


@providers.member("GET", "/inventories", policy=policy.LIST_INVENTORIES)
@dated
async def list_inventories(ctx: Ctx, provider: Provider) -> dict[str, Any]:
    """List a provider's inventories."""
    return await whole(ctx, provider)


@providers.member("PUT", "/inventories", policy=policy.UPDATE_INVENTORY)
async def set_inventories(ctx: Ctx, provider: Provider, body: InventorySet) -> dict[str, Any]:
    """Set a provider's whole inventory."""
    check(provider, body.generation)
    stocks = {name: Stock.of(provider.id, name, amounts) for name, amounts in body.inventories.items()}
    await check_stocks(ctx, provider, stocks)
    await domain.stock(ctx.db, provider, stocks.values())
    return await whole(ctx, provider)


@providers.member("POST", "/inventories", policy=policy.CREATE_INVENTORY, status=201)
async def add_inventory(ctx: Ctx, provider: Provider, body: InventoryCreate) -> Response:
    """Add one class to a provider's inventory. InventoryExists; Outdated by a generation that is given."""
    check(provider, provider.generation if body.generation is UNSET else body.generation)
    name = body.resource_class
    stocks = await others(ctx, provider, "")
    if name in stocks:
        raise errors.InventoryExists(resource=name, provider=provider.id)
    stocks[name] = Stock.of(provider.id, name, body)
    await check_stocks(ctx, provider, {name: stocks[name]})
    await domain.stock(ctx.db, provider, stocks.values())
    location = f"{ctx.base_url}/resource_providers/{provider.id}/inventories/{name}"
    return Response(201, await one(ctx, provider, name), {"Location": location})


@providers.member("DELETE", "/inventories", policy=policy.DELETE_INVENTORY, status=204, since="1.5")
async def delete_inventories(ctx: Ctx, provider: Provider) -> None:
    """Take all inventories from a provider."""
    await domain.stock(ctx.db, provider, [])


@providers.member("GET", "/inventories/{resource_class}", policy=policy.SHOW_INVENTORY)
@dated
async def show_inventory(ctx: Ctx, provider: Provider, resource_class: str) -> dict[str, Any]:
    """Show one class of a provider's inventory."""
    return await one(ctx, provider, resource_class)


async def one(ctx: Ctx, provider: Provider, resource_class: str) -> dict[str, Any]:
    """Return one class of a provider's inventory. InventoryNotFound."""
    stock = await ctx.db.get(Stock, (provider.id, resource_class))
    if stock is None:
        raise errors.InventoryNotFound(resource=resource_class, provider=provider.id)
    return {GENERATION: provider.generation, **inventory_shape(stock)}


@providers.member("PUT", "/inventories/{resource_class}", policy=policy.UPDATE_INVENTORY)
async def set_inventory(
    ctx: Ctx, provider: Provider, resource_class: str, body: InventoryUpdate
) -> dict[str, Any]:
    """Set one class of a provider's inventory."""
    check(provider, body.generation)
    stocks = await others(ctx, provider, "")
    if resource_class not in stocks:
        raise errors.NoSuchInventory(resource=resource_class, provider=provider.id)
    stocks[resource_class] = Stock.of(provider.id, resource_class, body)
    await check_stocks(ctx, provider, {resource_class: stocks[resource_class]})
    await domain.stock(ctx.db, provider, stocks.values())
    return await one(ctx, provider, resource_class)


@providers.member("DELETE", "/inventories/{resource_class}", policy=policy.DELETE_INVENTORY, status=204)
async def delete_inventory(ctx: Ctx, provider: Provider, resource_class: str) -> None:
    """Take one class from a provider's inventory."""
    await one(ctx, provider, resource_class)
    await domain.stock(ctx.db, provider, (await others(ctx, provider, resource_class)).values())


async def others(ctx: Ctx, provider: Provider, resource_class: str) -> dict[str, Stock]:
    """Return a provider's inventories but one."""
    stocks = await ctx.db.all(Stock, Stock.c.provider_id == provider.id)
    return {stock.resource: stock for stock in stocks if stock.resource != resource_class}


@providers.member("GET", "/usages", policy=policy.PROVIDER_USAGES)
@dated
async def provider_usages(ctx: Ctx, provider: Provider) -> dict[str, Any]:
    """Show how much of a provider is used."""
    rooms = (await domain.rooms(ctx.db, [provider.id])).get(provider.id, {})
    used = {name: room.used for name, room in rooms.items()}
    return {GENERATION: provider.generation, "usages": used}


@providers.member("GET", "/traits", policy=policy.LIST_PROVIDER_TRAITS, since="1.6")
@dated
async def provider_traits(ctx: Ctx, provider: Provider) -> dict[str, Any]:
    """List a provider's traits."""
    return await traits_of(ctx, provider)


async def traits_of(ctx: Ctx, provider: Provider) -> dict[str, Any]:
    """Return a provider's traits with its generation."""
    rows = await ctx.db.all(ProviderTrait, ProviderTrait.c.provider_id == provider.id)
    return {GENERATION: provider.generation, "traits": sorted(row.trait for row in rows)}


@providers.member("PUT", "/traits", policy=policy.UPDATE_PROVIDER_TRAITS, since="1.6")
async def set_provider_traits(ctx: Ctx, provider: Provider, body: TraitSet) -> dict[str, Any]:
    """Set a provider's whole traits."""
    check(provider, body.generation)
    unknown = await domain.unknown_traits(ctx.db, body.traits)
    if unknown:
        raise errors.UnknownTraits(names=", ".join(unknown))
    await domain.describe(ctx.db, provider, body.traits)
    return await traits_of(ctx, provider)


@providers.member("DELETE", "/traits", policy=policy.DELETE_PROVIDER_TRAITS, status=204, since="1.6")
async def delete_provider_traits(ctx: Ctx, provider: Provider) -> None:
    """Take all traits from a provider."""
    await domain.describe(ctx.db, provider, [])


@providers.member("GET", "/allocations", policy=policy.PROVIDER_ALLOCATIONS)
@dated
async def provider_allocations(ctx: Ctx, provider: Provider) -> dict[str, Any]:
    """Show who has how much of a provider."""
    statement = (
        sqlalchemy.select(Consumer.c.id, Consumer.c.generation, Allocation.c.resource, Allocation.c.used)
        .join(Consumer.table, Consumer.c.id == Allocation.c.consumer_id)
        .where(Allocation.c.provider_id == provider.id)
        .order_by(Consumer.c.id, Allocation.c.resource)
    )
    counted = reached(ctx, CONSUMERS_GENERATIONS)
    found: dict[str, Any] = {}
    for consumer_id, generation, resource, used in await ctx.db.rows(statement):
        own = {"consumer_generation": generation} if counted else {}
        found.setdefault(consumer_id, {"resources": {}, **own})["resources"][resource] = used
    return {GENERATION: provider.generation, "allocations": found}
