"""Data on its way in: long, with no transaction open while it flows.

It goes to a store, which makes the image active, or to the staging area, from which an import takes it. An
upload has a lease on its image (`upload_id`, `upload_until`), renewed while data arrives. So the image of
an upload that died with its process goes back to queued. One that outlives its lease harms nobody: its bytes
have a name of their own, and only the transaction that holds the lease makes them the image's.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, BinaryIO

import msgspec

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
from cumulo.services.image.model import Image, ImageLocation, ImageStatus, data_name
from cumulo.services.image.tasks import lease
from cumulo.services.image.tasks.placing import find_twin

_GOALS = {ImageStatus.SAVING: ImageStatus.ACTIVE, ImageStatus.UPLOADING: ImageStatus.UPLOADING}


async def begin_upload(
    tx: Transaction, image: Image, settings: ImageSettings, to: ImageStatus = ImageStatus.SAVING
) -> str:
    """Give a new upload the lease on an image; return the upload's id. UploadRefused, FormatsMissing."""
    if not image.disk_format or not image.container_format:
        raise FormatsMissing
    now = clock.now()
    if image.status in _GOALS and image.staged is None and _has_died(image, now):
        await become(tx, Image, image.id, ImageStatus.QUEUED)
    elif image.status is not ImageStatus.QUEUED:
        raise UploadRefused(id=image.id, status=image.status.value)
    upload_id = ids.dashed()
    until = now + lease(settings)
    await become(tx, Image, image.id, to, upload_id=upload_id, upload_until=until)
    return upload_id


def _has_died(image: Image, now: datetime) -> bool:
    return image.upload_until is None or image.upload_until < now


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What an upload is to be.

    to: the status that it holds the image in. size: how many bytes were announced, if that was said.
    """

    upload_id: str
    to: ImageStatus = ImageStatus.SAVING
    size: int | None = None


class Upload:
    """One upload that has the lease, into a store."""

    def __init__(
        self, database: Database, store: Store, settings: ImageSettings, image: Image, plan: Plan
    ) -> None:
        self._database = database
        self._store = store
        self._settings = settings
        self._image = image
        self._plan = plan
        self._id = plan.upload_id
        self._data = data_name(image.id, plan.upload_id)
        self._renewed = clock.monotonic()

    async def take(self, stream: AsyncIterator[bytes]) -> None:
        """Take all the data in; the image is active then, or staged. Else put it back to queued and raise.

        Errors: ContentRefused, DataTooLarge, WrongLength, StoreFull, UploadOvertaken; TimeoutError
        when the client falls silent.
        """
        writer = await self._store.begin(self._id, self._settings.hashing_algorithm)
        try:
            look = self._inspector()
            written = await self._receive(stream, writer, look)
            found = await self._store.examine(self._id, look.finish)
            await self._renew()
            async with self._database.read() as db:
                twin = await find_twin(db, self._store.name, written, self._image.id)
            await self._store.publish(self._id, self._data, twin)
            await self._complete(written, found)
        except Full as error:
            await self._give_up(writer)
            raise StoreFull from error
        except BaseException:
            await self._give_up(writer)
            raise

    def _inspector(self) -> "Inspector | _Unseen":
        """Look at data for a store as it comes; what is staged is looked at when it is imported."""
        if self._plan.to is ImageStatus.UPLOADING:
            return _Unseen()
        image = self._image
        largest = self._settings.virtual_size_limit
        return Inspector(image.disk_format or "", image.container_format or "", largest=largest)

    async def _receive(
        self, stream: AsyncIterator[bytes], writer: Writer, look: "Inspector | _Unseen"
    ) -> Written:
        """Write the data as it comes; waiting for the disk holds the client back."""
        silence = self._settings.upload_silence
        size = 0
        async with asyncio.timeout(silence) as patience:
            async for block in stream:
                size += len(block)
                if size > self._settings.size_limit:
                    raise DataTooLarge(limit=self._settings.size_limit)
                look.feed(block)
                await writer.write(block)
                patience.reschedule(asyncio.get_running_loop().time() + silence)
                if clock.monotonic() - self._renewed > silence / 3:
                    await self._renew()
        if self._plan.size is not None and size != self._plan.size:
            raise WrongLength(size=size, announced=self._plan.size)
        return await writer.finish()

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
            done = await tx.update(Image, *self._held(), **self._result(written, found))
            if done and self._plan.to is ImageStatus.SAVING:
                place = ImageLocation(image_id=self._image.id, store=self._store.name, data=self._data)
                await tx.insert(place)
        if not done:
            await self._store.remove(self._data)
            raise UploadOvertaken(id=self._image.id)

    def _result(self, written: Written, found: Inspection) -> dict[str, Any]:
        """Return what an upload that is whole makes of the image's row."""
        ended: dict[str, Any] = {"upload_until": None, "updated_at": clock.now()}
        ended["status"] = _GOALS[self._plan.to]
        if self._plan.to is ImageStatus.UPLOADING:
            return ended | {
                "staged": written.size,
                "checksum": written.md5,
                "hash_value": written.digest,
            }
        return ended | {
            "upload_id": None,
            "size": written.size,
            "virtual_size": found.virtual_size,
            "checksum": written.md5,
            "hash_value": written.digest,
        }

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
            Image.c.status == self._plan.to,
        )


class _Unseen:
    """Looks at nothing."""

    def feed(self, block: bytes) -> None:
        """Let a block pass."""

    def finish(self, file: BinaryIO) -> Inspection:
        """Say only how long the data is."""
        return Inspection(file.seek(0, os.SEEK_END), None)
