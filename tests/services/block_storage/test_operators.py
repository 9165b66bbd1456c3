"""Services, hosts, pools, quotas, limits, messages: what operators look after."""

import asyncio

import pytest
from tests.services.block_storage.fakes import HOST, POOL, StorageCloud, make_volume

from cumulo.core.quota import QuotaLimit
from cumulo.services.block_storage.model import QuotaClass

V3 = "/volume/v3"


@pytest.fixture
def admin(cloud: StorageCloud, latest):
    client = cloud.admin()
    client.headers.update(latest)
    return client


async def test_services_are_listed_and_taken_out_of_service(cloud, admin):
    listed = (await admin.get(f"{V3}/os-services?binary=cinder-volume")).json()["services"]
    assert [(one["host"], one["state"], one["status"]) for one in listed] == [(HOST, "up", "enabled")]
    body = {"host": HOST, "binary": "cinder-volume", "disabled_reason": "broken fan"}
    reasoned = await admin.put(f"{V3}/os-services/disable-log-reason", json=body)
    assert reasoned.json()["disabled_reason"] == "broken fan"
    volume = await make_volume(cloud)
    assert volume["status"] == "error"
    messages = (await admin.get(f"{V3}/messages?resource_uuid={volume['id']}")).json()["messages"]
    assert len(messages) == 1
    for project, count in (("p1", 1), ("p2", 0)):
        theirs = (await admin.get(f"{V3}/messages?project_id={project}")).json()["messages"]
        assert len(theirs) == count
    client = cloud.member("p1")
    client.headers["OpenStack-API-Version"] = "volume latest"
    told = (await client.get(f"{V3}/messages")).json()["messages"]
    assert "is disabled (broken fan)" in told[0]["user_message"]
    assert (await client.get(f"{V3}/messages/{told[0]['id']}")).status_code == 200
    assert (await client.delete(f"{V3}/messages/{told[0]['id']}")).status_code == 204
    enabled = await admin.put(f"{V3}/os-services/enable", json={"host": HOST, "binary": "cinder-volume"})
    assert enabled.json()["status"] == "enabled"
    assert (await make_volume(cloud))["status"] == "available"
    unknown = await admin.put(f"{V3}/os-services/enable", json={"host": "x", "binary": "cinder-volume"})
    assert unknown.status_code == 404
    assert (await cloud.member("p1").get(f"{V3}/os-services")).status_code == 403


async def test_a_frozen_backend_takes_nothing_and_none_fails_over(cloud, admin):
    assert (await admin.put(f"{V3}/os-services/freeze", json={"host": HOST})).status_code == 200
    assert (await make_volume(cloud))["status"] == "error"
    assert (await admin.put(f"{V3}/os-services/freeze", json={"host": HOST})).status_code == 400
    assert (await admin.put(f"{V3}/os-services/thaw", json={"host": HOST})).status_code == 200
    assert (await make_volume(cloud))["status"] == "available"
    failed = await admin.put(f"{V3}/os-services/failover_host", json={"host": HOST})
    assert failed.status_code == 400
    assert "no replication target" in failed.json()["badRequest"]["message"]


async def test_hosts_pools_and_capabilities_tell_what_there_is(cloud, admin):
    await make_volume(cloud, size=3)
    shown = (await admin.get(f"{V3}/os-hosts/{HOST}")).json()["host"]
    assert shown[0]["resource"]["project"] == "(total)"
    assert shown[1]["resource"]["total_volume_gb"] == "3"
    assert len((await admin.get(f"{V3}/os-hosts")).json()["hosts"]) == 3
    pools = (await admin.get(f"{V3}/scheduler-stats/get_pools?detail=True")).json()["pools"]
    assert pools[0]["name"] == POOL
    assert pools[0]["capabilities"]["provisioned_capacity_gb"] == 3
    assert (await admin.get(f"{V3}/scheduler-stats/get_pools")).json() == {"pools": [{"name": POOL}]}
    able = (await admin.get(f"{V3}/capabilities/{HOST}")).json()
    assert able["storage_protocol"] == "nbd"
    assert (await admin.get(f"{V3}/capabilities/nowhere")).status_code == 404
    zones = (await cloud.member("p1").get(f"{V3}/os-availability-zone")).json()["availabilityZoneInfo"]
    assert zones == [{"zoneName": "nova", "zoneState": {"available": True}}]


