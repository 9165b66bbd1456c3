"""JSON schemas of metadata definitions, for clients that read them."""

from collections.abc import Awaitable, Callable
from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.image import policy

routes = RouteSet()


def _text(limit: int | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "string", **({} if limit is None else {"maxLength": limit}), **more}


_COUNT = {"type": "integer", "minimum": 0}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_FIXED = {"created_at": _text(readOnly=True, format="date-time"), "updated_at": _text(readOnly=True)}
_LINKS = {"self": _text(readOnly=True), "schema": _text(readOnly=True)}
_TYPES = ["array", "boolean", "integer", "number", "object", "string", "null"]
_PROPERTY: dict[str, Any] = {
    "title": _text(),
    "description": _text(),
    "operators": _TEXTS,
    "type": {"type": "string", "enum": _TYPES},
    "required": _TEXTS,
    "minimum": {"type": "number"},
    "maximum": {"type": "number"},
    "minLength": _COUNT,
    "maxLength": _COUNT,
    "pattern": _text(format="regex"),
    "enum": {"type": "array"},
    "readonly": {"type": "boolean"},
    "default": {},
    "items": {"type": "object", "properties": {"type": {"enum": _TYPES}, "enum": {"type": "array"}}},
    "minItems": _COUNT,
    "maxItems": _COUNT,
    "uniqueItems": {"type": "boolean"},
    "additionalItems": {"type": "boolean"},
}
_PROPERTIES = {"type": "object", "additionalProperties": {"type": "object", "properties": _PROPERTY}}
_TAG: dict[str, Any] = {"name": _text(80), **_FIXED}
_OBJECT: dict[str, Any] = {
    "name": _text(255),
    "description": _text(),
    "required": _TEXTS,
    "properties": _PROPERTIES,
    **_LINKS,
    **_FIXED,
}
_ASSOCIATION: dict[str, Any] = {
    "name": _text(80),
    "prefix": _text(80),
    "properties_target": _text(80),
    **_FIXED,
}
_NAMESPACE: dict[str, Any] = {
    "namespace": _text(80),
    "display_name": _text(80),
    "description": _text(500),
    "visibility": {"type": "string", "enum": ["public", "private"]},
    "protected": {"type": "boolean"},
    "owner": _text(255),
    **_LINKS,
    **_FIXED,
    "resource_type_associations": {"type": "array", "items": {"properties": _ASSOCIATION}},
    "properties": _PROPERTIES,
    "objects": {"type": "array", "items": {"type": "object", "properties": _OBJECT}},
    "tags": {"type": "array", "items": {"type": "object", "properties": _TAG}},
}


def _one(name: str, properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "name": name,
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _many(name: str, of: dict[str, Any], key: str = "") -> dict[str, Any]:
    links = [{"rel": rel, "href": f"{{{rel}}}"} for rel in ("first", "next")]
    texts = {rel: _text() for rel in ("first", "next", "schema")}
    properties = {key or name: {"type": "array", "items": of}, **texts}
    return {"name": name, "properties": properties, "links": links}


_NAMESPACES = _one("namespace", _NAMESPACE, "namespace")
_OBJECTS = _one("object", _OBJECT, "name")
_TAGS = _one("tag", _TAG, "name")
_TYPES_OF = _one("resource_type_association", _ASSOCIATION, "name")
_NAMED = _one("property", {"name": _text(255), **_PROPERTY}, "name", "title", "type")
_SCHEMAS = {
    "namespace": _NAMESPACES,
    "namespaces": _many("namespaces", _NAMESPACES),
    "object": _OBJECTS,
    "objects": _many("objects", _OBJECTS),
    "property": _NAMED,
    "properties": {"name": "properties", "properties": {"properties": _PROPERTIES}},
    "resource_type": _TYPES_OF,
    "resource_types": _many("resource_type_associations", _TYPES_OF),
    "tag": _TAGS,
    "tags": _many("tags", _TAGS),
}


def _declare(name: str, schema: dict[str, Any]) -> None:
    async def show(ctx: Ctx) -> dict[str, Any]:
        del ctx
        return schema

    show.__name__ = f"metadef_{name}_schema"
    show.__doc__ = f"Show the schema of {name.replace('_', ' ')} among metadata definitions."
    declared: Callable[[Ctx], Awaitable[dict[str, Any]]] = show
    routes.route("GET", f"/schemas/metadefs/{name}", policy=policy.DISCOVER)(declared)


for _name, _schema in _SCHEMAS.items():
    _declare(_name, _schema)
