"""Which aggregates a provider is in, and the reshaping of what providers have under their consumers."""

from collections.abc import Collection
from typing import Any

import msgspec

from cumulo.core.errors import Invalid
from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.services.placement import domain, errors, policy
from cumulo.services.placement.api.allocations import check_names, claim_of, named
from cumulo.services.placement.api.freshness import dated
from cumulo.services.placement.api.inventories import GENERATION, PROVIDERS, check, check_stocks
from cumulo.services.placement.claims import clear, place
from cumulo.services.placement.model import Allocation, Provider, ProviderAggregate, Stock
from cumulo.services.placement.schema import AggregateSet, Id, Reshape

routes = RouteSet()
providers = PROVIDERS
_IDS = msgspec.json.Decoder(list[Id])


@providers.member("GET", "/aggregates", policy=policy.LIST_AGGREGATES, since="1.1", until="1.18")
@dated
async def list_plain(ctx: Ctx, provider: Provider) -> dict[str, Any]:
    """List the aggregates that a provider is in."""
    return {"aggregates": await aggregates_of(ctx, provider)}


@providers.member("GET", "/aggregates", policy=policy.LIST_AGGREGATES, since="1.19")
@dated
async def list_aggregates(ctx: Ctx, provider: Provider) -> dict[str, Any]:
    """List the aggregates that a provider is in, with its generation."""
    return {"aggregates": await aggregates_of(ctx, provider), GENERATION: provider.generation}


@providers.member("PUT", "/aggregates", policy=policy.UPDATE_AGGREGATES, since="1.1", until="1.18")
async def set_plain(ctx: Ctx, provider: Provider, body: msgspec.Raw) -> dict[str, Any]:
    """Set the aggregates that a provider is in, by a bare list that no generation guards, nor changes one."""
    try:
        names = _IDS.decode(body)
    except msgspec.DecodeError as error:
        raise Invalid(f"The body must be a list of UUIDs: {error}") from error
    await domain.gather(ctx.db, provider, names, counted=False)
    return {"aggregates": await aggregates_of(ctx, provider)}


@providers.member("PUT", "/aggregates", policy=policy.UPDATE_AGGREGATES, since="1.19")
async def set_aggregates(ctx: Ctx, provider: Provider, body: AggregateSet) -> dict[str, Any]:
    """Set the aggregates that a provider is in, if its generation is as given."""
    check(provider, body.generation)
    await domain.gather(ctx.db, provider, body.aggregates)
    return {"aggregates": await aggregates_of(ctx, provider), GENERATION: provider.generation}


async def aggregates_of(ctx: Ctx, provider: Provider) -> list[str]:
    """Return the aggregates that a provider is in."""
    rows = await ctx.db.all(ProviderAggregate, ProviderAggregate.c.provider_id == provider.id)
    return sorted(row.aggregate for row in rows)


@routes.route("POST", "/reshaper", policy=policy.RESHAPE, status=204, since="1.30")
async def reshape(ctx: Ctx, body: Reshape) -> Response:
    """Change inventories and the allocations from them at once: all or nothing, never in between."""
    claims = [claim_of(ctx, id_, entry) for id_, entry in body.allocations.items()]
    await check_names(ctx, claims)
    cleared = await clear(ctx.db, claims, body.inventories)
    for id_, wanted in body.inventories.items():
        provider = cleared.providers.get(id_)
        if provider is None:
            raise Invalid(f"Resource provider {id_} in inventories could not be found.")
        check(provider, wanted.generation)
        stocks = {name: Stock.of(id_, name, each) for name, each in wanted.inventories.items()}
        await check_stocks(ctx, provider, stocks)
        await domain.stock(ctx.db, provider, stocks.values(), force=True)
    with named():
        await place(ctx.db, cleared)
    await _check_room(ctx, [cleared.providers[id_] for id_ in body.inventories])
    return Response(204)


async def _check_room(ctx: Ctx, providers: Collection[Provider]) -> None:
    """Refuse what leaves a provider with less than is allocated from it."""
    ids = [provider.id for provider in providers]
    has = await domain.rooms(ctx.db, ids)
    taken = await ctx.db.all(Allocation, Allocation.c.provider_id.in_(ids))
    for provider in providers:
        rooms = has.get(provider.id, {})
        lost = {row.resource for row in taken if row.provider_id == provider.id} - rooms.keys()
        short = sorted(lost | {name for name, room in rooms.items() if room.free < 0})
        if short:
            raise errors.NoRoom(provider=provider.name, reason=f"has too little {', '.join(short)}")
