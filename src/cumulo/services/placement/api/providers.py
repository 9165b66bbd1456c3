"""Resource providers, and the document of versions."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy
from msgspec import UNSET

from cumulo.core import clock, ids
from cumulo.core.errors import Duplicate, Invalid
from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.core.microversions import parse
from cumulo.core.resource import GLOBAL, Resource
from cumulo.core.resource.query import LIST_PARAMETERS
from cumulo.services.placement import domain, errors, policy
from cumulo.services.placement.api.dialect import MAXIMUM, MINIMUM, reached
from cumulo.services.placement.api.freshness import stamp
from cumulo.services.placement.api.query import (
    UUID,
    Wish,
    amounts_of,
    check_parameters,
    members_of,
    wanted_traits,
)
from cumulo.services.placement.model import Allocation, Provider, ProviderAggregate, ProviderTrait, Stock
from cumulo.services.placement.schema import ProviderCreate, ProviderUpdate, ProviderView

versions = RouteSet()
ANY_OF, MOVED, FORBIDDEN_MEMBERS, FORBIDDEN_TRAITS = map(parse, ("1.39", "1.37", "1.32", "1.22"))
TREES = "placement.trees"
"""The lock of those who move providers: two that go below one another would be a loop."""


class DatedProviderView(ProviderView, model=Provider):
    """A provider, in an answer that says its age."""

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Provider]) -> None:
        """Fetch nothing; hold a list's query against what there is, and say how old the youngest row is."""
        if ctx.operation.lists:
            await check_query(ctx)
        stamp(ctx, max((row.updated_at for row in rows), default=None))


PARAMETERS = dict.fromkeys(LIST_PARAMETERS, "1.0") | {  # of the list, and since when
    "name": "1.0",
    "uuid": "1.0",
    "member_of": "1.3",
    "resources": "1.4",
    "in_tree": "1.14",
    "required": "1.18",
}


async def check_query(ctx: Ctx) -> None:
    """Refuse parameters that there are not, and classes and traits that do not exist. BadQuery."""
    asked = ctx.request.query
    check_parameters(ctx, PARAMETERS)
    for name in ("uuid", "in_tree"):
        for value in asked.get(name, []):
            if not UUID.fullmatch(value):
                raise errors.BadQuery(name=name, reason=f"{value!r} is no UUID")
    classes = {name for value in asked.get("resources", []) for name in amounts_of("resources", value)}
    wish = traits_wanted(ctx, asked.get("required", []))
    traits = {name for names in (*wish.required, wish.forbidden) for name in names}
    await domain.check_asked(ctx.db, classes, traits)


def traits_wanted(ctx: Ctx, values: Sequence[str]) -> Wish:
    """Read the list's `required` as this version has it. BadQuery."""
    alternatives, negative = reached(ctx, ANY_OF), reached(ctx, FORBIDDEN_TRAITS)
    return wanted_traits("required", values, alternatives=alternatives, negative=negative)


providers = Resource(
    "resource_provider",
    "/resource_providers",
    model=Provider,
    view=DatedProviderView,
    scope=GLOBAL,
    parameter="uuid",
    order=("name:asc",),
    missing=errors.ProviderNotFound,
)
providers.list(policy=policy.LIST_PROVIDERS)
providers.show(policy=policy.SHOW_PROVIDER)


@versions.route("GET", "", policy=None)
async def list_versions(ctx: Ctx) -> dict[str, Any]:
    """List the versions of the placement API."""
    own = {"rel": "self", "href": ""}
    version = {
        "id": "v1.0",
        "status": "CURRENT",
        "min_version": MINIMUM,
        "max_version": MAXIMUM,
        "links": [own],
    }
    del ctx
    return {"versions": [version]}


@providers.create(policy=policy.CREATE_PROVIDER, until="1.19")
async def create_silently(ctx: Ctx, body: ProviderCreate) -> Response:
    """Create a resource provider; the answer has no body."""
    provider = await create_provider(ctx, body)
    return Response(201, b"", {"Location": f"{ctx.base_url}/resource_providers/{provider.id}"})


@providers.create(policy=policy.CREATE_PROVIDER, status=200, since="1.20")
async def create(ctx: Ctx, body: ProviderCreate) -> Provider:
    """Create a resource provider."""
    provider = await create_provider(ctx, body)
    ctx.headers["Location"] = f"{ctx.base_url}/resource_providers/{provider.id}"
    return provider


@providers.update(policy=policy.UPDATE_PROVIDER)
async def update(ctx: Ctx, provider: Provider, body: ProviderUpdate) -> Provider:
    """Rename a resource provider, or put it below another."""
    if body.parent is not UNSET and body.parent != provider.parent_id:
        if provider.parent_id is not None and not reached(ctx, MOVED):
            raise Invalid("re-parenting a provider is possible since version 1.37 only.")
        await adopt(ctx, provider, body.parent)
    provider.name, provider.updated_at = body.name, clock.now()
    try:
        await ctx.db.save(provider)
    except Duplicate as error:
        raise errors.DuplicateProvider(name=body.name) from error
    return provider


