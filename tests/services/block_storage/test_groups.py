"""Groups of volumes: their types, their members, their snapshots; and the older consistency groups."""

import asyncio
from typing import Any

import pytest
from tests.services.block_storage.fakes import StorageCloud, make_volume

from cumulo.core.drivers import Permanent
from cumulo.services.block_storage.domain import groups
from cumulo.services.block_storage.model import Group

API = "/volume/v3"


@pytest.fixture
async def member(cloud: StorageCloud, latest):
    client = cloud.member("p1")
    client.headers.update(latest)
    return client


@pytest.fixture
async def admin(cloud: StorageCloud, latest):
    client = cloud.admin("p1")
    client.headers.update(latest)
    return client


async def default_type(member) -> str:
    return (await member.get(f"{API}/types/default")).json()["volume_type"]["id"]


async def make_group(admin, member, specs: dict[str, str] | None = None, **values: Any):
    body = {"group_type": {"name": "kind", "group_specs": specs or {}}}
    made = await admin.post(f"{API}/group_types", json=body)
    assert made.status_code in (202, 409), made.text
    group = {"group_type": "kind", "volume_types": [await default_type(member)], "name": "g", **values}
    answer = await member.post(f"{API}/groups", json={"group": group})
    assert answer.status_code == 202, answer.text
    return answer.json()["group"]


async def make_member(cloud: StorageCloud, member, group):
    body = {"volume": {"size": 1, "group_id": group["id"], "volume_type": await default_type(member)}}
    answer = await member.post(f"{API}/volumes", json=body)
    assert answer.status_code == 202, answer.text
    await cloud.settle()
    return answer.json()["volume"]


async def snapshot_group(cloud: StorageCloud, member, group, status: int = 202):
    body = {"group_snapshot": {"group_id": group["id"], "name": "s"}}
    answer = await member.post(f"{API}/group_snapshots", json=body)
    assert answer.status_code == status, answer.text
    await cloud.settle()
    return answer.json().get("group_snapshot")


async def shown(member, group):
    return (await member.get(f"{API}/groups/{group['id']}?list_volume=true")).json().get("group")


async def delete(member, group, *, volumes: bool = False) -> int:
    body = {"delete": {"delete-volumes": volumes}}
    return int((await member.post(f"{API}/groups/{group['id']}/action", json=body)).status_code)


async def test_group_types_have_specs_that_administrators_see(admin, member):
    body = {"group_type": {"name": "t", "description": "d", "group_specs": {"k": "v"}}}
    made = (await admin.post(f"{API}/group_types", json=body)).json()["group_type"]
    path = f"{API}/group_types/{made['id']}"
    assert made["group_specs"] == {"k": "v"}
    assert (await admin.post(f"{API}/group_types", json=body)).status_code == 409
    assert "group_specs" not in (await member.get(path)).json()["group_type"]
    assert (await member.post(f"{API}/group_types", json=body)).status_code == 403
    assert (await admin.post(f"{path}/group_specs", json={"group_specs": {"a": "b"}})).status_code == 202
    assert (await admin.put(f"{path}/group_specs/a", json={"a": "c"})).json() == {"a": "c"}
    assert (await admin.get(f"{path}/group_specs")).json() == {"group_specs": {"k": "v", "a": "c"}}
    assert (await admin.delete(f"{path}/group_specs/k")).status_code == 202
    assert (await admin.get(f"{path}/group_specs/k")).status_code == 404
    change = {"group_type": {"name": "t2", "is_public": False}}
    assert (await admin.put(path, json=change)).json()["group_type"]["name"] == "t2"
    assert (await member.get(f"{API}/group_types")).json()["group_types"] == []
    assert [one["name"] for one in (await admin.get(f"{API}/group_types")).json()["group_types"]] == ["t2"]
    assert (await admin.get(f"{API}/group_types/default")).status_code == 404
    assert (await admin.delete(path)).status_code == 202


