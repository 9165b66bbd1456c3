"""Who has room: allocation candidates. One unnamed group of resources, each from one provider."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.microversions import parse
from cumulo.core.resource import as_int
from cumulo.services.placement import domain, errors, policy
from cumulo.services.placement.api.freshness import dated
from cumulo.services.placement.api.query import amounts_of, traits_of

routes = RouteSet()
KNOWN = {"resources", "required", "limit", "group_policy", "in_tree"}
SUMMARY_FIELDS = (
    ("resources", "1.10"),
    ("traits", "1.17"),
    ("parent_provider_uuid", "1.29"),
    ("root_provider_uuid", "1.29"),
)
ALL_CLASSES = parse("1.27")


@routes.route("GET", "/allocation_candidates", policy=policy.LIST_CANDIDATES, since="1.10", until="1.11")
@dated
async def list_listed(ctx: Ctx) -> dict[str, Any]:
    """List who has room, each request as a list."""
    wanted, verdicts = await judged(ctx)
    requests = [
        {"allocations": [{"resource_provider": {"uuid": v.provider.id}, "resources": wanted}]}
        for v in verdicts
    ]
    return {"allocation_requests": requests, "provider_summaries": summaries(ctx, wanted, verdicts)}


@routes.route("GET", "/allocation_candidates", policy=policy.LIST_CANDIDATES, since="1.12", until="1.33")
@dated
async def list_plain(ctx: Ctx) -> dict[str, Any]:
    """List who has room."""
    return await by_provider(ctx)


async def by_provider(ctx: Ctx) -> dict[str, Any]:
    """Return who has room, each request by provider."""
    wanted, verdicts = await judged(ctx)
    requests = [{"allocations": {v.provider.id: {"resources": wanted}}} for v in verdicts]
    return {"allocation_requests": requests, "provider_summaries": summaries(ctx, wanted, verdicts)}


@routes.route("GET", "/allocation_candidates", policy=policy.LIST_CANDIDATES, since="1.34")
@dated
async def list_candidates(ctx: Ctx) -> dict[str, Any]:
    """List who has room, and which provider serves which group of the request."""
    found = await by_provider(ctx)
    for request in found["allocation_requests"]:
        request["mappings"] = {"": list(request["allocations"])}
    return found


async def judged(ctx: Ctx) -> tuple[dict[str, int], list[domain.Verdict]]:
    """Read the request, and return those without objection."""
    for name in ctx.request.query.keys() - KNOWN:
        raise errors.BadQuery(name=name, reason="it is not built")
    resources = ctx.request.first("resources")
    if not resources:
        raise errors.BadQuery(name="resources", reason="it is required")
    wanted = amounts_of("resources", resources)
    for name in await domain.unknown_classes(ctx.db, wanted):
        raise errors.BadQuery(name="resources", reason=f"there is no resource class {name}")
    required, forbidden = traits_of(",".join(ctx.request.query.get("required", [])))
    for name in await domain.unknown_traits(ctx.db, required | forbidden):
        raise errors.BadQuery(name="required", reason=f"there is no trait {name}")
    verdicts = await domain.judge(ctx.db, wanted, required, forbidden)
    tree = ctx.request.first("in_tree")
    fit = [v for v in verdicts if v.objection is None and tree in (None, v.provider.root_id)]
    limit = ctx.request.first("limit")
    return wanted, fit if limit is None else fit[: as_int("limit", limit, least=1)]


def summaries(ctx: Ctx, wanted: dict[str, int], verdicts: list[domain.Verdict]) -> dict[str, dict[str, Any]]:
    """Return what the providers have in all, as far as this version tells."""
    version = ctx.version
    fields = {name for name, since in SUMMARY_FIELDS if version is None or version >= parse(since)}
    every = version is None or version >= ALL_CLASSES
    found = {}
    for verdict in verdicts:
        resources = {
            name: {"capacity": room.stock.capacity, "used": room.used}
            for name, room in verdict.rooms.items()
            if every or name in wanted
        }
        shape = {
            "resources": resources,
            "traits": sorted(verdict.traits),
            "parent_provider_uuid": verdict.provider.parent_id,
            "root_provider_uuid": verdict.provider.root_id,
        }
        found[verdict.provider.id] = {k: v for k, v in shape.items() if k in fields}
    return found
