from tests.services.compute.fakes import NEWEST, ComputeCloud, create

from cumulo.services.compute.domain.hosts import trust_after_absence
from cumulo.services.compute.model import ComputeHost

ROOT = "/compute/v2.1"


async def test_a_report_makes_a_host_and_its_provider(cloud: ComputeCloud):
    async with cloud.database.read() as db:
        host = await db.one(ComputeHost, ComputeHost.c.host == "h1")
    assert host is not None
    assert (host.vcpus, host.memory_mib, host.zone) == (16, 65536, "nova")
    name, inventories = cloud.placement.providers[host.id]
    assert (name, inventories["MEMORY_MB"].total) == ("h1", 65536)


async def test_a_report_that_says_nothing_new_is_only_a_heartbeat(cloud: ComputeCloud):
    async with cloud.database.read() as db:
        before = await db.one(ComputeHost, ComputeHost.c.host == "h1")
    cloud.placement.providers.clear()
    await cloud.return_host("h1")
    async with cloud.database.read() as db:
        after = await db.one(ComputeHost, ComputeHost.c.host == "h1")
    assert before is not None
    assert after is not None
    assert after.seen_at > before.seen_at
    assert after.updated_at is None
    assert cloud.placement.providers == {}


async def test_hosts_are_trusted_after_our_own_absence_only(cloud: ComputeCloud):
    await cloud.add_host("h2")
    await cloud.forget_heartbeat("h1")

    async def up() -> list[str]:
        async with cloud.database.begin() as db:
            await trust_after_absence(db, 60)
            return sorted(host.host for host in await db.all(ComputeHost) if host.is_up(60))

    assert await up() == ["h2"]
    await cloud.forget_heartbeat("h2")
    assert await up() == ["h1", "h2"]


async def test_zones_are_listed(cloud: ComputeCloud):
    zones = (await cloud.reader("p1").get(f"{ROOT}/os-availability-zone")).json()["availabilityZoneInfo"]
    assert zones == [{"zoneName": "nova", "zoneState": {"available": True}, "hosts": None}]
    assert (await cloud.member("p1").get(f"{ROOT}/os-availability-zone/detail")).status_code == 403
    detail = (await cloud.admin().get(f"{ROOT}/os-availability-zone/detail")).json()
    control, zone = detail["availabilityZoneInfo"]
    assert zone["hosts"]["h1"]["nova-compute"]["available"] is True
    assert control["zoneName"] == "internal"
    assert [set(each) for each in control["hosts"].values()] == [{"nova-conductor", "nova-scheduler"}]


async def test_hypervisors_are_shown_with_their_use_in_old_versions(cloud: ComputeCloud):
    await create(cloud.member("p1"))
    await cloud.settle()
    admin = cloud.admin()
    old = (await admin.get(f"{ROOT}/os-hypervisors/detail")).json()["hypervisors"][0]
    assert (old["memory_mb"], old["memory_mb_used"], old["running_vms"]) == (65536, 128, 1)
    assert isinstance(old["id"], int)
    assert isinstance(old["cpu_info"], str)
    new = (await admin.get(f"{ROOT}/os-hypervisors/detail?with_servers=true", headers=NEWEST)).json()
    shown = new["hypervisors"][0]
    assert not {"memory_mb", "cpu_info", "running_vms"} & set(shown)
    assert len(shown["servers"]) == 1
    one = (await admin.get(f"{ROOT}/os-hypervisors/{shown['id']}", headers=NEWEST)).json()["hypervisor"]
    assert one["hypervisor_hostname"] == "h1"
    for named in ("nope", "9" * 5000):
        assert (await admin.get(f"{ROOT}/os-hypervisors/{named}", headers=NEWEST)).status_code == 404
    found = (await admin.get(f"{ROOT}/os-hypervisors/h/servers")).json()["hypervisors"]
    assert (found[0]["hypervisor_hostname"], len(found[0]["servers"])) == ("h1", 1)
    assert (await admin.get(f"{ROOT}/os-hypervisors/x/search")).status_code == 404
    total = (await admin.get(f"{ROOT}/os-hypervisors/statistics")).json()["hypervisor_statistics"]
    assert (total["count"], total["memory_mb_used"]) == (1, 128)
    assert (await cloud.member("p1").get(f"{ROOT}/os-hypervisors")).status_code == 403


