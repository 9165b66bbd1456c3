"""Importing an image: data staged, from the web or from another image is inspected, converted and stored."""

from collections.abc import AsyncIterator, Callable
from typing import ClassVar

import msgspec

from cumulo.core import clock
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.drivers import Full, Written, algorithm_of, conversion
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.drivers.web import Web
from cumulo.services.image.inspection import ContentRefused, Inspector
from cumulo.services.image.model import Image, ImageStatus, data_name
from cumulo.services.image.tasks import records
from cumulo.services.image.tasks.bytes import REMOVE_BYTES
from cumulo.services.image.tasks.caching import FILL_CACHE
from cumulo.services.image.tasks.placing import (
    Placed,
    Source,
    attempt_of,
    joined,
    place_all,
    places_of,
    remove_tries,
    take_away,
)

_DAY = 86400.0
_COPIED = ("hw_", "trait:", "os_distro", "os_secure_boot", "os_type")
"""What an image that is filled from another takes over of its properties, as Glance does."""


class Fetched(Written, frozen=True):
    """What was fetched, and its name in the staging area; without one it is the image's id."""

    data: str = ""


class Seen(msgspec.Struct, frozen=True):
    """What the inspection found: format and size of the disk."""

    disk_format: str
    container_format: str
    virtual_size: int | None


