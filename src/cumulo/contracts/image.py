"""What compute asks of the image service."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from cumulo.core.db import Reader


class ImageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An image as another service needs it. Sizes in bytes, `min_ram` MiB, `min_disk` GiB."""

    id: str
    name: str | None
    status: str
    visibility: str
    owner: str | None
    disk_format: str | None
    container_format: str | None
    size: int | None
    virtual_size: int | None
    min_disk: int
    min_ram: int
    checksum: str | None
    sha512: str | None
    properties: Mapping[str, Any]
    path: str | None  # where the bytes lie on this machine, when the store is local


class Images(Protocol):
    """The images that a project can see."""

    async def get(
        self, db: Reader, image_id: str, *, project_id: str | None, is_admin: bool = False
    ) -> ImageRecord:
        """Return an image that the project can see; else NotFound."""