async def test_hypervisors_come_in_pages(cloud: ComputeCloud):
    await cloud.add_host("h2")
    await cloud.add_host("h3")
    admin, url = cloud.admin(), f"{ROOT}/os-hypervisors"
    every = (await admin.get(url, headers=NEWEST)).json()
    assert list(every) == ["hypervisors"]
    seen, page = [], f"{url}?limit=2"
    while page:
        answer = (await admin.get(page, headers=NEWEST)).json()
        seen += answer["hypervisors"]
        page = answer.get("hypervisors_links", [{"href": ""}])[0]["href"]
    assert seen == every["hypervisors"]
    assert len(answer["hypervisors"]) == 1
    older = {"OpenStack-API-Version": "compute 2.33"}
    (first,) = (await admin.get(f"{url}/detail?limit=1", headers=older)).json()["hypervisors"]
    rest = (await admin.get(f"{url}/detail?marker={first['id']}", headers=older)).json()["hypervisors"]
    assert [one["hypervisor_hostname"] for one in rest] == ["h2", "h3"]
    assert len((await admin.get(f"{url}?limit=1")).json()["hypervisors"]) == 3  # before there were pages
    for query in ("marker=nowhere", "limit=-1", "limit=1&hypervisor_hostname_pattern=h"):
        assert (await admin.get(f"{url}?{query}", headers=NEWEST)).status_code == 400


async def test_a_disabled_service_takes_no_servers(cloud: ComputeCloud):
    admin = cloud.admin()
    service = (await admin.get(f"{ROOT}/os-services", headers=NEWEST)).json()["services"][0]
    assert (service["binary"], service["state"], service["status"]) == ("nova-compute", "up", "enabled")
    change = {"status": "disabled", "disabled_reason": "repairs"}
    answer = await admin.put(f"{ROOT}/os-services/{service['id']}", json=change, headers=NEWEST)
    assert answer.json()["service"]["disabled_reason"] == "repairs"
    server_id = await create(cloud.member("p1"))
    await cloud.settle()
    fault = (await cloud.server(server_id)).fault
    assert fault is not None
    assert b"h1 is disabled (repairs)." in bytes(fault)
    verb = {"host": "h1", "binary": "nova-compute"}
    old = await admin.put(f"{ROOT}/os-services/enable", json=verb)
    assert old.json() == {"service": {"binary": "nova-compute", "host": "h1", "status": "enabled"}}


async def test_the_process_that_answers_is_scheduler_and_conductor(cloud: ComputeCloud):
    admin = cloud.admin()
    listed = (await admin.get(f"{ROOT}/os-services", headers=NEWEST)).json()["services"]
    assert [one["binary"] for one in listed] == ["nova-compute", "nova-conductor", "nova-scheduler"]
    query = f"{ROOT}/os-services?binary=nova-scheduler"
    (scheduler,) = (await admin.get(query, headers=NEWEST)).json()["services"]
    assert (scheduler["state"], scheduler["status"], scheduler["zone"]) == ("up", "enabled", "internal")
    assert (await admin.get(query, headers=NEWEST)).json()["services"][0]["id"] == scheduler["id"]
    assert isinstance((await admin.get(query)).json()["services"][0]["id"], int)
    url = f"{ROOT}/os-services/{scheduler['id']}"
    change = await admin.put(url, json={"status": "disabled"}, headers=NEWEST)
    assert (change.status_code, "nova-scheduler" in change.text) == (400, True)
    assert (await admin.delete(url, headers=NEWEST)).status_code == 409
    verb = {"host": scheduler["host"], "binary": "nova-scheduler"}
    assert (await admin.put(f"{ROOT}/os-services/disable", json=verb)).status_code == 400
    unknown = {"host": "h1", "binary": "nova-cells"}
    assert (await admin.put(f"{ROOT}/os-services/disable", json=unknown)).status_code == 404


async def test_there_are_no_aggregates_and_groups_yet(cloud: ComputeCloud):
    assert (await cloud.admin().get(f"{ROOT}/os-aggregates")).json() == {"aggregates": []}
    assert (await cloud.reader("p1").get(f"{ROOT}/os-server-groups")).json() == {"server_groups": []}


async def test_a_service_with_servers_is_not_deleted(cloud: ComputeCloud):
    admin = cloud.admin()
    server_id = await create(cloud.member("p1"))
    await cloud.settle()
    service = (await admin.get(f"{ROOT}/os-services", headers=NEWEST)).json()["services"][0]
    url = f"{ROOT}/os-services/{service['id']}"
    assert (await admin.delete(url, headers=NEWEST)).status_code == 409
    await cloud.member("p1").delete(f"{ROOT}/servers/{server_id}")
    await cloud.settle()
    assert (await admin.delete(url, headers=NEWEST)).status_code == 204
    assert cloud.placement.providers == {}


async def test_old_clients_delete_a_service_by_its_number(cloud: ComputeCloud):
    admin = cloud.admin()
    numbers = [one["id"] for one in (await admin.get(f"{ROOT}/os-services")).json()["services"]]
    statuses = [(await admin.delete(f"{ROOT}/os-services/{number}")).status_code for number in numbers]
    assert statuses == [204, 409, 409]
    assert (await admin.delete(f"{ROOT}/os-services/{numbers[0]}")).status_code == 404
    assert (await admin.delete(f"{ROOT}/os-services/{numbers[1]}", headers=NEWEST)).status_code == 404


