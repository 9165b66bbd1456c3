"""Volumes over HTTP: from what they are made, how they are shown, changed and deleted."""

import asyncio

import pytest
from tests.services.block_storage.fakes import HOST, IMAGE, POOL, StorageCloud, make_volume

from cumulo.core.drivers import Permanent

VOLUMES = "/volume/v3/volumes"
NOBODY = "22222222-1111-4111-8111-111111111111"


async def create(cloud: StorageCloud, **values):
    return await cloud.member("p1").post(VOLUMES, json={"volume": values})


async def act(cloud, volume, action, body=None, *, who=None, headers=None):
    client = who or cloud.member("p1")
    return await client.post(f"{VOLUMES}/{volume['id']}/action", json={action: body}, headers=headers)


async def show(cloud, volume, **headers):
    return (await cloud.admin().get(f"{VOLUMES}/{volume['id']}", **headers)).json()["volume"]


async def test_an_empty_volume_becomes_available(cloud: StorageCloud):
    answer = await create(cloud, size=2, name="data", description="d", metadata={"a": "b"})
    made = answer.json()["volume"]
    assert (answer.status_code, made["status"], made["attachments"]) == (202, "creating", [])
    assert "os-vol-host-attr:host" not in made
    await cloud.settle()
    volume = await show(cloud, made)
    assert volume["status"] == "available"
    assert (volume["size"], volume["name"], volume["metadata"]) == (2, "data", {"a": "b"})
    assert volume["os-vol-host-attr:host"] == POOL
    assert volume["volume_type"] == "__DEFAULT__"
    assert volume["bootable"] == "false"
    assert cloud.pool.volumes == {made["id"]: 2}


async def test_the_project_may_stand_in_the_path_if_it_is_the_tokens(cloud: StorageCloud):
    member = cloud.member("p1")
    answer = await member.post("/volume/v3/p1/volumes", json={"volume": {"size": 1}})
    assert answer.status_code == 202
    assert (await member.get("/volume/v3/p2/volumes")).status_code == 400
    assert len((await member.get("/volume/v3/p1/volumes")).json()["volumes"]) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"size": 0}, 400),
        ({"size": "#$%"}, 400),
        ({"size": -1}, 400),
        ({"size": 1, "name": "x" * 256}, 400),
        ({"size": 1, "metadata": {"k": "v" * 256}}, 400),
        ({"size": 1, "metadata": {"": "v"}}, 400),
        ({"size": 1, "volume_type": "none such"}, 404),
        ({"size": 1, "availability_zone": "nowhere"}, 400),
        ({"size": 1, "imageRef": "22222222-1111-4111-8111-111111111111"}, 400),
        ({"size": 1, "snapshot_id": "22222222-1111-4111-8111-111111111111"}, 404),
        ({"size": 1, "source_volid": "22222222-1111-4111-8111-111111111111"}, 404),
        ({"size": 1, "multiattach": True}, 400),
    ],
)
async def test_a_bad_request_is_refused_and_changes_nothing(cloud: StorageCloud, body, status):
    answer = await create(cloud, **body)
    assert answer.status_code == status, answer.text
    assert (await cloud.member("p1").get(VOLUMES)).json()["volumes"] == []


async def test_numbers_may_be_text_as_old_clients_write_them(cloud: StorageCloud):
    assert (await make_volume(cloud, size="3"))["size"] == 3


async def test_a_clone_has_its_sources_content_and_is_not_smaller(cloud: StorageCloud):
    source = await make_volume(cloud, size=2, imageRef=IMAGE)
    clone = await make_volume(cloud, size=3, source_volid=source["id"])
    assert (clone["size"], clone["source_volid"], clone["bootable"]) == (3, source["id"], "true")
    assert cloud.pool.content[clone["id"]] == cloud.pool.content[source["id"]]
    assert (await create(cloud, size=1, source_volid=source["id"])).status_code == 400


