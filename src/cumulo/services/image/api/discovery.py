"""What versions of the API there are, and what the service can do."""

from typing import Any

from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.services.image import policy
from cumulo.services.image.domain.imports import METHODS

routes = RouteSet()
NEWEST = 18
MULTIPLE_CHOICES = 300


def versions(ctx: Ctx) -> dict[str, Any]:
    """Return all minor versions, newest first; one API serves them all."""
    href = f"{ctx.base_url.removesuffix('/v2')}/v2/"
    return {
        "versions": [
            {
                "id": f"v2.{minor}",
                "status": "CURRENT" if minor == NEWEST else "SUPPORTED",
                "links": [{"rel": "self", "href": href}],
            }
            for minor in range(NEWEST, -1, -1)
        ]
    }


@routes.route("GET", "/", policy=None, at_root=True, status=MULTIPLE_CHOICES)
async def choose_version(ctx: Ctx) -> Response:
    """List the versions of the image API, to choose from."""
    return Response(MULTIPLE_CHOICES, versions(ctx))


@routes.route("GET", "/versions", policy=None, at_root=True)
async def list_versions(ctx: Ctx) -> dict[str, Any]:
    """List the versions of the image API."""
    return versions(ctx)


@routes.route("GET", "/info/import", policy=policy.DISCOVER)
async def import_methods(ctx: Ctx) -> dict[str, Any]:
    """Show the ways of importing an image."""
    del ctx
    shown = {"description": "Import methods available.", "type": "array", "value": list(METHODS)}
    return {"import-methods": shown}
