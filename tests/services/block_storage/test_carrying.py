"""A volume moves to another pool under the server that uses it, or stays where it was."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.services.block_storage.fakes import OTHER_HOST, OTHER_POOL, POOL, StorageCloud, storage_cloud
from tests.services.block_storage.test_tasks import VOLUME, check, put_volume, volume_of

from cumulo.contracts.volumes import Exchange
from cumulo.core.db import Reader
from cumulo.core.drivers import Permanent
from cumulo.services.block_storage.model import (
    COMPUTE,
    AttachStatus,
    Message,
    Volume,
    VolumeAttachment,
    VolumeStatus,
)
from cumulo.services.block_storage.tasks import RetypeVolume
from cumulo.testing.database import sqlite_database

ATTACHMENT = "cccccccc-1111-4111-8111-111111111111"


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[StorageCloud]:
    async with sqlite_database(tmp_path) as database, storage_cloud(database, tmp_path) as made:
        yield made


async def test_moving_a_volume_under_a_server_leaves_it_where_the_server_works(cloud: StorageCloud):
    await cloud.report()
    servers, here, there = cloud.servers, cloud.pool, cloud.pools[OTHER_HOST]

    async def clean(succeeded: bool) -> None:
        volume = await volume_of(cloud)
        assert volume is not None
        assert volume.status is VolumeStatus.IN_USE
        assert (volume.moving_to, volume.operation) == (None, None)
        assert volume.migration_status == ("success" if succeeded else "error")
        held, empty = (there, here) if succeeded else (here, there)
        assert volume.host == (OTHER_POOL if succeeded else POOL)
        assert (VOLUME in held.volumes, empty.volumes) == (True, {})
        assert (list(held.exported), empty.exported) == ([ATTACHMENT], {})
        assert servers.copies == set()
        if VOLUME in servers.places:
            assert servers.places[VOLUME].path == f"{held.sockets}/{ATTACHMENT}"

    async def prepare() -> None:
        servers.places.clear()
        servers.copies.clear()
        await put_volume(cloud, VolumeStatus.IN_USE, previous_status=VolumeStatus.IN_USE)
        await put_attachment(cloud)
        here.exported[ATTACHMENT] = VOLUME

    await check(
        cloud,
        lambda: RetypeVolume(volume_id=VOLUME, type_id=None, host=OTHER_HOST),
        prepare,
        clean,
    )


async def put_attachment(cloud: StorageCloud, **values: Any) -> None:
    """Have a server of compute's with the volume."""
    async with cloud.engine.database.begin() as db:
        held = VolumeAttachment(
            id=ATTACHMENT,
            volume_id=VOLUME,
            project_id="p1",
            server_id="s1",
            status=AttachStatus.ATTACHED,
            origin=COMPUTE,
        )
        await db.insert(msgspec.structs.replace(held, **values))


async def moved(cloud: StorageCloud) -> Volume:
    """Have the volume moved to the other pool as far as it goes; return it then."""
    await cloud.report()
    await put_volume(cloud, VolumeStatus.IN_USE, previous_status=VolumeStatus.IN_USE)
    await put_attachment(cloud)
    cloud.pool.exported[ATTACHMENT] = VOLUME
    async with cloud.tasks.work() as work:
        await work.start(RetypeVolume(volume_id=VOLUME, type_id=None, host=OTHER_HOST))
    await cloud.settle()
    volume = await volume_of(cloud)
    assert volume is not None
    return volume


async def test_a_volume_whose_server_is_off_stays_and_says_why(cloud: StorageCloud):
    cloud.servers.refusal = Permanent("the guest is off", public="the server is not running")
    volume = await moved(cloud)
    assert (volume.host, volume.status) == (POOL, VolumeStatus.IN_USE)
    assert cloud.pools[OTHER_HOST].volumes == {}
    async with cloud.engine.database.read() as db:
        (message,) = await db.all(Message)
    assert "the server is not running" in str(message)


async def test_a_volume_whose_server_went_after_all_was_copied_is_in_the_new_pool(cloud: StorageCloud):
    """What the server wrote last may be there alone."""
    asked = cloud.servers.exchange_volume

    async def exchange(db: Reader, *words: str, hold: bool = False) -> Exchange:
        found = await asked(db, *words, hold=hold)  # type: ignore[arg-type]
        if found is Exchange.READY:
            async with cloud.engine.database.begin() as tx:
                await tx.delete(VolumeAttachment)
                await tx.update(Volume, status=VolumeStatus.AVAILABLE, previous_status=VolumeStatus.AVAILABLE)
        return found

    cloud.servers.exchange_volume = exchange  # type: ignore[method-assign,assignment]
    volume = await moved(cloud)
    assert (volume.host, volume.status) == (OTHER_POOL, VolumeStatus.AVAILABLE)
    assert cloud.pool.volumes == {}


async def test_a_copy_that_cannot_be_made_leaves_the_volume_where_it_was(cloud: StorageCloud):
    async def failing(*_words: Any, **_options: Any) -> Exchange:
        return Exchange.NONE

    cloud.servers.exchange_volume = failing  # type: ignore[method-assign]
    volume = await moved(cloud)
    assert (volume.host, volume.status, volume.migration_status) == (POOL, VolumeStatus.IN_USE, "error")
    assert cloud.pools[OTHER_HOST].volumes == {}
