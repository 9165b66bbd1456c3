"""The stores that an image's data is in."""

from typing import Any

from cumulo.core import clock
from cumulo.core.http import Ctx
from cumulo.services.image.config import ALGORITHMS
from cumulo.services.image.domain import imports
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.errors import ImageProtected, ImportInvalid, LastLocation, LocationNotFound
from cumulo.services.image.model import Image, ImageLocation
from cumulo.services.image.schema.images import LocationAdd
from cumulo.services.image.tasks import REMOVE_BYTES
from cumulo.services.image.tasks.placing import places_of


async def leave_store(ctx: Ctx, image: Image, store: str) -> None:
    """Remove an image's data from one of its stores. LocationNotFound, ImageProtected, LastLocation."""
    if image.protected:
        raise ImageProtected(id=image.id)
    await ctx.db.lock(f"image.locations:{image.id}")
    here = (ImageLocation.c.image_id == image.id, ImageLocation.c.leaving.is_(False))
    names = [row.store for row in await ctx.db.all(ImageLocation, *here)]
    if store not in names:
        raise LocationNotFound(id=image.id, store=store)
    if len(names) == 1:
        raise LastLocation(id=image.id, store=store)
    await ctx.db.update(ImageLocation, *here, ImageLocation.c.store == store, leaving=True)
    await ctx.db.update(Image, Image.c.id == image.id, updated_at=clock.now())
    ctx.wake(REMOVE_BYTES)


async def locations_of(ctx: Ctx, image: Image) -> list[dict[str, Any]]:
    """Return where the data is, as a service may open it: file URLs, each with its store."""
    places = await places_of(ctx.db, ctx.use(Stores), image.id)
    found = ((place.store.name, place.store.path(place.data)) for place in places)
    return [{"url": path.as_uri(), "metadata": {"store": name}} for name, path in found if path is not None]


async def add_location(ctx: Ctx, image: Image, body: LocationAdd) -> None:
    """Fill an image with what a URL leads to, held against a hash where one is given.

    The data is copied: what a stranger's server says later cannot change the image. Errors: those of imports.
    """
    check = body.validation_data
    if check is not None and not (check.os_hash_algo or check.os_hash_value):
        check = None
    if check is not None and ALGORITHMS.get(len(check.os_hash_value)) != check.os_hash_algo:
        known = ", ".join(ALGORITHMS.values())
        raise ImportInvalid(reason=f"validation_data needs an os_hash_algo of {known} and its os_hash_value")
    await imports.start_location(ctx, image, body.url, check.os_hash_value if check else "")
