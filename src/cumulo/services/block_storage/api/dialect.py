"""How block storage writes HTTP: Cinder's API 3."""

from typing import Any

from cumulo.core.errors import MethodNotAllowed, OverQuota
from cumulo.core.http import Dialect, Fault, field_and_value, plain_fault
from cumulo.core.microversions import Microversions
from cumulo.core.resource.listing import UnknownMarker
from cumulo.services.block_storage.schema.links import instant

MAXIMUM = "3.71"
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
"""Faults by status, the same in compute: services know no other, and core takes what three write."""
UNAUTHORIZED, OVER_LIMIT = 401, 413


def cinder_fault(fault: Fault) -> Any:
    """`{"badRequest": {code, message}}`; a missing token is answered as keystonemiddleware does."""
    if fault.status == UNAUTHORIZED:
        return plain_fault(fault)
    body: dict[str, Any] = {"code": fault.status, "message": fault.message}
    if fault.status == OVER_LIMIT:
        body["retryAfter"] = "0"
    return {FAULTS.get(fault.status, "computeFault"): body}


DIALECT = Dialect(
    path="/volume",
    version_path="/v3",
    project_in_path=True,
    update_method="PUT",
    lenient=True,
    error=cinder_fault,
    # Upstream's router knows no 405, and looks a marker up as it does the thing itself.
    statuses={OverQuota: OVER_LIMIT, MethodNotAllowed: 404, UnknownMarker: 404},
    invalid=field_and_value,
    page_size=1000,
    page_limit=1000,
    # Cinder looks for "volume" in the word that is said; gophercloud says the type it found in the catalog.
    microversions=Microversions("volume", "3.0", MAXIMUM, also=("volumev3",)),
    request_id_headers=("x-openstack-request-id", "x-compute-request-id"),
    timestamp=instant,
    classic_port=8776,
)