async def test_without_a_pool_the_volume_is_in_error_and_a_message_says_why(cloud: StorageCloud):
    cloud.pool.total = 10.0
    await cloud.report(HOST)
    volume = await make_volume(cloud, size=900)
    assert volume["status"] == "error"


async def test_a_pool_that_fails_leaves_a_volume_in_error_and_nothing_else(cloud: StorageCloud):
    cloud.pool.failing["create"] = Permanent("the disk is full")
    volume = await make_volume(cloud)
    assert volume["status"] == "error"
    assert cloud.pool.volumes == {}


async def test_lists_show_the_projects_own_and_an_administrator_all(cloud: StorageCloud):
    mine = await make_volume(cloud, name="mine")
    other = await make_volume(cloud, cloud.member("p2"), name="other")
    assert [v["id"] for v in (await cloud.member("p1").get(VOLUMES)).json()["volumes"]] == [mine["id"]]
    admin = cloud.admin()
    assert (await admin.get(VOLUMES)).json()["volumes"] == []
    everyone = (await admin.get(f"{VOLUMES}/detail?all_tenants=1")).json()["volumes"]
    assert {v["id"] for v in everyone} == {mine["id"], other["id"]}
    asked = await cloud.member("p1").get(f"{VOLUMES}?all_tenants=1")
    assert [v["id"] for v in asked.json()["volumes"]] == [mine["id"]]
    assert (await cloud.member("p1").get(f"{VOLUMES}/{other['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name=a", ["a"]),
        ("status=available&sort=name:asc", ["a", "b"]),
        ("status=nonsense", []),
        ("metadata={'k': 'v'}", ["a"]),
        ("metadata={'k': 'w'}", []),
        ("metadata={}&sort=name:asc", ["a", "b"]),
        ("bootable=true", ["b"]),
        ("size=2", ["b"]),
        ("sort_key=size&sort_dir=desc", ["b", "a"]),
        ("sort=display_name:desc&limit=1", ["b"]),
        ("limit=0", []),
    ],
)
async def test_lists_are_filtered_sorted_and_cut(cloud: StorageCloud, query, names):
    await make_volume(cloud, name="a", metadata={"k": "v", "x": "y"})
    await make_volume(cloud, name="b", size=2, imageRef=IMAGE)
    for path in (VOLUMES, f"{VOLUMES}/detail"):
        listed = await cloud.member("p1").get(f"{path}?{query}")
        assert [one["name"] for one in listed.json()["volumes"]] == names, path


async def test_a_filter_that_is_none_is_refused_by_newer_versions_only(cloud: StorageCloud, latest):
    member = cloud.member("p1")
    assert (await member.get(f"{VOLUMES}?nonsense=1")).status_code == 200
    refused = await member.get(f"{VOLUMES}?nonsense=1", headers=latest)
    assert refused.status_code == 400
    assert "nonsense" in refused.json()["badRequest"]["message"]


@pytest.mark.parametrize("query", ["limit=-1", "limit=x", "sort_key=nonsense", "metadata=x"])
async def test_bad_list_parameters_are_refused(cloud: StorageCloud, query):
    assert (await cloud.member("p1").get(f"{VOLUMES}?{query}")).status_code == 400


async def test_newer_versions_show_more(cloud: StorageCloud, latest):
    volume = await make_volume(cloud)
    assert "group_id" not in volume
    newest = await show(cloud, volume, headers=latest)
    assert newest["volume_type_id"]
    assert newest["consumes_quota"] is True
    assert newest["shared_targets"] is False
    assert newest["service_uuid"]
    listed = await cloud.member("p1").get(f"{VOLUMES}?with_count=True", headers=latest)
    assert listed.json()["count"] == 1


