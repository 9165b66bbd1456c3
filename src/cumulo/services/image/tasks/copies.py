"""Copying an active image to more stores."""

from typing import ClassVar

from cumulo.core import clock
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.image.drivers import Written
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.model import Image, ImageStatus
from cumulo.services.image.tasks import records
from cumulo.services.image.tasks.placing import Placed, Source, joined, place_all, places_of, take_away

_DAY = 86400.0


class CopyImage(Saga):
    """Copy an active image to more stores."""

    task_id: str
    image_id: str
    stores: list[str]
    all_or_none: bool = True
    lock: ClassVar[str] = "image:{image_id}"

    @step
    async def begin(self, run: StepRun) -> None:
        """Say that the work has begun."""
        await records.processing(run, self.task_id)

    @effect(timeout=_DAY)
    async def place(self, run: EffectRun) -> Placed:
        """Put the image's data into the stores."""
        source = await self._source(run)
        return await place_all(
            run, source, self.stores, self.image_id, self.task_id, all_or_none=self.all_or_none
        )

    @place.undo
    async def take_back(self, run: EffectRun) -> None:
        """Remove the data from the stores again."""
        await take_away(run, self.stores, self.image_id, self.task_id)

    async def _source(self, run: EffectRun) -> Source:
        async with run.reader() as db:
            image = await db.get(Image, self.image_id)
            places = await places_of(db, run.use(Stores), self.image_id)
        if image is None or not places:
            raise Permanent("the image is gone")
        expected = Written(image.size or 0, image.checksum or "", image.hash_value or "")
        return Source(places[0].store, places[0].data, expected)

    @step
    async def finish(self, run: StepRun) -> None:
        """Note where the image is now."""
        placed = run[CopyImage.place]
        here = (Image.c.id == self.image_id, Image.c.status != ImageStatus.PENDING_DELETE)
        values = {"importing_to": "", "failed_import": joined(placed.failed), "updated_at": clock.now()}
        if not await run.db.update(Image, *here, **values):
            raise Permanent("the image was deleted meanwhile")
        await run.db.insert_all(placed.locations(self.image_id))
        await records.succeeded(
            run, self.task_id, {"image_id": self.image_id}, "; ".join(placed.failed.values())
        )

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Say which stores have no copy, and why."""
        values = {"importing_to": "", "failed_import": joined(self.stores)}
        await run.db.update(Image, Image.c.id == self.image_id, **values)
        await records.failed(run, self.task_id, error)
