import hashlib
import os
import stat
from pathlib import Path

import pytest
from tests.services.image.drivers.storing import put, read

from cumulo.services.image.drivers import Written
from cumulo.services.image.drivers.files import FileStore

DATA = os.urandom(3_000_000)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "images")


async def test_what_is_published_is_read_back_whole_and_in_part(store: FileStore):
    written = await put(store, "u", DATA)
    assert written == Written(
        len(DATA),
        hashlib.md5(DATA, usedforsecurity=False).hexdigest(),
        hashlib.sha512(DATA).hexdigest(),
    )
    await store.publish("u", "i")
    assert await read(store, "i") == DATA
    assert await read(store, "i", 2_000_000, 7) == DATA[2_000_000:2_000_007]
    assert await read(store, "i", 2_999_999, 100) == DATA[-1:]


async def test_nothing_is_there_before_it_is_published(store: FileStore):
    await put(store, "u", DATA)
    with pytest.raises(FileNotFoundError):
        await read(store, "i")


async def test_every_verb_may_be_said_twice(store: FileStore):
    await put(store, "u", DATA)
    for _ in range(2):
        await store.publish("u", "i")
    for _ in range(2):
        await store.remove("i")
        await store.discard("u")
    writer = await store.begin("v")
    for _ in range(2):
        await writer.discard()
    assert await store.abandoned(frozenset(), -1) == []


async def test_abandoned_uploads_are_old_and_unknown(store: FileStore):
    assert await store.abandoned(frozenset(), 0) == []  # no folder yet
    await put(store, "old", DATA)
    await put(store, "known", DATA)
    os.utime(store.path("uploads/old"), (0, 0))
    os.utime(store.path("uploads/known"), (0, 0))
    await put(store, "new", DATA)
    assert await store.abandoned(frozenset({"known"}), 60) == ["old"]


async def test_other_users_cannot_look_into_the_folder(store: FileStore, tmp_path: Path):
    await put(store, "u", DATA)
    assert stat.S_IMODE((tmp_path / "images").stat().st_mode) == 0o700