async def test_the_summary_counts_and_gathers_metadata(cloud: StorageCloud, latest):
    await make_volume(cloud, size=2, metadata={"a": "1"})
    await make_volume(cloud, size=3, metadata={"a": "2"})
    member = cloud.member("p1")
    assert (await member.get(f"{VOLUMES}/summary")).status_code == 404
    summary = (await member.get(f"{VOLUMES}/summary", headers=latest)).json()["volume-summary"]
    assert (summary["total_size"], summary["total_count"]) == (5, 2)
    assert sorted(summary["metadata"]["a"]) == ["1", "2"]


async def test_update_changes_names_in_either_words(cloud: StorageCloud):
    volume = await make_volume(cloud, name="a")
    changed = await cloud.member("p1").put(
        f"{VOLUMES}/{volume['id']}", json={"volume": {"display_name": "b", "description": "c"}}
    )
    assert (changed.json()["volume"]["name"], changed.json()["volume"]["description"]) == ("b", "c")


async def test_a_volume_is_deleted_with_its_bytes(cloud: StorageCloud):
    volume = await make_volume(cloud)
    member = cloud.member("p1")
    assert (await member.delete(f"{VOLUMES}/{volume['id']}")).status_code == 202
    await cloud.settle()
    assert (await member.get(f"{VOLUMES}/{volume['id']}")).status_code == 404
    assert cloud.pool.volumes == {}


async def test_a_volume_that_is_busy_is_not_deleted_but_by_force(cloud: StorageCloud):
    volume = await make_volume(cloud)
    await act(cloud, volume, "os-reset_status", {"status": "maintenance"}, who=cloud.admin())
    refused = await cloud.member("p1").delete(f"{VOLUMES}/{volume['id']}")
    assert refused.status_code == 400
    assert "Volume status must be available" in refused.json()["badRequest"]["message"]
    assert (await act(cloud, volume, "os-force_delete")).status_code == 403
    assert (await act(cloud, volume, "os-force_delete", who=cloud.admin())).status_code == 202
    await cloud.settle()
    assert cloud.pool.volumes == {}


async def test_a_deletion_that_fails_can_be_tried_again_by_force(cloud: StorageCloud):
    volume = await make_volume(cloud)
    cloud.pool.failing["delete"] = Permanent("the disk is on fire")
    await cloud.member("p1").delete(f"{VOLUMES}/{volume['id']}")
    await cloud.settle()
    assert (await show(cloud, volume))["status"] == "error_deleting"
    del cloud.pool.failing["delete"]
    await act(cloud, volume, "os-force_delete", who=cloud.admin())
    await cloud.settle()
    assert cloud.pool.volumes == {}


async def test_extending_grows_and_never_shrinks(cloud: StorageCloud):
    volume = await make_volume(cloud, size=2)
    assert (await act(cloud, volume, "os-extend", {"new_size": 2})).status_code == 400
    async with cloud.idle():
        assert (await act(cloud, volume, "os-extend", {"new_size": 4})).status_code == 202
        assert (await show(cloud, volume))["status"] == "extending"
    await cloud.settle()
    grown = await show(cloud, volume)
    assert (grown["status"], grown["size"]) == ("available", 4)
    assert cloud.pool.volumes[volume["id"]] == 4


async def test_extending_that_fails_keeps_the_size(cloud: StorageCloud):
    volume = await make_volume(cloud)
    cloud.pool.failing["extend"] = Permanent("no room")
    await act(cloud, volume, "os-extend", {"new_size": 4})
    await cloud.settle()
    left = await show(cloud, volume)
    assert (left["status"], left["size"]) == ("error_extending", 1)


async def test_quotas_are_held_with_cinders_words(cloud: StorageCloud):
    for _ in range(10):
        await make_volume(cloud)
    refused = await create(cloud, size=1)
    assert refused.status_code == 413
    assert refused.headers["Retry-After"] == "0"
    assert "Maximum number of volumes allowed (10)" in refused.json()["overLimit"]["message"]


