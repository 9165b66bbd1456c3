"""Snapshots over HTTP."""

import pytest
from tests.services.block_storage.fakes import StorageCloud, make_volume

from cumulo.core.drivers import Permanent

VOLUMES, SNAPSHOTS = "/volume/v3/volumes", "/volume/v3/snapshots"


async def make_snapshot(cloud: StorageCloud, volume, **values):
    member = cloud.member("p1")
    answer = await member.post(SNAPSHOTS, json={"snapshot": {"volume_id": volume["id"], **values}})
    assert answer.status_code == 202, answer.text
    await cloud.settle()
    return (await member.get(f"{SNAPSHOTS}/{answer.json()['snapshot']['id']}")).json()["snapshot"]


async def test_a_snapshot_is_taken_shown_and_made_a_volume(cloud: StorageCloud):
    volume = await make_volume(cloud, size=2)
    snapshot = await make_snapshot(cloud, volume, name="s", metadata={"a": "b"})
    assert (snapshot["status"], snapshot["size"], snapshot["metadata"]) == ("available", 2, {"a": "b"})
    assert snapshot["os-extended-snapshot-attributes:progress"] == "100%"
    copy = await make_volume(cloud, size=3, snapshot_id=snapshot["id"])
    assert (copy["status"], copy["size"], copy["snapshot_id"]) == ("available", 3, snapshot["id"])
    small = await cloud.member("p1").post(
        VOLUMES, json={"volume": {"size": 1, "snapshot_id": snapshot["id"]}}
    )
    assert small.status_code == 400


async def test_the_size_of_a_volume_from_a_snapshot_is_the_snapshots_unless_said(cloud: StorageCloud):
    volume = await make_volume(cloud, size=2)
    snapshot = await make_snapshot(cloud, volume)
    assert (await make_volume(cloud, size=None, snapshot_id=snapshot["id"]))["size"] == 2


async def test_a_snapshot_in_another_pool_is_copied(cloud: StorageCloud):
    volume = await make_volume(cloud)
    snapshot = await make_snapshot(cloud, volume)
    await cloud.report()
    admin = cloud.admin()
    services = "/volume/v3/os-services"
    disable = await admin.put(f"{services}/disable", json={"host": "node1@local", "binary": "cinder-volume"})
    assert disable.status_code == 200, disable.text
    copy = await make_volume(cloud, snapshot_id=snapshot["id"])
    assert copy["status"] == "available"
    assert cloud.pools["node1@other"].content[copy["id"]].startswith("nbd:")
    assert cloud.pool.exported == {}


async def test_a_volume_with_snapshots_goes_only_in_cascade(cloud: StorageCloud):
    volume = await make_volume(cloud)
    await make_snapshot(cloud, volume)
    member = cloud.member("p1")
    assert (await member.delete(f"{VOLUMES}/{volume['id']}")).status_code == 400
    assert (await member.delete(f"{VOLUMES}/{volume['id']}?cascade=True")).status_code == 202
    await cloud.settle()
    assert (await member.get(SNAPSHOTS)).json()["snapshots"] == []
    assert (cloud.pool.volumes, cloud.pool.snapshots) == ({}, {})


async def test_a_snapshot_is_deleted_and_not_while_it_is_made(cloud: StorageCloud):
    volume = await make_volume(cloud)
    snapshot = await make_snapshot(cloud, volume)
    path, admin = f"{SNAPSHOTS}/{snapshot['id']}", cloud.admin()
    await admin.post(f"{path}/action", json={"os-reset_status": {"status": "creating"}})
    assert (await cloud.member("p1").delete(path)).status_code == 400
    reported = {"os-update_snapshot_status": {"status": "error", "progress": "80%"}}
    assert (await admin.post(f"{path}/action", json=reported)).status_code == 202
    shown = (await admin.get(path)).json()["snapshot"]
    assert shown["os-extended-snapshot-attributes:progress"] == "80%"
    assert (await cloud.member("p1").delete(path)).status_code == 202
    await cloud.settle()
    assert (await admin.get(path)).status_code == 404
    assert cloud.pool.snapshots == {}


