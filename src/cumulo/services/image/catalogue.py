"""Images as compute's API showed them until 2.35."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from cumulo.contracts.image import CatalogueEntry
from cumulo.core import clock
from cumulo.core.db import Reader
from cumulo.core.errors import Forbidden
from cumulo.core.http import Ctx
from cumulo.core.work import Work
from cumulo.services.image import protection
from cumulo.services.image.domain.images import check_counts, delete_image, refuse_fixed
from cumulo.services.image.errors import AttributeReserved, ImageNotFound
from cumulo.services.image.model import Image, ImageMember, ImageStatus, MemberStatus, Visibility
from cumulo.services.image.schema.images import ATTRIBUTES, check_property


class CatalogueAdapter:
    """Implements `cumulo.contracts.image.ImageCatalogue`."""

    async def listed(self, work: Work, *, project_id: str | None) -> list[CatalogueEntry]:
        """Return the images that a project sees in lists, the newest first."""
        order = (Image.c.created_at.desc(), Image.c.id.desc())
        where = [Image.c.status != ImageStatus.PENDING_DELETE, Image.c.os_hidden.is_(False)]
        if project_id is not None:
            theirs = (
                ImageMember.c.member_id == project_id,
                ImageMember.c.status == MemberStatus.ACCEPTED,
            )
            shared = select(ImageMember.c.image_id).where(*theirs)
            theirs_too = (Image.c.visibility == Visibility.SHARED) & Image.c.id.in_(shared)
            public = Image.c.visibility == Visibility.PUBLIC
            where.append((Image.c.owner == project_id) | public | theirs_too)
        return [_entry(work, row) for row in await work.db.all(Image, *where, order_by=order)]

    async def entry(
        self, work: Work, image_id: str, *, project_id: str | None, hold: bool = False
    ) -> CatalogueEntry:
        """Return an image that the project can see; else NotFound. hold: nobody else changes it meanwhile."""
        image = await _visible(work.db, image_id, project_id)
        return _entry(work, await _held(work, image_id) if hold else image)

    async def remove(self, work: Work, image_id: str, *, project_id: str | None) -> None:
        """Delete an image; NotFound, and Forbidden for one of another project or one that is protected."""
        image = await _own(work, image_id, project_id)
        if image.protected:
            raise Forbidden(f"Image {image_id} is protected and cannot be deleted.")
        await delete_image(work, image)

    async def describe(
        self, work: Work, image_id: str, properties: Mapping[str, str], *, project_id: str | None
    ) -> None:
        """Make these the image's properties; of those that the caller cannot see, nothing is said."""
        image = await _own(work, image_id, project_id)
        unseen = {name: value for name, value in image.properties.items() if not _reads(work, name)}
        wanted: dict[str, str | None] = {**properties, **unseen}
        _check_changes(work, image.properties, wanted)
        image.properties = wanted
        image.updated_at = clock.now()
        await work.db.save(image, "properties", "updated_at")


async def _visible(db: Reader, image_id: str, project_id: str | None) -> Image:
    image = await db.get(Image, image_id)
    if image is None or image.status is ImageStatus.PENDING_DELETE:
        raise ImageNotFound(id=image_id)
    open_to_all = image.visibility in (Visibility.PUBLIC, Visibility.COMMUNITY)
    if project_id is None or open_to_all or image.owner == project_id:
        return image
    shared = image.visibility is Visibility.SHARED
    if not shared or await db.get(ImageMember, (image.id, project_id)) is None:
        raise ImageNotFound(id=image_id)
    return image


async def _held(work: Work, image_id: str) -> Image:
    image = await work.db.one(Image, Image.c.id == image_id, for_update=True)
    if image is None:
        raise ImageNotFound(id=image_id)
    return image


async def _own(work: Work, image_id: str, project_id: str | None) -> Image:
    await _visible(work.db, image_id, project_id)
    image = await _held(work, image_id)
    if project_id not in (None, image.owner):
        raise Forbidden(f"Image {image_id} belongs to another project.")
    return image


def _reads(work: Work, name: str) -> bool:
    """Say whether who asks may see a property."""
    return not isinstance(work, Ctx) or protection.allowed(work, name, "read")


def _check_changes(work: Work, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Hold changed properties against what the image API allows. AttributeReserved, PropertyProtected …"""
    for name in before.keys() | after.keys():
        if name in before and name in after and before[name] == after[name]:
            continue
        if name in after:
            refuse_fixed(name)
            if name in ATTRIBUTES:
                raise AttributeReserved(name=name)
            check_property(name, after[name])
        verb = "delete" if name not in after else "update" if name in before else "create"
        if isinstance(work, Ctx):
            protection.check(work, name, verb)
    if isinstance(work, Ctx):
        check_counts(work, after, ())


def _entry(work: Work, image: Image) -> CatalogueEntry:
    return CatalogueEntry(
        id=image.id,
        name=image.name,
        status=image.status.value,
        size=image.size,
        min_disk=image.min_disk,
        min_ram=image.min_ram,
        properties={name: value for name, value in image.properties.items() if _reads(work, name)},
        created_at=image.created_at,
        updated_at=image.updated_at,
    )
