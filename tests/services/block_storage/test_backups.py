"""Backups over HTTP: what they keep, what they bring back, what is refused."""

import base64
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.services.block_storage.contents import MIB, BytesCloud, bytes_cloud
from tests.services.block_storage.fakes import make_volume

from cumulo.core.db import Database
from cumulo.core.drivers import Permanent
from cumulo.services.block_storage.drivers import BackupStore
from cumulo.services.block_storage.drivers.files import FileBackups
from cumulo.services.block_storage.keys import VolumeKeys, passphrase
from cumulo.services.block_storage.model import Backup, Volume

VOLUMES, BACKUPS, SNAPSHOTS = "/volume/v3/volumes", "/volume/v3/backups", "/volume/v3/snapshots"


@pytest.fixture
async def cloud(database: Database, tmp_path: Path) -> AsyncIterator[BytesCloud]:
    async with bytes_cloud(database, tmp_path) as made:
        yield made


async def back_up(cloud: BytesCloud, volume, project: str = "p1", **values):
    member = cloud.member(project)
    answer = await member.post(BACKUPS, json={"backup": {"volume_id": volume["id"], **values}})
    assert answer.status_code == 202, answer.text
    await cloud.settle()
    return (await member.get(f"{BACKUPS}/{answer.json()['backup']['id']}")).json()["backup"]


async def row(cloud: BytesCloud, backup) -> Backup:
    async with cloud.engine.database.read() as db:
        found = await db.get(Backup, backup["id"])
    assert found is not None
    return found


async def shown(cloud: BytesCloud, volume):
    return (await cloud.member("p1").get(f"{VOLUMES}/{volume['id']}")).json()["volume"]


async def test_a_backup_is_made_shown_and_restored_byte_for_byte(cloud: BytesCloud, latest):
    volume = await make_volume(cloud, size=2, name="v", metadata={"k": "v"})
    cloud.write(volume["id"], 0, b"begin")
    cloud.write(volume["id"], 700 * MIB, os.urandom(3 * MIB))
    cloud.write(volume["id"], 2048 * MIB - 3, b"end")
    backup = await back_up(cloud, volume, name="b", description="d", container="c")
    assert (backup["status"], backup["size"], backup["name"]) == ("available", 2, "b")
    assert (backup["is_incremental"], backup["has_dependent_backups"]) == (False, False)
    assert (await shown(cloud, volume))["status"] == "available"
    assert cloud.disks.volumes[volume["id"]].snapshots == {}
    member = cloud.member("p1")
    async with cloud.idle():
        answer = await member.post(f"{BACKUPS}/{backup['id']}/restore", json={"restore": {"name": "again"}})
        assert answer.status_code == 202, answer.text
        restore = answer.json()["restore"]
        before = await shown(cloud, {"id": restore["volume_id"]})
    assert (restore["backup_id"], restore["volume_name"]) == (backup["id"], "again")
    assert before["status"] in ("creating", "restoring-backup")
    await cloud.settle()
    after = await shown(cloud, {"id": restore["volume_id"]})
    assert (after["status"], after["size"], after["metadata"]) == ("available", 2, {"k": "v"})
    assert cloud.whole(after["id"]) == cloud.whole(volume["id"])
    assert (await member.get(f"{BACKUPS}/{backup['id']}")).json()["backup"]["status"] == "available"


async def test_ten_mib_of_changes_store_ten_mib(cloud: BytesCloud):
    volume = await make_volume(cloud)
    cloud.write(volume["id"], 0, os.urandom(40 * MIB))
    first = await back_up(cloud, volume)
    changed = os.urandom(10 * MIB)
    cloud.write(volume["id"], 20 * MIB + 12345, changed)
    second = await back_up(cloud, volume, incremental=True)
    assert second["is_incremental"]
    assert (await cloud.member("p1").get(f"{BACKUPS}/{first['id']}")).json()["backup"][
        "has_dependent_backups"
    ]
    assert (await row(cloud, first)).stored == 40 * MIB
    assert 10 * MIB <= (await row(cloud, second)).stored <= 10 * MIB + 128 * 1024
    store = cloud.bindings[BackupStore]
    assert isinstance(store, FileBackups)
    taken = sum(path.stat().st_size for path in store.path(second["id"]).iterdir())
    assert taken < 10.5 * MIB
    copy = await make_volume_of(cloud, second)
    assert cloud.read(copy["id"], 20 * MIB + 12345, len(changed)) == changed
    assert cloud.whole(copy["id"]) == cloud.whole(volume["id"])


