"""Appliances, an extension of Cumulo's own: an OVA that was uploaded becomes images, a flavor and ports."""

from typing import Annotated

from msgspec import Meta

from cumulo.core.http import Body, Ctx, Response, RouteSet
from cumulo.services.image import policy
from cumulo.services.image.api.images import images
from cumulo.services.image.domain import appliances as domain
from cumulo.services.image.model import Image

routes = RouteSet()
ACCEPTED = 202


class ApplianceImport(Body):
    """What the images are to be called; empty: as the appliance is."""

    name: Annotated[str, Meta(max_length=200)] = ""


@routes.route(
    "POST",
    "/images/{image_id}/appliance",
    policy=policy.DOWNLOAD,
    status=ACCEPTED,
    transaction=False,
    load=images.load,
)
async def import_appliance(ctx: Ctx, image: Image, body: ApplianceImport) -> Response:
    """Make images of an appliance's disks, and say which flavor and ports its server needs."""
    place, found = await domain.look_into(ctx, image)
    async with ctx.begin() as transaction:
        ctx.writing(transaction)
        made = await domain.import_appliance(ctx, image, place, found, body.name)
    return Response(ACCEPTED, made)
