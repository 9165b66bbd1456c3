"""Volumes offered to other projects, and taken."""

import pytest
from tests.services.block_storage.fakes import StorageCloud, make_volume

from cumulo.services.block_storage.model import Transfer

VOLUMES, SNAPSHOTS = "/volume/v3/volumes", "/volume/v3/snapshots"
BOTH = pytest.mark.parametrize("path", ["/volume/v3/volume-transfers", "/volume/v3/os-volume-transfer"])
NEW = "/volume/v3/volume-transfers"


async def offer(cloud: StorageCloud, volume, latest, path: str = NEW, **values):
    body = {"transfer": {"volume_id": volume["id"], **values}}
    answer = await cloud.member("p1").post(path, json=body, headers=latest)
    assert answer.status_code == 202, answer.text
    return answer.json()["transfer"]


async def take(cloud: StorageCloud, offered, latest, path: str = NEW, key: str | None = None):
    body = {"accept": {"auth_key": key or offered["auth_key"]}}
    return await cloud.member("p2").post(f"{path}/{offered['id']}/accept", json=body, headers=latest)


@BOTH
async def test_a_volume_goes_to_who_has_the_key(cloud: StorageCloud, latest, path: str):
    volume = await make_volume(cloud, size=3)
    offered = await offer(cloud, volume, latest, path, name="gift")
    one, two = cloud.member("p1"), cloud.member("p2")
    assert (await one.get(f"{VOLUMES}/{volume['id']}")).json()["volume"]["status"] == "awaiting-transfer"
    listed = (await one.get(f"{path}/detail", headers=latest)).json()["transfers"]
    assert [(each["id"], each["volume_id"]) for each in listed] == [(offered["id"], volume["id"])]
    assert "auth_key" not in listed[0]
    assert (await two.get(path, headers=latest)).json()["transfers"] == []
    assert (await two.get(f"{path}/{offered['id']}", headers=latest)).status_code == 404
    assert (await take(cloud, offered, latest, path)).status_code == 202
    taken = (await two.get(f"{VOLUMES}/{volume['id']}")).json()["volume"]
    assert (taken["status"], taken["os-vol-tenant-attr:tenant_id"]) == ("available", "p2")
    assert (await one.get(f"{VOLUMES}/{volume['id']}")).status_code == 404
    assert (await take(cloud, offered, latest, path)).status_code == 404
    used = (await two.get("/volume/v3/limits")).json()["limits"]["absolute"]
    assert (used["totalVolumesUsed"], used["totalGigabytesUsed"]) == (1, 3)


async def test_the_key_is_not_kept(cloud: StorageCloud, latest):
    offered = await offer(cloud, await make_volume(cloud), latest)
    async with cloud.engine.database.read() as db:
        row = await db.one(Transfer)
    assert row is not None
    assert offered["auth_key"].encode() not in row.key_hash + row.salt
    wrong = await take(cloud, offered, latest, key="0" * 32)
    assert wrong.status_code == 400
    assert "invalid auth key" in wrong.text


async def test_an_offer_that_is_withdrawn_cannot_be_taken(cloud: StorageCloud, latest):
    volume = await make_volume(cloud)
    offered = await offer(cloud, volume, latest)
    one = cloud.member("p1")
    assert (await one.delete(f"{VOLUMES}/{volume['id']}")).status_code == 400
    again = await one.post(NEW, json={"transfer": {"volume_id": volume["id"]}}, headers=latest)
    assert again.status_code == 400
    assert (await one.delete(f"{NEW}/{offered['id']}", headers=latest)).status_code == 202
    assert (await one.get(f"{VOLUMES}/{volume['id']}")).json()["volume"]["status"] == "available"
    assert (await take(cloud, offered, latest)).status_code == 404


@pytest.mark.parametrize("without", [False, True])
async def test_snapshots_go_with_their_volume_unless_the_offer_is_without(
    cloud: StorageCloud, latest, without: bool
):
    volume = await make_volume(cloud)
    one, two = cloud.member("p1"), cloud.member("p2")
    await one.post(SNAPSHOTS, json={"snapshot": {"volume_id": volume["id"]}})
    await cloud.settle()
    offered = await offer(cloud, volume, latest, no_snapshots=without)
    assert offered["no_snapshots"] is without
    assert (await take(cloud, offered, latest)).status_code == 202
    assert len((await one.get(SNAPSHOTS)).json()["snapshots"]) == int(without)
    assert len((await two.get(SNAPSHOTS)).json()["snapshots"]) == int(not without)


async def test_who_has_no_room_cannot_take_it(cloud: StorageCloud, latest):
    volume = await make_volume(cloud, size=5)
    limits = {"quota_set": {"gigabytes": 4}}
    await cloud.admin().put("/volume/v3/os-quota-sets/p2", json=limits)
    offered = await offer(cloud, volume, latest)
    refused = await take(cloud, offered, latest)
    assert refused.status_code == 413
    one = await cloud.member("p1").get(f"{VOLUMES}/{volume['id']}")
    assert one.json()["volume"]["status"] == "awaiting-transfer"


async def test_a_private_type_is_not_passed_on(cloud: StorageCloud, latest):
    admin = cloud.admin()
    body = {"volume_type": {"name": "own", "os-volume-type-access:is_public": False}}
    kind = (await admin.post("/volume/v3/types", json=body)).json()["volume_type"]
    access = {"addProjectAccess": {"project": "p1"}}
    assert (await admin.post(f"/volume/v3/types/{kind['id']}/action", json=access)).status_code == 202
    offered = await offer(cloud, await make_volume(cloud, volume_type="own"), latest)
    refused = await take(cloud, offered, latest)
    assert refused.status_code == 400
    assert "type" in refused.text


async def test_anothers_volume_cannot_be_offered(cloud: StorageCloud, latest):
    volume = await make_volume(cloud, cloud.member("p2"))
    body = {"transfer": {"volume_id": volume["id"]}}
    assert (await cloud.member("p1").post(NEW, json=body, headers=latest)).status_code == 404


async def test_the_older_calls_need_no_version(cloud: StorageCloud):
    volume = await make_volume(cloud)
    offered = await offer(cloud, volume, {}, "/volume/v3/os-volume-transfer")
    assert "no_snapshots" not in offered
    assert (await take(cloud, offered, {}, "/volume/v3/os-volume-transfer")).status_code == 202


async def test_a_volume_whose_status_was_reset_is_offered_anew(cloud: StorageCloud, latest):
    volume = await make_volume(cloud)
    before = await offer(cloud, volume, latest)
    reset = {"os-reset_status": {"status": "available"}}
    path = f"{VOLUMES}/{volume['id']}/action"
    assert (await cloud.admin().post(path, json=reset)).status_code == 202
    offered = await offer(cloud, volume, latest)
    assert (await take(cloud, before, latest)).status_code == 404
    assert (await take(cloud, offered, latest)).status_code == 202