async def test_a_groups_volumes_join_and_leave(cloud: StorageCloud, admin, member):
    group = await make_group(admin, member)
    inside = await make_member(cloud, member, group)
    outside = await make_volume(cloud)
    assert (await shown(member, group))["volumes"] == [inside["id"]]
    change = {"group": {"add_volumes": outside["id"], "remove_volumes": inside["id"], "name": "renamed"}}
    assert (await member.put(f"{API}/groups/{group['id']}", json=change)).status_code == 202
    after = await shown(member, group)
    assert (after["name"], after["status"], after["volumes"]) == ("renamed", "available", [outside["id"]])
    assert (await member.put(f"{API}/groups/{group['id']}", json={"group": {}})).status_code == 400
    assert (await member.delete(f"{API}/volumes/{outside['id']}")).status_code == 400
    stranger = {"group": {"add_volumes": (await make_volume(cloud, cloud.member("p2")))["id"]}}
    assert (await member.put(f"{API}/groups/{group['id']}", json=stranger)).status_code == 404


async def test_a_volume_that_a_group_cannot_have_is_refused(cloud: StorageCloud, admin, member):
    group = await make_group(admin, member)
    await admin.post(f"{API}/types", json={"volume_type": {"name": "other"}})
    for wanted, said in (({}, "volume_type"), ({"volume_type": "other"}, "other")):
        body = {"volume": {"size": 1, "group_id": group["id"], **wanted}}
        answer = await member.post(f"{API}/volumes", json=body)
        assert answer.status_code == 400
        assert said in answer.text


async def test_a_group_goes_with_its_volumes_when_asked(cloud: StorageCloud, admin, member):
    group = await make_group(admin, member)
    await make_member(cloud, member, group)
    await make_member(cloud, member, group)
    assert await delete(member, group) == 400
    kind = (await shown(member, group))["group_type"]
    assert (await admin.delete(f"{API}/group_types/{kind}")).status_code == 400
    assert await delete(member, group, volumes=True) == 202
    await cloud.settle()
    assert await shown(member, group) is None
    assert cloud.pool.volumes == {}
    empty = await make_group(admin, member)
    assert await delete(member, empty) == 202
    assert await shown(member, empty) is None


async def test_a_volume_that_cannot_go_keeps_its_group(cloud: StorageCloud, admin, member):
    group = await make_group(admin, member)
    await make_member(cloud, member, group)
    cloud.pool.failing["delete"] = Permanent("the disk is on fire")
    await delete(member, group, volumes=True)
    await cloud.settle()
    assert (await shown(member, group))["status"] == "error_deleting"
    del cloud.pool.failing["delete"]
    assert await delete(member, group, volumes=True) == 202
    await cloud.settle()
    assert await shown(member, group) is None


async def test_a_groups_snapshot_is_one_of_each_volume_and_makes_a_group(cloud: StorageCloud, admin, member):
    group = await make_group(admin, member)
    await snapshot_group(cloud, member, group, 400)
    for _ in range(2):
        await make_member(cloud, member, group)
    taken = await snapshot_group(cloud, member, group)
    path = f"{API}/group_snapshots/{taken['id']}"
    assert (await member.get(path)).json()["group_snapshot"]["status"] == "available"
    parts = (await member.get(f"{API}/snapshots/detail")).json()["snapshots"]
    assert [one["group_snapshot_id"] for one in parts] == [taken["id"]] * 2
    assert (await member.delete(f"{API}/snapshots/{parts[0]['id']}")).status_code == 400
    assert await delete(member, group, volumes=True) == 400
    for source in ({"group_snapshot_id": taken["id"]}, {"source_group_id": group["id"]}):
        body = {"create-from-src": {"name": "copy", **source}}
        async with cloud.idle():
            answer = await member.post(f"{API}/groups/action", json=body)
            assert answer.status_code == 202, answer.text
            assert (await shown(member, answer.json()["group"]))["status"] == "creating"
        await cloud.settle()
        made = await shown(member, answer.json()["group"])
        assert (made["status"], len(made["volumes"])) == ("available", 2)
        assert made | source == made
    assert (await member.delete(path)).status_code == 202
    await cloud.settle()
    assert (await member.get(path)).status_code == 404
    assert cloud.pool.snapshots == {}


