"""Who has room: allocation candidates."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.microversions import parse
from cumulo.services.placement import policy, trees
from cumulo.services.placement.api.freshness import dated
from cumulo.services.placement.api.groups import read
from cumulo.services.placement.trees import Landscape, Way

routes = RouteSet()
SUMMARY_FIELDS = (
    ("resources", "1.10"),
    ("traits", "1.17"),
    ("parent_provider_uuid", "1.29"),
    ("root_provider_uuid", "1.29"),
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
    requests = [{**by_provider(way), "mappings": way.mappings} for way in ways]
    return {"allocation_requests": requests, "provider_summaries": summaries(ctx, land, ways)}


def by_provider(way: Way) -> dict[str, Any]:
    """Return a way to serve the request as allocations can be made of it."""
    return {"allocations": {id_: {"resources": wanted} for id_, wanted in way.amounts.items()}}


async def found(ctx: Ctx) -> tuple[Landscape, list[Way]]:
    """Read the request, and return the ways to serve it."""
    request = await read(ctx)
    land = await trees.survey(ctx.db)
    ways = trees.ways(land, request)
    if ctx.version is not None and ctx.version < NESTED:  # knew of no trees
        ways = [way for way in ways if all(land.providers[id_].parent_id is None for id_ in way.amounts)]
    return land, ways


def summaries(ctx: Ctx, land: Landscape, ways: list[Way]) -> dict[str, dict[str, Any]]:
    """Return what the providers have in all, as far as this version tells; since 1.29 of whole trees."""
    version = ctx.version
    fields = {name for name, since in SUMMARY_FIELDS if version is None or version >= parse(since)}
    used = {id_ for way in ways for id_ in way.amounts}
    wanted = {name for way in ways for amounts in way.amounts.values() for name in amounts}
    if version is None or version >= NESTED:
        roots = {land.providers[id_].root_id for id_ in used}
        used = {provider.id for root_id in roots for provider in land.trees[root_id]}
    every = version is None or version >= ALL_CLASSES
    shapes = {}
    for id_ in used:
        provider = land.providers[id_]
        shape = {
            "resources": {
                name: {"capacity": room.stock.capacity, "used": room.used}
                for name, room in land.rooms.get(id_, {}).items()
                if every or name in wanted
            },
            "traits": sorted(land.traits.get(id_, ())),
            "parent_provider_uuid": provider.parent_id,
            "root_provider_uuid": provider.root_id,
        }
        shapes[id_] = {k: v for k, v in shape.items() if k in fields}
    return shapes
