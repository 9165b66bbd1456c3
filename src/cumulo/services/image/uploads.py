"""Data on its way in and out: long, with no transaction open while it flows.

An upload has a lease on its image (`upload_id`, `upload_until`), renewed while data arrives. So the image of
an upload that died with its process goes back to queued, and two uploads never write to one image.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from cumulo.core import clock, ids
from cumulo.core.db import Database, Transaction, become
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.drivers import Full, Store, Writer, Written
from cumulo.services.image.errors import (
    DataTooLarge,
    FormatsMissing,
    StoreFull,
    UploadOvertaken,
    UploadRefused,
    WrongLength,
)
from cumulo.services.image.inspection import Inspection, Inspector
from cumulo.services.image.model import Image, ImageStatus
from cumulo.services.image.tasks import lease


async def begin_upload(tx: Transaction, image: Image, settings: ImageSettings) -> str:
    """Give a new upload the lease on an image; return the upload's id. UploadRefused, FormatsMissing."""
    if not image.disk_format or not image.container_format:
        raise FormatsMissing
    now = clock.now()
    if image.status is ImageStatus.SAVING and (image.upload_until is None or image.upload_until < now):
        await become(tx, Image, image.id, ImageStatus.QUEUED)
    elif image.status is not ImageStatus.QUEUED:
        raise UploadRefused(id=image.id, status=image.status.value)
    upload_id = ids.dashed()
    until = now + lease(settings)
    await become(tx, Image, image.id, ImageStatus.SAVING, upload_id=upload_id, upload_until=until)
    return upload_id


class Upload:
    """One upload that has the lease. `size`: how many bytes were announced, if that was said."""

    def __init__(
        self,
        database: Database,
        store: Store,
        settings: ImageSettings,
        *,
        image: Image,
        upload_id: str,
        size: int | None,
    ) -> None:
        self._database = database
        self._store = store
        self._settings = settings
        self._image = image
        self._id = upload_id
        self._announced = size
        self._renewed = clock.monotonic()

    async def take(self, stream: AsyncIterator[bytes]) -> None:
        """Take all the data in and make the image active; else put it back to queued and raise.

        Errors: ContentRefused, DataTooLarge, WrongLength, StoreFull, UploadOvertaken; TimeoutError when the
        client falls silent.
        """
        image = self._image
        inspector = Inspector(
            image.disk_format or "",
            image.container_format or "",
            largest=self._settings.virtual_size_limit,
        )
        writer = await self._store.begin(self._id)
        try:
            await self._receive(stream, writer, inspector)
            found = self._whole(inspector.finish())
            written = await writer.finish()
            await self._renew()
            await self._store.publish(self._id, image.id)
            await self._complete(written, found)
        except Full as error:
            await self._give_up(writer)
            raise StoreFull from error
        except BaseException:
            await self._give_up(writer)
            raise

    def _whole(self, found: Inspection) -> Inspection:
        """Hold what came against what was announced. WrongLength."""
        if self._announced is not None and found.size != self._announced:
            raise WrongLength(size=found.size, announced=self._announced)
        return found

    async def _receive(self, stream: AsyncIterator[bytes], writer: Writer, inspector: Inspector) -> None:
        """Write the data as it comes; waiting for the disk holds the client back."""
        limit, silence = self._settings.size_limit, self._settings.upload_silence
        size = 0
        async with asyncio.timeout(silence) as patience:
            async for block in stream:
                size += len(block)
                if size > limit:
                    raise DataTooLarge(limit=limit)
                inspector.feed(block)
                await writer.write(block)
                patience.reschedule(asyncio.get_running_loop().time() + silence)
                if clock.monotonic() - self._renewed > silence / 3:
                    await self._renew()

    async def _renew(self) -> None:
        """Prolong the lease. UploadOvertaken when it is lost or the image was deleted."""
        until = clock.now() + lease(self._settings)
        async with self._database.begin() as tx:
            held = await tx.update(Image, *self._held(), upload_until=until)
        if not held:
            raise UploadOvertaken(id=self._image.id)
        self._renewed = clock.monotonic()

    async def _complete(self, written: Written, found: Inspection) -> None:
        async with self._database.begin() as tx:
            done = await tx.update(
                Image,
                *self._held(),
                status=ImageStatus.ACTIVE,
                upload_id=None,
                upload_until=None,
                size=written.size,
                virtual_size=found.virtual_size,
                checksum=written.md5,
                hash_value=written.sha512,
                updated_at=clock.now(),
            )
            gone = not done and not await tx.exists(
                Image, Image.c.id == self._image.id, Image.c.status != ImageStatus.PENDING_DELETE
            )
        if gone:
            await self._store.remove(self._image.id)
        if not done:
            raise UploadOvertaken(id=self._image.id)

    async def _give_up(self, writer: Writer) -> None:
        """Remove what was written, and let the client try again."""
        await writer.discard()
        async with self._database.begin() as tx:
            await tx.update(
                Image, *self._held(), status=ImageStatus.QUEUED, upload_id=None, upload_until=None
            )

    def _held(self) -> tuple[Any, ...]:
        """Return what is true of the image's row while this upload has the lease."""
        return (
            Image.c.id == self._image.id,
            Image.c.upload_id == self._id,
            Image.c.status == ImageStatus.SAVING,
        )