async def test_a_snapshot_that_fails_is_the_groups_failure(cloud: StorageCloud, admin, member):
    group = await make_group(admin, member)
    await make_member(cloud, member, group)
    cloud.pool.failing["create_snapshot"] = Permanent("no room")
    taken = await snapshot_group(cloud, member, group)
    shape = (await member.get(f"{API}/group_snapshots/{taken['id']}")).json()["group_snapshot"]
    assert shape["status"] == "error"
    assert (await member.delete(f"{API}/group_snapshots/{taken['id']}")).status_code == 202
    await cloud.settle()
    assert (await member.get(f"{API}/group_snapshots")).json()["group_snapshots"] == []


async def test_a_consistent_snapshot_needs_volumes_that_nobody_writes_to(cloud: StorageCloud, admin, member):
    specs = {"consistent_group_snapshot_enabled": "<is> True"}
    group = await make_group(admin, member, specs)
    volume = await make_member(cloud, member, group)
    body = {"attachment": {"volume_uuid": volume["id"], "connector": {"host": "h"}}}
    made = (await member.post(f"{API}/attachments", json=body)).json()["attachment"]["id"]
    await member.post(f"{API}/attachments/{made}/action", json={"os-complete": None})
    await snapshot_group(cloud, member, group, 400)
    await member.delete(f"{API}/attachments/{made}")
    assert await snapshot_group(cloud, member, group)


async def test_no_group_is_replicated(admin, member):
    group = await make_group(admin, member)
    for action in ("enable_replication", "disable_replication", "list_replication_targets"):
        answer = await member.post(f"{API}/groups/{group['id']}/action", json={action: {}})
        assert answer.status_code == 400
        assert "replicat" in answer.text
    body = {"failover_replication": {"secondary_backend_id": "x"}}
    assert (await member.post(f"{API}/groups/{group['id']}/action", json=body)).status_code == 400


async def test_statuses_are_set_by_administrators(cloud: StorageCloud, admin, member):
    group = await make_group(admin, member)
    await make_member(cloud, member, group)
    taken = await snapshot_group(cloud, member, group)
    for path in (f"groups/{group['id']}", f"group_snapshots/{taken['id']}"):
        body = {"reset_status": {"status": "error"}}
        assert (await member.post(f"{API}/{path}/action", json=body)).status_code == 403
        assert (await admin.post(f"{API}/{path}/action", json=body)).status_code == 202
        (shape,) = (await member.get(f"{API}/{path}")).json().values()
        assert shape["status"] == "error"
        wrong = {"reset_status": {"status": "blue"}}
        assert (await admin.post(f"{API}/{path}/action", json=wrong)).status_code == 400


async def test_groups_have_a_quota_and_are_their_projects(cloud: StorageCloud, admin, member, latest):
    await admin.put(f"{API}/os-quota-sets/p1", json={"quota_set": {"groups": 1}})
    group = await make_group(admin, member)
    body = {"group": {"group_type": "kind", "volume_types": [await default_type(member)]}}
    assert (await member.post(f"{API}/groups", json=body)).status_code == 413
    other = cloud.member("p2")
    other.headers.update(latest)
    assert (await other.get(f"{API}/groups/{group['id']}")).status_code == 404
    assert (await other.get(f"{API}/groups")).json()["groups"] == []


