"""Changing an image by a JSON patch (RFC 6902, of which Glance knows add, replace and remove)."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from cumulo.core import clock
from cumulo.core.http import Ctx
from cumulo.services.image import protection
from cumulo.services.image.domain.images import (
    check_counts,
    check_owner,
    check_visibility,
    refuse_fixed,
    write_tags,
)
from cumulo.services.image.errors import (
    AttributeReadOnly,
    FormatFixed,
    PatchInvalid,
    PropertyMissing,
    PropertyPermanent,
)
from cumulo.services.image.model import Image, ImageStatus
from cumulo.services.image.schema.images import ATTRIBUTES, check_attributes, check_property

VERBS = ("add", "replace", "remove")
FORMATS = ("disk_format", "container_format")


class Change(msgspec.Struct, frozen=True):
    """One operation of a patch, on one attribute or property."""

    verb: str
    name: str
    value: Any = None


def read_patch(operations: Iterable[Mapping[str, Any]]) -> list[Change]:
    """Read a patch in the form of media type 2.1 (`op`, `path`) or the older 2.0 (`{"add": path}`)."""
    return [_read(operation) for operation in operations]


def _read(operation: Mapping[str, Any]) -> Change:
    verbs = [verb for verb in VERBS if verb in operation]
    verb, path = operation.get("op"), operation.get("path")
    if verb is None and len(verbs) == 1:
        verb, path = verbs[0], operation[verbs[0]]
    if verb not in VERBS:
        raise PatchInvalid(reason=f"operations must be one of {', '.join(VERBS)}")
    if not isinstance(path, str) or not path.startswith("/") or path.count("/") != 1 or path == "/":
        raise PatchInvalid(reason=f"{path!r} is not the path of an attribute")
    if verb != "remove" and "value" not in operation:
        raise PatchInvalid(reason=f"{verb} {path} needs a value")
    name = path[1:].replace("~1", "/").replace("~0", "~")
    return Change(verb, name, operation.get("value"))


async def apply_patch(ctx: Ctx, image: Image, operations: Iterable[Mapping[str, Any]]) -> Image:
    """Change an image; all of it or nothing."""
    changes = read_patch(operations)
    fixed = [change for change in changes if change.name in ATTRIBUTES]
    properties = dict(image.properties)
    for change in changes:
        refuse_fixed(change.name)
        if change.name not in ATTRIBUTES:
            _change_property(ctx, properties, change)
    values = _attributes(ctx, image, fixed)
    tags = values.pop("tags", None)
    for name, value in values.items():
        setattr(image, name, value)
    if "visibility" in values:
        check_visibility(ctx, image)
    check_counts(ctx, properties, tags or ())
    image.properties, image.updated_at = properties, clock.now()
    await ctx.db.save(image, *values, "properties", "updated_at")
    if tags is not None:
        await write_tags(ctx, image, tags)
    return image


def _change_property(ctx: Ctx, properties: dict[str, str | None], change: Change) -> None:
    there = change.name in properties and protection.allowed(ctx, change.name, "read")
    if change.verb != "add" and not there:
        raise PropertyMissing(name=change.name)
    verb = "delete" if change.verb == "remove" else "update" if change.name in properties else "create"
    protection.check(ctx, change.name, verb)
    if change.verb == "remove":
        del properties[change.name]
    else:
        properties[change.name] = check_property(change.name, change.value)


def _attributes(ctx: Ctx, image: Image, changes: Iterable[Change]) -> dict[str, Any]:
    """Return the fixed attributes' new values, checked one by one and together."""
    values: dict[str, Any] = {}
    for change in changes:
        if change.name == "id":
            raise AttributeReadOnly(name="id")
        if change.verb == "remove":
            raise PropertyPermanent(name=change.name)
        if change.name in FORMATS and image.status is not ImageStatus.QUEUED:
            raise FormatFixed(name=change.name)
        values |= check_attributes({change.name: change.value})
    if "owner" in values:
        check_owner(ctx, values["owner"])
    return values