async def test_quotas_are_shown_set_and_reset(cloud, admin):
    await make_volume(cloud, size=5)
    path = f"{V3}/os-quota-sets/p1"
    shown = (await admin.get(path)).json()["quota_set"]
    assert (shown["id"], shown["volumes"], shown["volumes___DEFAULT__"]) == ("p1", 10, -1)
    used = (await admin.get(f"{path}?usage=True")).json()["quota_set"]
    assert used["gigabytes"] == {"limit": 1000, "in_use": 5, "reserved": 0}
    assert used["volumes___DEFAULT__"]["in_use"] == 1
    assert (await cloud.member("p1").get(path)).status_code == 200
    assert (await cloud.member("p2").get(path)).status_code == 403
    changed = await admin.put(path, json={"quota_set": {"volumes": 1, "gigabytes___DEFAULT__": "6"}})
    assert changed.json()["quota_set"]["gigabytes___DEFAULT__"] == 6
    assert (await make_volume_status(cloud)) == 413
    await admin.put(path, json={"quota_set": {"volumes": 5}})
    assert (await make_volume_status(cloud, size=2)) == 413
    assert (await make_volume_status(cloud, size=1)) == 202
    assert (await admin.delete(path)).status_code == 200
    assert (await admin.get(path)).json()["quota_set"]["volumes"] == 10
    below = await admin.put(f"{path}?skip_validation=False", json={"quota_set": {"gigabytes": 1}})
    assert below.status_code == 400


async def make_volume_status(cloud, size=1):
    answer = await cloud.member("p1").post(f"{V3}/volumes", json={"volume": {"size": size}})
    await cloud.settle()
    return answer.status_code


@pytest.mark.parametrize(
    "body", [{"nonsense": 1}, {"volumes": -2}, {"volumes": "many"}, {"volumes": True}, {}]
)
async def test_quotas_that_are_none_are_refused(admin, body):
    assert (await admin.put(f"{V3}/os-quota-sets/p1", json={"quota_set": body})).status_code == 400


async def test_the_default_class_holds_for_all_without_limits_of_their_own(cloud, admin):
    path = f"{V3}/os-quota-class-sets/default"
    assert (await admin.get(path)).json()["quota_class_set"]["id"] == "default"
    changed = await admin.put(path, json={"quota_class_set": {"volumes": 0}})
    assert changed.json()["quota_class_set"]["volumes"] == 0
    assert (await make_volume_status(cloud)) == 413
    defaults = (await admin.get(f"{V3}/os-quota-sets/p1/defaults")).json()["quota_set"]
    assert defaults["volumes"] == 0


async def test_a_volume_may_be_no_larger_than_any_may_be(cloud, admin):
    await admin.put(f"{V3}/os-quota-sets/p1", json={"quota_set": {"per_volume_gigabytes": 3}})
    assert (await make_volume_status(cloud, size=4)) == 413
    assert (await make_volume_status(cloud, size=3)) == 202


async def test_limits_show_what_is_used(cloud):
    await make_volume(cloud, size=2)
    absolute = (await cloud.member("p1").get(f"{V3}/limits")).json()["limits"]["absolute"]
    assert (absolute["totalVolumesUsed"], absolute["totalGigabytesUsed"]) == (1, 2)
    assert absolute["maxTotalVolumes"] == 10


async def test_extensions_and_filters_are_listed(cloud, admin):
    listed = (await cloud.member("p1").get(f"{V3}/extensions")).json()["extensions"]
    assert {"os-services", "qos-specs"} <= {one["alias"] for one in listed}
    filters = (await admin.get(f"{V3}/resource_filters?resource=volume")).json()["resource_filters"]
    assert "name" in filters[0]["filters"]


async def test_the_services_log_more_or_less(admin):
    path = f"{V3}/os-services"
    assert (await admin.put(f"{path}/set-log", json={"level": "error"})).status_code == 202
    shown = (await admin.put(f"{path}/get-log", json={"binary": "cinder-volume"})).json()["log_levels"]
    assert shown == [{"binary": "cinder-volume", "host": HOST, "levels": {"cumulo": "ERROR"}}]
    every = (await admin.put(f"{path}/get-log", json={})).json()["log_levels"]
    assert {one["binary"] for one in every} == {
        "cinder-api",
        "cinder-backup",
        "cinder-scheduler",
        "cinder-volume",
    }
    for body in (
        {"level": "loud"},
        {"level": "INFO", "binary": "nova-api"},
        {"level": "INFO", "prefix": "x"},
    ):
        assert (await admin.put(f"{path}/set-log", json=body)).status_code == 400, body


@pytest.mark.parametrize(
    ("lock", "row", "path", "body"),
    [
        (
            "quota:block_storage:p9",
            QuotaLimit(project_id="p9", service="block_storage", resource="volumes", value=1),
            "os-quota-sets/p9",
            {"quota_set": {"volumes": 7}},
        ),
        (
            "quota-class:block_storage:gold",
            QuotaClass(name="gold", resource="volumes", value=1),
            "os-quota-class-sets/gold",
            {"quota_class_set": {"volumes": 7}},
        ),
    ],
)
async def test_who_sets_limits_at_once_takes_turns(cloud: StorageCloud, lock, row, path, body):
    async with cloud.engine.database.begin() as db:  # the other one, who has not ended yet
        await db.lock(lock)
        await db.insert(row)
        asked = asyncio.create_task(cloud.admin().put(f"/volume/v3/{path}", json=body))
        await asyncio.wait({asked}, timeout=0.5)
    answer = await asked
    assert answer.status_code == 200, answer.text
    (limits,) = answer.json().values()
    assert limits["volumes"] == 7
