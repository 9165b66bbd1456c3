"""What can go wrong, free of any transport.

A service subclasses one of these kinds; the subclass's docstring is the message, with `{names}` filled from
the keyword arguments. The HTTP layer alone turns a kind into a status code, by the service's dialect.

    Error
     ├─ Invalid ── MalformedBody          bad input, names the field
     ├─ Unauthenticated                   no or a bad token
     ├─ Forbidden ── OverQuota            not allowed; would pass a limit
     ├─ NotFound ── NoRoute, Gone         no such thing, or none that you may see
     ├─ MethodNotAllowed, NotAcceptable, UnsupportedMedia, TooLarge
     ├─ Conflict ── Duplicate, StillReferenced    the state of things forbids it
     ├─ PreconditionFailed, RangeInvalid
     ├─ Unsupported                       not built, or not by this driver
     ├─ Unavailable                       an engine or a database does not answer
     └─ Bug                               our fault
"""

import string
from typing import Any, ClassVar


class Error(Exception):
    """An unknown error occurred."""

    fields: dict[str, Any]
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal Server Error"

    def __init__(self, message: str | None = None, /, **fields: Any) -> None:
        self.fields = fields
        if message is None:
            template = " ".join((type(self).__doc__ or "").split())
            message = _Lenient().vformat(template, (), fields)
        self.message = message
        super().__init__(message)


class _Lenient(string.Formatter):
    """A formatter that leaves a missing name empty: an error must never raise another."""

    def get_value(self, key: Any, args: Any, kwargs: Any) -> Any:
        del args
        return kwargs.get(key, "") if isinstance(key, str) else ""


class Invalid(Error):
    """The request is not valid."""

    status, title = 400, "Bad Request"


class MalformedBody(Invalid):
    """The request body is malformed."""


class Unauthenticated(Error):
    """The request you have made requires authentication."""

    status, title = 401, "Unauthorized"


class Forbidden(Error):
    """You are not authorized to perform the requested action."""

    status, title = 403, "Forbidden"


class OverQuota(Forbidden):
    """Quota exceeded for {resource}."""


class NotFound(Error):
    """The resource could not be found."""

    status, title = 404, "Not Found"


class NoRoute(NotFound):
    """The resource could not be found."""


class Gone(NotFound):
    """This resource is no longer available. No forwarding address is given."""

    status, title = 410, "Gone"


class MethodNotAllowed(Error):
    """The method is not allowed for this resource."""

    status, title = 405, "Method Not Allowed"


class NotAcceptable(Error):
    """The requested format or version is not available."""

    status, title = 406, "Not Acceptable"


class Conflict(Error):
    """The request conflicts with the present state of the resource."""

    status, title = 409, "Conflict"


class Duplicate(Conflict):
    """It exists already ({constraint})."""


class StillReferenced(Conflict):
    """It is still in use ({constraint})."""


class PreconditionFailed(Error):
    """A precondition of the request does not hold."""

    status, title = 412, "Precondition Failed"


class TooLarge(Error):
    """The request body is larger than {limit} bytes."""

    status, title = 413, "Request Entity Too Large"


class UnsupportedMedia(Error):
    """The content type {content_type} is not supported."""

    status, title = 415, "Unsupported Media Type"


class RangeInvalid(Error):
    """The requested range cannot be served."""

    status, title = 416, "Requested Range Not Satisfiable"


class Bug(Error):
    """An unexpected error prevented the server from fulfilling your request."""


class Unsupported(Error):
    """This is not supported."""

    status, title = 501, "Not Implemented"


class Unavailable(Error):
    """The service cannot answer at present."""

    status, title = 503, "Service Unavailable"