async def test_an_increment_is_of_a_backup_of_its_own_project(cloud: BytesCloud):
    volume = await make_volume(cloud)
    admin, member = cloud.admin(), cloud.member("p1")
    full = {"backup": {"volume_id": volume["id"]}}
    theirs = await admin.post(BACKUPS, json=full)
    assert theirs.status_code == 202, theirs.text
    await cloud.settle()
    assert (await member.get(f"{BACKUPS}/{theirs.json()['backup']['id']}")).status_code == 404
    increment = {"backup": {"volume_id": volume["id"], "incremental": True}}
    assert (await member.post(BACKUPS, json=increment)).status_code == 400
    mine = await back_up(cloud, volume)
    assert (await admin.post(BACKUPS, json=increment)).status_code == 202
    await cloud.settle()
    again = (await member.get(f"{BACKUPS}/{mine['id']}")).json()["backup"]
    assert not again["has_dependent_backups"]


async def make_volume_of(cloud: BytesCloud, backup, **values):
    member = cloud.member("p1")
    body = {"volume": {"backup_id": backup["id"], **values}}
    answer = await member.post(VOLUMES, json=body, headers={"OpenStack-API-Version": "volume 3.47"})
    assert answer.status_code == 202, answer.text
    await cloud.settle()
    return await shown(cloud, answer.json()["volume"])


async def test_a_restore_over_a_volume_leaves_nothing_of_it(cloud: BytesCloud):
    volume = await make_volume(cloud)
    cloud.write(volume["id"], 5 * MIB, b"kept")
    backup = await back_up(cloud, volume)
    wanted = cloud.whole(volume["id"])
    cloud.write(volume["id"], 5 * MIB + 2, b"XX")
    cloud.write(volume["id"], 900 * MIB, bytes([7]) * MIB)
    member = cloud.member("p1")
    body = {"restore": {"volume_id": volume["id"]}}
    assert (await member.post(f"{BACKUPS}/{backup['id']}/restore", json=body)).status_code == 202
    assert (await shown(cloud, volume))["status"] == "restoring-backup"
    await cloud.settle()
    assert (await shown(cloud, volume))["status"] == "available"
    assert cloud.whole(volume["id"]) == wanted


async def test_a_restore_that_fails_leaves_the_old_content(cloud: BytesCloud):
    volume = await make_volume(cloud)
    cloud.write(volume["id"], 0, b"backed up")
    backup = await back_up(cloud, volume)
    cloud.write(volume["id"], 0, b"newer than that")
    wanted = cloud.whole(volume["id"])
    store = cloud.bindings[BackupStore]
    assert isinstance(store, FileBackups)
    data = store.path(backup["id"], "data")
    data.write_bytes(b"rotten" + data.read_bytes()[6:])
    member = cloud.member("p1")
    await member.post(f"{BACKUPS}/{backup['id']}/restore", json={"restore": {"volume_id": volume["id"]}})
    await cloud.settle()
    assert (await shown(cloud, volume))["status"] == "error_restoring"
    assert cloud.whole(volume["id"]) == wanted
    headers = {"OpenStack-API-Version": "volume 3.3"}
    messages = (await member.get("/volume/v3/messages", headers=headers)).json()["messages"]
    assert "damaged" in messages[0]["user_message"]


