"""Exceptions that cross the bus: by class name, and revived only as classes of Cumulo's own."""

import sys
from typing import Any

import msgspec
import structlog

from cumulo.core import errors
from cumulo.core.drivers import DriverError, Permanent, Temporary

log = structlog.get_logger()


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An exception as it travels. `kind`: `module:class`."""

    kind: str
    message: str
    public: str | None = None
    retry_in: float | None = None
    fields: dict[str, str | int | float | bool | None] = {}


def pack(error: Exception) -> Failure:
    """Return what crosses of an exception. One that is not Cumulo's own is logged where it happened."""
    kind = type(error)
    if not kind.__module__.startswith("cumulo."):
        log.error("bus.verb_crashed", exc_info=error)
    fields: dict[str, Any] = {}
    if isinstance(error, errors.Error):
        plain = str | int | float | bool | None
        fields = {n: v if isinstance(v, plain) else str(v) for n, v in error.fields.items()}
    return Failure(
        kind=f"{kind.__module__}:{kind.__qualname__}",
        message=str(error) or kind.__name__,
        public=getattr(error, "public", None),
        retry_in=getattr(error, "retry_in", None),
        fields=fields,
    )


def unpack(failure: Failure) -> Exception:
    """Return the exception again; of a class that is not known here, Permanent."""
    module, _, name = failure.kind.partition(":")
    kind = getattr(sys.modules.get(module), name, None) if module.startswith("cumulo.") else None
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return Permanent(f"{name}: {failure.message}", public="")
    if issubclass(kind, Temporary):
        return kind(failure.message, retry_in=failure.retry_in, public=failure.public)
    if issubclass(kind, DriverError):
        return kind(failure.message, public=failure.public)
    if issubclass(kind, errors.Error):
        return kind(failure.message, **failure.fields)
    return kind(failure.message)
