"""Backups of the same bytes: an exported record that is imported beside its own backup."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.services.block_storage.contents import BytesCloud, bytes_cloud
from tests.services.block_storage.fakes import make_volume
from tests.services.block_storage.test_backups import BACKUPS, back_up

from cumulo.core.db import Database
from cumulo.services.block_storage.drivers import BackupStore
from cumulo.services.block_storage.drivers.files import FileBackups
from cumulo.services.block_storage.model import Backup, BackupStatus


@pytest.fixture
async def cloud(database: Database, tmp_path: Path) -> AsyncIterator[BytesCloud]:
    async with bytes_cloud(database, tmp_path) as made:
        yield made


async def test_bytes_go_with_the_last_of_two_backups_that_go_at_once(cloud: BytesCloud):
    volume, admin = await make_volume(cloud), cloud.admin("p1")
    cloud.write(volume["id"], 0, b"x")
    backup = await back_up(cloud, volume)
    copy = await imported_again(cloud, backup, "22222222-2222-4222-8222-222222222222")
    for id_ in (backup["id"], copy):
        assert (await admin.delete(f"{BACKUPS}/{id_}")).status_code == 202
    await cloud.settle()
    store = cloud.bindings[BackupStore]
    assert isinstance(store, FileBackups)
    assert store.locations() == []


async def test_the_last_bytes_that_others_build_on_stay_while_a_copy_goes(cloud: BytesCloud):
    volume, admin = await make_volume(cloud), cloud.admin("p1")
    cloud.write(volume["id"], 0, b"x")
    first = await back_up(cloud, volume)
    second = await back_up(cloud, volume, incremental=True)
    copy = await imported_again(cloud, first, "22222222-2222-4222-8222-222222222222")
    async with cloud.engine.database.begin() as db:  # as of one whose parent's row was lost
        await db.update(Backup, Backup.c.id == second["id"], parent_id=None)
        await db.update(Backup, Backup.c.id == first["id"], status=BackupStatus.DELETING)
    refused = await admin.delete(f"{BACKUPS}/{copy}")
    assert refused.status_code == 400
    assert "Incremental backups exist" in refused.text
    record = (await admin.get(f"{BACKUPS}/{copy}/export_record")).json()["backup-record"]
    async with cloud.engine.database.begin() as db:
        await db.delete(Backup, Backup.c.id == copy)
    again = await admin.post(f"{BACKUPS}/import_record", json={"backup-record": record})
    assert (again.status_code, "is being deleted" in again.text) == (400, True)


async def imported_again(cloud: BytesCloud, backup, id_: str) -> str:
    """Have a second backup of the same bytes."""
    admin = cloud.admin("p1")
    record = (await admin.get(f"{BACKUPS}/{backup['id']}/export_record")).json()["backup-record"]
    facts = json.loads(base64.b64decode(record["backup_url"])) | {"id": id_}
    record["backup_url"] = base64.b64encode(json.dumps(facts).encode()).decode()
    made = await admin.post(f"{BACKUPS}/import_record", json={"backup-record": record})
    assert made.status_code == 201, made.text
    return id_
