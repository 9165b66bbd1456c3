"""What versions of the API there are."""

from typing import Any

from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.services.block_storage.api.dialect import MAXIMUM

routes = RouteSet()
UPDATED = "2023-08-31T00:00:00Z"
MEDIA = {"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}
GUIDE = {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"}


def document(ctx: Ctx) -> dict[str, Any]:
    """Return the version that is served."""
    root = ctx.base_url.removesuffix("/v3")
    return {
        "id": "v3.0",
        "status": "CURRENT",
        "version": MAXIMUM,
        "min_version": "3.0",
        "updated": UPDATED,
        "links": [GUIDE, {"rel": "self", "href": f"{root}/v3/"}],
        "media-types": [MEDIA],
    }


@routes.route("GET", "/", policy=None, at_root=True, status=300)
async def list_versions(ctx: Ctx) -> Response:
    """List the versions of the block storage API."""
    return Response(300, {"versions": [document(ctx)]})


@routes.route("GET", "", policy=None)
async def show_version(ctx: Ctx) -> dict[str, Any]:
    """Show version 3 of the block storage API."""
    return {"versions": [document(ctx)]}
