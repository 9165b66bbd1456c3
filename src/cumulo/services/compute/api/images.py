"""Images, which compute's API had until 2.35. Clients of today ask the image service."""

from typing import Any

from cumulo.contracts.image import ImageCatalogue
from cumulo.core.http import Ctx, Page, Response, RouteSet, relation_links
from cumulo.services.compute import policy
from cumulo.services.compute.domain import catalogue as domain
from cumulo.services.compute.domain.flavors import only
from cumulo.services.compute.schema.bodies import MetaBody, MetadataBody

routes = RouteSet()
LAST, LAST_METADATA = "2.35", "2.38"
METADATA = "/images/{image_id}/metadata"


async def page(ctx: Ctx, shape: Any) -> dict[str, Any]:
    """Return a page of images, each as `shape` has it."""
    rows, more = await domain.listed(ctx)
    url = ctx.root_url + ctx.request.path
    links = relation_links(Page(url, ctx.request.query, "images", rows[-1].id if more and rows else None))
    return {"images": [shape(ctx, row) for row in rows], **links}


@routes.route("GET", "/images", policy=policy.IMAGES, until=LAST)
async def list_images(ctx: Ctx) -> Any:
    """List images."""
    return await page(ctx, domain.brief)


@routes.route("GET", "/images/detail", policy=policy.IMAGES, until=LAST)
async def detail_images(ctx: Ctx) -> Any:
    """List images with details."""
    return await page(ctx, domain.document)


@routes.route("GET", "/images/{image_id}", policy=policy.IMAGES, until=LAST)
async def show_image(ctx: Ctx, image_id: str) -> Any:
    """Show an image."""
    return {"image": domain.document(ctx, await domain.find(ctx, image_id))}


@routes.route("DELETE", "/images/{image_id}", policy=policy.IMAGES, status=204, until=LAST)
async def delete_image(ctx: Ctx, image_id: str) -> Response:
    """Delete an image."""
    await ctx.use(ImageCatalogue).remove(ctx, image_id, project_id=domain.owner(ctx))
    return Response(204)


@routes.route("GET", METADATA, policy=policy.IMAGES, until=LAST_METADATA)
async def list_metadata(ctx: Ctx, image_id: str) -> Any:
    """Show an image's metadata."""
    return {"metadata": dict((await domain.find(ctx, image_id)).properties)}


@routes.route("POST", METADATA, policy=policy.IMAGES, until=LAST_METADATA)
async def add_metadata(ctx: Ctx, image_id: str, body: MetadataBody) -> Any:
    """Add items to an image's metadata."""
    return {"metadata": await domain.set_metadata(ctx, image_id, body.metadata, replace=False)}


@routes.route("PUT", METADATA, policy=policy.IMAGES, until=LAST_METADATA)
async def replace_metadata(ctx: Ctx, image_id: str, body: MetadataBody) -> Any:
    """Replace an image's metadata."""
    return {"metadata": await domain.set_metadata(ctx, image_id, body.metadata, replace=True)}


@routes.route("GET", f"{METADATA}/{{key}}", policy=policy.IMAGES, until=LAST_METADATA)
async def show_metadata(ctx: Ctx, image_id: str, key: str) -> Any:
    """Show an item of an image's metadata."""
    return {"meta": {key: domain.metadata_item(await domain.find(ctx, image_id), key)}}


@routes.route("PUT", f"{METADATA}/{{key}}", policy=policy.IMAGES, until=LAST_METADATA)
async def set_metadata(ctx: Ctx, image_id: str, key: str, body: MetaBody) -> Any:
    """Set an item of an image's metadata."""
    item = only(key, body.meta)
    await domain.set_metadata(ctx, image_id, item, replace=False)
    return {"meta": item}


@routes.route("DELETE", f"{METADATA}/{{key}}", policy=policy.IMAGES, status=204, until=LAST_METADATA)
async def delete_metadata(ctx: Ctx, image_id: str, key: str) -> Response:
    """Delete an item of an image's metadata."""
    await domain.delete_metadata(ctx, image_id, key)
    return Response(204)
