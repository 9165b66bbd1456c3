"""Who has how much: allocations by consumer, and usages by project."""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy
from msgspec import UNSET

from cumulo.core.errors import Invalid
from cumulo.core.http import Ctx, RouteSet
from cumulo.services.placement import domain, errors, policy
from cumulo.services.placement.api.freshness import dated
from cumulo.services.placement.model import Allocation, Consumer, Provider
from cumulo.services.placement.schema import Allocations, ListedAllocations, Share

routes = RouteSet()
CONSUMER = "/allocations/{consumer_uuid}"
NOBODY = "00000000-0000-0000-0000-000000000000"
"""Whose allocations are that were made before there were projects in the API."""


async def shown(ctx: Ctx, consumer_id: str) -> tuple[Consumer | None, dict[str, Any]]:
    """Return a consumer, and what it has of each provider."""
    rows = await ctx.db.all(Allocation, Allocation.c.consumer_id == consumer_id)
    owners = sorted({row.provider_id for row in rows})
    generations = {p.id: p.generation for p in await ctx.db.all(Provider, Provider.c.id.in_(owners))}
    found: dict[str, Any] = {}
    for row in sorted(rows, key=lambda row: (row.provider_id, row.resource)):
        empty = {"generation": generations[row.provider_id], "resources": {}}
        found.setdefault(row.provider_id, empty)["resources"][row.resource] = row.used
    return await ctx.db.get(Consumer, consumer_id), found


@routes.route("GET", CONSUMER, policy=policy.LIST_ALLOCATIONS, until="1.11")
@dated
async def show_bare(ctx: Ctx, consumer_uuid: str) -> dict[str, Any]:
    """Show what a consumer has."""
    _, found = await shown(ctx, consumer_uuid)
    return {"allocations": found}


@routes.route("GET", CONSUMER, policy=policy.LIST_ALLOCATIONS, since="1.12", until="1.27")
@dated
async def show_owned(ctx: Ctx, consumer_uuid: str) -> dict[str, Any]:
    """Show what a consumer has, and whose it is."""
    consumer, found = await shown(ctx, consumer_uuid)
    if consumer is None:
        return {"allocations": found}
    return {"allocations": found, "project_id": consumer.project_id, "user_id": consumer.user_id}


@routes.route("GET", CONSUMER, policy=policy.LIST_ALLOCATIONS, since="1.28", until="1.37")
@dated
async def show_generation(ctx: Ctx, consumer_uuid: str) -> dict[str, Any]:
    """Show what a consumer has, whose it is, and its generation."""
    shape = await show_owned(ctx, consumer_uuid)
    consumer = await ctx.db.get(Consumer, consumer_uuid)
    return shape if consumer is None else {**shape, "consumer_generation": consumer.generation}


@routes.route("GET", CONSUMER, policy=policy.LIST_ALLOCATIONS, since="1.38")
@dated
async def show_allocations(ctx: Ctx, consumer_uuid: str) -> dict[str, Any]:
    """Show what a consumer has, whose it is, its generation, and what sort it is."""
    shape = await show_generation(ctx, consumer_uuid)
    consumer = await ctx.db.get(Consumer, consumer_uuid)
    return shape if consumer is None else {**shape, "consumer_type": consumer.kind or "unknown"}


@routes.route("PUT", CONSUMER, policy=policy.UPDATE_ALLOCATIONS, status=204, until="1.11")
async def allocate_list(ctx: Ctx, consumer_uuid: str, body: ListedAllocations) -> None:
    """Give a consumer exactly this."""
    claimant = domain.Claimant(
        id=consumer_uuid,
        project_id=NOBODY if body.project_id is UNSET else body.project_id,
        user_id=NOBODY if body.user_id is UNSET else body.user_id,
    )
    await claim(ctx, claimant, {one.provider.uuid: one.resources for one in body.allocations})


@routes.route("PUT", CONSUMER, policy=policy.UPDATE_ALLOCATIONS, status=204, since="1.12", until="1.27")
async def allocate_any(ctx: Ctx, consumer_uuid: str, body: Allocations) -> None:
    """Give a consumer exactly this, whatever its generation."""
    if not body.allocations:
        raise Invalid("There are no allocations in the request; delete them instead.")
    await claim(ctx, claimant_of(consumer_uuid, body), amounts(body.allocations))


@routes.route("PUT", CONSUMER, policy=policy.UPDATE_ALLOCATIONS, status=204, since="1.28")
async def allocate(ctx: Ctx, consumer_uuid: str, body: Allocations) -> None:
    """Give a consumer exactly this, if its generation is as given."""
    if body.consumer_generation is UNSET:
        raise Invalid("'consumer_generation' is a required property", field="consumer_generation")
    await claim(ctx, claimant_of(consumer_uuid, body), amounts(body.allocations))


