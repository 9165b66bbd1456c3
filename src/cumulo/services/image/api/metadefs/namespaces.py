"""Namespaces of metadata definitions, and the types of resources that they are for."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.resource import Resource
from cumulo.services.image import policy
from cumulo.services.image.domain import metadefs as domain
from cumulo.services.image.errors import NamespaceNotFound
from cumulo.services.image.model import Definition, Kind, Namespace, Visibility
from cumulo.services.image.schema.metadefs import (
    AssociationBody,
    NamespaceCreate,
    NamespaceUpdate,
    NamespaceView,
)


def visible(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: public namespaces and the caller's own."""
    del model
    if ctx.identity.is_admin:
        return ()
    public = Namespace.c.visibility == Visibility.PUBLIC
    return (public | (Namespace.c.owner == (ctx.identity.project_id or "")),)


namespaces = Resource(
    "namespace",
    "/metadefs/namespaces",
    model=Namespace,
    view=NamespaceView,
    scope=visible,
    key="namespace",
    parameter="namespace_name",
    order=("created_at:desc", "id:desc"),
    missing=NamespaceNotFound,
)
namespaces.list(policy=policy.GET_NAMESPACES)
routes = RouteSet()


@namespaces.filter("resource_types")
def for_types(ctx: Ctx, value: str) -> Any:
    """Namespaces for any of these types of resources, divided by commas."""
    del ctx
    tied = select(Definition.c.namespace_id).where(
        Definition.c.kind == Kind.ASSOCIATION, Definition.c.name.in_(value.split(","))
    )
    return Namespace.c.id.in_(tied)


async def _whole(ctx: Ctx, row: Namespace) -> dict[str, Any]:
    return {**(await NamespaceView.render(ctx, [row]))[0], **await domain.details(ctx, row)}


@namespaces.member("GET", "", policy=policy.GET_NAMESPACE)
async def show_namespace(ctx: Ctx, row: Namespace) -> dict[str, Any]:
    """Show a namespace with all that it defines."""
    return await _whole(ctx, row)


@namespaces.create(policy=policy.ADD_NAMESPACE)
async def create_namespace(ctx: Ctx, body: NamespaceCreate) -> dict[str, Any]:
    """Create a namespace with all that it defines."""
    row = await domain.create_namespace(ctx, body)
    ctx.headers["Location"] = f"{ctx.base_url}/metadefs/namespaces/{row.namespace}"
    return await _whole(ctx, row)


@namespaces.member("PUT", "", policy=policy.MODIFY_NAMESPACE)
async def update_namespace(ctx: Ctx, row: Namespace, body: NamespaceUpdate) -> Namespace:
    """Change a namespace."""
    return await domain.update_namespace(ctx, row, body)


@namespaces.delete(policy=policy.DELETE_NAMESPACE)
async def delete_namespace(ctx: Ctx, row: Namespace) -> None:
    """Delete a namespace and all that it defines."""
    await domain.delete_namespace(ctx, row)


@routes.route("GET", "/metadefs/resource_types", policy=policy.GET_TYPES)
async def list_types(ctx: Ctx) -> dict[str, Any]:
    """List the types of resources that namespaces can be for."""
    return {"resource_types": await domain.resource_types(ctx)}


@namespaces.member("GET", "/resource_types", policy=policy.GET_ASSOCIATIONS)
async def list_associations(ctx: Ctx, row: Namespace) -> dict[str, Any]:
    """List the types of resources that a namespace is for."""
    return {"resource_type_associations": await domain.list_shown(ctx, row, Kind.ASSOCIATION)}


@namespaces.member("POST", "/resource_types", policy=policy.ADD_ASSOCIATION, status=201)
async def associate(ctx: Ctx, row: Namespace, body: AssociationBody) -> dict[str, Any]:
    """Tie a namespace to a type of resources."""
    return await domain.define(ctx, row, Kind.ASSOCIATION, body.name, body.told())


@namespaces.member("DELETE", "/resource_types/{name}", policy=policy.REMOVE_ASSOCIATION, status=204)
async def dissociate(ctx: Ctx, row: Namespace, name: str) -> None:
    """Untie a namespace from a type of resources."""
    await domain.remove(ctx, row, Kind.ASSOCIATION, name)