async def test_limits_and_quotas_tell_what_is_used(cloud: ComputeCloud):
    client, admin = cloud.member("p1"), cloud.admin()
    await create(client)
    await cloud.settle()
    limits = (await client.get(f"{ROOT}/limits", headers=NEWEST)).json()["limits"]["absolute"]
    assert (limits["totalInstancesUsed"], limits["maxTotalCores"]) == (1, 20)
    assert (await client.get(f"{ROOT}/limits?tenant_id=p2")).status_code == 403
    large = await admin.put(f"{ROOT}/os-quota-sets/p1", json={"quota_set": {"cores": "3000000000"}})
    assert (large.status_code, "greater than the maximum" in large.text) == (400, True)
    change = {"quota_set": {"cores": 5, "instances": "7"}}
    assert (await admin.put(f"{ROOT}/os-quota-sets/p1", json=change)).json()["quota_set"]["cores"] == 5
    shown = (await client.get(f"{ROOT}/os-quota-sets/p1", headers=NEWEST)).json()["quota_set"]
    assert (shown["cores"], shown["instances"], shown["id"]) == (5, 7, "p1")
    detail = (await client.get(f"{ROOT}/os-quota-sets/p1/detail", headers=NEWEST)).json()["quota_set"]
    assert detail["cores"] == {"limit": 5, "in_use": 1, "reserved": 0}
    assert (await client.get(f"{ROOT}/os-quota-sets/p2")).status_code == 403
    low = {"quota_set": {"cores": 0}}
    assert (await admin.put(f"{ROOT}/os-quota-sets/p1", json=low)).status_code == 400
    assert (await admin.put(f"{ROOT}/os-quota-sets/p1", json={"quota_set": {"x": 1}})).status_code == 400
    assert (await admin.delete(f"{ROOT}/os-quota-sets/p1")).status_code == 202
    assert (await client.get(f"{ROOT}/os-quota-sets/p1/defaults")).json()["quota_set"]["cores"] == 20
    again = (await client.get(f"{ROOT}/os-quota-sets/p1")).json()["quota_set"]
    assert (again["cores"], again["floating_ips"]) == (20, -1)


async def test_versions_and_extensions_are_told_to_all(cloud: ComputeCloud):
    anyone = cloud.anonymous()
    old, root = (await anyone.get("/compute/")).json()["versions"]
    assert (await anyone.get("/compute/v2/")).json()["version"]["links"] == old["links"]
    assert (root["id"], root["version"], root["min_version"]) == ("v2.1", "2.104", "2.1")
    one = (await anyone.get("/compute/v2.1/")).json()["version"]
    assert one["links"][0]["href"] == "http://cloud/compute/v2.1/"
    assert (await anyone.get("/compute/v2.1/servers")).status_code == 401
    listed = (await cloud.reader("p1").get(f"{ROOT}/extensions")).json()["extensions"]
    assert "os-keypairs" in {extension["alias"] for extension in listed}
    assert (await cloud.reader("p1").get(f"{ROOT}/extensions/nope")).status_code == 404
    one = (await cloud.reader("p1").get(f"{ROOT}/extensions/os-admin-actions")).json()["extension"]
    assert one["name"] == "AdminActions"
    late = await anyone.get("/compute/v2.1/servers", headers={"OpenStack-API-Version": "compute 2.999"})
    assert late.status_code == 406


async def test_usage_counts_the_deleted_too(cloud: ComputeCloud):
    client = cloud.member("p1")
    for name in ("a", "b"):
        server_id = await create(client, name=name)
    await cloud.settle()
    await client.delete(f"{ROOT}/servers/{server_id}")
    await cloud.settle()
    usage = (await client.get(f"{ROOT}/os-simple-tenant-usage/p1")).json()["tenant_usage"]
    assert [one["state"] for one in usage["server_usages"]] == ["active", "terminated"]
    assert usage["total_memory_mb_usage"] == usage["total_hours"] * 128 > 0
    assert usage["total_hours"] < 1
    later = (await client.get(f"{ROOT}/os-simple-tenant-usage/p1?end=2999-01-01")).json()["tenant_usage"]
    assert later["total_hours"] < 1
    assert (await client.get(f"{ROOT}/os-simple-tenant-usage/p2")).status_code == 403
    everyone = (await cloud.admin().get(f"{ROOT}/os-simple-tenant-usage")).json()["tenant_usages"]
    assert [one["tenant_id"] for one in everyone] == ["p1"]
    assert "server_usages" not in everyone[0]
    past = await client.get(f"{ROOT}/os-simple-tenant-usage/p1?start=2020-01-01&end=2020-02-01")
    assert past.json() == {"tenant_usage": {}}
    wrong = await client.get(f"{ROOT}/os-simple-tenant-usage/p1?start=2020-01-01&end=2019-01-01")
    assert wrong.status_code == 400
