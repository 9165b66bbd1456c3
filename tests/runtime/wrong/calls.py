"""Calls of every operation of a service, from its own OpenAPI document, most of them wrong in some way."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.runtime.wrong.shapes import NUMBERS, TEXTS, THINGS, Bodies

from cumulo.core.http import Service, openapi

GARBAGE = (
    *("x", "00000000-0000-0000-0000-000000000000", "%00", "%ff%fe", "..%2f..", "a" * 3000, "%F0%9F%92%A5"),
    *("-1", "None", "0", "9" * 5000, "%20", "'", "*", "%0a", "latest", "default", "detail"),
)
PARAMETERS = (
    *("limit", "marker", "sort", "sort_key", "sort_dir", "fields", "page_reverse", "changes-since", "offset"),
    *("all_tenants", "with_count", "metadata", "tags", "name", "id"),
)
MEDIA = ("text/plain", "application/xml", "application/json; charset=latin-1", "")
VERSIONS = ("latest", "1.0", "1.20", "2.1", "2.50", "3.0", "3.50", "9.9", "2.1.1", "x", "")
HEADERS = (
    {"Accept": "application/xml"},
    {"Accept": "*/*;q=x, ,"},
    {"Accept-Language": "\u00e9"},
    {"Accept-Encoding": "zip"},
    {"Content-Encoding": "gzip"},
    {"Range": "bytes=9-1"},
    {"Range": "bytes=0-18446744073709551616"},
    {"Range": f"bytes={'9' * 5000}-"},
    {"If-Match": f"revision_number={'9' * 5000}"},
    {"X-OpenStack-Image-Size": "9" * 5000},
    {"OpenStack-API-Version": f"compute 2.{'9' * 5000}, volume 3.{'9' * 5000}"},
    {"If-Match": "*, x"},
    {"If-None-Match": '"' * 9},
    {"If-Modified-Since": "yesterday"},
    {"X-Forwarded-For": "x, y"},
    {"Forwarded": 'for="'},
    {"Host": "[::"},
    {"X-Openstack-Request-Id": "a" * 5000},
    {"X-OpenStack-Nova-API-Version": "x"},
    {"X-Service-Token": "x"},
    {"X-Subject-Token": "x"},
    {"X-Roles": "admin"},
    {"Cookie": "a" * 9000},
)
READING = frozenset({"GET", "HEAD"})
WHO = ("admin",) * 5 + (
    "manager",
    "member",
    "reader",
    "service",
    "system",
    "domain",
    "unscoped",
    "none",
    "bad",
)


@dataclass(frozen=True)
class Call:
    """One request. `operation`: what it is a call of. `who` makes it. `pieces`: its body comes in some."""

    operation: str
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    who: str = "admin"
    pieces: bool = False


class Caller:
    """Makes calls of one service. `known`: table → ids and names in it; what it lacks nobody harms."""

    def __init__(self, service: Service, known: Mapping[str, Sequence[str]], seed: int) -> None:
        self._service = service
        self._chance = random.Random(f"{seed} {service.name}")  # noqa: S311  repeatable, not secret
        self._known = {name: list(values) for name, values in known.items() if values}
        self._all = sorted({value for values in self._known.values() for value in values})
        self._document = openapi.document(service)
        components = self._document["components"]["schemas"]
        self._bodies = Bodies(self._chance, components, self._all)

    def calls(self, each: int) -> Iterator[Call]:
        """Return `each` calls of every operation, in any order, deletions last."""
        found = [
            (path, method.upper(), described)
            for path, methods in self._document["paths"].items()
            for method, described in methods.items()
            for _ in range(each * _alternatives(described))
        ]
        self._chance.shuffle(found)
        found.sort(key=lambda entry: entry[1] == "DELETE")
        for path, method, described in found:
            yield self._call(path, method, described)

    def _call(self, path: str, method: str, described: Mapping[str, Any]) -> Call:
        url = path
        parameters = described.get("parameters", ())
        for name in (entry["name"] for entry in parameters if entry["in"] == "path"):
            url = url.replace(f"{{{name}}}", self._value(name, method))
        if self._likely(0.8 if method in READING else 0.1):
            url += "?" + self._query([entry["name"] for entry in parameters if entry["in"] == "query"])
        content, media = self._content(described)
        headers = {"Content-Type": media} if content is not None else {}
        headers |= self._version()
        if self._likely(0.15):
            headers |= self._chance.choice(HEADERS)
        who, pieces = self._chance.choice(WHO), content is not None and self._likely(0.05)
        return Call(f"{method} {path}", method, url, headers, content, who, pieces)

    def _value(self, name: str, method: str) -> str:
        """Return something for a name in a path: mostly an id that exists; nothing is emptied."""
        stem = name.removesuffix("_id").removesuffix("_uuid").removesuffix("_name")
        near = [
            value
            for table, values in self._known.items()
            if table.startswith(self._service.name) and stem in table
            for value in values
        ]
        spared = method == "DELETE" and (self._service.name == "identity" or self._likely(0.7))
        if spared or self._likely(0.07) or not self._all:
            return self._chance.choice(GARBAGE)
        return quote(self._chance.choice(near if near and self._likely(0.9) else self._all), safe="")

    def _query(self, names: Sequence[str]) -> str:
        pairs = []
        for _ in range(self._chance.choice((1, 1, 2, 3))):
            value = str(self._chance.choice((*TEXTS, *NUMBERS[:6], *THINGS, *self._all[:5])))[:2000]
            written = quote(value.encode("utf-8", "surrogatepass"), safe="" if self._likely(0.8) else "%,:&=")
            pairs.append(f"{self._chance.choice((*names, *PARAMETERS))}={written}")
        return "&".join(pairs)

    def _content(self, described: Mapping[str, Any]) -> tuple[bytes | None, str]:
        request = described.get("requestBody")
        if request is None:
            if self._likely(0.8):
                return None, ""
            return self._bodies.written(self._bodies.anything()), "application/json"
        media, shape = next(iter(request["content"].items()))
        value = self._bodies.valid(shape.get("schema", {}))
        if self._likely(0.8):
            value = self._bodies.spoiled(value)
        return self._bodies.written(value), media if self._likely(0.95) else self._chance.choice(MEDIA)

    def _version(self) -> dict[str, str]:
        versions = self._service.dialect.microversions
        if versions is None or self._likely(0.1):
            return {}
        said = versions.maximum if self._likely(0.8) else self._chance.choice(VERSIONS)
        name = {"block_storage": "volume"}.get(self._service.name, self._service.name)
        return {"OpenStack-API-Version": f"{name} {said}"}

    def _likely(self, part: float) -> bool:
        return self._chance.random() < part


def _alternatives(described: Mapping[str, Any]) -> int:
    """Return how many bodies an operation has: the actions that share a path."""
    content = described.get("requestBody", {}).get("content", {})
    shapes = [len(shape.get("schema", {}).get("oneOf", ())) for shape in content.values()]
    return max([1, *shapes])
