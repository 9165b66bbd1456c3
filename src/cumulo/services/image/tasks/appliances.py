"""Filling images with the disks of an appliance: cut out of its archive, inspected, stored."""

import hashlib
from collections.abc import AsyncIterator

import msgspec

from cumulo.core import clock
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.drivers import Full, Written
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.inspection import ContentRefused, Inspector
from cumulo.services.image.model import Image, ImageStatus
from cumulo.services.image.tasks import records
from cumulo.services.image.tasks.bytes import REMOVE_BYTES
from cumulo.services.image.tasks.placing import Placed, Source, place_all, take_away

_DAY = 86400.0


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One disk: the image to fill, where its bytes are in the archive, and their hash where that is known."""

    image_id: str
    offset: int
    length: int
    disk_format: str
    digest: tuple[str, str] | None = None


class Filled(msgspec.Struct, frozen=True):
    """What an image got: its bytes, and the disk that they describe."""

    written: Written
    virtual_size: int | None


class ImportAppliance(Saga):
    """Fill images with the disks of an appliance; all of them or none.

    source_id: the appliance's image, in `store` by the name `source_data` (without one, its id). target: the
    store that the disks go to.
    """

    task_id: str
    source_id: str
    store: str
    target: str
    pieces: list[Piece]
    source_data: str = ""

    @step
    async def begin(self, run: StepRun) -> None:
        """Say that the work has begun."""
        await records.processing(run, self.task_id)

    @effect(timeout=_DAY)
    async def extract(self, run: EffectRun) -> list[Filled]:
        """Cut the disks out of the archive and look at them."""
        filled = []
        for number, piece in enumerate(self.pieces):
            run.say(f"disk {number + 1} of {len(self.pieces)}")
            written = await self._stage(run, piece, self._upload(number))
            filled.append(Filled(written, await self._inspect(run, piece)))
        return filled

    @extract.undo
    async def drop(self, run: EffectRun) -> None:
        """Empty the staging area of the disks."""
        staging = run.use(Stores).staging
        for number, piece in enumerate(self.pieces):
            await staging.discard(self._upload(number))
            await staging.remove(piece.image_id)  # which only this saga ever makes

    @effect(timeout=_DAY)
    async def place(self, run: EffectRun) -> list[Placed]:
        """Put the disks into the store."""
        placed = []
        staging, filled = run.use(Stores).staging, run[ImportAppliance.extract]
        for number, (piece, found) in enumerate(zip(self.pieces, filled, strict=True)):
            source = Source(staging, piece.image_id, found.written, share=True)
            upload = self._upload(number)
            placed.append(
                await place_all(run, source, [self.target], piece.image_id, upload, all_or_none=True)
            )
        return placed

    @place.undo
    async def take_back(self, run: EffectRun) -> None:
        """Remove the disks from the store again."""
        for number, piece in enumerate(self.pieces):
            await take_away(run, [self.target], piece.image_id, self._upload(number))

    @step
    async def finish(self, run: StepRun) -> None:
        """Make the images active."""
        filled = run[ImportAppliance.extract]
        places = run[ImportAppliance.place]
        for piece, found, placed in zip(self.pieces, filled, places, strict=True):
            here = (Image.c.id == piece.image_id, Image.c.status == ImageStatus.IMPORTING)
            values = {
                "status": ImageStatus.ACTIVE,
                "size": found.written.size,
                "virtual_size": found.virtual_size,
                "checksum": found.written.md5,
                "hash_value": found.written.digest,
                "updated_at": clock.now(),
            }
            if not await run.db.update(Image, *here, **values):
                raise Permanent("an image of the appliance was deleted meanwhile")
            await run.db.insert_all(placed.locations(piece.image_id))
        run.wake(REMOVE_BYTES)  # of the staging area
        await records.succeeded(run, self.task_id, {"images": [piece.image_id for piece in self.pieces]})

    @on_failure
    async def fail(self, run: StepRun, error: TaskError) -> None:
        """Forget the images and say why."""
        mine = Image.c.id.in_([piece.image_id for piece in self.pieces])
        importing = Image.c.status == ImageStatus.IMPORTING
        await run.db.update(Image, mine, importing, status=ImageStatus.PENDING_DELETE)
        await records.failed(run, self.task_id, error)
        run.wake(REMOVE_BYTES)

    def _upload(self, number: int) -> str:
        """Return the id under which a disk is written; the task in it keeps it from being swept away."""
        return f"{self.task_id}.{number}"

    async def _stage(self, run: EffectRun, piece: Piece, upload: str) -> Written:
        stores = run.use(Stores)
        await stores.staging.discard(upload)
        writer = await stores.staging.begin(upload, run.use(ImageSettings).hashing_algorithm)
        whole = self.source_data or self.source_id
        data = stores.get(self.store).read(whole, piece.offset, piece.length)
        try:
            async for block in _checked(data, piece.digest):
                await writer.write(block)
            written = await writer.finish()
        except Full as error:
            await writer.discard()
            raise Permanent("the staging area is full") from error
        except BaseException:
            await writer.discard()
            raise
        await stores.staging.publish(upload, piece.image_id)
        return written

    async def _inspect(self, run: EffectRun, piece: Piece) -> int | None:
        look = Inspector(piece.disk_format, "bare", largest=run.use(ImageSettings).virtual_size_limit)
        try:
            return (await run.use(Stores).staging.examine(piece.image_id, look.finish)).virtual_size
        except ContentRefused as error:
            raise Permanent(error.message) from error


async def _checked(stream: AsyncIterator[bytes], digest: tuple[str, str] | None) -> AsyncIterator[bytes]:
    """Yield what a stream does. Permanent at its end when its hash is not the manifest's."""
    made = hashlib.new(digest[0], usedforsecurity=False) if digest else None
    async for block in stream:
        if made:
            made.update(block)
        yield block
    if digest and made and made.hexdigest() != digest[1]:
        raise Permanent("a disk of the appliance is not the one that its manifest names")
