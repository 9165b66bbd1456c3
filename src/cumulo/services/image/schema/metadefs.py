"""Metadata definitions on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import Ctx
from cumulo.core.resource import Body, Computed, Filterable, Sortable, View
from cumulo.services.image.model import Definition, Kind, Namespace

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Short = Annotated[str, Meta(min_length=1, max_length=80)]
Description = Annotated[str, Meta(max_length=500)]
Count = Annotated[int, Meta(ge=0)]
SCHEMAS = "/v2/schemas/metadefs"


class _Dropping(Body, kw_only=True):
    """A body that may carry back what a client was shown: links and times are let pass and dropped."""

    self: Any = UNSET
    schema: Any = UNSET
    created_at: Any = UNSET
    updated_at: Any = UNSET

    def told(self_: "_Dropping") -> dict[str, Any]:  # noqa: N805  a field has the usual name
        """Return what the client said, but for what it may not."""
        given: dict[str, Any] = msgspec.to_builtins(self_)
        return {name: value for name, value in given.items() if name not in _SHOWN_ONLY}


_SHOWN_ONLY = ("self", "schema", "created_at", "updated_at")


class PropertyBody(_Dropping, kw_only=True, omit_defaults=True):
    """A property's definition: JSON schema, as far as Glance knows it."""

    title: Annotated[str, Meta(max_length=255)]
    type: Literal["array", "boolean", "integer", "number", "object", "string", "null"]
    name: Name | UnsetType = UNSET
    description: str | UnsetType = UNSET
    operators: list[str] | UnsetType = UNSET
    default: Any = UNSET
    readonly: bool | UnsetType = UNSET
    minimum: float | UnsetType = UNSET
    maximum: float | UnsetType = UNSET
    enum: list[Any] | UnsetType = UNSET
    pattern: str | UnsetType = UNSET
    min_length: Count | UnsetType = msgspec.field(name="minLength", default=UNSET)
    max_length: Count | UnsetType = msgspec.field(name="maxLength", default=UNSET)
    items: dict[str, Any] | UnsetType = UNSET
    unique_items: bool | UnsetType = msgspec.field(name="uniqueItems", default=UNSET)
    min_items: Count | UnsetType = msgspec.field(name="minItems", default=UNSET)
    max_items: Count | UnsetType = msgspec.field(name="maxItems", default=UNSET)
    additional_items: bool | UnsetType = msgspec.field(name="additionalItems", default=UNSET)
    required: list[str] | UnsetType = UNSET


class NamedProperty(PropertyBody, kw_only=True, omit_defaults=True):
    """A property's definition with its name."""

    name: Name


class ObjectBody(_Dropping, kw_only=True):
    """An object: properties that belong together."""

    name: Name
    description: Description | UnsetType = UNSET
    required: list[str] | UnsetType = UNSET
    properties: dict[Name, PropertyBody] | UnsetType = UNSET


class TagBody(_Dropping, kw_only=True):
    """A tag."""

    name: Name


class TagsBody(Body):
    """The tags of a namespace."""

    tags: list[TagBody]


class AssociationBody(_Dropping, kw_only=True):
    """A type of resources, and what stands before the properties' names there."""

    name: Name
    prefix: Short | UnsetType = UNSET
    properties_target: Short | UnsetType = UNSET


class NamespaceUpdate(_Dropping, kw_only=True):
    """A namespace by itself. What is not said gets its default again."""

    namespace: Short
    display_name: Short | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    visibility: Literal["public", "private"] = "private"
    protected: bool = False
    owner: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET


class NamespaceCreate(NamespaceUpdate, kw_only=True):
    """A namespace with all that it defines."""

    properties: dict[Name, PropertyBody] = {}
    objects: list[ObjectBody] = []
    tags: list[TagBody] = []
    resource_type_associations: list[AssociationBody] = []


def shown(row: Definition, namespace: str = "") -> dict[str, Any]:
    """Return a definition as clients see it."""
    times = {"created_at": row.created_at, "updated_at": row.updated_at}
    if row.kind is Kind.PROPERTY:
        return {**row.body, "name": row.name}
    if row.kind is Kind.ASSOCIATION:
        return {"name": row.name, **row.body, **times}
    if row.kind is Kind.TAG:
        return {"name": row.name, **times}
    link = f"/v2/metadefs/namespaces/{namespace}/objects/{row.name}"
    defaults: dict[str, Any] = {"required": [], "properties": {}}
    return {"name": row.name, **defaults, **row.body, **times, "self": link, "schema": f"{SCHEMAS}/object"}


def _self(row: Namespace, page: Any) -> str:
    del page
    return f"/v2/metadefs/namespaces/{row.namespace}"


class NamespaceView(View, model=Namespace):
    """A namespace in a list."""

    namespace: Annotated[str, Sortable]
    display_name: str | None
    description: str | None
    visibility: Annotated[str, Filterable]
    protected: Annotated[bool, Filterable]
    owner: Annotated[str | None, Filterable]
    created_at: Annotated[datetime, Sortable]
    updated_at: Annotated[datetime, Sortable]
    self: Annotated[str, Computed(_self)]
    schema: Annotated[str, Computed(lambda row, page: f"{SCHEMAS}/namespace")]  # noqa: ARG005  the shape of the others
    resource_type_associations: Annotated[Any, Computed(lambda row, page: page.extra.get(row.id, []))]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Namespace]) -> dict[str, list[dict[str, Any]]]:
        """Fetch the types of resources that the page's namespaces are for."""
        found: dict[str, list[dict[str, Any]]] = {}
        mine = Definition.c.namespace_id.in_([row.id for row in rows])
        kind = Definition.c.kind == Kind.ASSOCIATION
        for row in await ctx.db.all(Definition, mine, kind, order_by=[Definition.c.name]):
            found.setdefault(row.namespace_id, []).append(shown(row))
        return found