async def test_consistency_groups_are_groups_in_older_words(cloud: StorageCloud, member):
    body = {"consistencygroup": {"volume_types": await default_type(member), "name": "cg"}}
    made = await member.post(f"{API}/consistencygroups", json=body)
    assert made.status_code == 202, made.text
    group = made.json()["consistencygroup"]
    path = f"{API}/consistencygroups/{group['id']}"
    volume = await make_volume(cloud)
    change = {"consistencygroup": {"add_volumes": volume["id"]}}
    assert (await member.put(f"{path}/update", json=change)).status_code == 202
    assert (await member.get(path)).json()["consistencygroup"]["status"] == "available"
    body = {"cgsnapshot": {"consistencygroup_id": group["id"], "name": "s"}}
    taken = (await member.post(f"{API}/cgsnapshots", json=body)).json()["cgsnapshot"]
    await cloud.settle()
    listed = (await member.get(f"{API}/cgsnapshots/detail")).json()["cgsnapshots"]
    assert [(one["id"], one["consistencygroup_id"]) for one in listed] == [(taken["id"], group["id"])]
    source = {"consistencygroup-from-src": {"name": "copy", "cgsnapshot_id": taken["id"]}}
    copied = await member.post(f"{API}/consistencygroups/create_from_src", json=source)
    assert copied.status_code == 202, copied.text
    await cloud.settle()
    assert len((await member.get(f"{API}/consistencygroups")).json()["consistencygroups"]) == 2
    assert (await member.delete(f"{API}/cgsnapshots/{taken['id']}")).status_code == 202
    await cloud.settle()
    assert (await member.post(f"{path}/delete", json={"consistencygroup": {}})).status_code == 400
    body = {"consistencygroup": {"force": True}}
    assert (await member.post(f"{path}/delete", json=body)).status_code == 202
    await cloud.settle()
    assert (await member.get(path)).status_code == 404


async def test_there_are_no_clusters_and_nothing_to_clean_up(admin):
    assert (await admin.get(f"{API}/clusters/detail")).json() == {"clusters": []}
    assert (await admin.get(f"{API}/clusters/one")).status_code == 404
    assert (await admin.put(f"{API}/clusters/enable", json={"name": "one"})).status_code == 404
    done = await admin.post(f"{API}/workers/cleanup", json={})
    assert (done.status_code, done.json()) == (202, {"cleaning": [], "unavailable": []})


async def test_a_hosts_services_are_taken_out_together(admin):
    async def states() -> set[str]:
        found = (await admin.get(f"{API}/os-services")).json()["services"]
        return {one["status"] for one in found if one["host"].startswith("node1")}

    for status in ("disable", "enable"):
        done = await admin.put(f"{API}/os-hosts/node1", json={"status": status})
        assert done.json() == {"host": "node1", "status": f"{status}d"}
        assert await states() == {f"{status}d"}
    assert (await admin.put(f"{API}/os-hosts/node1", json={"status": "blue"})).status_code == 400
    assert (await admin.put(f"{API}/os-hosts/none", json={"status": "enable"})).status_code == 404


async def test_a_type_that_a_group_names_stays(cloud: StorageCloud, admin, member):
    kind = (await admin.post(f"{API}/types", json={"volume_type": {"name": "t"}})).json()["volume_type"]
    group = await make_group(admin, member, volume_types=[kind["id"]])
    assert (await admin.delete(f"{API}/types/{kind['id']}")).status_code == 400
    assert await delete(member, group) == 202
    assert (await admin.delete(f"{API}/types/{kind['id']}")).status_code == 202


async def test_a_group_that_goes_gets_no_volume_meanwhile(cloud: StorageCloud, admin, member):
    group = await make_group(admin, member)
    body = {"volume": {"size": 1, "group_id": group["id"], "volume_type": await default_type(member)}}
    async with cloud.tasks.work() as work:
        row = await work.db.get(Group, group["id"])
        assert row is not None
        await groups.delete(work, row, with_volumes=False)
        asked = asyncio.create_task(member.post(f"{API}/volumes", json=body))
        await asyncio.wait({asked}, timeout=0.5)  # it waits for this to end
    assert (await asked).status_code == 404
    assert (await member.get(f"{API}/volumes")).json()["volumes"] == []