async def test_a_snapshot_is_backed_up_while_its_volume_goes_on(cloud: BytesCloud):
    volume = await make_volume(cloud)
    cloud.write(volume["id"], 0, b"then")
    member = cloud.member("p1")
    taken = await member.post(SNAPSHOTS, json={"snapshot": {"volume_id": volume["id"]}})
    await cloud.settle()
    cloud.write(volume["id"], 0, b"now!")
    snapshot_id = taken.json()["snapshot"]["id"]
    backup = await back_up(cloud, volume, snapshot_id=snapshot_id)
    assert (backup["status"], backup["snapshot_id"]) == ("available", snapshot_id)
    snapshot = (await member.get(f"{SNAPSHOTS}/{snapshot_id}")).json()["snapshot"]
    assert snapshot["status"] == "available"
    copy = await make_volume_of(cloud, backup)
    assert cloud.read(copy["id"], 0, 4) == b"then"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"incremental": True}, "No backups available"),
        ({"volume_id": "no"}, "volume_id"),
        ({"snapshot_id": "11111111-1111-4111-8111-111111111111"}, "could not be found"),
        ({"metadata": {"a": "b"}}, "metadata"),
    ],
)
async def test_a_request_that_cannot_be_is_refused(cloud: BytesCloud, body, said: str):
    volume = await make_volume(cloud)
    member = cloud.member("p1")
    answer = await member.post(BACKUPS, json={"backup": {"volume_id": volume["id"], **body}})
    assert answer.status_code in (400, 404)
    assert said in answer.text
    assert (await member.get(BACKUPS)).json()["backups"] == []


async def test_a_volume_in_use_is_backed_up_by_force_only(cloud: BytesCloud, latest):
    volume = await make_volume(cloud)
    member = cloud.member("p1")
    body = {"attachment": {"volume_uuid": volume["id"], "connector": {"host": "h"}}}
    made = await member.post("/volume/v3/attachments", json=body, headers=latest)
    key = made.json()["attachment"]["id"]
    await member.post(f"/volume/v3/attachments/{key}/action", json={"os-complete": None}, headers=latest)
    refused = await member.post(BACKUPS, json={"backup": {"volume_id": volume["id"]}})
    assert refused.status_code == 400
    assert "in-use" in refused.text
    assert (await back_up(cloud, volume, force=True))["status"] == "available"
    assert (await shown(cloud, volume))["status"] == "in-use"


async def test_what_others_build_on_stays(cloud: BytesCloud):
    volume = await make_volume(cloud)
    cloud.write(volume["id"], 0, b"one")
    first = await back_up(cloud, volume)
    second = await back_up(cloud, volume, incremental=True)
    member = cloud.member("p1")
    refused = await member.delete(f"{BACKUPS}/{first['id']}")
    assert refused.status_code == 400
    assert "Incremental backups exist" in refused.text
    for backup in (second, first):
        assert (await member.delete(f"{BACKUPS}/{backup['id']}")).status_code == 202
        await cloud.settle()
        assert (await member.get(f"{BACKUPS}/{backup['id']}")).status_code == 404
    store = cloud.bindings[BackupStore]
    assert isinstance(store, FileBackups)
    assert store.locations() == []


async def test_backups_have_quotas_and_room_for_no_more(cloud: BytesCloud):
    volume = await make_volume(cloud, size=3)
    admin, member = cloud.admin(), cloud.member("p1")
    limits = {"quota_set": {"backups": 1, "backup_gigabytes": 2}}
    assert (await admin.put("/volume/v3/os-quota-sets/p1", json=limits)).status_code == 200
    refused = await member.post(BACKUPS, json={"backup": {"volume_id": volume["id"]}})
    assert refused.status_code == 413
    limits = {"quota_set": {"backup_gigabytes": 100}}
    await admin.put("/volume/v3/os-quota-sets/p1", json=limits)
    await back_up(cloud, volume)
    absolute = (await member.get("/volume/v3/limits")).json()["limits"]["absolute"]
    assert (absolute["totalBackupsUsed"], absolute["totalBackupGigabytesUsed"]) == (1, 3)
    refused = await member.post(BACKUPS, json={"backup": {"volume_id": volume["id"]}})
    assert refused.status_code == 413


async def test_a_record_brings_a_lost_row_back(cloud: BytesCloud):
    volume = await make_volume(cloud)
    cloud.write(volume["id"], 3 * MIB, b"dear")
    backup = await back_up(cloud, volume, name="b")
    admin = cloud.admin("p1")
    exported = await admin.get(f"{BACKUPS}/{backup['id']}/export_record")
    assert exported.status_code == 200
    record = exported.json()["backup-record"]
    again = await admin.post(f"{BACKUPS}/import_record", json={"backup-record": record})
    assert again.status_code == 400
    assert "already exists" in again.text
    async with cloud.engine.database.begin() as db:
        await db.delete(Backup)
    back = await admin.post(f"{BACKUPS}/import_record", json={"backup-record": record})
    assert back.status_code == 201, back.text
    assert back.json()["backup"]["id"] == backup["id"]
    copy = await make_volume_of(cloud, backup)
    assert cloud.whole(copy["id"]) == cloud.whole(volume["id"])


