"""The image service's face to the others: implements `cumulo.contracts.image`."""

from collections.abc import Callable
from typing import Any

from cumulo.contracts.image import ImageRecord
from cumulo.core.db import Reader
from cumulo.services.image.drivers import Store
from cumulo.services.image.errors import ImageNotFound
from cumulo.services.image.inspection import INSPECTED
from cumulo.services.image.model import Image, ImageMember, ImageStatus, Visibility


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
            sha512=image.hash_value,
            properties=image.properties,
            path=self._path(image),
        )

    def _path(self, image: Image) -> str | None:
        """Say where the bytes are; only of what was inspected, for QEMU would follow other headers."""
        inspected = image.disk_format in INSPECTED and image.container_format == "bare"
        if image.status is not ImageStatus.ACTIVE or not inspected:
            return None
        path = self._use(Store).path(image.id)
        return None if path is None else str(path)


async def _sees(db: Reader, image: Image, project_id: str | None) -> bool:
    if image.visibility in (Visibility.PUBLIC, Visibility.COMMUNITY):
        return True
    if project_id is None:
        return False
    if image.owner == project_id:
        return True
    is_shared = image.visibility is Visibility.SHARED
    return is_shared and await db.get(ImageMember, (image.id, project_id)) is not None
