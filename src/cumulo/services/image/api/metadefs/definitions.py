"""What a namespace defines: objects, properties and tags."""

from typing import Any

from cumulo.core.http import Ctx
from cumulo.services.image import policy
from cumulo.services.image.api.metadefs.namespaces import namespaces
from cumulo.services.image.domain import metadefs as domain
from cumulo.services.image.model import Kind, Namespace
from cumulo.services.image.schema.metadefs import (
    SCHEMAS,
    NamedProperty,
    ObjectBody,
    TagBody,
    TagsBody,
    shown,
)

OBJECT, PROPERTY, TAG = "/objects/{object_name}", "/properties/{property_name}", "/tags/{tag_name}"
APPEND = "x-openstack-append"


def _list(row: Namespace, plural: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    first = f"/v2/metadefs/namespaces/{row.namespace}/{plural}"
    return {plural: found, "first": first, "schema": f"{SCHEMAS}/{plural}"}


@namespaces.member("GET", "/objects", policy=policy.GET_OBJECTS)
async def list_objects(ctx: Ctx, row: Namespace) -> dict[str, Any]:
    """List the objects of a namespace."""
    return _list(row, "objects", await domain.list_shown(ctx, row, Kind.OBJECT))


@namespaces.member("POST", "/objects", policy=policy.ADD_OBJECT, status=201)
async def create_object(ctx: Ctx, row: Namespace, body: ObjectBody) -> dict[str, Any]:
    """Define an object."""
    return await domain.define(ctx, row, Kind.OBJECT, body.name, body.told())


@namespaces.member("DELETE", "/objects", policy=policy.DELETE_OBJECT, status=204)
async def delete_objects(ctx: Ctx, row: Namespace) -> None:
    """Delete all objects of a namespace."""
    await domain.remove_all(ctx, row, Kind.OBJECT)


@namespaces.member("GET", OBJECT, policy=policy.GET_OBJECT)
async def show_object(ctx: Ctx, row: Namespace, object_name: str) -> dict[str, Any]:
    """Show an object."""
    return shown(await domain.find(ctx, row, Kind.OBJECT, object_name), row.namespace)


@namespaces.member("PUT", OBJECT, policy=policy.MODIFY_OBJECT)
async def update_object(ctx: Ctx, row: Namespace, object_name: str, body: ObjectBody) -> dict[str, Any]:
    """Change an object."""
    return await domain.redefine(ctx, row, Kind.OBJECT, object_name, body.told())


@namespaces.member("DELETE", OBJECT, policy=policy.DELETE_OBJECT, status=204)
async def delete_object(ctx: Ctx, row: Namespace, object_name: str) -> None:
    """Delete an object."""
    await domain.remove(ctx, row, Kind.OBJECT, object_name)


@namespaces.member("GET", "/properties", policy=policy.GET_PROPERTIES)
async def list_properties(ctx: Ctx, row: Namespace) -> dict[str, Any]:
    """List the properties of a namespace, by name."""
    return {"properties": await domain.properties(ctx, row)}


@namespaces.member("POST", "/properties", policy=policy.ADD_PROPERTY, status=201)
async def create_property(ctx: Ctx, row: Namespace, body: NamedProperty) -> dict[str, Any]:
    """Define a property."""
    return await domain.define(ctx, row, Kind.PROPERTY, body.name, body.told())


@namespaces.member("DELETE", "/properties", policy=policy.REMOVE_PROPERTY, status=204)
async def delete_properties(ctx: Ctx, row: Namespace) -> None:
    """Delete all properties of a namespace."""
    await domain.remove_all(ctx, row, Kind.PROPERTY)


@namespaces.member("GET", PROPERTY, policy=policy.GET_PROPERTY)
async def show_property(ctx: Ctx, row: Namespace, property_name: str) -> dict[str, Any]:
    """Show a property."""
    return await domain.find_property(ctx, row, property_name)


@namespaces.member("PUT", PROPERTY, policy=policy.MODIFY_PROPERTY)
async def update_property(
    ctx: Ctx, row: Namespace, property_name: str, body: NamedProperty
) -> dict[str, Any]:
    """Change a property."""
    return await domain.redefine(ctx, row, Kind.PROPERTY, property_name, body.told())


@namespaces.member("DELETE", PROPERTY, policy=policy.REMOVE_PROPERTY, status=204)
async def delete_property(ctx: Ctx, row: Namespace, property_name: str) -> None:
    """Delete a property."""
    await domain.remove(ctx, row, Kind.PROPERTY, property_name)


@namespaces.member("GET", "/tags", policy=policy.GET_TAGS)
async def list_tags(ctx: Ctx, row: Namespace) -> dict[str, Any]:
    """List the tags of a namespace."""
    return _list(row, "tags", await domain.list_shown(ctx, row, Kind.TAG))


@namespaces.member("POST", "/tags", policy=policy.ADD_TAGS, status=201)
async def create_tags(ctx: Ctx, row: Namespace, body: TagsBody) -> dict[str, Any]:
    """Give a namespace these tags, in the place of its own; with `X-OpenStack-Append` beside them."""
    append = (ctx.request.headers.get(APPEND) or "").lower() == "true"
    names = [tag.name for tag in body.tags]
    return _list(row, "tags", await domain.write_tags(ctx, row, names, append=append))


@namespaces.member("DELETE", "/tags", policy=policy.DELETE_TAGS, status=204)
async def delete_tags(ctx: Ctx, row: Namespace) -> None:
    """Delete all tags of a namespace."""
    await domain.remove_all(ctx, row, Kind.TAG)


@namespaces.member("GET", TAG, policy=policy.GET_TAG)
async def show_tag(ctx: Ctx, row: Namespace, tag_name: str) -> dict[str, Any]:
    """Show a tag."""
    return shown(await domain.find(ctx, row, Kind.TAG, tag_name))


@namespaces.member("POST", TAG, policy=policy.ADD_TAG, status=201)
async def create_tag(ctx: Ctx, row: Namespace, tag_name: str) -> dict[str, Any]:
    """Define a tag."""
    return await domain.define(ctx, row, Kind.TAG, tag_name, {})


@namespaces.member("PUT", TAG, policy=policy.MODIFY_TAG)
async def update_tag(ctx: Ctx, row: Namespace, tag_name: str, body: TagBody) -> dict[str, Any]:
    """Rename a tag."""
    return await domain.redefine(ctx, row, Kind.TAG, tag_name, body.told())


@namespaces.member("DELETE", TAG, policy=policy.DELETE_TAG, status=204)
async def delete_tag(ctx: Ctx, row: Namespace, tag_name: str) -> None:
    """Delete a tag."""
    await domain.remove(ctx, row, Kind.TAG, tag_name)
