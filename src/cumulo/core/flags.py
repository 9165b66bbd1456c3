"""Flags: what is said of a field inside `Annotated[…]`, for views and bodies alike."""

import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from cumulo.core.microversions import Version, parse

if TYPE_CHECKING:
    from cumulo.core.auth import Rule


@dataclass(frozen=True)
class Wire:
    """The field's JSON name, where it differs from the attribute."""

    name: str


@dataclass(frozen=True)
class Source:
    """The model's attribute that a view's field shows, where the names differ."""

    attribute: str


@dataclass(frozen=True)
class Computed:
    """A view's field made by a function of (row, page); it may return UNSET when `optional`.

    reads: the row's attributes that the function looks at; None: it may be any. Where all say so, lists
    fetch nothing else.
    """

    function: Callable[[Any, Any], Any]
    optional: bool = False
    reads: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Spread:
    """A computed dict whose members stand beside the other fields (glance's own properties)."""

    function: Callable[[Any, Any], dict[str, Any]]


@dataclass(frozen=True)
class Since:
    """The first microversion that has the field."""

    text: str

    @cached_property
    def version(self) -> Version:
        """The version as a pair."""
        return parse(self.text)


@dataclass(frozen=True)
class Until:
    """The last microversion that has the field."""

    text: str

    @cached_property
    def version(self) -> Version:
        """The version as a pair."""
        return parse(self.text)


@dataclass(frozen=True)
class VisibleTo:
    """The rule that a caller must pass to see the field."""

    rule: "Rule"


@dataclass(frozen=True)
class Guarded:
    """The rule that a caller must pass to send the field (neutron's `create_network:shared`)."""

    rule: "Rule"


class _Filterable:
    """Lists can be filtered by the field, under its wire name; repeated values mean any of them."""


class _Sortable:
    """Lists can be sorted by the field."""


Filterable = _Filterable()
Sortable = _Sortable()


@cache
def flags_of(kind: type) -> dict[str, tuple[Any, ...]]:
    """Return each annotated attribute of a class with what its `Annotated` says."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {name: flags_in(hint) for name, hint in hints.items()}


def flags_in(hint: Any) -> tuple[Any, ...]:
    """Collect the metadata of an annotation, also inside unions such as `Annotated[…] | UnsetType`."""
    if typing.get_origin(hint) is typing.Annotated:
        return (*hint.__metadata__, *flags_in(hint.__origin__))
    found: tuple[Any, ...] = ()
    for inner in typing.get_args(hint):
        if typing.get_origin(inner) is typing.Annotated:
            found += flags_in(inner)
    return found