class ImportImage(Saga):
    """Bring an image's data in and make the image active.

    uri: where the web has it; from_image: the image to fill it from; neither: the data is staged, by the name
    `staged` (without one, the image's id). forget: an image whose import failed goes altogether.
    """

    task_id: str
    image_id: str
    stores: list[str]
    all_or_none: bool = True
    uri: str = ""
    from_image: str = ""
    hopeless: str = ""  # why it cannot be done, when that was known from the start
    forget: bool = False
    staged: str = ""
    digest: str = ""  # what the data must be, when that was said
    lock: ClassVar[str] = "image:{image_id}"

    @step
    async def begin(self, run: StepRun) -> None:
        """Say that the work has begun."""
        await records.processing(run, self.task_id)
        if self.hopeless:
            raise Permanent(self.hopeless)

    @effect(timeout=_DAY, when=lambda saga, run: bool(saga.uri or saga.from_image))  # noqa: ARG005  the shape of `when`
    async def fetch(self, run: EffectRun) -> Fetched:
        """Bring the data into the staging area."""
        staging = run.use(Stores).staging
        settings = run.use(ImageSettings)
        algorithm = algorithm_of(self.digest) if self.digest else settings.hashing_algorithm
        attempt = attempt_of(run, self.task_id)
        await remove_tries(staging, self.image_id, self.task_id, before=run.fence)
        await staging.discard(attempt)
        writer = await staging.begin(attempt, algorithm)
        try:
            async for block in _counted(await self._stream(run), settings.size_limit, run.say):
                await writer.write(block)
            written = await writer.finish()
        except Full as error:
            await writer.discard()
            raise Permanent("the staging area is full") from error
        except BaseException:
            await writer.discard()
            raise
        if self.digest and self.digest != written.digest:
            await staging.discard(attempt)
            raise Permanent("the data's hash is not the one that was given")
        data = data_name(self.image_id, attempt)
        await staging.publish(attempt, data)
        return Fetched(written.size, written.md5, written.digest, data)

    @fetch.undo
    async def drop(self, run: EffectRun) -> None:
        """Remove what was fetched."""
        await self._clear(run)

    @effect(timeout=_DAY)
    async def inspect(self, run: EffectRun) -> Seen:
        """Look at the data before anything opens it."""
        image = await self._image(run, self.from_image or self.image_id)
        disk, container = image.disk_format or "", image.container_format or ""
        look = Inspector(disk, container, largest=run.use(ImageSettings).virtual_size_limit)
        try:
            found = await run.use(Stores).staging.examine(self._data(run), look.finish)
        except ContentRefused as error:
            raise Permanent(error.message) from error
        return Seen(disk, container, found.virtual_size)

    @inspect.undo
    async def discard(self, run: EffectRun) -> None:
        """Remove the staged data: what was refused once would be refused again."""
        await self._clear(run)

    @effect(timeout=_DAY)
    async def convert(self, run: EffectRun) -> str | None:
        """Convert the disk to the format that the operator wants; return it."""
        seen, settings, staging = run[ImportImage.inspect], run.use(ImageSettings), run.use(Stores).staging
        wanted = settings.convert_to
        unfit = seen.container_format != "bare" or seen.disk_format not in conversion.QEMU_NAMES
        if not wanted or wanted == seen.disk_format or unfit:
            return None
        source, target = staging.path(self._data(run)), staging.path(self.task_id)
        if source is None or target is None:
            return None
        bounds = conversion.Bounds(
            memory=settings.convert_memory,
            seconds=settings.convert_seconds,
            virtual_size=seen.virtual_size or 0,
        )
        await conversion.convert(source, seen.disk_format, target, wanted, bounds)
        return wanted

    @effect(timeout=_DAY)
    async def place(self, run: EffectRun) -> Placed:
        """Put the data into the stores."""
        staging = run.use(Stores).staging
        if run[ImportImage.convert]:
            algorithm = run.use(ImageSettings).hashing_algorithm
            source = Source(staging, self.task_id, algorithm=algorithm)
        else:
            source = Source(staging, self._data(run), await self._expected(run), share=True)
        return await place_all(
            run, source, self.stores, self.image_id, self.task_id, all_or_none=self.all_or_none
        )

    @place.undo
    async def take_back(self, run: EffectRun) -> None:
        """Remove the data from the stores again."""
        await take_away(run, self.stores, self.image_id, self.task_id)

    @step
    async def finish(self, run: StepRun) -> None:
        """Make the image active."""
        placed, seen = run[ImportImage.place], run[ImportImage.inspect]
        image = await run.db.one(Image, Image.c.id == self.image_id, for_update=True)
        if image is None or image.status is not ImageStatus.IMPORTING:
            raise Permanent("the image was deleted meanwhile")
        image.status, image.size, image.virtual_size = (
            ImageStatus.ACTIVE,
            placed.written.size,
            seen.virtual_size,
        )
        image.checksum, image.hash_value = placed.written.md5, placed.written.digest
        image.disk_format = run[ImportImage.convert] or seen.disk_format
        image.container_format = seen.container_format
        image.staged, image.importing_to, image.failed_import = None, "", joined(placed.failed)
        image.upload_id = None
        image.updated_at = clock.now()
        await self._take_over(run, image)
        await run.db.save(image)
        await run.db.insert_all(placed.locations(self.image_id))
        run.wake(REMOVE_BYTES)  # of the staging area
        run.wake(FILL_CACHE)
        message = "; ".join(placed.failed.values())
        await records.succeeded(run, self.task_id, {"image_id": self.image_id}, message)

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Put the image back to queued and say why, or forget it."""
        here = (Image.c.id == self.image_id, Image.c.status == ImageStatus.IMPORTING)
        values = {
            "status": ImageStatus.PENDING_DELETE if self.forget else ImageStatus.QUEUED,
            "staged": None,
            "upload_id": None,
            "checksum": None,
            "hash_value": None,
            "importing_to": "",
            "failed_import": joined(self.stores),
            "updated_at": clock.now(),
        }
        await run.db.update(Image, *here, **values)
        await records.failed(run, self.task_id, error)
        run.wake(REMOVE_BYTES)

    async def _stream(self, run: EffectRun) -> AsyncIterator[bytes]:
        """Return the data from where it comes."""
        if self.uri:
            return _within(run.use(Web).read(self.uri), run.use(ImageSettings).download_seconds)
        stores = run.use(Stores)
        async with run.reader() as db:
            places = await places_of(db, stores, self.from_image)
        if not places:
            raise Permanent("the image to import from has no data")
        return places[0].store.read(places[0].data)

    def _data(self, run: EffectRun) -> str:
        """Return the name of the data in the staging area."""
        fetched: Fetched | None = run[ImportImage.fetch]
        return (self.staged if fetched is None else fetched.data) or self.image_id

    async def _image(self, run: EffectRun, image_id: str) -> Image:
        async with run.reader() as db:
            image = await db.get(Image, image_id)
        if image is None or image.status is ImageStatus.PENDING_DELETE:
            raise Permanent("the image was deleted meanwhile")
        return image

    async def _expected(self, run: EffectRun) -> Written:
        """Return what the staged data is, as it was found when it came."""
        if self.uri or self.from_image:
            found = run[ImportImage.fetch]
            return Written(found.size, found.md5, found.digest)
        image = await self._image(run, self.image_id)
        return Written(image.staged or 0, image.checksum or "", image.hash_value or "")

    async def _take_over(self, run: StepRun, image: Image) -> None:
        """Take over the properties of the image that this one was filled from."""
        if not self.from_image:
            return
        source = await run.db.get(Image, self.from_image)
        found = source.properties if source is not None else {}
        image.properties = image.properties | {
            name: value for name, value in found.items() if name.startswith(_COPIED)
        }

    async def _clear(self, run: EffectRun) -> None:
        """Empty the staging area of this import."""
        staging = run.use(Stores).staging
        await remove_tries(staging, self.image_id, self.task_id)
        for name in (self.staged or self.image_id, self.task_id):
            await staging.remove(name)
        converted = staging.path(self.task_id)
        if converted is not None:
            conversion.forget(converted)


async def _counted(
    stream: AsyncIterator[bytes], limit: int, say: Callable[[str], None]
) -> AsyncIterator[bytes]:
    """Yield what a stream does, and say how much it was. Permanent when it is more than `limit` bytes."""
    size = 0
    async for block in stream:
        size += len(block)
        if size > limit:
            raise Permanent(f"the data is larger than {limit} bytes")
        say(f"{size >> 20} MiB")
        yield block


async def _within(stream: AsyncIterator[bytes], seconds: float) -> AsyncIterator[bytes]:
    """Yield what a stream does, for so long at most. Permanent when it takes longer."""
    end = clock.monotonic() + seconds
    async for block in stream:
        if clock.monotonic() > end:
            raise Permanent(f"the download took longer than {seconds:.0f} s")
        yield block
