"""A dialect: the differences between OpenStack's services, as data.

A service picks from the presets here and states the rest; the pipeline and the resource layer read it. What
no dialect can say is a route of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from cumulo.core.errors import Error, NotFound
from cumulo.core.microversions import Microversions

MIB = 1024 * 1024


@dataclass(frozen=True)
class Page:
    """One page of a list, for the links around it. `marker`: the last item's id when more follow."""

    url: str  # of the collection, without query
    query: Mapping[str, list[str]]
    collection: str
    next_marker: str | None
    previous_marker: str | None = None

    def link(self, **changes: str) -> str:
        """Return the collection's URL with the same query but these parameters."""
        query = [(k, v) for k, values in self.query.items() if k not in changes for v in values]
        return f"{self.url}?{urlencode([*query, *changes.items()])}"


def relation_links(page: Page) -> dict[str, Any]:
    """`servers_links: [{rel: next, href: …}]` when more follow, as compute and block storage write it."""
    if page.next_marker is None:
        return {}
    return {f"{page.collection}_links": [{"rel": "next", "href": page.link(marker=page.next_marker)}]}


def identity_links(page: Page) -> dict[str, Any]:
    """`links: {self, next, previous}`, as identity writes it."""
    following = page.link(marker=page.next_marker) if page.next_marker else None
    own = page.link() if page.query else page.url
    return {"links": {"next": following, "self": own, "previous": None}}


def no_links(page: Page) -> dict[str, Any]:  # noqa: ARG001  the shape of the others
    """No links at all, as placement writes it."""
    return {}


def seconds(moment: datetime) -> str:
    """`2026-01-02T03:04:05Z`."""
    moment = moment if moment.tzinfo is UTC else moment.astimezone(UTC)  # which costs more than the rest
    return f"{msgspec.to_builtins(moment)[:19]}Z"  # in a quarter of `isoformat`'s time


def microseconds(moment: datetime) -> str:
    """`2026-01-02T03:04:05.000000Z`, as identity writes it."""
    return f"{moment.astimezone(UTC).isoformat(timespec='microseconds')[:26]}Z"


def bare_microseconds(moment: datetime) -> str:
    """`2026-01-02T03:04:05.000000`, with no zone, as block storage writes it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26]


@dataclass(frozen=True)
class Fault:
    """An error on its way out: what the dialect's envelope is made from. accept: the request's header."""

    status: int
    title: str
    message: str
    kind: type[Error]
    request_id: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    accept: str = "*/*"


def plain_fault(fault: Fault) -> Any:
    """`{"error": {code, title, message}}`, as identity writes it and Cumulo's own API does."""
    return {"error": {"code": fault.status, "title": fault.title, "message": fault.message}}


def field_and_value(field_name: str, value: Any, reason: str) -> str:
    """Name the field, its value and what is wrong, as the schema checks of Nova and Cinder do."""
    if not field_name:
        return reason
    return f"Invalid input for field/attribute {field_name}. Value: {value}. {reason}"


def reason_only(field_name: str, value: Any, reason: str) -> str:
    """Name the field and what is wrong with it."""
    del value
    return f"{field_name}: {reason}" if field_name else reason


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How one service writes HTTP.

    path: its mount point; version_path: below it, before every route; project_in_path: whether
    `/{project_id}` may stand in between. wrapped: bodies are `{"server": {…}}`. error: a Fault to a body;
    statuses: other codes for kinds of errors. invalid: the sentence for a bad field. sort, page: the list
    parameters. lenient: a body may write numbers and truths as text (`"1400"`). filter_suffixes: identity's
    `name__contains`. conceals: a show that the policy forbids is answered 404. reveals: the kinds of
    missing rows that anybody is told of; of others it is 403 for who may not do it to just any row.
    dashes_alike: paths may be written with `-` for `_`, and the other way. body_limit: bytes of a JSON body.
    """

    path: str
    version_path: str = ""
    classic_port: int | None = None
    project_in_path: bool = False
    wrapped: bool = True
    update_method: str = "PUT"
    bulk_create: bool = False
    lenient: bool = False
    error: Callable[[Fault], Any] = plain_fault
    error_type: str = "application/json"
    statuses: Mapping[type[Error], int] = field(default_factory=dict)
    invalid: Callable[[str, Any, str], str] = reason_only
    links: Callable[[Page], dict[str, Any]] = relation_links
    page_size: int | None = None
    page_limit: int | None = None
    limit_zero_is_all: bool = False
    filter_suffixes: bool = False
    fields_parameter: str | None = None
    timestamp: Callable[[datetime], str] = seconds
    microversions: Microversions | None = None
    request_id_headers: tuple[str, ...] = ("x-openstack-request-id",)
    conceals: bool = False
    dashes_alike: bool = False
    reveals: tuple[type[Error], ...] = (NotFound,)
    ignores_trailing_slash: bool = True  # `/images/` is `/images`; for glance and nova it is nothing
    body_limit: int = 114_688  # oslo.middleware's default for every service
    headers: Mapping[str, str] = field(default_factory=dict)

    def status_of(self, error: Error) -> int:
        """Return the status code for an error: the nearest kind that the dialect names, else its own."""
        for kind in type(error).__mro__:
            if kind in self.statuses:
                return self.statuses[kind]
        return error.status
