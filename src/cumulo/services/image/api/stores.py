"""The stores that images' data is kept in, and what of them an image or a project uses."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.image import policy
from cumulo.services.image.api.images import images
from cumulo.services.image.domain import locations as domain
from cumulo.services.image.domain import quotas
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.model import Image
from cumulo.services.image.schema.images import LocationAdd

routes = RouteSet()


@routes.route("GET", "/info/stores", policy=policy.DISCOVER)
async def list_stores(ctx: Ctx) -> dict[str, Any]:
    """List where images' data can be kept."""
    return {"stores": [_brief(ctx.use(Stores), name) for name in ctx.use(Stores).names]}


@routes.route("GET", "/info/stores/detail", policy=policy.STORES_DETAIL)
async def detail_stores(ctx: Ctx) -> dict[str, Any]:
    """List where images' data can be kept, with what is behind it."""
    stores = ctx.use(Stores)
    return {"stores": [_brief(stores, name) | _detail(stores, name) for name in stores.names]}


def _brief(stores: Stores, name: str) -> dict[str, Any]:
    kept = stores.kept[name]
    shown: dict[str, Any] = {"id": name, "description": kept.description}
    if any(each.weight for each in stores.kept.values()):
        shown["weight"] = kept.weight
    return shown | ({"default": "true"} if name == stores.default else {})


def _detail(stores: Stores, name: str) -> dict[str, Any]:
    kept = stores.kept[name]
    return {"type": kept.kind, "weight": kept.weight, "properties": kept.properties}


@routes.route("GET", "/info/usage", policy=policy.DISCOVER)
async def show_usage(ctx: Ctx) -> dict[str, Any]:
    """Show what the caller's project holds, and what it may hold."""
    held = await quotas.standing(ctx, ctx.identity.project_id or "")
    return {"usage": {name: {"limit": each.limit, "usage": each.used} for name, each in held.items()}}


@routes.route(
    "DELETE", "/stores/{store_id}/{image_id}", policy=policy.DELETE_LOCATION, status=204, load=images.load
)
async def leave_store(ctx: Ctx, store_id: str, image: Image) -> None:
    """Remove an image's data from one of several stores."""
    await domain.leave_store(ctx, image, store_id)


@images.member("GET", "/locations", policy=policy.FETCH_LOCATION)
async def list_locations(ctx: Ctx, image: Image) -> list[dict[str, Any]]:
    """Show where an image's data is."""
    return await domain.locations_of(ctx, image)


@images.member("POST", "/locations", policy=policy.ADD_LOCATION, status=202)
async def add_location(ctx: Ctx, image: Image, body: LocationAdd) -> None:
    """Fill an image with what a URL leads to."""
    await domain.add_location(ctx, image, body)
