"""Backups survive a failure or a death at every moment of every part, and so does what they are of."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.services.block_storage.contents import MIB, POOL, BytesCloud, bytes_cloud

from cumulo.contracts.volumes import VolumeSpec
from cumulo.core.tasks import Saga, Tasks
from cumulo.services.block_storage.drivers import BackupStore, Piece
from cumulo.services.block_storage.drivers.files import FileBackups
from cumulo.services.block_storage.model import (
    Backup,
    BackupStatus,
    Message,
    Snapshot,
    SnapshotStatus,
    Volume,
    VolumeStatus,
    VolumeType,
)
from cumulo.services.block_storage.tasks import (
    SAGAS,
    CreateBackup,
    CreateVolume,
    DeleteBackup,
    RestoreBackup,
)
from cumulo.testing.database import sqlite_database
from cumulo.testing.saga import check_saga

VOLUME, SNAPSHOT = "aaaaaaaa-1111-4111-8111-111111111111", "bbbbbbbb-1111-4111-8111-111111111111"
BACKUP = "cccccccc-1111-4111-8111-111111111111"
OLD, NEW = [(2 * MIB, b"old")], [(0, b"backed up"), (5 * MIB, b"too")]


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[BytesCloud]:
    """On SQLite alone: what a saga survives is the same on both, and is tried dozens of times."""
    async with sqlite_database(tmp_path) as database, bytes_cloud(database, tmp_path) as made:
        yield made


def store_of(cloud: BytesCloud) -> FileBackups:
    store = cloud.bindings[BackupStore]
    assert isinstance(store, FileBackups)
    return store


async def put(
    cloud: BytesCloud, volume: VolumeStatus, backup: BackupStatus, *, base: str | None = None, **values: Any
) -> None:
    """Have a volume with content, and a backup that is kept unless it is being made."""
    store = store_of(cloud)
    cloud.disks.volumes.clear()
    await store.remove(BACKUP)
    async with cloud.engine.database.begin() as db:
        for model in (Snapshot, Volume, Backup, Message):
            await db.delete(model)
        kind = await db.one(VolumeType)
        facts = {"id": VOLUME, "project_id": "p1", "user_id": "u1", "size": 1, "host": POOL, **values}
        type_id = kind.id if kind else None
        await db.insert(Volume(**facts, status=volume, volume_type_id=type_id))
        await db.insert(
            Backup(
                id=BACKUP,
                location=BACKUP,
                project_id="p1",
                user_id="u1",
                volume_id=VOLUME,
                size=1,
                status=backup,
            )
        )
    if values.get("host", POOL) is not None:
        await cloud.disks.create(VolumeSpec(volume_id=VOLUME, size_gib=1))
        for offset, data in OLD:
            cloud.write(VOLUME, offset, data)
    if backup is not BackupStatus.CREATING:
        await store.keep(BACKUP, pieces(), base=None, size=1 << 30)


async def pieces() -> AsyncIterator[Piece]:
    for offset, data in NEW:
        yield Piece(offset, data)


def holds(cloud: BytesCloud, content: list[tuple[int, bytes]]) -> bool:
    """Say whether the volume reads as this, and as zeroes elsewhere."""
    device = cloud.disks.volumes[VOLUME].content
    found = b"".join(device.read(one.offset, one.length) for one in device.extents()).replace(b"\0", b"")
    return found == b"".join(data for _, data in content) and all(
        device.read(offset, len(data)) == data for offset, data in content
    )


async def check(
    cloud: BytesCloud,
    saga: Callable[[], Saga],
    prepare: Callable[[], Awaitable[None]],
    clean: Callable[[bool], Awaitable[None]],
) -> None:
    def tasks() -> Tasks:
        return Tasks(cloud.engine.database, sagas=SAGAS, bindings=cloud.bindings)

    await check_saga(tasks, saga, prepare, clean)


async def rows(cloud: BytesCloud) -> tuple[Volume, Backup | None]:
    async with cloud.engine.database.read() as db:
        volume, backup = await db.get(Volume, VOLUME), await db.get(Backup, BACKUP)
    assert volume is not None
    assert volume.operation is None
    return volume, backup


async def test_making_a_backup_ends_with_one_or_none(cloud: BytesCloud):
    async def prepare() -> None:
        before = VolumeStatus.IN_USE
        await put(cloud, VolumeStatus.BACKING_UP, BackupStatus.CREATING, previous_status=before)

    async def clean(succeeded: bool) -> None:
        volume, backup = await rows(cloud)
        assert backup is not None
        assert volume.status is VolumeStatus.IN_USE
        assert backup.status is (BackupStatus.AVAILABLE if succeeded else BackupStatus.ERROR)
        assert bool(backup.fail_reason) is not succeeded
        assert cloud.disks.volumes[VOLUME].snapshots == {}
        assert holds(cloud, OLD)
        assert store_of(cloud).locations() == ([BACKUP] if succeeded else [])
        if succeeded:
            assert (await store_of(cloud).verify(BACKUP)).problems == ()
            assert (await store_of(cloud).find(BACKUP)).digest == backup.digest

    await check(cloud, lambda: CreateBackup(backup_id=BACKUP, volume_id=VOLUME), prepare, clean)


async def test_a_backup_of_a_snapshot_lets_the_snapshot_go(cloud: BytesCloud):
    async def prepare() -> None:
        await put(cloud, VolumeStatus.AVAILABLE, BackupStatus.CREATING)
        await cloud.disks.create_snapshot(VOLUME, SNAPSHOT)
        async with cloud.engine.database.begin() as db:
            status = SnapshotStatus.BACKING_UP
            facts = {"id": SNAPSHOT, "volume_id": VOLUME, "project_id": "p1", "user_id": "u1", "size": 1}
            await db.insert(Snapshot(**facts, status=status, operation="x"))  # type: ignore[arg-type]  # of any kind

    async def clean(succeeded: bool) -> None:
        _, backup = await rows(cloud)
        assert backup is not None
        async with cloud.engine.database.read() as db:
            snapshot = await db.get(Snapshot, SNAPSHOT)
        assert snapshot is not None
        assert (snapshot.status, snapshot.operation) == (SnapshotStatus.AVAILABLE, None)
        assert list(cloud.disks.volumes[VOLUME].snapshots) == [SNAPSHOT]
        assert backup.status is (BackupStatus.AVAILABLE if succeeded else BackupStatus.ERROR)
        assert store_of(cloud).locations() == ([BACKUP] if succeeded else [])

    saga = CreateBackup(backup_id=BACKUP, volume_id=VOLUME, snapshot_id=SNAPSHOT)
    await check(cloud, lambda: saga, prepare, clean)


async def test_restoring_over_a_volume_leaves_the_new_content_or_the_old(cloud: BytesCloud):
    async def prepare() -> None:
        await put(cloud, VolumeStatus.RESTORING_BACKUP, BackupStatus.RESTORING)

    async def clean(succeeded: bool) -> None:
        volume, backup = await rows(cloud)
        assert backup is not None
        assert backup.status is BackupStatus.AVAILABLE
        assert volume.status is (VolumeStatus.AVAILABLE if succeeded else VolumeStatus.ERROR_RESTORING)
        assert cloud.disks.volumes[VOLUME].snapshots == {}
        assert holds(cloud, NEW) or (not succeeded and holds(cloud, OLD))

    await check(cloud, lambda: RestoreBackup(backup_id=BACKUP, volume_id=VOLUME), prepare, clean)


async def test_a_volume_from_a_backup_is_whole_or_not_there(cloud: BytesCloud):
    async def prepare() -> None:
        await put(cloud, VolumeStatus.CREATING, BackupStatus.RESTORING, host=None, backup_id=BACKUP)

    async def clean(succeeded: bool) -> None:
        volume, backup = await rows(cloud)
        assert backup is not None
        assert backup.status is BackupStatus.AVAILABLE
        assert volume.status is (VolumeStatus.AVAILABLE if succeeded else VolumeStatus.ERROR_RESTORING)
        assert (VOLUME in cloud.disks.volumes) is succeeded
        if succeeded:
            assert holds(cloud, NEW)

    await check(cloud, lambda: CreateVolume(volume_id=VOLUME), prepare, clean)


async def test_deleting_a_backup_ends_without_it_or_says_why(cloud: BytesCloud):
    async def prepare() -> None:
        await put(cloud, VolumeStatus.AVAILABLE, BackupStatus.DELETING)

    async def clean(succeeded: bool) -> None:
        _, backup = await rows(cloud)
        assert (backup is None) is succeeded
        if backup is not None:
            assert backup.status is BackupStatus.ERROR_DELETING
            assert backup.fail_reason
        else:
            assert store_of(cloud).locations() == []

    await check(cloud, lambda: DeleteBackup(backup_id=BACKUP), prepare, clean)
