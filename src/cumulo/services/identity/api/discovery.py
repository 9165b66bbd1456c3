"""Which versions of the API there are: one."""

from typing import Any

from cumulo.core.http import Ctx, Response, RouteSet

discovery = RouteSet()


def _version(ctx: Ctx) -> dict[str, Any]:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{ctx.base_url}/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


@discovery.route("GET", "", policy=None, at_root=True, status=300)
async def list_versions(ctx: Ctx) -> dict[str, Any]:
    """List the versions of the API."""
    return {"versions": {"values": [_version(ctx)]}}


@discovery.route("GET", "", policy=None)
async def show_version(ctx: Ctx) -> Response:
    """Show version 3 of the API."""
    return Response(200, {"version": _version(ctx)})
