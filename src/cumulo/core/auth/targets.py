"""Reading attributes of a policy's target, which may be a mapping or a row, and filling `%(name)s` templates.

A template's name may be dotted: the whole name is looked up first, then the path is walked. A target without
a member `target` stands for it: `%(target.user.domain_id)s` on a user's row is the row's `domain_id`, and
`%(target.domain_id)s` on a mapping its `domain_id`, as identity's rules write them.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

MISSING: Any = object()

_SIMPLE = re.compile(r"%\(([^()]*)\)s")
_TARGET_PARTS = 3  # target . noun . attribute
_OTHER_WORD = {"tenant_id": "project_id", "project_id": "tenant_id"}

Getter = Callable[[Any], Any]
Filler = Callable[[Any], str | None]


def getter(name: str) -> Getter:
    """Return a function from a target to the value of its attribute, or to `MISSING`."""
    path = name.split(".")
    other = _OTHER_WORD.get(name)

    def get(target: Any) -> Any:
        # A row and a dict are told apart without the abstract base class, which costs more than the rest.
        if isinstance(target, dict):
            value = target.get(name, MISSING)
        elif isinstance(target, msgspec.Struct):
            value = getattr(target, name, MISSING)
        else:
            value = _attribute(target, name)
        if value is not MISSING:
            return value
        if other is not None:
            return _attribute(target, other)
        return _walk(target, path) if len(path) > 1 else MISSING

    return get


def _attribute(target: Any, name: str) -> Any:
    if isinstance(target, Mapping):
        return target.get(name, MISSING)
    return getattr(target, name, MISSING)


def _walk(target: Any, path: list[str]) -> Any:
    if path[0] == "target" and _attribute(target, "target") is MISSING:
        path = path[2:] if len(path) >= _TARGET_PARTS else path[1:]
    for name in path:
        target = _attribute(target, name)
        if target is MISSING:
            return MISSING
    return target


class _Lookup:
    """A target as the mapping that Python's `%` operator reads; raises KeyError for what is missing."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getitem__(self, name: str) -> Any:
        value = getter(name)(self._target)
        if value is MISSING:
            raise KeyError(name)
        return value


def constant(template: str) -> str | None:
    """Return the text of a template without attributes, else None."""
    return template if "%" not in template else None


def filler(template: str) -> Filler:
    """Return a function that fills the template from a target; it gives None when something is missing."""
    simple = _SIMPLE.fullmatch(template)
    if simple:
        get = getter(simple[1])

        def fill_one(target: Any) -> str | None:
            value = get(target)
            return None if value is MISSING else str(value)

        return fill_one

    def fill(target: Any) -> str | None:
        try:
            return str(template % _Lookup(target))
        except (KeyError, ValueError, TypeError):
            return None

    return fill