async def test_a_snapshot_that_fails_is_in_error(cloud: StorageCloud):
    volume = await make_volume(cloud)
    cloud.pool.failing["create_snapshot"] = Permanent("no room")
    assert (await make_snapshot(cloud, volume))["status"] == "error"


async def test_a_volume_in_use_needs_force_until_it_needs_none(cloud: StorageCloud, latest):
    volume = await make_volume(cloud)
    path = f"{VOLUMES}/{volume['id']}/action"
    attach = {"os-attach": {"host_name": "h", "mountpoint": "/dev/vdb"}}
    member = cloud.member("p1")
    await member.post(path, json=attach)
    body = {"snapshot": {"volume_id": volume["id"]}}
    assert (await member.post(SNAPSHOTS, json=body)).status_code == 400
    forced = {"snapshot": {"volume_id": volume["id"], "force": True}}
    assert (await member.post(SNAPSHOTS, json=forced)).status_code == 202
    assert (await member.post(SNAPSHOTS, json=body, headers=latest)).status_code == 202
    unforced = {"snapshot": {"volume_id": volume["id"], "force": False}}
    assert (await member.post(SNAPSHOTS, json=unforced, headers=latest)).status_code == 400


async def test_reverting_takes_the_newest_snapshot_only(cloud: StorageCloud, latest):
    volume = await make_volume(cloud)
    older, newer = await make_snapshot(cloud, volume), await make_snapshot(cloud, volume)
    path, member = f"{VOLUMES}/{volume['id']}/action", cloud.member("p1")

    async def revert(snapshot):
        body = {"revert": {"snapshot_id": snapshot["id"]}}
        return (await member.post(path, json=body, headers=latest)).status_code

    assert await revert(older) == 400
    await member.post(path, json={"os-extend": {"new_size": volume["size"] + 1}}, headers=latest)
    await cloud.settle()
    assert await revert(newer) == 400  # it is of another size
    newer = await make_snapshot(cloud, volume)
    cloud.pool.content[volume["id"]] = "changed"
    assert await revert(newer) == 202
    await cloud.settle()
    assert cloud.pool.content[volume["id"]] == "zeroes"
    assert (await member.get(f"{VOLUMES}/{volume['id']}")).json()["volume"]["status"] == "available"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name=a", ["a"]),
        ("status=error", []),
        ("metadata={'k': 'v'}", ["a"]),
        ("sort=name:desc", ["b", "a"]),
        ("limit=1&sort=name:asc", ["a"]),
    ],
)
async def test_snapshots_are_listed_filtered_and_sorted(cloud: StorageCloud, query, names):
    volume = await make_volume(cloud)
    await make_snapshot(cloud, volume, name="a", metadata={"k": "v"})
    await make_snapshot(cloud, volume, name="b")
    for path in (SNAPSHOTS, f"{SNAPSHOTS}/detail"):
        found = (await cloud.member("p1").get(f"{path}?{query}")).json()["snapshots"]
        assert [one["name"] for one in found] == names


async def test_metadata_and_names_of_snapshots_change(cloud: StorageCloud):
    snapshot = await make_snapshot(cloud, await make_volume(cloud))
    path, member = f"{SNAPSHOTS}/{snapshot['id']}", cloud.member("p1")
    changed = await member.put(path, json={"snapshot": {"name": "x", "description": "y"}})
    assert changed.json()["snapshot"]["name"] == "x"
    await member.post(f"{path}/metadata", json={"metadata": {"a": "1"}})
    await member.put(f"{path}/metadata/b", json={"meta": {"b": "2"}})
    await member.delete(f"{path}/metadata/a")
    assert (await member.get(f"{path}/metadata")).json() == {"metadata": {"b": "2"}}
    assert (await member.get(f"{path}/metadata/a")).status_code == 404
    assert (await member.put(path, json={"snapshot": {}})).status_code == 400


async def test_snapshots_count_against_quotas(cloud: StorageCloud):
    volume = await make_volume(cloud)
    for _ in range(10):
        await make_snapshot(cloud, volume)
    refused = await cloud.member("p1").post(SNAPSHOTS, json={"snapshot": {"volume_id": volume["id"]}})
    assert refused.status_code == 413
    assert "snapshots" in refused.json()["overLimit"]["message"]
