"""How the network service writes HTTP: neutron's envelope and error types."""

from typing import Any

from cumulo.core import errors
from cumulo.core.http import Dialect, Fault, Page
from cumulo.core.http.context import NotAuthorised

_TYPES: dict[type[errors.Error], str] = {
    NotAuthorised: "PolicyNotAuthorized",
    errors.Forbidden: "Forbidden",
    errors.OverQuota: "OverQuota",
    errors.Invalid: "HTTPBadRequest",
    errors.NotFound: "HTTPNotFound",
    errors.Conflict: "Conflict",
    errors.Bug: "HTTPInternalServerError",
}
_OWN = "cumulo.services.network."


def neutron_error(fault: Fault) -> Any:
    """`{"NeutronError": {type, message, detail}}`; a stranger gets keystonemiddleware's envelope."""
    if fault.status == errors.Unauthenticated.status:
        return {"error": {"code": fault.status, "title": fault.title, "message": fault.message}}
    return {"NeutronError": {"type": error_type(fault.kind), "message": fault.message, "detail": ""}}


def error_type(kind: type[errors.Error]) -> str:
    """Return the word by which clients tell errors apart: our classes are named after neutron's."""
    if kind.__module__.startswith(_OWN):
        return kind.__name__
    return next((_TYPES[k] for k in kind.__mro__ if k in _TYPES), kind.__name__)


def invalid(name: str, value: Any, reason: str) -> str:
    """Word a bad attribute as neutron does."""
    if "was unexpected" in reason:
        return f"Unrecognized attribute(s) '{name}'"
    if "required property" in reason:
        return f"Failed to parse request. Required attribute '{name}' not specified"
    return f"Invalid input for {name}. Reason: {reason} (got {value!r})." if name else reason


def both_ways(page: Page) -> dict[str, Any]:
    """`ports_links: [{rel: next, href: …}, {rel: previous, href: …}]`: neutron's lists go backwards, too."""
    links = []
    if page.next_marker:
        links.append({"rel": "next", "href": page.link(marker=page.next_marker)})
    if page.previous_marker:
        href = page.link(marker=page.previous_marker, page_reverse="True")
        links.append({"rel": "previous", "href": href})
    return {f"{page.collection}_links": links} if links else {}


DIALECT = Dialect(
    path="/network",
    version_path="/v2.0",
    classic_port=9696,
    bulk_create=True,
    lenient=True,
    fields_parameter="fields",
    limit_zero_is_all=True,
    error=neutron_error,
    invalid=invalid,
    links=both_ways,
    statuses={errors.OverQuota: 409},
    conceals=True,
    dashes_alike=True,
)
