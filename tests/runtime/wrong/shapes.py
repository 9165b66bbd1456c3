"""Bodies for an operation, made from its JSON schema: right ones, and ones with something wrong in them."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
DEEPEST = 7

TEXTS = (
    *("", " ", "a" * 300, "a" * 70_000, "x\0y", "\N{COLLISION SYMBOL}", "\ud800", "\u00e9" * 256, "\n"),
    *("null", "NaN", "-1", "0x10", "1e5", "9" * 50, "{}", "[1,2]", "a,b", "a:b:c", "'; DROP TABLE x; --"),
    *("../../etc/passwd", "file:///etc/passwd", "http://[::1", "%00%0a", "{0.__class__}", "%s%n"),
    *("256.1.1.1", "::1", "::/129", "10.0.0.0/33", "10.0.0.0/8", "ff:ff:ff:ff:ff:ff"),
    *("2021-13-45T99:99:99Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"),
    *("9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00", "9" * 5000, "0-" + "9" * 30),
    "00000000-0000-0000-0000-000000000000",
)
NUMBERS = (-1, 0, 1, 2**31, 2**63, 2**64, 10**400, 1e308, -0.5)
THINGS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], [{}], {"a": 1}, {"": None})
WORDS = (
    *("name", "a-1", "10.0.0.0/24", "10.0.0.9", "fa:16:3e:00:00:01", "raw", "ipv4", "tcp", "RegionOne"),
    *("http://192.0.2.1/x", "default", "2030-01-01T00:00:00Z"),
)


class Bodies:
    """Makes bodies. `known`: ids and names of things that exist, for texts to hold."""

    def __init__(self, chance: random.Random, components: Mapping[str, Schema], known: Sequence[str]) -> None:
        self._chance = chance
        self._components = components
        self._known = known

    def valid(self, schema: Schema, depth: int = 0) -> Any:
        """Return a value of a schema's form."""
        if "$ref" in schema:
            return self.valid(self._components[schema["$ref"].rpartition("/")[2]], depth + 1)
        choices = schema.get("oneOf") or schema.get("anyOf")
        if choices:
            return self.valid(self._chance.choice(choices), depth + 1)
        if "enum" in schema:
            return self._chance.choice(schema["enum"])
        kind = schema.get("type", "string")
        make = getattr(self, f"_{self._chance.choice(kind) if isinstance(kind, list) else kind}")
        return make(schema, depth)

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        made = {
            name: self.valid(shape, depth + 1)
            for name, shape in schema.get("properties", {}).items()
            if name in required or (depth < DEEPEST and self._chance.random() < 0.4)
        }
        others = schema.get("additionalProperties")
        if isinstance(others, dict) and self._chance.random() < 0.5:
            made["more"] = self.valid(others, depth + 1)
        return made

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        if "prefixItems" in schema:
            return [self.valid(shape, depth + 1) for shape in schema["prefixItems"]]
        least = schema.get("minItems", 0)
        count = max(least, self._chance.choice((0, 1, 1, 2)) if depth < DEEPEST else least)
        return [self.valid(schema.get("items") or {}, depth + 1) for _ in range(count)]

    def _integer(self, schema: Schema, _depth: int) -> int:
        least = schema.get("minimum", 0)
        most = schema.get("maximum", least + 100)
        return self._chance.choice((least, most, self._chance.randint(least, most)))

    def _number(self, _schema: Schema, _depth: int) -> float:
        return self._chance.choice((0, 1, 0.5))

    def _boolean(self, _schema: Schema, _depth: int) -> bool:
        return self._chance.random() < 0.5

    def _null(self, _schema: Schema, _depth: int) -> None:
        return None

    def _string(self, _schema: Schema, _depth: int) -> str:
        known = self._known and self._chance.random() < 0.4
        return self._chance.choice(self._known if known else WORDS)

    def anything(self) -> Any:
        """Return a value that few fields expect."""
        return self._chance.choice((*TEXTS, *NUMBERS, *THINGS))

    def spoiled(self, value: Any) -> Any:
        """Return the value with something unexpected in one or two places."""
        box = [value]
        places = _places(box)
        for _ in range(self._chance.choice((1, 1, 1, 2))):
            self._chance.choice(places)(json.loads(json.dumps(self.anything())))
        if isinstance(box[0], dict) and self._chance.random() < 0.1:
            box[0][self._chance.choice(("unknown", "\ud800", ""))] = self.anything()
        return box[0]

    def written(self, value: Any) -> bytes:
        """Return it as JSON, and sometimes as what is none."""
        text = json.dumps(value).encode()
        damaged = (
            text[: self._chance.randrange(len(text) + 1)],
            text.replace(b'"', b'"\xff\xfe', 1),
            b"[" * 100_000,
            b'{"a":' * 50_000,
            b"",
            b"NaN",
            b"\xef\xbb\xbf" + text,
            b"9" * 100_000,
        )
        return self._chance.choice(damaged) if self._chance.random() < 0.1 else text


def _places(box: list[Any]) -> list[Callable[[Any], None]]:
    """Return what sets each place inside a value."""
    found: list[Callable[[Any], None]] = []

    def look(holder: Any, key: Any) -> None:
        found.append(lambda new: holder.__setitem__(key, new))
        inner = holder[key]
        if isinstance(inner, dict):
            for name in list(inner):
                look(inner, name)
        elif isinstance(inner, list):
            for position in range(len(inner)):
                look(inner, position)

    look(box, 0)
    return found
