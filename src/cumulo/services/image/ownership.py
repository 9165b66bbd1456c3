"""What a project owns of images, and how it goes when the project is purged."""

from collections.abc import Awaitable, Callable, Mapping

from cumulo.contracts.ownership import Owned, Stage
from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.image.domain.images import delete_image
from cumulo.services.image.domain.metadefs import delete_namespace
from cumulo.services.image.model import Image, ImageMember, ImageStatus, ImageTask, Namespace, TaskStatus

IMAGE, TASK, NAMESPACE, SHARE = "image", "image task", "metadata namespace", "image share"
_UNDER_WAY = (TaskStatus.PENDING, TaskStatus.PROCESSING)


class ImagesOwned:
    """Fulfils `cumulo.contracts.ownership.Ownership`. An image goes from whom it was shared with too."""

    async def owned(self, db: Reader, project_id: str) -> list[Owned]:
        """Return what is left of a project: images until their bytes are gone, and others' shared with it."""
        rows = await db.all(Image, Image.c.owner == project_id, order_by=[Image.c.created_at, Image.c.id])
        gone = ImageStatus.PENDING_DELETE
        found = [_thing(IMAGE, row.id, row.name, leaving=row.status is gone) for row in rows]
        tasks = await db.all(ImageTask, ImageTask.c.owner == project_id)
        found += [_thing(TASK, row.id, row.type, leaving=row.status in _UNDER_WAY) for row in tasks]
        namespaces = await db.all(Namespace, Namespace.c.owner == project_id)
        found += [_thing(NAMESPACE, row.id, row.namespace) for row in namespaces]
        shares = await db.all(ImageMember, ImageMember.c.member_id == project_id)
        return found + [Owned(stage=Stage.SETTINGS, kind=SHARE, id=row.image_id) for row in shares]

    async def remove(self, work: Work, project_id: str, thing: Owned) -> None:
        """Delete an image or namespace, also a protected one; end the sharing of another's."""
        await _REMOVES[thing.kind](work, project_id, thing.id)


async def _remove_image(work: Work, project_id: str, id: str) -> None:
    image = await work.db.one(Image, Image.c.id == id, Image.c.owner == project_id, for_update=True)
    if image is None or image.status is ImageStatus.PENDING_DELETE:
        return
    if image.protected:
        image.protected = False
        await work.db.save(image, "protected")
    await delete_image(work, image)


async def _remove_namespace(work: Work, project_id: str, id: str) -> None:
    mine = (Namespace.c.id == id, Namespace.c.owner == project_id)
    namespace = await work.db.one(Namespace, *mine, for_update=True)
    if namespace is not None:
        namespace.protected = False
        await delete_namespace(work, namespace)


async def _remove_task(work: Work, project_id: str, id: str) -> None:
    await work.db.delete(ImageTask, ImageTask.c.id == id, ImageTask.c.owner == project_id)


async def _remove_share(work: Work, project_id: str, image_id: str) -> None:
    share = (ImageMember.c.image_id == image_id, ImageMember.c.member_id == project_id)
    await work.db.delete(ImageMember, *share)


_REMOVES: Mapping[str, Callable[[Work, str, str], Awaitable[None]]] = {
    IMAGE: _remove_image,
    TASK: _remove_task,
    NAMESPACE: _remove_namespace,
    SHARE: _remove_share,
}


def _thing(kind: str, id: str, name: str | None, *, leaving: bool = False) -> Owned:
    return Owned(stage=Stage.STORAGE, kind=kind, id=id, name=name or "", leaving=leaving)
