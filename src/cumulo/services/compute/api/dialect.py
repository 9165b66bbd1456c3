"""How compute writes HTTP: Nova's API 2.1."""

from typing import Any

from cumulo.core.http import Dialect, Fault, field_and_value, plain_fault
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
"""Faults by status, the same in block storage: services know no other, and core takes what three write."""
UNAUTHORIZED = 401


def nova_fault(fault: Fault) -> Any:
    """`{"badRequest": {code, message}}`; a missing token is answered as keystonemiddleware does."""
    if fault.status == UNAUTHORIZED:
        return plain_fault(fault)
    name = FAULTS.get(fault.status, "computeFault")
    return {name: {"code": fault.status, "message": fault.message}}


DIALECT = Dialect(
    path="/compute",
    version_path="/v2.1",
    project_in_path=True,
    ignores_trailing_slash=False,
    update_method="PUT",
    error=nova_fault,
    invalid=field_and_value,
    page_size=1000,
    page_limit=1000,
    microversions=Microversions("compute", "2.1", MAXIMUM, legacy="X-OpenStack-Nova-API-Version"),
    request_id_headers=("x-openstack-request-id", "x-compute-request-id"),
    timestamp=to_the_second,
    classic_port=8774,
)