async def test_gigabytes_are_held_for_growth_too(cloud: StorageCloud):
    cloud.pool.total = 100_000.0
    await cloud.report(HOST)
    volume = await make_volume(cloud, size=999)
    refused = await act(cloud, volume, "os-extend", {"new_size": 1002})
    assert refused.status_code == 413
    assert "gigabytes" in refused.json()["overLimit"]["message"]
    assert (await act(cloud, volume, "os-extend", {"new_size": 1000})).status_code == 202


async def test_metadata_is_added_replaced_set_and_deleted(cloud: StorageCloud):
    volume = await make_volume(cloud, metadata={"a": "1"})
    member, path = cloud.member("p1"), f"{VOLUMES}/{volume['id']}/metadata"
    added = await member.post(path, json={"metadata": {"b": "2"}})
    assert added.json() == {"metadata": {"a": "1", "b": "2"}}
    assert (await member.get(f"{path}/b")).json() == {"meta": {"b": "2"}}
    await member.put(f"{path}/b", json={"meta": {"b": "3"}})
    assert (await member.put(f"{path}/b", json={"meta": {"c": "3"}})).status_code == 400
    assert (await member.delete(f"{path}/a")).status_code == 200
    assert (await member.get(path)).json() == {"metadata": {"b": "3"}}
    assert (await member.get(f"{path}/a")).status_code == 404
    assert (await member.put(path, json={"metadata": {}})).json() == {"metadata": {}}


async def test_image_metadata_is_set_shown_and_unset(cloud: StorageCloud):
    volume = await make_volume(cloud)
    items = {"metadata": {"os_type": "linux"}}
    assert (await act(cloud, volume, "os-set_image_metadata", items)).json() == items
    assert (await act(cloud, volume, "os-show_image_metadata")).json() == items
    assert (await show(cloud, volume))["volume_image_metadata"] == items["metadata"]
    assert (await act(cloud, volume, "os-unset_image_metadata", {"key": "x"})).status_code == 404
    assert (await act(cloud, volume, "os-unset_image_metadata", {"key": "os_type"})).status_code == 200
    assert "volume_image_metadata" not in await show(cloud, volume)


async def test_flags_are_set_by_actions(cloud: StorageCloud):
    volume = await make_volume(cloud)
    assert (await act(cloud, volume, "os-set_bootable", {"bootable": True})).status_code == 200
    assert (await act(cloud, volume, "os-update_readonly_flag", {"readonly": True})).status_code == 202
    shown = await show(cloud, volume)
    assert (shown["bootable"], shown["metadata"]) == ("true", {"readonly": "True"})


async def test_unknown_fields_are_refused_by_newer_versions_only(cloud: StorageCloud, latest):
    body = {"volume": {"size": 1, "nonsense": 1}}
    member = cloud.member("p1")
    assert (await member.post(VOLUMES, json=body)).status_code == 202
    assert (await member.post(VOLUMES, json=body, headers=latest)).status_code == 400


async def test_versions_are_told_to_everyone(cloud: StorageCloud):
    listed = await cloud.anonymous().get("/volume/")
    assert listed.status_code == 300
    assert listed.json()["versions"][0]["version"] == "3.71"
    assert (await cloud.anonymous().get("/volume/v3/")).json()["versions"][0]["id"] == "v3.0"


async def test_a_reader_may_look_and_not_write(cloud: StorageCloud):
    volume = await make_volume(cloud)
    reader = cloud.reader("p1")
    assert (await reader.get(f"{VOLUMES}/{volume['id']}")).status_code == 200
    assert (await reader.post(VOLUMES, json={"volume": {"size": 1}})).status_code == 403
    assert (await reader.delete(f"{VOLUMES}/{volume['id']}")).status_code == 403


