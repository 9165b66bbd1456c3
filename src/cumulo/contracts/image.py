"""What compute and block storage ask of the image service."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from cumulo.core.db import Reader
from cumulo.core.work import Work


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
    digest: str | None
    properties: Mapping[str, Any]
    path: str | None  # where the bytes lie on this machine, when the store is local


class NewImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image that another service makes of a server or a volume. `min_disk` GiB, `min_ram` MiB.

    `empty`: it never gets data, for its properties say what to boot from; it is active at once.
    """

    owner: str
    name: str
    disk_format: str | None = None
    container_format: str | None = None
    visibility: str = "private"
    protected: bool = False
    min_disk: int = 0
    min_ram: int = 0
    properties: Mapping[str, str] = {}
    empty: bool = False


class Images(Protocol):
    """The images that a project can see, and those that are made for it."""

    async def get(
        self, db: Reader, image_id: str, *, project_id: str | None, is_admin: bool = False
    ) -> ImageRecord:
        """Return an image that the project can see; else NotFound."""

    async def create(self, work: Work, image: NewImage) -> str:
        """Record an image, `queued` until its data comes; return its id. Over quota raises OverQuota."""

    async def backups(self, db: Reader, server_id: str, kind: str, *, owner: str) -> list[str]:
        """Return the ids of a project's backups of a server, of a kind (`daily`), the newest first."""

    async def fill(self, image_id: str, data: AsyncIterator[bytes]) -> None:
        """Take an image's data, outside of any transaction; it is active then.

        What a killed process had sent is forgotten. Permanent when the data is refused, Gone when the image
        was deleted; an image that is active already is no error, and `data` is left unread.
        """

    async def discard(self, work: Work, image_id: str) -> None:
        """Delete an image that could not be filled; none is no error."""


class CatalogueEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An image as compute's API showed it until 2.35. Sizes in bytes, `min_ram` MiB, `min_disk` GiB."""

    id: str
    name: str | None
    status: str
    size: int | None
    min_disk: int
    min_ram: int
    properties: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


class ImageCatalogue(Protocol):
    """Images, as compute's API showed and changed them. `project_id` None is an administrator.

    Who asks by a request sees and changes of protected properties what the image API lets them.
    """

    async def listed(self, work: Work, *, project_id: str | None) -> list[CatalogueEntry]:
        """Return the images that a project sees in lists, the newest first."""

    async def entry(
        self, work: Work, image_id: str, *, project_id: str | None, hold: bool = False
    ) -> CatalogueEntry:
        """Return an image that the project can see; else NotFound. hold: nobody else changes it meanwhile."""

    async def remove(self, work: Work, image_id: str, *, project_id: str | None) -> None:
        """Delete an image; NotFound, and Forbidden for one of another project or one that is protected."""

    async def describe(
        self, work: Work, image_id: str, properties: Mapping[str, str], *, project_id: str | None
    ) -> None:
        """Make these the image's properties; of those that the caller cannot see, nothing is said.

        NotFound, Forbidden for another project's image and what may not be changed, Invalid, TooLarge.
        """
