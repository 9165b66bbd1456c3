"""The image service's face to the others: implements `cumulo.contracts.image`."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from cumulo.contracts.image import ImageRecord, NewImage
from cumulo.core.db import Database, Reader, become
from cumulo.core.drivers import Gone, Permanent
from cumulo.core.errors import Error
from cumulo.core.work import Work
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.domain import quotas
from cumulo.services.image.domain.images import delete_image
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.errors import ImageNotFound, UploadOvertaken
from cumulo.services.image.inspection import BOOTABLE
from cumulo.services.image.model import (
    CachedImage,
    CacheState,
    Image,
    ImageMember,
    ImageStatus,
    Visibility,
)
from cumulo.services.image.tasks.placing import places_of
from cumulo.services.image.uploads import Plan, Upload, begin_upload


class ImagesAdapter:
    """Implements `Images`. `use` returns what is bound to a type."""

    def __init__(self, use: Callable[[type[Any]], Any]) -> None:
        self._use = use

    async def get(
        self, db: Reader, image_id: str, *, project_id: str | None, is_admin: bool = False
    ) -> ImageRecord:
        """Return an image that the project can see; else NotFound."""
        image = await db.get(Image, image_id)
        if image is None or image.status is ImageStatus.PENDING_DELETE:
            raise ImageNotFound(id=image_id)
        if not (is_admin or await _sees(db, image, project_id)):
            raise ImageNotFound(id=image_id)
        return ImageRecord(
            id=image.id,
            name=image.name,
            status=image.status.value,
            visibility=image.visibility.value,
            owner=image.owner,
            disk_format=image.disk_format,
            container_format=image.container_format,
            size=image.size,
            virtual_size=image.virtual_size,
            min_disk=image.min_disk,
            min_ram=image.min_ram,
            checksum=image.checksum,
            digest=image.hash_value,
            properties=image.properties,
            path=await self._path(db, image),
        )

    async def create(self, work: Work, image: NewImage) -> str:
        """Record an image, `queued` until its data comes; return its id. Over quota raises OverQuota."""
        row = Image(
            owner=image.owner,
            name=image.name,
            disk_format=image.disk_format,
            container_format=image.container_format,
            visibility=Visibility(image.visibility),
            protected=image.protected,
            min_disk=image.min_disk,
            min_ram=image.min_ram,
            properties=dict(image.properties),
            status=ImageStatus.ACTIVE if image.empty else ImageStatus.QUEUED,
            size=0 if image.empty else None,
        )
        await quotas.claim(work, row.owner, {quotas.COUNT: 1})
        await work.db.insert(row)
        return row.id

    async def backups(self, db: Reader, server_id: str, kind: str, *, owner: str) -> list[str]:
        """Return the ids of a project's backups of a server, of a kind (`daily`), the newest first."""
        order = (Image.c.created_at.desc(), Image.c.id)
        rows = await db.all(Image, Image.c.owner == owner, order_by=order)
        wanted = {"image_type": "backup", "instance_uuid": server_id, "backup_type": kind}
        return [
            row.id
            for row in rows
            if row.status is not ImageStatus.PENDING_DELETE and wanted.items() <= row.properties.items()
        ]

    async def fill(self, image_id: str, data: AsyncIterator[bytes]) -> None:
        """Take an image's data; it is active then. Permanent when it is refused, Gone without the image."""
        stores, settings = self._use(Stores), self._use(ImageSettings)
        database: Database = self._use(Database)
        async with database.begin() as tx:
            image = await tx.one(Image, Image.c.id == image_id, for_update=True)
            if image is None or image.status is ImageStatus.PENDING_DELETE:
                raise Gone(f"image {image_id} was deleted")
            if image.status is ImageStatus.ACTIVE:
                return
            if image.status is ImageStatus.SAVING:  # by a process that was killed: there is one at a time
                await become(tx, Image, image.id, ImageStatus.QUEUED)
                image.status = ImageStatus.QUEUED
            upload_id = await begin_upload(tx, image, settings)
        upload = Upload(database, stores.get(stores.default), settings, image, Plan(upload_id=upload_id))
        try:
            await upload.take(data)
        except UploadOvertaken as error:
            raise Gone(f"image {image_id} was deleted") from error
        except Error as error:
            raise Permanent(error.message) from error

    async def discard(self, work: Work, image_id: str) -> None:
        """Delete an image that could not be filled; none is no error."""
        image = await work.db.one(Image, Image.c.id == image_id, for_update=True)
        if image is not None and image.status is not ImageStatus.PENDING_DELETE:
            image.protected = False
            await delete_image(work, image)

    async def _path(self, db: Reader, image: Image) -> str | None:
        """Say where the bytes are; only of what was inspected, for QEMU would follow other headers."""
        inspected = image.disk_format in BOOTABLE and image.container_format == "bare"
        if image.status is not ImageStatus.ACTIVE or not inspected:
            return None
        stores: Stores = self._use(Stores)
        paths = [place.store.path(place.data) for place in await places_of(db, stores, image.id)]
        cached = (CachedImage.c.image_id == image.id, CachedImage.c.state == CacheState.CACHED)
        if not any(paths) and await db.exists(CachedImage, *cached):
            paths.append(stores.cache.path(image.id))
        return next((str(path) for path in paths if path is not None), None)


async def _sees(db: Reader, image: Image, project_id: str | None) -> bool:
    if image.visibility in (Visibility.PUBLIC, Visibility.COMMUNITY):
        return True
    if project_id is None:
        return False
    if image.owner == project_id:
        return True
    is_shared = image.visibility is Visibility.SHARED
    return is_shared and await db.get(ImageMember, (image.id, project_id)) is not None