async def test_pages_are_linked_and_begin_at_an_offset(cloud: StorageCloud):
    names = ["a", "b", "c"]
    for name in names:
        await make_volume(cloud, name=name)
    member, path, seen = cloud.member("p1"), f"{VOLUMES}?limit=1&sort=name:asc", []
    while path:
        page = (await member.get(path)).json()
        seen += [one["name"] for one in page["volumes"]]
        path = page["volumes_links"][0]["href"] if "volumes_links" in page else None
    assert seen == names
    later = await member.get(f"{VOLUMES}/detail?offset=1&limit=1&sort=name:asc")
    assert [one["name"] for one in later.json()["volumes"]] == ["b"]
    assert (await member.get(f"{VOLUMES}?marker=nonsense")).status_code == 404
    assert (await member.get(f"{VOLUMES}?offset=-1")).status_code == 400


async def test_a_volume_without_an_id_is_none(cloud: StorageCloud):
    member = cloud.member("p1")
    assert (await member.get(f"{VOLUMES}/")).status_code == 404
    assert (await member.delete(f"{VOLUMES}/")).status_code == 404
    assert (await member.put(f"{VOLUMES}/", json={"volume": {"name": "x"}})).status_code == 404


async def test_a_volume_of_a_backup_or_group_that_is_not_there_is_refused(cloud: StorageCloud, latest):
    member = cloud.member("p1")
    for name in ("backup_id", "group_id", "consistencygroup_id"):
        body = {"volume": {"size": 1, name: "22222222-1111-4111-8111-111111111111"}}
        assert (await member.post(VOLUMES, json=body, headers=latest)).status_code == 404, name


async def test_snapshots_doomed_with_a_volume_at_work_go_with_it(cloud: StorageCloud):
    volume, admin = await make_volume(cloud), cloud.admin("p1")
    body = {"snapshot": {"volume_id": volume["id"]}}
    assert (await admin.post("/volume/v3/snapshots", json=body)).status_code == 202
    await cloud.settle()
    cloud.pool.waiting["extend"] = asyncio.Event()
    assert (await act(cloud, volume, "os-extend", {"new_size": 2})).status_code == 202
    newer = {"OpenStack-API-Version": "volume 3.23"}
    path = f"{VOLUMES}/{volume['id']}?cascade=true&force=true"
    assert (await admin.delete(path, headers=newer)).status_code == 202
    cloud.pool.waiting["extend"].set()
    await cloud.settle()
    assert (await admin.get(f"{VOLUMES}/{volume['id']}")).status_code == 404
    assert (cloud.pool.volumes, cloud.pool.snapshots) == ({}, {})


async def test_a_cascade_that_failed_is_tried_again_by_force(cloud: StorageCloud):
    volume, admin = await make_volume(cloud), cloud.admin("p1")
    await admin.post("/volume/v3/snapshots", json={"snapshot": {"volume_id": volume["id"]}})
    await cloud.settle()
    cloud.pool.failing["delete_snapshot"] = Permanent("the disk is on fire")
    path, newer = f"{VOLUMES}/{volume['id']}?cascade=true", {"OpenStack-API-Version": "volume 3.23"}
    assert (await admin.delete(path)).status_code == 202
    await cloud.settle()
    assert (await show(cloud, volume))["status"] == "error_deleting"
    del cloud.pool.failing["delete_snapshot"]
    assert (await admin.delete(path)).status_code == 400
    assert (await admin.delete(f"{path}&force=true", headers=newer)).status_code == 202
    await cloud.settle()
    assert (cloud.pool.volumes, cloud.pool.snapshots) == ({}, {})


@pytest.mark.parametrize("value", ["{[]: 1}", "{{}: 1}", "{'a': '\\ud800'}", "{'\\udfff': 'a'}", "[" * 2000])
async def test_a_mapping_that_is_none_is_refused(cloud: StorageCloud, value: str):
    answer = await cloud.member("p1").get(VOLUMES, params={"metadata": value})
    assert answer.status_code == 400, answer.text
    assert "metadata" in answer.text
