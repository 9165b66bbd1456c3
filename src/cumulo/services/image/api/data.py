"""Images' data, streamed both ways."""

import asyncio
import re
from typing import Any

from cumulo.core.auth import Rule
from cumulo.core.errors import RangeInvalid, UnsupportedMedia
from cumulo.core.http import Ctx, FileBody, Response, RouteSet
from cumulo.services.image import policy
from cumulo.services.image.api.images import images
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.domain import caching, quotas
from cumulo.services.image.domain.imports import check_store
from cumulo.services.image.drivers import Store
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.errors import DataTooLarge, DataUnreachable, ImageDeactivated
from cumulo.services.image.model import CachedImage, CacheState, Image, ImageStatus
from cumulo.services.image.tasks import FILL_CACHE
from cumulo.services.image.tasks.placing import Place, places_of
from cumulo.services.image.uploads import Plan, Upload, begin_upload

routes = RouteSet()
OCTETS = "application/octet-stream"
STORE_HEADER = "x-image-meta-store"
_LENGTH = re.compile(r"[0-9]{1,18}")
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@routes.route("PUT", "/images/{image_id}/file", policy=policy.UPLOAD, status=204, stream=True)
async def upload(ctx: Ctx) -> None:
    """Upload an image's data."""
    stores = ctx.use(Stores)
    name = check_store(stores, ctx.request.headers.get(STORE_HEADER) or stores.default)
    await _take(ctx, policy.UPLOAD, stores.get(name), ImageStatus.SAVING)


@routes.route("PUT", "/images/{image_id}/stage", policy=policy.MODIFY, status=204, stream=True)
async def stage(ctx: Ctx) -> None:
    """Bring an image's data into the staging area, to be imported from there."""
    await _take(ctx, policy.MODIFY, ctx.use(Stores).staging, ImageStatus.UPLOADING)


async def _take(ctx: Ctx, rule: Rule, store: Store, to: ImageStatus) -> None:
    size, settings = _announced(ctx), ctx.use(ImageSettings)
    total = quotas.SIZE if to is ImageStatus.SAVING else quotas.STAGED
    async with ctx.begin() as transaction:
        ctx.writing(transaction)
        image = await _image(ctx, rule)
        wanted = quotas.mebibytes(size) if size is not None else 0
        await quotas.claim(ctx, image.owner, {total: wanted, quotas.UPLOADING: 1})
        upload_id = await begin_upload(transaction, image, settings, to)
    plan = Plan(upload_id=upload_id, to=to, size=size)
    await Upload(ctx.engine.database, store, settings, image, plan).take(ctx.request.blocks())
    ctx.engine.tasks.wake(FILL_CACHE)  # of what no store has on this machine


@routes.route("GET", "/images/{image_id}/file", policy=policy.DOWNLOAD, stream=True)
async def download(ctx: Ctx) -> Response:
    """Download an image's data, or a range of it."""
    async with ctx.read() as ctx.reader:
        image = await _image(ctx, policy.DOWNLOAD)
        place = await _nearest(ctx, image)
    if image.status is ImageStatus.DEACTIVATED and not ctx.identity.is_admin:
        raise ImageDeactivated
    if not image.size:
        return Response(204)
    if place is None:
        raise DataUnreachable(id=image.id)
    if place.store is ctx.use(Stores).cache:
        await caching.note_hit(ctx, image.id)
    start, length, headers = _range(ctx, image.size)
    if image.checksum:
        headers["Content-MD5"] = image.checksum
    headers |= {"Content-Type": OCTETS, "Content-Length": str(length), "Accept-Ranges": "bytes"}
    status = 206 if "Content-Range" in headers else 200
    return Response(status, await _content(ctx, place, start, length), headers)


async def _content(ctx: Ctx, place: Place, start: int, length: int) -> Any:
    """Return an image's bytes: as a file to send, where they lie in one and the client can be sent it.

    DataUnreachable when the file went since the row was read: out of the cache, or altogether.
    """
    path = place.store.path(place.data)
    if path is None:
        return place.store.read(place.data, start, length)
    try:
        file = await asyncio.to_thread(path.open, "rb", 0)
    except FileNotFoundError as error:
        raise DataUnreachable(id=ctx.params["image_id"]) from error
    if ctx.request.sends_files and ctx.request.method == "GET":
        return FileBody(file, start, length)
    file.close()
    return place.store.read(place.data, start, length)


async def _nearest(ctx: Ctx, image: Image) -> Place | None:
    """Return where to read an image's data: in the cache, else in the store of most weight."""
    stores = ctx.use(Stores)
    cached = (CachedImage.c.image_id == image.id, CachedImage.c.state == CacheState.CACHED)
    if await ctx.db.exists(CachedImage, *cached):
        return Place(stores.cache, image.id)
    return next(iter(await places_of(ctx.db, stores, image.id)), None)


async def _image(ctx: Ctx, rule: Rule) -> Image:
    """Load the image that the path names and hold the caller against a rule. NotFound, Forbidden."""
    image: Image = await images.load(ctx)
    ctx.authorise(rule, image)
    return image


def _announced(ctx: Ctx) -> int | None:
    """Return how many bytes the client says it will send. UnsupportedMedia, DataTooLarge."""
    headers = ctx.request.headers
    kind = (headers.get("content-type") or "").split(";")[0].strip().lower()
    if kind != OCTETS:
        raise UnsupportedMedia(content_type=kind or "(none)")
    said = headers.get("x-openstack-image-size") or headers.get("content-length")
    size = int(said) if said is not None and _LENGTH.fullmatch(said) else None
    limit = ctx.use(ImageSettings).size_limit
    if size is not None and size > limit:
        raise DataTooLarge(limit=limit)
    return size


def _range(ctx: Ctx, size: int) -> tuple[int, int, dict[str, str]]:
    """Return where to start, how many bytes, and the headers that say so. RangeInvalid."""
    asked = ctx.request.headers.get("range")
    if asked is None:
        return 0, size, {}
    match = _RANGE.fullmatch(asked.replace(" ", ""))
    if match is None or match[1] == match[2] == "":
        raise RangeInvalid
    if match[1] == "":
        start, end = max(0, size - int(match[2])), size - 1
    else:
        start, end = int(match[1]), min(int(match[2] or size), size - 1)
    if start > end:
        raise RangeInvalid
    return start, end - start + 1, {"Content-Range": f"bytes {start}-{end}/{size}"}
