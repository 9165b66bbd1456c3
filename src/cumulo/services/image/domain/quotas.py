"""What a project may hold of images, and what it holds. Sizes are counted in MiB, as unified limits are.

The limits are those that identity has registered for this service; without any, the quota's own defaults,
which are none.
"""

from collections.abc import Mapping

from sqlalchemy import func, select

from cumulo.contracts.identity import UnifiedLimits
from cumulo.core.db import Reader
from cumulo.core.errors import OverQuota
from cumulo.core.quota import UNLIMITED, Limits, Quota, Standing
from cumulo.core.work import Work
from cumulo.services.image.model import Image, ImageLocation, ImageStatus

NAME = "image"
COUNT, SIZE = "image_count_total", "image_size_total"
STAGED, UPLOADING = "image_stage_total", "image_count_uploading"
MIB = 1 << 20
_BUSY = (ImageStatus.SAVING, ImageStatus.UPLOADING, ImageStatus.IMPORTING)


class OverLimit(OverQuota):
    """Request exceeds limit: project holds {used} of {limit} {resource} and asks for {wanted} more."""


async def usage(db: Reader, project_id: str) -> Mapping[str, int]:
    """Count what a project holds. An image counts once in each store that it is in."""
    mine = (Image.c.owner == project_id, Image.c.status != ImageStatus.PENDING_DELETE)
    kept = (
        select(func.coalesce(func.sum(Image.c.size), 0))
        .select_from(Image.table.join(ImageLocation.table, ImageLocation.c.image_id == Image.c.id))
        .where(*mine)
    )
    staged = select(func.coalesce(func.sum(Image.c.staged), 0)).where(*mine)
    return {
        COUNT: await db.count(Image, *mine),
        SIZE: mebibytes(int(await db.scalar(kept))),
        STAGED: mebibytes(int(await db.scalar(staged))),
        UPLOADING: await db.count(Image, *mine, Image.c.status.in_(_BUSY)),
    }


LIMITS = Limits(NAME, dict.fromkeys((COUNT, SIZE, STAGED, UPLOADING), UNLIMITED), usage)


def mebibytes(size: int) -> int:
    """Return a number of bytes in MiB, rounded up."""
    return -(-size // MIB)


async def standing(work: Work, project_id: str) -> dict[str, Standing]:
    """Return limit and usage of each resource."""
    limits, used = await _limits(work, project_id), await usage(work.db, project_id)
    return {name: Standing(limit, used[name]) for name, limit in limits.items()}


async def _limits(work: Work, project_id: str) -> dict[str, int]:
    own = await work.use(Quota).limits(work.db, NAME, project_id)
    unified = await work.use(UnifiedLimits).of(work.db, NAME, project_id)
    return {name: unified.get(name, limit) for name, limit in own.items()}


async def claim(work: Work, project_id: str | None, wanted: Mapping[str, int]) -> None:
    """Hold these against the owner's limits; 0 only asks that the limit is not passed already. OverLimit.

    Of an upload of unknown length nobody knows whether it fits: the next one is refused then.
    """
    if project_id is None:
        return
    limits = await _limits(work, project_id)
    limited = {name: amount for name, amount in wanted.items() if limits[name] != UNLIMITED}
    if not limited:
        return
    await work.db.lock(f"quota:{NAME}:{project_id}")
    held = await usage(work.db, project_id)
    for name, amount in limited.items():
        if held[name] + amount > limits[name]:
            raise OverLimit(resource=name, used=held[name], limit=limits[name], wanted=amount)
