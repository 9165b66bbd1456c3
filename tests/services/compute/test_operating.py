"""What operators ask of compute besides: old hosts, events, quota classes, consoles' tokens."""

import msgspec
import pytest
from tests.services.compute.fakes import NEWEST, ComputeCloud, create
from tests.services.compute.test_lifecycle import running

from cumulo.core.drivers import Permanent
from cumulo.services.compute import guests
from cumulo.services.compute.model import Server

ROOT = "/compute/v2.1"


async def test_hosts_are_listed_shown_and_disabled_by_old_clients(cloud: ComputeCloud):
    admin = cloud.admin()
    await running(cloud, cloud.member("p1"))
    listed = (await admin.get(f"{ROOT}/os-hosts")).json()
    assert listed["hosts"][-1] == {"host_name": "h1", "service": "compute", "zone": "nova"}
    assert (await admin.get(f"{ROOT}/os-hosts?zone=moon")).json() == {"hosts": []}
    lines = [line["resource"] for line in (await admin.get(f"{ROOT}/os-hosts/h1")).json()["host"]]
    assert {line["project"]: line["memory_mb"] for line in lines} == {
        "(total)": 65536,
        "(used_now)": 128,
        "(used_max)": 128,
        "p1": 128,
    }
    disabled = await admin.put(f"{ROOT}/os-hosts/h1", json={"status": "Disable"})
    assert disabled.json() == {"host": "h1", "status": "disabled"}
    (service,) = (await admin.get(f"{ROOT}/os-services?host=h1")).json()["services"]
    assert service["status"] == "disabled"
    maintained = await admin.put(f"{ROOT}/os-hosts/h1", json={"maintenance_mode": "enable"})
    assert maintained.status_code == 501
    assert (await admin.put(f"{ROOT}/os-hosts/h1", json={"status": "explode"})).status_code == 400
    assert (await admin.get(f"{ROOT}/os-hosts/h9")).status_code == 404
    newer = {"X-OpenStack-Nova-API-Version": "2.43"}
    assert (await admin.get(f"{ROOT}/os-hosts", headers=newer)).status_code == 404
    assert (await cloud.member("p1").get(f"{ROOT}/os-hosts")).status_code == 403


async def test_a_hypervisor_says_since_when_it_runs(cloud: ComputeCloud):
    admin = cloud.admin()
    (shown,) = (await admin.get(f"{ROOT}/os-hypervisors")).json()["hypervisors"]
    path = f"{ROOT}/os-hypervisors/{shown['id']}/uptime"
    answer = (await admin.get(path)).json()["hypervisor"]
    assert (answer["hypervisor_hostname"], "up" in answer["uptime"]) == ("h1", True)
    cloud.hosts["h1"].fail("uptime", Permanent("no"))
    assert (await admin.get(path)).status_code == 409


async def test_the_default_class_of_quotas_holds_for_those_without_their_own(cloud: ComputeCloud):
    client, admin = cloud.member("p1"), cloud.admin()
    path = f"{ROOT}/os-quota-class-sets/default"
    assert (await admin.get(path, headers=NEWEST)).json()["quota_class_set"]["instances"] == 10
    set_ = await admin.put(path, json={"quota_class_set": {"instances": 1}}, headers=NEWEST)
    assert set_.json()["quota_class_set"]["instances"] == 1
    quotas = (await client.get(f"{ROOT}/os-quota-sets/p1")).json()["quota_set"]
    assert quotas["instances"] == 1
    await create(client)
    refused = await client.post(
        f"{ROOT}/servers", json={"server": {"name": "b", "flavorRef": "c1"}}, headers=NEWEST
    )
    assert refused.status_code in (400, 403)
    assert (await client.put(path, json={"quota_class_set": {}}, headers=NEWEST)).status_code == 403
    other = f"{ROOT}/os-quota-class-sets/gold"
    assert (await admin.put(other, json={"quota_class_set": {"instances": 1}})).status_code == 400


@pytest.mark.parametrize("version", ["2.78", "2.104"])
async def test_a_servers_topology_is_shown(cloud: ComputeCloud, version: str):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    headers = {"X-OpenStack-Nova-API-Version": version}
    answer = await client.get(f"{ROOT}/servers/{server_id}/topology", headers=headers)
    assert answer.json() == {"nodes": [], "pagesize_kb": None}


async def test_a_consoles_token_says_what_it_opens(cloud: ComputeCloud):
    client, admin = cloud.member("p1"), cloud.admin()
    server_id = await running(cloud, client)
    body = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    path = f"{ROOT}/servers/{server_id}/remote-consoles"
    opened = await client.post(path, json=body, headers=NEWEST)
    token = opened.json()["remote_console"]["url"].rpartition("token%3D")[2]
    shown = await admin.get(f"{ROOT}/os-console-auth-tokens/{token}", headers=NEWEST)
    assert shown.json()["console"]["instance_uuid"] == server_id
    assert (await admin.get(f"{ROOT}/os-console-auth-tokens/odd", headers=NEWEST)).status_code == 404


@pytest.mark.parametrize(
    ("specs", "nodes", "pages"),
    [
        ({"hw:numa_nodes": "2"}, [([0, 1], 128), ([2, 3], 128)], None),
        ({"hw:mem_page_size": "2048"}, [([0, 1, 2, 3], 256)], 2048),
    ],
)
async def test_a_servers_nodes_and_pages_are_shown(
    cloud: ComputeCloud, specs: dict[str, str], nodes: list[tuple[list[int], int]], pages: int | None
):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    row = await cloud.server(server_id)
    flavor = msgspec.structs.replace(guests.flavor_of(row), vcpus=4, ram=256, extra_specs=specs)
    async with cloud.database.begin() as db:
        await db.update(Server, Server.c.id == server_id, **guests.sized(flavor, from_volume=False))
    answer = await client.get(f"{ROOT}/servers/{server_id}/topology", headers=NEWEST)
    shown = answer.json()
    assert [(node["vcpu_set"], node["memory_mb"]) for node in shown["nodes"]] == nodes
    assert shown["pagesize_kb"] == pages
