"""Images as compute's API showed them until 2.35."""

from collections.abc import Mapping
from typing import cast

from cumulo.contracts.image import CatalogueEntry
from cumulo.core import clock
from cumulo.core.db import Reader
from cumulo.core.errors import Forbidden
from cumulo.core.work import Work
from cumulo.services.image.domain.images import delete_image
from cumulo.services.image.errors import ImageNotFound
from cumulo.services.image.model import Image, ImageMember, ImageStatus, MemberStatus, Visibility


class CatalogueAdapter:
    """Implements `cumulo.contracts.image.ImageCatalogue`."""

    async def listed(self, db: Reader, *, project_id: str | None) -> list[CatalogueEntry]:
        """Return the images that a project sees in lists, the newest first."""
        order = (Image.c.created_at.desc(), Image.c.id.desc())
        alive = Image.c.status != ImageStatus.PENDING_DELETE
        where = [alive]
        if project_id is not None:
            theirs = (
                ImageMember.c.member_id == project_id,
                ImageMember.c.status == MemberStatus.ACCEPTED,
            )
            shared = [row.image_id for row in await db.all(ImageMember, *theirs)]
            public = Image.c.visibility == Visibility.PUBLIC
            where.append((Image.c.owner == project_id) | public | Image.c.id.in_(shared))
        return [_entry(row) for row in await db.all(Image, *where, order_by=order)]

    async def entry(self, db: Reader, image_id: str, *, project_id: str | None) -> CatalogueEntry:
        """Return an image that the project can see; else NotFound."""
        return _entry(await _visible(db, image_id, project_id))

    async def remove(self, work: Work, image_id: str, *, project_id: str | None) -> None:
        """Delete an image; NotFound, and Forbidden for one of another project or one that is protected."""
        image = await _own(work, image_id, project_id)
        if image.protected:
            raise Forbidden(f"Image {image_id} is protected and cannot be deleted.")
        await delete_image(work, image)

    async def describe(
        self, work: Work, image_id: str, properties: Mapping[str, str], *, project_id: str | None
    ) -> None:
        """Make these the image's properties; NotFound, and Forbidden for one of another project."""
        image = await _own(work, image_id, project_id)
        image.properties = cast("dict[str, str | None]", dict(properties))
        image.updated_at = clock.now()
        await work.db.save(image, "properties", "updated_at")


async def _visible(db: Reader, image_id: str, project_id: str | None) -> Image:
    image = await db.get(Image, image_id)
    if image is None or image.status is ImageStatus.PENDING_DELETE:
        raise ImageNotFound(id=image_id)
    open_to_all = image.visibility in (Visibility.PUBLIC, Visibility.COMMUNITY)
    if project_id is None or open_to_all or image.owner == project_id:
        return image
    if await db.get(ImageMember, (image.id, project_id)) is None:
        raise ImageNotFound(id=image_id)
    return image


async def _own(work: Work, image_id: str, project_id: str | None) -> Image:
    await _visible(work.db, image_id, project_id)
    image = await work.db.one(Image, Image.c.id == image_id, for_update=True)
    if image is None:
        raise ImageNotFound(id=image_id)
    if project_id not in (None, image.owner):
        raise Forbidden(f"Image {image_id} belongs to another project.")
    return image


def _entry(image: Image) -> CatalogueEntry:
    return CatalogueEntry(
        id=image.id,
        name=image.name,
        status=image.status.value,
        size=image.size,
        min_disk=image.min_disk,
        min_ram=image.min_ram,
        properties=image.properties,
        created_at=image.created_at,
        updated_at=image.updated_at,
    )
