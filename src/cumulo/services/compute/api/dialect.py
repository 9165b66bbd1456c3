"""How compute writes HTTP: Nova's API 2.1."""

from typing import Any

from cumulo.core.http import Dialect, Fault, Page
from cumulo.core.http.dialect import plain_fault
from cumulo.core.microversions import Microversions
from cumulo.services.compute.schema.instants import to_the_second

MAXIMUM = "2.104"
FAULTS = {
    400: "badRequest",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}
UNAUTHORIZED = 401


def nova_fault(fault: Fault) -> Any:
    """`{"badRequest": {code, message}}`; a missing token is answered as keystonemiddleware does."""
    if fault.status == UNAUTHORIZED:
        return plain_fault(fault)
    name = FAULTS.get(fault.status, "computeFault")
    return {name: {"code": fault.status, "message": fault.message}}


def nova_invalid(field: str, value: Any, reason: str) -> str:
    """Name a bad field, its value and what is wrong, as Nova's schema checks do."""
    if not field:
        return reason
    return f"Invalid input for field/attribute {field}. Value: {value}. {reason}"


def next_link(page: Page) -> dict[str, Any]:
    """`servers_links: [{rel: next, href: …}]` when more follow."""
    if page.next_marker is None:
        return {}
    link = {"rel": "next", "href": page.link(marker=page.next_marker)}
    return {f"{page.collection}_links": [link]}


DIALECT = Dialect(
    path="/compute",
    version_path="/v2.1",
    project_in_path=True,
    ignores_trailing_slash=False,
    update_method="PUT",
    error=nova_fault,
    invalid=nova_invalid,
    links=next_link,
    page_size=1000,
    page_limit=1000,
    microversions=Microversions("compute", "2.1", MAXIMUM, legacy="X-OpenStack-Nova-API-Version"),
    request_id_headers=("x-openstack-request-id", "x-compute-request-id"),
    timestamp=to_the_second,
    classic_port=8774,
)
