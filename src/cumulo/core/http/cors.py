"""Cross-origin requests (the Fetch standard's CORS protocol), for consoles served from elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass

from cumulo.core.http.messages import Request, Response

METHODS = "GET, PUT, POST, DELETE, PATCH, HEAD"
ALLOWED = "X-Auth-Token, X-Subject-Token, X-Openstack-Request-Id, OpenStack-API-Version, Content-Type"
EXPOSED = "X-Subject-Token, X-Openstack-Request-Id, X-Compute-Request-Id, OpenStack-API-Version"


@dataclass(frozen=True)
class Cors:
    """The origins that may call: exact ones, or `*`."""

    origins: frozenset[str] = frozenset()

    def headers(self, request: Request) -> Mapping[str, str]:
        """Return what an answer says to the request's origin: nothing to a foreign one."""
        origin = request.headers.get("origin")
        if origin is None or not self._allows(origin):
            return {}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": EXPOSED,
            "Vary": "Origin",
        }

    def preflight(self, request: Request) -> Response | None:
        """Answer a preflight; None when the request is none."""
        if request.method != "OPTIONS":
            return None
        if request.headers.get("access-control-request-method") is None:
            return None
        headers = dict(self.headers(request))
        if headers:
            headers["Access-Control-Allow-Methods"] = METHODS
            headers["Access-Control-Allow-Headers"] = ALLOWED
            headers["Access-Control-Max-Age"] = "3600"
        return Response(200, b"", headers)

    def _allows(self, origin: str) -> bool:
        return "*" in self.origins or origin in self.origins
