"""OVSDB values (RFC 7047, 5.1) to and from Python ones.

scalar → str, int, float, bool or Uuid; optional scalar → that or None; set → frozenset; map → dict.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec


class Uuid(str):
    """A row's UUID; a `str`, but written as `["uuid", ...]`."""

    __slots__ = ()


class Named(str):
    """The name that an insert of the same transaction gave its row."""

    __slots__ = ()


def encode(value: Any) -> Any:
    """Return a Python value as OVSDB's JSON."""
    if isinstance(value, Uuid):
        return ["uuid", str(value)]
    if isinstance(value, Named):
        return ["named-uuid", str(value)]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return ["map", [[encode(key), encode(item)] for key, item in value.items()]]
    if isinstance(value, Collection):
        return ["set", [encode(item) for item in value]]
    return ["set", []] if value is None else value


def _atom(value: Any) -> Any:
    return Uuid(value[1]) if isinstance(value, list) else value


_DEFAULTS: dict[str, Any] = {
    "integer": 0,
    "real": 0.0,
    "boolean": False,
    "string": "",
    "uuid": Uuid("00000000-0000-0000-0000-000000000000"),
}


class Column(msgspec.Struct, frozen=True):
    """A column's shape: `kind` is scalar, optional, set or map; `default` its value if omitted."""

    kind: str
    default: Any

    @staticmethod
    def of(type_: Any) -> "Column":
        """Read a column's type from the database schema (RFC 7047, 3.2)."""
        if isinstance(type_, str):
            return Column("scalar", _DEFAULTS[type_])
        least, most = type_.get("min", 1), type_.get("max", 1)
        if "value" in type_:
            return Column("map", {})
        if most != 1:
            return Column("set", frozenset())
        if least == 0:
            return Column("optional", None)
        key = type_["key"]
        return Column("scalar", _DEFAULTS[key if isinstance(key, str) else key["type"]])

    def decode(self, value: Any) -> Any:
        """Return the Python value of OVSDB's JSON."""
        tag = value[0] if isinstance(value, list) else None
        if self.kind == "map":
            return {_atom(key): _atom(item) for key, item in value[1]}
        if self.kind == "set":
            return frozenset(map(_atom, value[1])) if tag == "set" else frozenset((_atom(value),))
        if tag == "set":
            return _atom(value[1][0]) if value[1] else None
        return _atom(value)

    def patch(self, old: Any, difference: Any) -> Any:
        """Return the old value with the difference of an `update2` notification applied."""
        if self.kind == "set":
            return old ^ difference
        if self.kind != "map":
            return difference
        gone = {key for key, item in difference.items() if old.get(key) == item}
        return {key: item for key, item in (old | difference).items() if key not in gone}
