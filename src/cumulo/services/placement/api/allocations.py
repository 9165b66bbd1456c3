"""Who has how much: allocations by consumer, and usages by project."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import sqlalchemy
from msgspec import UNSET, Meta

from cumulo.core.errors import Invalid
from cumulo.core.http import Ctx, RouteSet
from cumulo.core.microversions import parse
from cumulo.services.placement import domain, errors, policy
from cumulo.services.placement.api.dialect import reached
from cumulo.services.placement.api.freshness import dated
from cumulo.services.placement.api.query import UUID, check_parameters
from cumulo.services.placement.claims import Claim, Claimant, clear, place, release
from cumulo.services.placement.errors import Missing
from cumulo.services.placement.model import Allocation, Consumer, Provider
from cumulo.services.placement.schema import Allocations, Id, ListedAllocations

routes = RouteSet()
CONSUMER = "/allocations/{consumer_uuid}"
FACTS = (
    ("project_id", "project_id", parse("1.12")),
    ("user_id", "user_id", parse("1.12")),
    ("consumer_generation", "generation", parse("1.28")),
    ("consumer_type", "kind", parse("1.38")),
)
"""What is told of a consumer: its name on the wire, its attribute, and since when."""
OWNED, GENERATED, TYPED = parse("1.8"), parse("1.28"), parse("1.38")
UNKNOWN = "unknown"
"""The type of consumers that were made before there were types."""
NOBODY = "00000000-0000-0000-0000-000000000000"
"""Whose allocations are that were made before there were projects in the API."""


@routes.route("GET", CONSUMER, policy=policy.LIST_ALLOCATIONS)
@dated
async def show_allocations(ctx: Ctx, consumer_uuid: str) -> dict[str, Any]:
    """Show what a consumer has, and as far as this version tells whose it is, its generation and sort."""
    statement = (
        sqlalchemy.select(
            Allocation.c.provider_id, Provider.c.generation, Allocation.c.resource, Allocation.c.used
        )
        .join(Provider.table, Provider.c.id == Allocation.c.provider_id)
        .where(Allocation.c.consumer_id == consumer_uuid)
        .order_by(Allocation.c.provider_id, Allocation.c.resource)
    )
    found: dict[str, Any] = {}
    for provider_id, generation, resource, amount in await ctx.db.rows(statement):
        of = found.setdefault(provider_id, {"generation": generation, "resources": {}})
        of["resources"][resource] = amount
    consumer = await ctx.db.get(Consumer, consumer_uuid)
    if consumer is None:
        return {"allocations": found}
    facts = {name: getattr(consumer, attribute) for name, attribute, since in FACTS if reached(ctx, since)}
    return {"allocations": found, **{name: UNKNOWN if fact is None else fact for name, fact in facts.items()}}


@routes.route("PUT", CONSUMER, policy=policy.UPDATE_ALLOCATIONS, status=204, until="1.11")
async def allocate_list(ctx: Ctx, consumer_uuid: str, body: ListedAllocations) -> None:
    """Give a consumer exactly this."""
    check_uuid(consumer_uuid)
    for name in ("project_id", "user_id"):
        if reached(ctx, OWNED) and getattr(body, name) is UNSET:
            raise Missing(name=name)
    claimant = Claimant(
        id=consumer_uuid,
        project_id=NOBODY if body.project_id is UNSET else body.project_id,
        user_id=NOBODY if body.user_id is UNSET else body.user_id,
    )
    await claim(ctx, [(claimant, {one.provider.uuid: one.resources for one in body.allocations})])


@routes.route("PUT", CONSUMER, policy=policy.UPDATE_ALLOCATIONS, status=204, since="1.12")
async def allocate(ctx: Ctx, consumer_uuid: str, body: Allocations) -> None:
    """Give a consumer exactly this; since there are generations, if its own is as given."""
    check_uuid(consumer_uuid)
    if not body.allocations and not reached(ctx, GENERATED):
        raise Invalid("There are no allocations in the request; delete them instead.")
    await claim(ctx, [claim_of(ctx, consumer_uuid, body)])


@routes.route("POST", "/allocations", policy=policy.MANAGE_ALLOCATIONS, status=204, since="1.13")
async def allocate_many(ctx: Ctx, body: Annotated[dict[Id, Allocations], Meta(min_length=1)]) -> None:
    """Give many consumers exactly this, all or none; they may change places."""
    await claim(ctx, [claim_of(ctx, consumer_id, wanted) for consumer_id, wanted in body.items()])


@routes.route("DELETE", CONSUMER, policy=policy.DELETE_ALLOCATIONS, status=204)
async def delete_allocations(ctx: Ctx, consumer_uuid: str) -> None:
    """Take all that a consumer has."""
    if not await release(ctx.db, consumer_uuid):
        raise errors.AllocationsNotFound(consumer=consumer_uuid)


async def claim(ctx: Ctx, claims: Sequence[Claim]) -> None:
    """Allocate; a provider or class that does not exist is the client's mistake, not a 404."""
    await check_names(ctx, claims)
    with named():
        await place(ctx.db, await clear(ctx.db, claims))


@contextmanager
def named() -> Iterator[None]:
    """Have a provider that does not exist be the mistake of who named it."""
    try:
        yield
    except errors.ProviderNotFound as error:
        message = f"Allocation for resource provider '{error.fields['id']}' that does not exist."
        raise Invalid(message) from error


def check_uuid(consumer_id: str) -> None:
    """Refuse a consumer that can be none."""
    if not UUID.fullmatch(consumer_id):
        raise Invalid(f"Malformed consumer_uuid: {consumer_id}")


async def check_names(ctx: Ctx, claims: Sequence[Claim]) -> None:
    """Refuse classes that do not exist."""
    names = {name for _, wanted in claims for share in wanted.values() for name in share}
    for name in await domain.unknown_classes(ctx.db, names):
        raise Invalid(f"Unable to allocate inventory: no such resource class {name}")


def claim_of(ctx: Ctx, consumer_id: str, body: Allocations) -> Claim:
    """Return who asks, and what for. Missing."""
    for name, since in (("consumer_generation", GENERATED), ("consumer_type", TYPED)):
        if reached(ctx, since) and getattr(body, name) is UNSET:
            raise Missing(name=name)
    claimant = Claimant(
        id=consumer_id,
        project_id=body.project_id,
        user_id=body.user_id,
        kind=None if body.consumer_type is UNSET else body.consumer_type,
        generation=-1 if body.consumer_generation is UNSET else body.consumer_generation,
    )
    return claimant, {provider_id: share.resources for provider_id, share in body.allocations.items()}


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
    grouped = ctx.request.first("consumer_type") != "all"
    kind = sqlalchemy.func.coalesce(Consumer.c.kind, UNKNOWN) if grouped else sqlalchemy.literal("all")
    found = {name: {"consumer_count": count} for name, _, count in await used(ctx, kind)}
    for name, resource, total, _ in await used(ctx, kind, Allocation.c.resource):
        found.setdefault(name, {"consumer_count": 0})[resource] = total  # the first may have come meanwhile
    return {"usages": found}


async def used(ctx: Ctx, *by: Any) -> list[tuple[Any, ...]]:
    """Return sums of allocations and counts of consumers, grouped."""
    check_parameters(ctx, {"project_id": "1.9", "user_id": "1.9", "consumer_type": "1.38"})
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
            statement = statement.where(column.is_(None) if value == UNKNOWN else column == value)
    return await ctx.db.rows(statement)
