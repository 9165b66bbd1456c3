"""Block storage's sagas survive a failure or a death at every moment of every part."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.services.block_storage.fakes import (
    IMAGE,
    OTHER_HOST,
    OTHER_POOL,
    POOL,
    StorageCloud,
    storage_cloud,
)

from cumulo.contracts.image import NewImage
from cumulo.core.db import Transaction
from cumulo.core.tasks import Saga, Tasks
from cumulo.services.block_storage.keys import VolumeKeys, passphrase
from cumulo.services.block_storage.model import (
    Encryption,
    Message,
    Snapshot,
    SnapshotStatus,
    Volume,
    VolumeStatus,
    VolumeType,
)
from cumulo.services.block_storage.tasks import (
    SAGAS,
    CreateSnapshot,
    CreateVolume,
    DeleteSnapshot,
    DeleteVolume,
    ExtendVolume,
    ReimageVolume,
    RemoveOldCopy,
    RetypeVolume,
    RevertVolume,
    UploadVolume,
)
from cumulo.testing.database import sqlite_database
from cumulo.testing.saga import check_saga

VOLUME, SNAPSHOT = "aaaaaaaa-1111-4111-8111-111111111111", "bbbbbbbb-1111-4111-8111-111111111111"


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[StorageCloud]:
    """On SQLite alone: what a saga survives is the same on both, and is tried dozens of times."""
    async with sqlite_database(tmp_path) as database, storage_cloud(database, tmp_path) as made:
        yield made


async def put_volume(cloud: StorageCloud, status: VolumeStatus, **values: Any) -> None:
    """Have one volume of this status, in the pool unless it is being made, and nothing else."""
    pool = cloud.pool
    for each in cloud.pools.values():
        each.volumes, each.content, each.snapshots, each.exported = {}, {}, {}, {}
    async with cloud.engine.database.begin() as db:
        await db.delete(Snapshot)
        await db.delete(Volume)
        await db.delete(Message)
        kind = await db.one(VolumeType)
        made = status is not VolumeStatus.CREATING
        await db.insert(
            Volume(
                id=VOLUME,
                project_id="p1",
                user_id="u1",
                size=1,
                status=status,
                host=POOL if made else None,
                volume_type_id=kind.id if kind else None,
                **values,
            )
        )
    if made:
        pool.volumes[VOLUME], pool.content[VOLUME] = 1, "data"


async def put_snapshot(cloud: StorageCloud, status: SnapshotStatus) -> None:
    async with cloud.engine.database.begin() as db:
        await db.insert(
            Snapshot(id=SNAPSHOT, volume_id=VOLUME, project_id="p1", user_id="u1", size=1, status=status)
        )
    if status is not SnapshotStatus.CREATING:
        cloud.pool.snapshots[VOLUME, SNAPSHOT] = "older data"


async def check(
    cloud: StorageCloud,
    saga: Callable[[], Saga],
    prepare: Callable[[], Awaitable[None]],
    clean: Callable[[bool], Awaitable[None]],
) -> None:
    def tasks() -> Tasks:
        return Tasks(cloud.engine.database, sagas=SAGAS, bindings=cloud.bindings)

    await check_saga(tasks, saga, prepare, clean)


async def volume_of(cloud: StorageCloud) -> Volume | None:
    async with cloud.engine.database.read() as db:
        return await db.get(Volume, VOLUME)


async def snapshot_of(cloud: StorageCloud) -> Snapshot | None:
    async with cloud.engine.database.read() as db:
        return await db.get(Snapshot, SNAPSHOT)


async def messages_of(cloud: StorageCloud) -> list[str]:
    async with cloud.engine.database.read() as db:
        return [row.text for row in await db.all(Message)]


async def test_creating_a_volume_ends_with_one_or_none(cloud: StorageCloud):
    async def clean(succeeded: bool) -> None:
        volume = await volume_of(cloud)
        assert volume is not None
        assert volume.operation is None
        assert volume.status is (VolumeStatus.AVAILABLE if succeeded else VolumeStatus.ERROR)
        assert (VOLUME in cloud.pool.volumes) is succeeded
        assert volume.host == (POOL if succeeded else None)
        assert bool(await messages_of(cloud)) is not succeeded

    async def prepare() -> None:
        await put_volume(cloud, VolumeStatus.CREATING)

    await check(cloud, lambda: CreateVolume(volume_id=VOLUME), prepare, clean)


async def test_deleting_a_volume_ends_with_none_or_one_that_says_so(cloud: StorageCloud):
    async def clean(succeeded: bool) -> None:
        volume = await volume_of(cloud)
        if succeeded:
            assert volume is None
            assert cloud.pool.volumes == {}
        else:
            assert volume is not None
            assert volume.status is VolumeStatus.ERROR_DELETING

    async def prepare() -> None:
        await put_volume(cloud, VolumeStatus.DELETING)
        await put_snapshot(cloud, SnapshotStatus.DELETING)

    await check(cloud, lambda: DeleteVolume(volume_id=VOLUME, cascade=True), prepare, clean)


async def test_growing_a_volume_keeps_its_content_whatever_happens(cloud: StorageCloud):
    async def clean(succeeded: bool) -> None:
        volume = await volume_of(cloud)
        assert volume is not None
        assert cloud.pool.content[VOLUME] == "data"
        expected = (VolumeStatus.IN_USE, 3) if succeeded else (VolumeStatus.ERROR_EXTENDING, 1)
        assert (volume.status, volume.size) == expected
        assert volume.extending_to is None

    async def prepare() -> None:
        was = VolumeStatus.IN_USE
        await put_volume(cloud, VolumeStatus.EXTENDING, previous_status=was, extending_to=3)

    await check(cloud, lambda: ExtendVolume(volume_id=VOLUME, size=3), prepare, clean)


async def test_taking_a_snapshot_ends_with_one_or_none(cloud: StorageCloud):
    async def clean(succeeded: bool) -> None:
        snapshot = await snapshot_of(cloud)
        assert snapshot is not None
        assert snapshot.status is (SnapshotStatus.AVAILABLE if succeeded else SnapshotStatus.ERROR)
        assert bool(cloud.pool.snapshots) is succeeded

    async def prepare() -> None:
        await put_volume(cloud, VolumeStatus.AVAILABLE)
        await put_snapshot(cloud, SnapshotStatus.CREATING)

    await check(cloud, lambda: CreateSnapshot(snapshot_id=SNAPSHOT), prepare, clean)


async def test_deleting_a_snapshot_leaves_its_volume(cloud: StorageCloud):
    async def clean(succeeded: bool) -> None:
        snapshot = await snapshot_of(cloud)
        assert VOLUME in cloud.pool.volumes
        if succeeded:
            assert snapshot is None
            assert cloud.pool.snapshots == {}
        else:
            assert snapshot is not None
            assert snapshot.status is SnapshotStatus.ERROR_DELETING

    async def prepare() -> None:
        await put_volume(cloud, VolumeStatus.AVAILABLE)
        await put_snapshot(cloud, SnapshotStatus.DELETING)

    await check(cloud, lambda: DeleteSnapshot(snapshot_id=SNAPSHOT), prepare, clean)


async def test_reverting_a_volume_leaves_its_snapshot(cloud: StorageCloud):
    async def clean(succeeded: bool) -> None:
        volume, snapshot = await volume_of(cloud), await snapshot_of(cloud)
        assert volume is not None
        assert snapshot is not None
        assert snapshot.status is SnapshotStatus.AVAILABLE
        assert volume.status is (VolumeStatus.AVAILABLE if succeeded else VolumeStatus.ERROR)
        if succeeded:
            assert cloud.pool.content[VOLUME] == "older data"

    async def prepare() -> None:
        await put_volume(cloud, VolumeStatus.REVERTING)
        await put_snapshot(cloud, SnapshotStatus.RESTORING)

    saga = RevertVolume(volume_id=VOLUME, snapshot_id=SNAPSHOT)
    await check(cloud, lambda: saga, prepare, clean)


async def test_a_deletion_by_force_waits_for_what_works_on_the_volume(cloud: StorageCloud):
    await put_volume(cloud, VolumeStatus.CREATING)
    async with cloud.tasks.work() as work:
        operation = await work.start(CreateVolume(volume_id=VOLUME))
        await work.db.update(Volume, Volume.c.id == VOLUME, operation=operation, deletion=True)
    await cloud.settle()
    assert await volume_of(cloud) is None
    assert cloud.pool.volumes == {}


async def put_type(db: Transaction, name: str, **values: Any) -> VolumeType:
    """Have one type of this name, and no older one."""
    await db.delete(VolumeType, VolumeType.c.name == name)
    kind = VolumeType(name=name, **values)
    await db.insert(kind)
    return kind


async def test_moving_a_volume_leaves_it_whole_in_one_pool(cloud: StorageCloud):
    await cloud.report()
    kinds: list[str] = []

    async def clean(succeeded: bool) -> None:
        volume = await volume_of(cloud)
        assert volume is not None
        assert volume.status is VolumeStatus.AVAILABLE
        assert (volume.moving_to, volume.retyping_to, volume.operation) == (None, None, None)
        here, there = cloud.pool, cloud.pools[OTHER_HOST]
        held, empty = (there, here) if succeeded else (here, there)
        assert volume.host == (OTHER_POOL if succeeded else POOL)
        assert volume.volume_type_id == kinds[1 if succeeded else 0]
        assert (VOLUME in held.volumes, empty.volumes) == (True, {})
        assert (here.exported, there.exported) == ({}, {})

    async def prepare() -> None:
        async with cloud.engine.database.begin() as db:
            await db.delete(Volume)
            kind = await put_type(db, "other", extra_specs={"volume_backend_name": "other"})
        was = VolumeStatus.AVAILABLE
        await put_volume(cloud, VolumeStatus.RETYPING, previous_status=was, retyping_to=kind.id)
        async with cloud.engine.database.begin() as db:
            default = await db.one(VolumeType, VolumeType.c.name != "other")
            assert default is not None
            kinds[:] = [default.id, kind.id]
            await db.update(Volume, volume_type_id=default.id)

    await check(
        cloud,
        lambda: RetypeVolume(volume_id=VOLUME, type_id=kinds[1], may_move=True),
        prepare,
        clean,
    )


async def test_a_volume_that_is_encrypted_opens_with_the_key_that_its_row_says(cloud: StorageCloud):
    kinds: list[str] = []

    async def clean(succeeded: bool) -> None:
        volume = await volume_of(cloud)
        assert volume is not None
        assert (volume.status, volume.operation) == (VolumeStatus.AVAILABLE, None)
        assert volume.encrypted is succeeded
        assert (list(cloud.pool.volumes), cloud.pool.exported) == ([VOLUME], {})
        assert (cloud.pool.content[VOLUME] == "data") is not succeeded
        if succeeded:
            assert passphrase(cloud.bindings[VolumeKeys], volume) == cloud.pool.specs[VOLUME].passphrase

    async def prepare() -> None:
        async with cloud.engine.database.begin() as db:
            await db.delete(Volume)
            await db.delete(Encryption)
            kind = await put_type(db, "secret")
            await db.insert(Encryption(volume_type_id=kind.id, provider="luks", control_location="front-end"))
        kinds[:] = [kind.id]
        was = VolumeStatus.AVAILABLE
        await put_volume(cloud, VolumeStatus.RETYPING, previous_status=was, retyping_to=kind.id)

    await check(
        cloud,
        lambda: RetypeVolume(volume_id=VOLUME, type_id=kinds[0], may_move=True),
        prepare,
        clean,
    )


async def test_making_an_image_ends_with_a_whole_one_or_none(cloud: StorageCloud):
    made: list[str] = []

    async def clean(succeeded: bool) -> None:
        volume = await volume_of(cloud)
        assert volume is not None
        assert volume.status is VolumeStatus.IN_USE
        assert cloud.pool.snapshots == {}
        assert (made[0] in cloud.images.images) is succeeded
        if succeeded:
            assert cloud.images.images[made[0]].status == "active"

    async def prepare() -> None:
        await put_volume(cloud, VolumeStatus.UPLOADING, previous_status=VolumeStatus.IN_USE)
        async with cloud.tasks.work() as work:
            made[:] = [await cloud.images.create(work, NewImage(owner="p1", name="i", disk_format="qcow2"))]

    await check(
        cloud,
        lambda: UploadVolume(volume_id=VOLUME, image_id=made[0], disk_format="qcow2"),
        prepare,
        clean,
    )


async def test_writing_an_image_over_a_volume_ends_with_it_or_in_error(cloud: StorageCloud):
    async def clean(succeeded: bool) -> None:
        volume = await volume_of(cloud)
        assert volume is not None
        assert volume.status is (VolumeStatus.RESERVED if succeeded else VolumeStatus.ERROR)
        if succeeded:
            assert cloud.pool.content[VOLUME] == "file:/images/mini"

    async def prepare() -> None:
        await put_volume(cloud, VolumeStatus.DOWNLOADING, previous_status=VolumeStatus.RESERVED)

    await check(cloud, lambda: ReimageVolume(volume_id=VOLUME, image_id=IMAGE), prepare, clean)


async def test_the_bytes_left_behind_go(cloud: StorageCloud):
    async def clean(succeeded: bool) -> None:
        assert not (succeeded and cloud.pools[OTHER_HOST].volumes)
        assert VOLUME in cloud.pool.volumes

    async def prepare() -> None:
        await put_volume(cloud, VolumeStatus.AVAILABLE)
        cloud.pools[OTHER_HOST].volumes[VOLUME] = 1

    await check(cloud, lambda: RemoveOldCopy(volume_id=VOLUME, host=OTHER_POOL), prepare, clean)