async def test_bytes_stay_until_both_of_their_backups_are_gone(cloud: BytesCloud):
    volume = await make_volume(cloud)
    cloud.write(volume["id"], 0, b"x")
    backup = await back_up(cloud, volume)
    admin = cloud.admin("p1")
    record = (await admin.get(f"{BACKUPS}/{backup['id']}/export_record")).json()["backup-record"]
    facts = json.loads(base64.b64decode(record["backup_url"]))
    facts["id"] = "22222222-2222-4222-8222-222222222222"
    record["backup_url"] = base64.b64encode(json.dumps(facts).encode()).decode()
    assert (await admin.post(f"{BACKUPS}/import_record", json={"backup-record": record})).status_code == 201
    await admin.delete(f"{BACKUPS}/{backup['id']}")
    await cloud.settle()
    assert (await make_volume_of(cloud, facts))["status"] == "available"
    await admin.delete(f"{BACKUPS}/{facts['id']}")
    await cloud.settle()
    store = cloud.bindings[BackupStore]
    assert isinstance(store, FileBackups)
    assert store.locations() == []


@pytest.mark.parametrize("url", ["", "!!", base64.b64encode(b"{}").decode(), base64.b64encode(b"[").decode()])
async def test_a_record_that_is_none_is_refused(cloud: BytesCloud, url: str):
    body = {"backup-record": {"backup_service": "cinder.backup.drivers.cumulo", "backup_url": url}}
    answer = await cloud.admin("p1").post(f"{BACKUPS}/import_record", json=body)
    assert answer.status_code == 400
    assert "backup_url" in answer.text


@pytest.mark.parametrize("name", ["metadata", "volume_metadata", "image_metadata"])
@pytest.mark.parametrize("value", [5, [1], {"a": {"b": "c"}}])
async def test_a_record_that_is_not_as_ours_are_is_refused(cloud: BytesCloud, name: str, value):
    backup = await back_up(cloud, await make_volume(cloud))
    admin = cloud.admin("p1")
    record = (await admin.get(f"{BACKUPS}/{backup['id']}/export_record")).json()["backup-record"]
    facts = json.loads(base64.b64decode(record["backup_url"])) | {name: value}
    record["backup_url"] = base64.b64encode(json.dumps(facts).encode()).decode()
    answer = await admin.post(f"{BACKUPS}/import_record", json={"backup-record": record})
    assert (answer.status_code, "backup_url" in answer.text) == (400, True)


async def test_a_failed_backup_says_why_and_keeps_nothing(cloud: BytesCloud):
    volume = await make_volume(cloud)
    cloud.disks.fail("extents", Permanent("the disk is on fire"))
    backup = await back_up(cloud, volume)
    assert (backup["status"], backup["fail_reason"]) == ("error", "the disk is on fire")
    assert (await shown(cloud, volume))["status"] == "available"
    assert cloud.disks.volumes[volume["id"]].snapshots == {}
    reset = {"os-reset_status": {"status": "available"}}
    refused = await cloud.admin("p1").post(f"{BACKUPS}/{backup['id']}/action", json=reset)
    assert refused.status_code == 400
    body = {"restore": {}}
    assert (await cloud.member("p1").post(f"{BACKUPS}/{backup['id']}/restore", json=body)).status_code == 400
    force = await cloud.admin("p1").post(f"{BACKUPS}/{backup['id']}/action", json={"os-force_delete": {}})
    assert force.status_code == 202
    await cloud.settle()
    assert (await cloud.member("p1").get(BACKUPS)).json()["backups"] == []


