"""Metadata definitions: namespaces and what they define."""

from collections.abc import Mapping, Sequence
from typing import Any

from cumulo.core import clock, errors
from cumulo.core.http import Ctx
from cumulo.core.work import Work
from cumulo.services.image.errors import (
    DefinitionExists,
    DefinitionNotFound,
    NamespaceExists,
    NamespaceProtected,
)
from cumulo.services.image.model import Definition, Kind, Namespace, Visibility
from cumulo.services.image.schema.metadefs import NamespaceCreate, NamespaceUpdate, shown

# The types of resources that OpenStack's services give properties to; others are known once one is tied.
RESOURCE_TYPES = (
    "OS::Cinder::Volume",
    "OS::Cinder::VolumeType",
    "OS::Glance::Image",
    "OS::Nova::Aggregate",
    "OS::Nova::Flavor",
    "OS::Nova::Server",
)


async def create_namespace(ctx: Ctx, body: NamespaceCreate) -> Namespace:
    """Create a namespace with all that it defines. NamespaceExists, DefinitionExists."""
    row = Namespace(namespace=body.namespace)
    _fill(ctx, row, body)
    try:
        await ctx.db.insert(row)
    except errors.Duplicate as error:
        raise NamespaceExists(id=body.namespace) from error
    parts: list[tuple[Kind, str, dict[str, Any]]] = [
        *((Kind.PROPERTY, name, each.told()) for name, each in body.properties.items()),
        *((Kind.OBJECT, each.name, each.told()) for each in body.objects),
        *((Kind.TAG, each.name, each.told()) for each in body.tags),
        *((Kind.ASSOCIATION, each.name, each.told()) for each in body.resource_type_associations),
    ]
    for kind, name, told in parts:
        await define(ctx, row, kind, name, told)
    return row


def _fill(ctx: Ctx, row: Namespace, body: NamespaceUpdate) -> None:
    told = body.told()
    row.namespace = body.namespace
    row.display_name, row.description = told.get("display_name"), told.get("description")
    row.visibility, row.protected = Visibility(body.visibility), body.protected
    row.owner = told.get("owner") or ctx.identity.project_id


async def update_namespace(ctx: Ctx, row: Namespace, body: NamespaceUpdate) -> Namespace:
    """Change a namespace. NamespaceExists."""
    _fill(ctx, row, body)
    row.updated_at = clock.now()
    try:
        await ctx.db.save(row)
    except errors.Duplicate as error:
        raise NamespaceExists(id=body.namespace) from error
    return row


async def delete_namespace(work: Work, row: Namespace) -> None:
    """Delete a namespace and all that it defines. NamespaceProtected."""
    _check_unprotected(row)
    await work.db.delete(Namespace, Namespace.c.id == row.id)


def _check_unprotected(row: Namespace) -> None:
    if row.protected:
        raise NamespaceProtected(id=row.namespace)


async def details(ctx: Ctx, row: Namespace) -> dict[str, Any]:
    """Return all that a namespace defines, by the names that the wire gives it; what is empty is left out.

    Its resource types are part of the namespace itself.
    """
    wanted = ctx.request.first("resource_type")
    prefix = await _prefix(ctx, row, wanted) if wanted else ""
    found: dict[str, Any] = {}
    for each in await _all(ctx, row):
        if each.kind is Kind.PROPERTY:
            found.setdefault("properties", {})[prefix + each.name] = _without_name(each)
        elif each.kind is not Kind.ASSOCIATION:
            found.setdefault(f"{each.kind.value}s", []).append(shown(each, row.namespace))
    return found


def _without_name(row: Definition) -> dict[str, Any]:
    return {name: value for name, value in shown(row).items() if name != "name"}


async def _prefix(ctx: Ctx, row: Namespace, resource_type: str) -> str:
    """Return what stands before the properties' names on this type of resources. DefinitionNotFound."""
    found = await find(ctx, row, Kind.ASSOCIATION, resource_type)
    return str(found.body.get("prefix") or "")


async def _all(ctx: Ctx, row: Namespace, kind: Kind | None = None) -> list[Definition]:
    where = [Definition.c.namespace_id == row.id]
    if kind is not None:
        where.append(Definition.c.kind == kind)
    return await ctx.db.all(Definition, *where, order_by=[Definition.c.created_at, Definition.c.name])


