"""Images' data, streamed both ways."""

import re

from cumulo.core.auth import Rule
from cumulo.core.errors import RangeInvalid, UnsupportedMedia
from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.services.image import policy
from cumulo.services.image.api.images import images
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.drivers import Store
from cumulo.services.image.errors import DataTooLarge, ImageDeactivated
from cumulo.services.image.model import Image, ImageStatus
from cumulo.services.image.uploads import Upload, begin_upload

routes = RouteSet()
OCTETS = "application/octet-stream"
_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


@routes.route("PUT", "/images/{image_id}/file", policy=policy.UPLOAD, status=204, stream=True)
async def upload(ctx: Ctx) -> None:
    """Upload an image's data."""
    size = _announced(ctx)
    settings = ctx.use(ImageSettings)
    async with ctx.begin() as transaction:
        ctx.writing(transaction)
        image = await _image(ctx, policy.UPLOAD)
        upload_id = await begin_upload(transaction, image, settings)
    taken = Upload(ctx.engine.database, ctx.use(Store), settings, image=image, upload_id=upload_id, size=size)
    await taken.take(ctx.request.stream())


@routes.route("GET", "/images/{image_id}/file", policy=policy.DOWNLOAD, stream=True)
async def download(ctx: Ctx) -> Response:
    """Download an image's data, or a range of it."""
    async with ctx.read() as ctx.reader:
        image = await _image(ctx, policy.DOWNLOAD)
    if image.status is ImageStatus.DEACTIVATED and not ctx.identity.is_admin:
        raise ImageDeactivated
    if image.size is None:
        return Response(204)
    start, length, headers = _range(ctx, image.size)
    if image.checksum:
        headers["Content-MD5"] = image.checksum
    headers |= {"Content-Type": OCTETS, "Content-Length": str(length), "Accept-Ranges": "bytes"}
    status = 206 if "Content-Range" in headers else 200
    return Response(status, ctx.use(Store).read(image.id, start, length), headers)


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
    size = int(said) if said is not None and said.isdigit() else None
    limit = ctx.use(ImageSettings).size_limit
    if size is not None and size > limit:
        raise DataTooLarge(limit=limit)
    return size


def _range(ctx: Ctx, size: int) -> tuple[int, int, dict[str, str]]:
    """Return where to start, how many bytes, and the headers that say so. RangeInvalid."""
    asked = ctx.request.headers.get("range")
    if asked is None:
        return 0, size, {}
    match = _RANGE.match(asked.replace(" ", ""))
    if match is None or match[1] == match[2] == "":
        raise RangeInvalid
    if match[1] == "":
        start, end = max(0, size - int(match[2])), size - 1
    else:
        start, end = int(match[1]), min(int(match[2] or size), size - 1)
    if start > end:
        raise RangeInvalid
    return start, end - start + 1, {"Content-Range": f"bytes {start}-{end}/{size}"}
