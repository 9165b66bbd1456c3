"""The names of traits and of resource classes: standard ones, and those one makes oneself."""

from typing import Any

from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.core.resource import as_bool
from cumulo.services.placement import domain, errors, policy
from cumulo.services.placement.api.freshness import dated
from cumulo.services.placement.api.query import check_parameters
from cumulo.services.placement.model import Allocation, CustomClass, CustomTrait, ProviderTrait, Stock
from cumulo.services.placement.schema import ClassCreate, path_of
from cumulo.services.placement.standard_traits import TRAITS
from cumulo.services.placement.standards import CLASSES

routes = RouteSet()


@routes.route("GET", "/traits", policy=policy.LIST_TRAITS, since="1.6")
@dated
async def list_traits(ctx: Ctx) -> dict[str, Any]:
    """List the traits there are; `name=in:A,B` or `startswith:A`, `associated=true` those in use."""
    check_parameters(ctx, {"name": "1.6", "associated": "1.6"})
    names = {*TRAITS, *(row.name for row in await ctx.db.all(CustomTrait))}
    associated = ctx.request.first("associated")
    if associated is not None:
        used = {row.trait for row in await ctx.db.all(ProviderTrait)}
        names = names & used if as_bool("associated", associated) else names - used
    operator, _, value = (ctx.request.first("name") or "").partition(":")
    if operator == "in":
        names &= set(value.split(","))
    elif operator == "startswith":
        names = {name for name in names if name.startswith(value)}
    elif operator:
        raise errors.BadQuery(name="name", reason="it begins with neither in: nor startswith:")
    return {"traits": sorted(names)}


@routes.route("GET", "/traits/{name}", policy=policy.SHOW_TRAIT, status=204, since="1.6")
@dated
async def show_trait(ctx: Ctx, name: str) -> None:
    """Say whether a trait exists."""
    if await domain.unknown_traits(ctx.db, [name]):
        raise errors.TraitNotFound(name=name)


@routes.route("PUT", "/traits/{name}", policy=policy.UPDATE_TRAIT, status=201, since="1.6")
async def make_trait(ctx: Ctx, name: str) -> Response:
    """Make a trait of one's own exist."""
    check_custom(name)
    new = await domain.unknown_traits(ctx.db, [name])
    await domain.add_traits(ctx.db, new)
    return Response(201 if new else 204, b"", {"Location": f"{ctx.base_url}/traits/{name}"})


@routes.route("DELETE", "/traits/{name}", policy=policy.DELETE_TRAIT, status=204, since="1.6")
async def delete_trait(ctx: Ctx, name: str) -> None:
    """Delete a trait of one's own that no provider has."""
    await show_trait(ctx, name)
    check_custom(name)
    if await ctx.db.exists(ProviderTrait, ProviderTrait.c.trait == name):
        raise errors.NameInUse(name=name)
    await ctx.db.delete(CustomTrait, CustomTrait.c.name == name)


@routes.route("GET", "/resource_classes", policy=policy.LIST_CLASSES, since="1.2")
@dated
async def list_classes(ctx: Ctx) -> dict[str, Any]:
    """List the resource classes there are."""
    custom = sorted(row.name for row in await ctx.db.all(CustomClass))
    return {"resource_classes": [class_shape(ctx, name) for name in (*CLASSES, *custom)]}


@routes.route("POST", "/resource_classes", policy=policy.CREATE_CLASS, status=201, since="1.2")
async def create_class(ctx: Ctx, body: ClassCreate) -> Response:
    """Create a resource class of one's own."""
    check_custom(body.name)
    if not await domain.unknown_classes(ctx.db, [body.name]):
        raise errors.ClassExists(name=body.name)
    await domain.add_classes(ctx.db, [body.name])
    return Response(201, b"", {"Location": f"{ctx.base_url}/resource_classes/{body.name}"})


@routes.route("GET", "/resource_classes/{name}", policy=policy.SHOW_CLASS, since="1.2")
@dated
async def show_class(ctx: Ctx, name: str) -> dict[str, Any]:
    """Show a resource class."""
    if await domain.unknown_classes(ctx.db, [name]):
        raise errors.ClassNotFound(name=name)
    return class_shape(ctx, name)


@routes.route("PUT", "/resource_classes/{name}", policy=policy.UPDATE_CLASS, since="1.2", until="1.6")
async def rename_class(ctx: Ctx, name: str, body: ClassCreate) -> dict[str, Any]:
    """Rename a resource class of one's own."""
    await show_class(ctx, name)
    check_custom(name)
    check_custom(body.name)
    if body.name != name:
        if not await domain.unknown_classes(ctx.db, [body.name]):
            raise errors.ClassExists(name=body.name)
        await ctx.db.update(CustomClass, CustomClass.c.name == name, name=body.name)
        having = [row.provider_id for row in await ctx.db.all(Stock, Stock.c.resource == name)]
        await domain.touch(ctx.db, having)
        await ctx.db.update(Stock, Stock.c.resource == name, resource=body.name)
        await ctx.db.update(Allocation, Allocation.c.resource == name, resource=body.name)
    return class_shape(ctx, body.name)


@routes.route("PUT", "/resource_classes/{name}", policy=policy.UPDATE_CLASS, since="1.7")
async def make_class(ctx: Ctx, name: str) -> Response:
    """Make a resource class of one's own exist."""
    check_custom(name)
    new = await domain.unknown_classes(ctx.db, [name])
    await domain.add_classes(ctx.db, new)
    return Response(201 if new else 204, b"", {"Location": f"{ctx.base_url}/resource_classes/{name}"})


@routes.route("DELETE", "/resource_classes/{name}", policy=policy.DELETE_CLASS, status=204, since="1.2")
async def delete_class(ctx: Ctx, name: str) -> None:
    """Delete a resource class of one's own that no provider has."""
    await show_class(ctx, name)
    check_custom(name)
    for used in (Stock, Allocation):  # a host that lost it is believed, and its guests keep it
        if await ctx.db.exists(used, used.c.resource == name):
            raise errors.NameInUse(name=name)
    await ctx.db.delete(CustomClass, CustomClass.c.name == name)


def check_custom(name: str) -> None:
    """Refuse names that are not one's own to make or delete."""
    if not domain.CUSTOM.fullmatch(name):
        raise errors.NotCustom(name=name)


def class_shape(ctx: Ctx, name: str) -> dict[str, Any]:
    """Return a resource class as clients see it."""
    href = f"{path_of(ctx)}/resource_classes/{name}"
    return {"name": name, "links": [{"rel": "self", "href": href}]}
