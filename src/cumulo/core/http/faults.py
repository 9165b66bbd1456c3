"""Errors on their way out: the one place where a kind of error becomes a status code."""

import structlog

from cumulo.core.errors import Bug, Error, MethodNotAllowed, Unauthenticated, Unavailable
from cumulo.core.http.context import Ctx
from cumulo.core.http.dialect import Fault
from cumulo.core.http.messages import Response

log = structlog.get_logger()

_RETRY_AFTER = "2"  # seconds after which to ask again what could not be answered


def response_to(error: Exception, ctx: Ctx) -> Response:
    """Turn what a request ran into into an answer in its service's own form."""
    if not isinstance(error, Error):
        log.error("request.bug", request_id=ctx.request_id, path=loggable(ctx.request.path), exc_info=error)
        error = Bug()
    dialect = ctx.service.dialect
    status = dialect.status_of(error)
    headers = dict(ctx.headers)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = f'Keystone uri="{ctx.root_url}/identity"'
    if isinstance(error, Unavailable):
        why = error.fields.get("reason", error.message)
        log.warning("request.unavailable", request_id=ctx.request_id, reason=why)
        headers["Retry-After"] = _RETRY_AFTER
    if not isinstance(error, MethodNotAllowed):
        headers.pop("Allow", None)
    fault = Fault(
        status=status,
        title=TITLES.get(status, type(error).title),
        message=error.message,
        kind=type(error),
        request_id=ctx.request_id,
        fields=error.fields,
        accept=ctx.request.headers.get("accept") or "*/*",
    )
    body = dialect.error(fault)
    kind = {"Content-Type": dialect.error_type} if isinstance(body, bytes) else {}
    return Response(status, body, {**kind, **headers})


_LONGEST_PART = 64  # the longest id; what is longer may be a token


def loggable(path: str) -> str:
    """Return a path as logs may keep it: clients of old put tokens there."""
    return "/".join(part if len(part) <= _LONGEST_PART else "***" for part in path.split("/"))


TITLES = {kind.status: kind.title for kind in Error.__subclasses__() if kind is not Bug} | {
    403: "Forbidden",
    410: "Gone",
    500: "Internal Server Error",
}