@routes.route("POST", "/allocations", policy=policy.MANAGE_ALLOCATIONS, status=204, since="1.13")
async def allocate_many(ctx: Ctx, body: dict[str, Allocations]) -> None:
    """Give many consumers exactly this, all or none; those that get less come first, to make room."""
    for consumer_id, wanted in sorted(body.items(), key=lambda item: len(item[1].allocations)):
        await claim(ctx, claimant_of(consumer_id, wanted), amounts(wanted.allocations))


@routes.route("DELETE", CONSUMER, policy=policy.DELETE_ALLOCATIONS, status=204)
async def delete_allocations(ctx: Ctx, consumer_uuid: str) -> None:
    """Take all that a consumer has."""
    if not await domain.release(ctx.db, consumer_uuid):
        raise errors.AllocationsNotFound(consumer=consumer_uuid)


async def claim(ctx: Ctx, claimant: domain.Claimant, wanted: Mapping[str, Mapping[str, int]]) -> None:
    """Allocate; a provider or class that does not exist is the client's mistake, not a 404."""
    await check_names(ctx, {name for share in wanted.values() for name in share})
    try:
        await domain.allocate(ctx.db, claimant, wanted)
    except errors.ProviderNotFound as error:
        message = f"Allocation for resource provider '{error.fields['id']}' that does not exist."
        raise Invalid(message) from error


async def check_names(ctx: Ctx, names: Iterable[str]) -> None:
    """Refuse classes that do not exist."""
    for name in await domain.unknown_classes(ctx.db, names):
        raise Invalid(f"Unable to allocate inventory: no such resource class {name}")


def claimant_of(consumer_id: str, body: Allocations) -> domain.Claimant:
    """Return who asks."""
    generation = -1 if body.consumer_generation is UNSET else body.consumer_generation
    return domain.Claimant(
        id=consumer_id,
        project_id=body.project_id,
        user_id=body.user_id,
        kind=None if body.consumer_type is UNSET else body.consumer_type,
        generation=generation,
    )


def amounts(shares: Mapping[str, Share]) -> dict[str, Mapping[str, int]]:
    """Return the amounts by provider."""
    return {provider_id: share.resources for provider_id, share in shares.items()}


def owner(ctx: Ctx) -> dict[str, Any]:
    """Return the project that the policy is checked against: the one that is asked about."""
    return {"project_id": ctx.request.first("project_id")}


@routes.route("GET", "/usages", policy=policy.USAGES, since="1.9", until="1.37", target=owner)
@dated
async def usages(ctx: Ctx) -> dict[str, Any]:
    """Show how much a project, or a user of it, uses in all."""
    rows = await used(ctx, Allocation.c.resource)
    return {"usages": {resource: total for resource, total, _ in rows}}


@routes.route("GET", "/usages", policy=policy.USAGES, since="1.38", target=owner)
@dated
async def usages_by_type(ctx: Ctx) -> dict[str, Any]:
    """Show how much a project, or a user of it, uses, by the sort of consumer."""
    kind = sqlalchemy.func.coalesce(Consumer.c.kind, "unknown")
    grouped = ctx.request.first("consumer_type") != "all"
    found: dict[str, Any] = {}
    for name, resource, total, count in await used(
        ctx, kind if grouped else sqlalchemy.literal("all"), Allocation.c.resource
    ):
        of = found.setdefault(name, {"consumer_count": 0})
        of[resource], of["consumer_count"] = total, max(of["consumer_count"], count)
    return {"usages": found}


async def used(ctx: Ctx, *by: Any) -> list[tuple[Any, ...]]:
    """Return sums of allocations and counts of consumers, grouped."""
    project_id = ctx.request.first("project_id")
    if not project_id:
        raise errors.BadQuery(name="project_id", reason="it is required")
    statement = (
        sqlalchemy.select(
            *by,
            sqlalchemy.func.sum(Allocation.c.used),
            sqlalchemy.func.count(Allocation.c.consumer_id.distinct()),
        )
        .join(Consumer.table, Consumer.c.id == Allocation.c.consumer_id)
        .where(Consumer.c.project_id == project_id)
        .group_by(*by)
    )
    wanted = {"user_id": Consumer.c.user_id, "consumer_type": Consumer.c.kind}
    for name, column in wanted.items():
        value = ctx.request.first(name)
        if value and value != "all":
            statement = statement.where(column.is_(None) if value == "unknown" else column == value)
    return await ctx.db.rows(statement)
