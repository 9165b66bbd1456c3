"""List parameters of images that are more than equality with an attribute."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import func, select

from cumulo.core.http import Ctx
from cumulo.core.resource import BadParameter, Resource, as_int, as_time
from cumulo.core.resource.query import LIST_PARAMETERS
from cumulo.services.image.model import Image, ImageTag
from cumulo.services.image.schema.images import ImageView

SEVERAL = ("id", "name", "status", "disk_format", "container_format")
COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}
ELSEWHERE = frozenset({"visibility", "member_status", "os_hidden"})  # the scope reads them


def declare(images: Resource) -> None:
    """Declare the parameters on the resource."""
    for name in SEVERAL:
        images.filter(name)(_one_of(name))
    for name in ("created_at", "updated_at"):
        images.filter(name)(_moment(name))
    images.filter("tag")(_tagged)
    images.filter("size_min")(_size("size_min", operator.ge))
    images.filter("size_max")(_size("size_max", operator.le))


def by_properties(ctx: Ctx) -> list[Any]:
    """Return the conditions for all other parameters: they name images' own properties."""
    known = LIST_PARAMETERS | ELSEWHERE | {"tag", "size_min", "size_max"} | {f.wire for f in ImageView.fields}
    return [
        _property(ctx, name) == value
        for name, values in ctx.request.query.items()
        for value in values
        if name not in known
    ]


def _one_of(name: str) -> Callable[[Ctx, str], Any]:
    """`name=x`, or `name=in:x,"y, z"` for any of several."""

    def condition(ctx: Ctx, value: str) -> Any:
        del ctx
        if value.startswith("in:"):
            return Image.c[name].in_(_words(name, value.removeprefix("in:")))
        return Image.c[name] == value

    return condition


def _words(name: str, text: str) -> list[str]:
    """Split at commas outside of double quotes; a backslash keeps the next character."""
    words, word, quoted, escaped = [], "", False, False
    for character in text:
        if escaped:
            word, escaped = word + character, False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            words.append(word)
            word = ""
        else:
            word += character
    if quoted:
        raise BadParameter(field=name, value=text, reason="A quotation mark is missing.")
    return [*words, word]


def _moment(name: str) -> Callable[[Ctx, str], Any]:
    """`created_at=gte:2026-01-01T00:00:00Z`; without an operator it means equality."""

    def condition(ctx: Ctx, value: str) -> Any:
        del ctx
        verb, _, rest = value.partition(":")
        compare = COMPARISONS.get(verb)
        moment = as_time(name, rest if compare else value)
        return (compare or operator.eq)(Image.c[name], moment)

    return condition


def _size(name: str, compare: Callable[[Any, Any], Any]) -> Callable[[Ctx, str], Any]:
    def condition(ctx: Ctx, value: str) -> Any:
        del ctx
        return compare(Image.c.size, as_int(name, value, least=0))

    return condition


def _tagged(ctx: Ctx, value: str) -> Any:
    del ctx
    return Image.c.id.in_(select(ImageTag.c.image_id).where(ImageTag.c.value == value))


def _property(ctx: Ctx, name: str) -> Any:
    """Return the text of an image's own property, as this database reads JSON."""
    if ctx.engine.database.dialect == "sqlite":
        each = func.json_each(Image.c.properties).table_valued("key", "value")
        return select(each.c.value).where(each.c.key == name).scalar_subquery()
    return func.jsonb_extract_path_text(Image.c.properties, name)