async def list_shown(ctx: Ctx, row: Namespace, kind: Kind) -> list[dict[str, Any]]:
    """Return what a namespace defines of a kind, as clients see it."""
    return [shown(each, row.namespace) for each in await _all(ctx, row, kind)]


async def properties(ctx: Ctx, row: Namespace) -> dict[str, Any]:
    """Return the properties by name, as they are called on the resource type that the query names."""
    found: dict[str, Any] = (await details(ctx, row)).get("properties", {})
    return found


async def find(ctx: Ctx, row: Namespace, kind: Kind, name: str) -> Definition:
    """Return one definition. DefinitionNotFound."""
    found = await ctx.db.get(Definition, (row.id, kind, name))
    if found is None:
        raise DefinitionNotFound(kind=kind.value, name=name, namespace=row.namespace)
    return found


async def find_property(ctx: Ctx, row: Namespace, name: str) -> dict[str, Any]:
    """Return a property, by its name on the resource type that the query names. DefinitionNotFound."""
    wanted = ctx.request.first("resource_type")
    prefix = await _prefix(ctx, row, wanted) if wanted else ""
    found = await find(ctx, row, Kind.PROPERTY, name.removeprefix(prefix))
    return {**shown(found), "name": name}


async def define(ctx: Ctx, row: Namespace, kind: Kind, name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """Define something. DefinitionExists."""
    body = {key: value for key, value in told.items() if key != "name"}
    made = Definition(namespace_id=row.id, kind=kind, name=name, body=body)
    try:
        await ctx.db.insert(made)
    except errors.Duplicate as error:
        raise DefinitionExists(kind=kind.value, name=name, namespace=row.namespace) from error
    return shown(made, row.namespace)


async def redefine(
    ctx: Ctx, row: Namespace, kind: Kind, name: str, told: Mapping[str, Any]
) -> dict[str, Any]:
    """Change a definition, its name too. DefinitionNotFound, DefinitionExists."""
    found = await find(ctx, row, kind, name)
    new = told.get("name", name)
    body = {key: value for key, value in told.items() if key != "name"}
    here = _here(row, kind, name)
    try:
        await ctx.db.update(Definition, *here, name=new, body=body, updated_at=clock.now())
    except errors.Duplicate as error:
        raise DefinitionExists(kind=kind.value, name=new, namespace=row.namespace) from error
    found.name, found.body = new, body
    return shown(found, row.namespace)


def _here(row: Namespace, kind: Kind, name: str) -> tuple[Any, ...]:
    c = Definition.c
    return (c.namespace_id == row.id, c.kind == kind, c.name == name)


async def remove(ctx: Ctx, row: Namespace, kind: Kind, name: str) -> None:
    """Delete a definition. NamespaceProtected, DefinitionNotFound."""
    _check_unprotected(row)
    if not await ctx.db.delete(Definition, *_here(row, kind, name)):
        raise DefinitionNotFound(kind=kind.value, name=name, namespace=row.namespace)


async def remove_all(ctx: Ctx, row: Namespace, kind: Kind) -> None:
    """Delete all definitions of a kind. NamespaceProtected."""
    _check_unprotected(row)
    await ctx.db.delete(Definition, Definition.c.namespace_id == row.id, Definition.c.kind == kind)


async def write_tags(ctx: Ctx, row: Namespace, names: Sequence[str], *, append: bool) -> list[dict[str, Any]]:
    """Give a namespace these tags, in the place of its own or beside them. DefinitionExists."""
    if not append:
        await ctx.db.delete(Definition, Definition.c.namespace_id == row.id, Definition.c.kind == Kind.TAG)
    return [await define(ctx, row, Kind.TAG, name, {}) for name in names]


async def resource_types(ctx: Ctx) -> list[dict[str, Any]]:
    """Return all types of resources that are known, each with the time of its first association if any."""
    rows = await ctx.db.all(
        Definition, Definition.c.kind == Kind.ASSOCIATION, order_by=[Definition.c.created_at]
    )
    times: dict[str, Any] = {}
    for row in rows:
        times.setdefault(row.name, row.created_at)
    return [
        {"name": name, **({"created_at": times[name], "updated_at": times[name]} if name in times else {})}
        for name in sorted({*RESOURCE_TYPES, *times})
    ]
