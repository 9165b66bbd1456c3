"""A store that does not answer holds up no other, and what is to go there goes when it is back."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.services.image.catalogue import V2, active, ask, staged

from cumulo.core.errors import Unavailable
from cumulo.services.image.config import ImageSettings, StoreSettings
from cumulo.services.image.drivers.files import FileStore
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.model import CachedImage, Image, ImageLocation
from cumulo.services.image.tasks import FILL_CACHE, REMOVE_BYTES
from cumulo.testing.cloud import Cloud


@pytest.fixture
def settings() -> ImageSettings:
    return ImageSettings(stores={"second": StoreSettings(weight=9), "third": StoreSettings(weight=-2)})


class Coming(FileStore):
    """A store that is away until it is back."""

    away = True

    def answer(self) -> None:
        """Answer, or not."""
        if self.away:
            raise Unavailable("The image store does not answer at present.")

    async def names(self) -> list[str]:
        """Return the names of all files."""
        self.answer()
        return await super().names()

    async def remove(self, name: str) -> None:
        """Remove bytes."""
        self.answer()
        await super().remove(name)

    async def read(self, name: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes."""
        self.answer()
        async for block in super().read(name, start, length):
            yield block


def lose(cloud: Cloud, folder: Path) -> Coming:
    """Have the second store be away."""
    stores: Stores = cloud.bindings[Stores]
    store = Coming(folder.parent / "images-second", name="second")
    kept = {**stores.kept, "second": msgspec.structs.replace(stores.kept["second"], store=store)}
    cloud.bindings[Stores] = Stores(kept, stores.default, stores.staging, stores.cache)
    return store


async def look(cloud: Cloud, *reconcilers: str) -> None:
    for name in reconcilers:
        cloud.tasks.wake(name)
        await cloud.settle()


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*") if path.is_file())


async def test_a_deleted_image_leaves_the_stores_that_answer(cloud: Cloud, folder: Path):
    admin = cloud.admin()
    image = await active(admin, b"bytes")
    await admin.put(f"{V2}/cache/{image['id']}")
    await cloud.settle()
    assert kept(folder / "cache") == [image["id"]]
    store = lose(cloud, folder)
    assert (await admin.delete(f"{V2}/images/{image['id']}")).status_code == 204
    await look(cloud, REMOVE_BYTES, FILL_CACHE)
    assert kept(folder) == kept(folder / "cache") == []
    store.away = False
    await look(cloud, REMOVE_BYTES)
    async with cloud.engine.database.read() as db:
        assert not await db.exists(Image)
        assert not await db.exists(CachedImage)


async def test_bytes_leave_one_store_while_another_is_away(cloud: Cloud, folder: Path):
    admin = cloud.admin()
    images = [await staged(admin), await staged(admin, b"other")]
    for image_id in images:
        await ask(admin, image_id, all_stores=True)
        await cloud.settle()
    store = lose(cloud, folder)
    for name, image_id in zip(("second", "third"), images, strict=True):
        assert (await admin.delete(f"{V2}/stores/{name}/{image_id}")).status_code == 204
    await look(cloud, REMOVE_BYTES)
    third = folder.parent / "images-third"
    assert [name.partition(".")[0] for name in kept(third)] == [images[0]]
    store.away = False
    await look(cloud, REMOVE_BYTES)
    async with cloud.engine.database.read() as db:
        assert not await db.exists(ImageLocation, ImageLocation.c.leaving.is_(True))


async def test_images_of_others_are_cached_while_a_store_is_away(cloud: Cloud, folder: Path):
    admin = cloud.admin()
    lost = await staged(admin)
    await ask(admin, lost, stores=["second"])
    await cloud.settle()
    other = await active(admin, b"bytes")
    store = lose(cloud, folder)
    async with cloud.engine.database.begin() as db:
        await db.delete(CachedImage)
        await db.insert_all([CachedImage(image_id=lost), CachedImage(image_id=other["id"])])
    await look(cloud, FILL_CACHE)
    assert kept(folder / "cache") == [other["id"]]
    store.away = False
    await look(cloud, FILL_CACHE)
    assert kept(folder / "cache") == sorted([lost, other["id"]])
