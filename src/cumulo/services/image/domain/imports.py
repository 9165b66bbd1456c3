"""Which imports are possible, and starting them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from cumulo.core.db import become
from cumulo.core.http import Ctx
from cumulo.core.tasks import TaskRunning
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.domain import quotas
from cumulo.services.image.domain.images import create_image
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.drivers.web import NotAllowed, Web
from cumulo.services.image.errors import (
    FormatsMissing,
    ImportInvalid,
    ImportRefused,
    ImportUnderWay,
    LocationExists,
    MethodUnknown,
    StoreUnknown,
    TaskInvalid,
    UriRefused,
)
from cumulo.services.image.model import Image, ImageLocation, ImageStatus, ImageTask, TaskStatus, data_name
from cumulo.services.image.schema.images import ImportRequest, TaskCreate
from cumulo.services.image.tasks import CopyImage, ImportImage

DIRECT, WEB, COPY, FROM_GLANCE = "glance-direct", "web-download", "copy-image", "glance-download"
_NEEDS = {
    DIRECT: ImageStatus.UPLOADING,
    WEB: ImageStatus.QUEUED,
    COPY: ImageStatus.ACTIVE,
    FROM_GLANCE: ImageStatus.QUEUED,
}
METHODS = tuple(_NEEDS)


async def start_import(ctx: Ctx, image: Image, body: ImportRequest, source: Image | None) -> ImageTask:
    """Promise an import. `source`: the image of this cloud that a glance-download names, if it may be read.

    Errors: MethodUnknown, ImportInvalid, ImportRefused, StoreUnknown, UriRefused, LocationExists, OverLimit.
    """
    method = body.method.name
    if method not in _NEEDS:
        raise MethodUnknown(name=method, known=", ".join(METHODS))
    if not image.disk_format or not image.container_format:
        raise FormatsMissing
    ready = image.status is _NEEDS[method] and (method != DIRECT or image.staged is not None)
    if not ready:
        status = image.status.value
        raise ImportRefused(id=image.id, status=status, method=method, needed=_NEEDS[method].value)
    stores = choose_stores(ctx, body)
    if method == COPY:
        return await _start_copy(ctx, image, body, stores)
    data = _data(ctx, body, source)
    if method == DIRECT and image.upload_id is not None:
        data["staged"] = data_name(image.id, image.upload_id)
    await quotas.claim(ctx, image.owner, {quotas.SIZE: 0})
    task = await _note(ctx, image, "api_image_import", _noted(body))
    saga = ImportImage(
        task_id=task.id, image_id=image.id, stores=stores, all_or_none=body.all_or_none, **data
    )
    return await _start(ctx, image, task, saga)


def choose_stores(ctx: Ctx, body: ImportRequest) -> list[str]:
    """Return the stores that are meant. ImportInvalid, StoreUnknown."""
    stores = ctx.use(Stores)
    if body.all_stores and body.stores:
        raise ImportInvalid(reason="all_stores and stores exclude each other")
    if body.all_stores:
        return stores.names
    for name in body.stores:
        check_store(stores, name)
    return list(dict.fromkeys(body.stores)) or [stores.default]


def check_store(stores: Stores, name: str) -> str:
    """Return the name of a store that there is. StoreUnknown."""
    if name not in stores.kept:
        raise StoreUnknown(name=name, known=", ".join(stores.names))
    return name


def _data(ctx: Ctx, body: ImportRequest, source: Image | None) -> dict[str, Any]:
    """Return what of ImportImage says where the data comes from: nothing, when it is staged."""
    method = body.method
    if method.name == WEB:
        if not method.uri:
            raise ImportInvalid(reason="web-download needs a uri")
        check_uri(ctx, method.uri)
        return {"uri": method.uri}
    if method.name == FROM_GLANCE:
        if not (method.glance_region and method.glance_image_id):
            raise ImportInvalid(reason="glance-download needs glance_region and glance_image_id")
        if not _is_uuid(method.glance_image_id):
            raise ImportInvalid(reason="the image id does not look like a UUID")
        if method.glance_region != ctx.use(ImageSettings).region:
            return {"hopeless": f"the region {method.glance_region!r} is not known here"}
        if source is None or source.status is not ImageStatus.ACTIVE:
            return {"hopeless": f"there is no active image {method.glance_image_id}"}
        return {"from_image": source.id}
    return {}


def check_uri(ctx: Ctx, uri: str) -> None:
    """Refuse a URI that must not be reached, as far as can be said without resolving it. UriRefused."""
    try:
        ctx.use(Web).place(uri)
    except NotAllowed as error:
        raise UriRefused(uri=uri, reason=str(error)) from error


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


async def _start(ctx: Ctx, image: Image, task: ImageTask, saga: ImportImage) -> ImageTask:
    names = ",".join(saga.stores)
    await become(ctx.db, Image, image.id, ImageStatus.IMPORTING, importing_to=names, failed_import="")
    return await _promise(ctx, image, task, saga)


async def start_location(ctx: Ctx, image: Image, url: str, digest: str) -> ImageTask:
    """Promise to fill an image with what a URL leads to.

    Errors: FormatsMissing, ImportRefused, UriRefused, OverLimit.
    """
    if not image.disk_format or not image.container_format:
        raise FormatsMissing
    if image.status is not ImageStatus.QUEUED:
        status = image.status.value
        raise ImportRefused(id=image.id, status=status, method="adding a location", needed="queued")
    check_uri(ctx, url)
    await quotas.claim(ctx, image.owner, {quotas.SIZE: 0})
    task = await _note(ctx, image, "location_import", {"loc_url": url})
    stores = [ctx.use(Stores).default]
    saga = ImportImage(task_id=task.id, image_id=image.id, stores=stores, uri=url, digest=digest)
    return await _start(ctx, image, task, saga)


async def _start_copy(ctx: Ctx, image: Image, body: ImportRequest, wanted: Sequence[str]) -> ImageTask:
    rows = await ctx.db.all(ImageLocation, ImageLocation.c.image_id == image.id)
    there = {row.store for row in rows}
    if not body.all_stores and (taken := there.intersection(wanted)):
        raise LocationExists(id=image.id, store=", ".join(sorted(taken)))
    names = [name for name in wanted if name not in there]
    await quotas.claim(ctx, image.owner, {quotas.SIZE: quotas.mebibytes(image.size or 0) * len(names)})
    task = await _note(ctx, image, "api_image_import", _noted(body))
    if not names:
        task.status = TaskStatus.SUCCESS
        task.result = {"image_id": image.id}
        await ctx.db.update(Image, Image.c.id == image.id, importing_to="", failed_import="")
        await ctx.db.save(task, "status", "result")
        return task
    values = {"importing_to": ",".join(names), "failed_import": ""}
    await ctx.db.update(Image, Image.c.id == image.id, **values)
    saga = CopyImage(task_id=task.id, image_id=image.id, stores=names, all_or_none=body.all_or_none)
    return await _promise(ctx, image, task, saga)


async def _promise(ctx: Ctx, image: Image, task: ImageTask, saga: CopyImage | ImportImage) -> ImageTask:
    try:
        await ctx.start(saga)
    except TaskRunning as error:
        raise ImportUnderWay(id=image.id) from error
    return task


async def _note(ctx: Ctx, image: Image, kind: str, noted: dict[str, Any]) -> ImageTask:
    task = ImageTask(
        type=kind,
        owner=ctx.identity.project_id,
        image_id=image.id,
        user_id=ctx.identity.user_id,
        request_id=ctx.request_id,
        input={**noted, "image_id": image.id} if kind == "api_image_import" else noted,
    )
    await ctx.db.insert(task)
    return task


def _noted(body: ImportRequest) -> dict[str, Any]:
    return {"import_req": msgspec.to_builtins(body)}


async def create_task(ctx: Ctx, body: TaskCreate) -> ImageTask:
    """Create an image and import it from the web in one go.

    Errors: TaskInvalid, UriRefused, and those of creating an image.
    """
    if body.type != "import":
        raise TaskInvalid(reason=f"tasks of type {body.type!r} are not known; only import")
    told = body.input
    uri, properties = told.get("import_from"), told.get("image_properties")
    if not isinstance(uri, str) or not isinstance(properties, dict):
        raise TaskInvalid(reason="input needs import_from, import_from_format and image_properties")
    check_uri(ctx, uri)
    kind = told.get("import_from_format")
    image = await create_image(ctx, {**({"disk_format": kind} if kind else {}), **properties})
    if not image.disk_format or not image.container_format:
        raise FormatsMissing
    task = await _note(ctx, image, "import", told)
    stores = [ctx.use(Stores).default]
    saga = ImportImage(task_id=task.id, image_id=image.id, stores=stores, uri=uri, forget=True)
    return await _start(ctx, image, task, saga)
