"""What a project owns of images, and how it goes when the project is purged."""

from cumulo.contracts.ownership import Owned, Stage
from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.image.domain.images import delete_image
from cumulo.services.image.model import Image, ImageMember, ImageStatus

IMAGE, SHARE = "image", "image share"


class ImagesOwned:
    """Fulfils `cumulo.contracts.ownership.Ownership`. An image goes from whom it was shared with too."""

    async def owned(self, db: Reader, project_id: str) -> list[Owned]:
        """Return what is left of a project: images until their bytes are gone, and others' shared with it."""
        rows = await db.all(Image, Image.c.owner == project_id, order_by=[Image.c.created_at, Image.c.id])
        found = [
            Owned(
                stage=Stage.STORAGE,
                kind=IMAGE,
                id=row.id,
                name=row.name or "",
                leaving=row.status is ImageStatus.PENDING_DELETE,
            )
            for row in rows
        ]
        shares = await db.all(ImageMember, ImageMember.c.member_id == project_id)
        return found + [Owned(stage=Stage.SETTINGS, kind=SHARE, id=row.image_id) for row in shares]

    async def remove(self, work: Work, project_id: str, thing: Owned) -> None:
        """Delete an image, also a protected one; end the sharing of another's."""
        if thing.kind == SHARE:
            share = (ImageMember.c.image_id == thing.id, ImageMember.c.member_id == project_id)
            await work.db.delete(ImageMember, *share)
            return
        mine = (Image.c.id == thing.id, Image.c.owner == project_id)
        image = await work.db.one(Image, *mine, for_update=True)
        if image is None or image.status is ImageStatus.PENDING_DELETE:
            return
        if image.protected:
            image.protected = False
            await work.db.save(image, "protected")
        await delete_image(work, image)
