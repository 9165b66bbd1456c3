"""Who has room: allocation candidates."""

import itertools
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import msgspec

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.microversions import parse
from cumulo.services.placement import policy, trees
from cumulo.services.placement.api.dialect import reached
from cumulo.services.placement.api.freshness import dated
from cumulo.services.placement.api.groups import read
from cumulo.services.placement.surveying import Surveyor
from cumulo.services.placement.trees import Landscape, Way

routes = RouteSet()
SUMMARY_FIELDS = (
    ("resources", parse("1.10")),
    ("traits", parse("1.17")),
    ("parent_provider_uuid", parse("1.29")),
    ("root_provider_uuid", parse("1.29")),
)
ALL_CLASSES, NESTED = parse("1.27"), parse("1.29")


@routes.route("GET", "/allocation_candidates", policy=policy.LIST_CANDIDATES, since="1.10", until="1.11")
@dated
async def list_listed(ctx: Ctx) -> dict[str, Any]:
    """List who has room, each request as a list."""
    land, ways = await found(ctx)
    requests = [
        {
            "allocations": [
                {"resource_provider": {"uuid": id_}, "resources": wanted}
                for id_, wanted in way.amounts.items()
            ]
        }
        for way in ways
    ]
    return {"allocation_requests": requests, "provider_summaries": summaries(ctx, land, ways)}


@routes.route("GET", "/allocation_candidates", policy=policy.LIST_CANDIDATES, since="1.12", until="1.33")
@dated
async def list_plain(ctx: Ctx) -> dict[str, Any]:
    """List who has room."""
    land, ways = await found(ctx)
    return {
        "allocation_requests": [by_provider(way) for way in ways],
        "provider_summaries": summaries(ctx, land, ways),
    }


@routes.route("GET", "/allocation_candidates", policy=policy.LIST_CANDIDATES, since="1.34")
@dated
async def list_candidates(ctx: Ctx) -> dict[str, Any]:
    """List who has room, and which providers serve which group of the request."""
    land, ways = await found(ctx)
    requests = [
        {"allocations": {id_: {"resources": has} for id_, has in amounts.items()}, "mappings": mappings}
        for amounts, mappings in ways
    ]
    return {"allocation_requests": requests, "provider_summaries": summaries(ctx, land, ways)}


def by_provider(way: Way) -> dict[str, Any]:
    """Return a way to serve the request as allocations can be made of it."""
    return {"allocations": {id_: {"resources": wanted} for id_, wanted in way.amounts.items()}}


async def found(ctx: Ctx) -> tuple[Landscape, list[Way]]:
    """Read the request, and return the ways to serve it."""
    request = await read(ctx)
    land = await ctx.use(Surveyor).survey(ctx.db)
    if reached(ctx, NESTED):
        return land, await trees.ways_beside(land, request)
    found = await trees.ways_beside(land, replace(request, limit=None))  # of which some knew of no trees
    plain = (way for way in found if all(land.providers[id_].parent_id is None for id_ in way.amounts))
    return land, list(itertools.islice(plain, request.limit))


def summaries(ctx: Ctx, land: Landscape, ways: list[Way]) -> dict[str, msgspec.Raw]:
    """Return what the providers have in all, as far as this version tells; since 1.29 of whole trees."""
    fields = frozenset(name for name, since in SUMMARY_FIELDS if reached(ctx, since))
    used = dict.fromkeys(id_ for way in ways for id_ in way.amounts)
    wanted = (
        None
        if reached(ctx, ALL_CLASSES)
        else frozenset(name for w in ways for has in w.amounts.values() for name in has)
    )
    if reached(ctx, NESTED):
        roots = dict.fromkeys(land.providers[id_].root_id for id_ in used)
        used = dict.fromkeys(provider.id for root_id in roots for provider in land.trees[root_id])
    shown = land.shown.setdefault(fields, {}) if wanted is None else {}
    for id_ in used:
        if id_ not in shown:
            shown[id_] = msgspec.Raw(msgspec.json.encode(summary(land, id_, fields, wanted)))
    return {id_: shown[id_] for id_ in used}


def summary(
    land: Landscape, id_: str, fields: Collection[str], wanted: Collection[str] | None
) -> dict[str, Any]:
    """Return what one provider has of `wanted` (all: None), and what it is."""
    provider = land.providers[id_]
    shape = {
        "resources": {
            name: {"capacity": room.stock.capacity, "used": room.used}
            for name, room in land.rooms.get(id_, {}).items()
            if wanted is None or name in wanted
        },
        "traits": sorted(land.traits.get(id_, ())),
        "parent_provider_uuid": provider.parent_id,
        "root_provider_uuid": provider.root_id,
    }
    return {name: value for name, value in shape.items() if name in fields}
