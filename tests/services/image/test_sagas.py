"""Imports and copies survive anything: a failure or a death at every moment."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cumulo.core.db import Database
from cumulo.core.tasks import Tasks
from cumulo.services.image import SERVICE
from cumulo.services.image.config import ImageSettings, StoreSettings
from cumulo.services.image.drivers import Store
from cumulo.services.image.drivers.files import FileStore
from cumulo.services.image.drivers.stores import Stores, open_stores
from cumulo.services.image.drivers.web import Web
from cumulo.services.image.model import Image, ImageLocation, ImageStatus, ImageTask, TaskStatus
from cumulo.services.image.tasks import CopyImage, ImportAppliance, ImportImage, Piece, remove_bytes
from cumulo.testing.saga import check_saga

DATA = b"some bytes" * 1000
IMAGE, TASK = "11111111-2222-3333-4444-555555555555", "22222222-2222-3333-4444-555555555555"


class Pages(Web):
    """A web on which every page is the same."""

    async def read(self, uri: str) -> AsyncIterator[bytes]:
        assert uri == "http://example.org/disk"
        yield DATA


class World:
    """One image of a service without requests."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        settings = ImageSettings(stores={"second": StoreSettings()})
        self.bindings: dict[type, Any] = {Store: FileStore(folder), ImageSettings: settings}
        self.bindings |= {Web: Pages(settings), Database: database}
        self.bindings[Stores] = self.stores = open_stores(self.bindings.__getitem__)

    def tasks(self) -> Tasks:
        sagas = SERVICE.sagas
        return Tasks(self.database, sagas=sagas, reconcilers=(remove_bytes,), bindings=self.bindings)

    async def put(self, store: Store, upload_id: str) -> dict[str, Any]:
        writer = await store.begin(upload_id)
        await writer.write(DATA)
        written = await writer.finish()
        await store.publish(upload_id, IMAGE)
        return {"checksum": written.md5, "hash_value": written.digest}

    async def clear(self) -> None:
        for store in self.stores.all:
            for name in await store.names():
                await store.remove(name)
        async with self.database.begin() as tx:
            await tx.delete(Image)
            await tx.delete(ImageTask)

    async def row(self, **values: Any) -> None:
        facts = {"disk_format": "raw", "container_format": "bare", "owner": "p1"}
        async with self.database.begin() as tx:
            await tx.insert(Image(id=IMAGE, **facts | values))
            await tx.insert(ImageTask(id=TASK, type="import", image_id=IMAGE))

    async def outcome(self) -> tuple[Image | None, list[str], TaskStatus]:
        async with self.database.read() as db:
            image = await db.get(Image, IMAGE)
            places = await db.all(ImageLocation, order_by=[ImageLocation.c.store])
            task = await db.get(ImageTask, TASK)
        assert task is not None
        return image, [place.store for place in places], task.status

    def files(self) -> list[str]:
        kept = (path for path in self.folder.parent.glob("images*/**/*") if path.is_file())
        return sorted(path.relative_to(self.folder.parent).as_posix().partition(".")[0] for path in kept)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path / "images")


BOTH = [f"images-second/{IMAGE}", f"images/{IMAGE}"]


@pytest.mark.parametrize("uri", ["", "http://example.org/disk"])
async def test_an_import_ends_well_or_leaves_nothing(world: World, uri: str):
    async def prepare() -> None:
        await world.clear()
        staged = {} if uri else await world.put(world.stores.staging, "stage") | {"staged": len(DATA)}
        await world.row(status=ImageStatus.IMPORTING, importing_to="file,second", **staged)

    async def clean(succeeded: bool) -> None:
        image, places, task = await world.outcome()
        assert image is not None
        assert image.importing_to == ""
        assert image.staged is None
        if succeeded:
            assert (image.status, image.size, places) == (ImageStatus.ACTIVE, len(DATA), ["file", "second"])
            assert (world.files(), task) == (BOTH, TaskStatus.SUCCESS)
        else:
            assert (image.status, image.hash_value, places) == (ImageStatus.QUEUED, None, [])
            assert image.failed_import == "file,second"
            assert (world.files(), task) == ([], TaskStatus.FAILURE)

    def saga() -> ImportImage:
        return ImportImage(task_id=TASK, image_id=IMAGE, stores=["file", "second"], uri=uri)

    await check_saga(world.tasks, saga, prepare, clean)


async def test_a_copy_ends_well_or_leaves_nothing(world: World):
    async def prepare() -> None:
        await world.clear()
        known = await world.put(world.stores.get("file"), "first")
        await world.row(status=ImageStatus.ACTIVE, size=len(DATA), importing_to="second", **known)
        async with world.database.begin() as tx:
            await tx.insert(ImageLocation(image_id=IMAGE, store="file", data=IMAGE))

    async def clean(succeeded: bool) -> None:
        image, places, task = await world.outcome()
        assert image is not None
        assert (image.status, image.importing_to) == (ImageStatus.ACTIVE, "")
        if succeeded:
            assert (world.files(), places) == (BOTH, ["file", "second"])
            assert (image.failed_import, task) == ("", TaskStatus.SUCCESS)
        else:
            assert (world.files(), places) == (BOTH[1:], ["file"])
            assert (image.failed_import, task) == ("second", TaskStatus.FAILURE)

    def saga() -> CopyImage:
        return CopyImage(task_id=TASK, image_id=IMAGE, stores=["second"])

    await check_saga(world.tasks, saga, prepare, clean)


async def test_an_appliance_ends_well_or_leaves_nothing(world: World):
    half = len(DATA) // 2
    pieces = [Piece(image_id=IMAGE, offset=half, length=half, disk_format="raw")]

    async def prepare() -> None:
        await world.clear()
        await world.row(status=ImageStatus.IMPORTING)
        writer = await world.stores.get("second").begin(TASK)
        await writer.write(DATA)
        await writer.finish()
        await world.stores.get("second").publish(TASK, "ova")

    async def clean(succeeded: bool) -> None:
        image, places, task = await world.outcome()
        if succeeded:
            assert image is not None
            assert (image.status, image.size, places) == (ImageStatus.ACTIVE, half, ["file"])
            assert (world.files(), task) == (["images-second/ova", BOTH[1]], TaskStatus.SUCCESS)
        else:
            assert (image, task) == (None, TaskStatus.FAILURE)
            assert world.files() == ["images-second/ova"]

    def saga() -> ImportAppliance:
        return ImportAppliance(task_id=TASK, source_id="ova", store="second", target="file", pieces=pieces)

    await check_saga(world.tasks, saga, prepare, clean)