async def test_a_backup_is_its_projects_alone(cloud: BytesCloud, latest):
    volume = await make_volume(cloud)
    backup = await back_up(cloud, volume, name="mine")
    other = cloud.member("p2")
    assert (await other.get(f"{BACKUPS}/{backup['id']}")).status_code == 404
    assert (await other.delete(f"{BACKUPS}/{backup['id']}")).status_code == 404
    refused = await other.post(BACKUPS, json={"backup": {"volume_id": volume["id"]}})
    assert refused.status_code == 404
    assert (await other.get(f"{BACKUPS}/detail")).json()["backups"] == []
    member = cloud.member("p1")
    change = {"backup": {"name": "ours", "metadata": {"a": "b"}}}
    assert (await member.put(f"{BACKUPS}/{backup['id']}", json=change, headers=latest)).status_code == 200
    listed = (await member.get(f"{BACKUPS}/detail?name=ours", headers=latest)).json()["backups"]
    assert [(one["name"], one["metadata"]) for one in listed] == [("ours", {"a": "b"})]
    everyones = await cloud.admin("p2").get(f"{BACKUPS}/detail?all_tenants=1", headers=latest)
    assert [one["os-backup-project-attr:project_id"] for one in everyones.json()["backups"]] == ["p1"]


async def test_an_encrypted_backup_is_restored_with_its_passphrase(cloud: BytesCloud):
    admin = cloud.admin("p1")
    kind = (await admin.post("/volume/v3/types", json={"volume_type": {"name": "sealed"}})).json()
    path = f"/volume/v3/types/{kind['volume_type']['id']}/encryption"
    how = {"encryption": {"provider": "luks", "cipher": "aes-xts-plain64", "key_size": 256}}
    assert (await admin.post(path, json=how)).status_code == 200
    volume = await make_volume(cloud, volume_type="sealed")
    cloud.write(volume["id"], 0, b"sealed bytes")
    backup = await back_up(cloud, volume)
    assert b"sealed bytes" not in ((await row(cloud, backup)).sealed_key or b"sealed bytes")
    copy = await make_volume_of(cloud, backup)
    assert (copy["status"], copy["encrypted"]) == ("available", True)
    plain = await make_volume(cloud)
    refused = await cloud.member("p1").post(
        f"{BACKUPS}/{backup['id']}/restore", json={"restore": {"volume_id": plain["id"]}}
    )
    assert refused.status_code == 400
    other = await make_volume(cloud, volume_type="sealed")
    body = {"restore": {"volume_id": other["id"]}}
    assert (await cloud.member("p1").post(f"{BACKUPS}/{backup['id']}/restore", json=body)).status_code == 202
    await cloud.settle()
    assert (await shown(cloud, other))["status"] == "available"
    assert await passphrase_of(cloud, other) == await passphrase_of(cloud, volume)
    assert await passphrase_of(cloud, copy) == await passphrase_of(cloud, volume)


async def passphrase_of(cloud: BytesCloud, volume) -> str:
    async with cloud.engine.database.read() as db:
        found = await db.get(Volume, volume["id"])
    assert found is not None
    return passphrase(cloud.bindings[VolumeKeys], found)


async def test_a_backup_whose_type_is_gone_is_restored_with_the_default(cloud: BytesCloud):
    admin = cloud.admin("p1")
    kind = (await admin.post("/volume/v3/types", json={"volume_type": {"name": "old"}})).json()
    volume = await make_volume(cloud, volume_type="old")
    backup = await back_up(cloud, volume)
    await admin.delete(f"{VOLUMES}/{volume['id']}")
    await cloud.settle()
    gone = await admin.delete(f"/volume/v3/types/{kind['volume_type']['id']}")
    assert gone.status_code == 202, gone.text
    copy = await make_volume_of(cloud, backup)
    assert (copy["status"], copy["volume_type"]) == ("available", "__DEFAULT__")


async def test_a_backup_stays_while_a_volume_is_made_of_it(cloud: BytesCloud):
    volume, admin = await make_volume(cloud), cloud.admin("p1")
    backup = await back_up(cloud, volume)
    body = {"restore": {}}
    assert (await admin.post(f"{BACKUPS}/{backup['id']}/restore", json=body)).status_code == 202
    force = await admin.post(f"{BACKUPS}/{backup['id']}/action", json={"os-force_delete": {}})
    assert force.status_code == 400
    await cloud.settle()
    assert (await row(cloud, backup)).operation is None
    force = await admin.post(f"{BACKUPS}/{backup['id']}/action", json={"os-force_delete": {}})
    assert force.status_code == 202