@providers.delete(policy=policy.DELETE_PROVIDER)
async def delete(ctx: Ctx, provider: Provider) -> None:
    """Delete a resource provider that nothing is allocated from."""
    await domain.remove(ctx.db, provider)


async def create_provider(ctx: Ctx, body: ProviderCreate) -> Provider:
    """Insert a provider, below its parent if it has one."""
    own_id = ids.dashed() if body.uuid is UNSET else body.uuid
    provider = Provider(id=own_id, name=body.name, root_id=own_id)
    if body.parent is not UNSET and body.parent is not None:
        await ctx.db.lock(TREES)
        provider.parent_id, provider.root_id = body.parent, await root_of(ctx, body.parent)
    try:
        await ctx.db.insert(provider)
    except Duplicate as error:
        raise errors.DuplicateProvider(name=body.name) from error
    return provider


async def root_of(ctx: Ctx, parent_id: str) -> str:
    """Return the root of the tree that a provider is in."""
    parent = await ctx.db.get(Provider, parent_id)
    if parent is None:
        raise Invalid(f"parent provider UUID does not exist: {parent_id}")
    return parent.root_id


async def adopt(ctx: Ctx, provider: Provider, parent_id: str | None) -> None:
    """Move a provider with all below it under another parent, or make it a root."""
    await ctx.db.lock(TREES)
    root = provider.id if parent_id is None else await root_of(ctx, parent_id)
    family = await ctx.db.all(Provider, Provider.c.root_id == provider.root_id)
    below, waiting = {provider.id}, True
    while waiting:
        children = {p.id for p in family if p.parent_id in below} - below
        below |= children
        waiting = bool(children)
    if parent_id in below:
        raise Invalid("creating loop in the provider tree is not allowed.")
    await ctx.db.update(Provider, Provider.c.id.in_(sorted(below)), root_id=root)
    provider.parent_id, provider.root_id = parent_id, root


@providers.filter("resources")
def with_room(ctx: Ctx, value: str) -> Any:
    """Keep providers with room for `VCPU:1,MEMORY_MB:512`."""
    del ctx
    clauses = []
    for resource, amount in amounts_of("resources", value).items():
        used = (
            sqlalchemy.select(sqlalchemy.func.coalesce(sqlalchemy.func.sum(Allocation.c.used), 0))
            .where(Allocation.c.provider_id == Stock.c.provider_id, Allocation.c.resource == resource)
            .scalar_subquery()
        )
        capacity = (Stock.c.total - Stock.c.reserved) * Stock.c.allocation_ratio
        fits = sqlalchemy.select(Stock.c.provider_id).where(
            Stock.c.resource == resource,
            capacity >= used + amount,
            Stock.c.max_unit >= amount,
            Stock.c.min_unit <= amount,
            amount % Stock.c.step_size == 0,
        )
        clauses.append(Provider.c.id.in_(fits))
    return sqlalchemy.and_(*clauses)


@providers.filter("required")
def with_traits(ctx: Ctx, value: str) -> Any:
    """Keep providers that have traits (since 1.39 also one `in:` several), and have not those with `!`."""
    wish = traits_wanted(ctx, [value])
    having = sqlalchemy.select(ProviderTrait.c.provider_id)
    clauses = [
        Provider.c.id.in_(having.where(ProviderTrait.c.trait.in_(sorted(names)))) for names in wish.required
    ]
    clauses += [
        Provider.c.id.not_in(having.where(ProviderTrait.c.trait == name)) for name in sorted(wish.forbidden)
    ]
    return sqlalchemy.and_(sqlalchemy.true(), *clauses)


@providers.filter("in_tree")
def in_tree(ctx: Ctx, value: str) -> Any:
    """Keep providers of the tree that this one is in."""
    del ctx
    root = sqlalchemy.select(Provider.c.root_id).where(Provider.c.id == value).scalar_subquery()
    return Provider.c.root_id == root


@providers.filter("member_of")
def member_of(ctx: Ctx, value: str) -> Any:
    """Keep providers that are in an aggregate, or in one `in:` several; with `!` those that are not."""
    wish = members_of("member_of", [value], forbidden=reached(ctx, FORBIDDEN_MEMBERS))
    inside = sqlalchemy.select(ProviderAggregate.c.provider_id)
    clauses = [
        Provider.c.id.in_(inside.where(ProviderAggregate.c.aggregate.in_(sorted(names))))
        for names in wish.required
    ]
    if wish.forbidden:
        unwanted = inside.where(ProviderAggregate.c.aggregate.in_(sorted(wish.forbidden)))
        clauses.append(Provider.c.id.not_in(unwanted))
    return sqlalchemy.and_(sqlalchemy.true(), *clauses)
