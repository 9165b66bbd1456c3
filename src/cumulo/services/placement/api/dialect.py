"""How placement writes HTTP."""

from typing import Any

from cumulo.core.http import Ctx, Dialect, Fault
from cumulo.core.http.dialect import MIB, no_links
from cumulo.core.microversions import Microversions, Version

MINIMUM, MAXIMUM = "1.0", "1.39"


def listed_fault(fault: Fault) -> Any:
    """`{"errors": [{status, title, detail, code, request_id}]}`; 406 names the versions there are."""
    error = {
        "status": fault.status,
        "title": fault.title,
        "detail": fault.message,
        "code": getattr(fault.kind, "code", "placement.undefined_code"),
        "request_id": fault.request_id,
    }
    if "maximum" in fault.fields:
        error |= {"max_version": fault.fields["maximum"], "min_version": fault.fields["minimum"]}
    return {"errors": [error]}


DIALECT = Dialect(
    path="/placement",
    classic_port=8778,
    wrapped=False,
    error=listed_fault,
    links=no_links,
    body_limit=2 * MIB,  # a reshaper's holds all of a host's consumers, and upstream has no limit
    microversions=Microversions("placement", MINIMUM, MAXIMUM),
)


def reached(ctx: Ctx, version: Version) -> bool:
    """Say whether the request is of a version that has what came with this one."""
    return ctx.version is None or ctx.version >= version
