"""Server groups, hints, host aggregates and zones: where servers go, and where not."""

import asyncio
from typing import Any

import httpx
import pytest
from tests.services.compute.fakes import BODY, IMAGE, NEWEST, ComputeCloud, create, show

GROUPS = "/compute/v2.1/os-server-groups"
AGGREGATES = "/compute/v2.1/os-aggregates"


async def group(client: httpx.AsyncClient, policy: str, **more: Any) -> str:
    body = {"server_group": {"name": "g", "policy": policy, **more}}
    response = await client.post(GROUPS, json=body, headers=NEWEST)
    assert response.status_code == 200, response.text
    made: str = response.json()["server_group"]["id"]
    return made


async def ask(
    client: httpx.AsyncClient, hints: dict[str, Any], key: str = "os:scheduler_hints"
) -> httpx.Response:
    return await client.post("/compute/v2.1/servers", json={"server": BODY, key: hints}, headers=NEWEST)


async def placed(cloud: ComputeCloud, client: httpx.AsyncClient, hints: dict[str, Any]) -> str | None:
    """Ask for a server with hints; return the host it came to, None when none took it."""
    response = await ask(client, hints)
    assert response.status_code == 202, response.text
    await cloud.settle()
    return (await cloud.server(response.json()["server"]["id"])).host


@pytest.mark.parametrize(("policy", "hosts"), [("affinity", 1), ("anti-affinity", 2)])
async def test_servers_of_a_group_are_together_or_apart(cloud: ComputeCloud, policy: str, hosts: int):
    await cloud.add_host("h2")
    client = cloud.member("p1")
    id_ = await group(client, policy)
    found = {await placed(cloud, client, {"group": id_}) for _ in range(2)}
    assert len(found) == hosts
    shown = (await client.get(f"{GROUPS}/{id_}", headers=NEWEST)).json()["server_group"]
    assert (len(shown["members"]), shown["policy"], shown["rules"]) == (2, policy, {})


async def test_a_third_server_that_must_be_apart_is_refused_by_name(cloud: ComputeCloud):
    client = cloud.member("p1")
    id_ = await group(client, "anti-affinity")
    await placed(cloud, client, {"group": id_})
    response = await ask(client, {"group": id_})
    await cloud.settle()
    server = await show(client, response.json()["server"]["id"])
    assert server["status"] == "ERROR"
    assert "one has 1 of the servers that group g keeps apart" in server["fault"]["message"]


async def test_a_group_may_let_a_host_have_several(cloud: ComputeCloud):
    client = cloud.member("p1")
    id_ = await group(client, "anti-affinity", rules={"max_server_per_host": 2})
    hosts = [await placed(cloud, client, {"group": id_}) for _ in range(3)]
    assert hosts == ["h1", "h1", None]


async def test_a_soft_group_does_what_it_can(cloud: ComputeCloud):
    await cloud.add_host("h2")
    client = cloud.member("p1")
    apart, near = await group(client, "soft-anti-affinity"), await group(client, "soft-affinity")
    hosts = [await placed(cloud, client, {"group": apart}) for _ in range(3)]
    assert set(hosts) == {"h1", "h2"}
    assert None not in hosts
    assert len({await placed(cloud, client, {"group": near}) for _ in range(3)}) == 1


async def test_a_group_shows_in_the_form_of_its_version(cloud: ComputeCloud):
    client = cloud.member("p1")
    body = {"server_group": {"name": "g", "policies": ["affinity"]}}
    made = (await client.post(GROUPS, json=body)).json()["server_group"]
    assert made == {"id": made["id"], "name": "g", "policies": ["affinity"], "members": [], "metadata": {}}
    assert (await client.get(GROUPS)).json()["server_groups"] == [made]
    assert (await cloud.member("p2").get(f"{GROUPS}/{made['id']}")).status_code == 404
    every = await cloud.admin().get(GROUPS, params={"all_projects": "True"})
    assert [each["id"] for each in every.json()["server_groups"]] == [made["id"]]
    assert (await client.delete(f"{GROUPS}/{made['id']}")).status_code == 204
    assert (await client.get(f"{GROUPS}/{made['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("version", "body"),
    [
        ("2.64", {"name": "g"}),
        ("2.64", {"name": "g", "policy": "nearby"}),
        ("2.64", {"name": "g", "policy": "affinity", "rules": {"max_server_per_host": 2}}),
        ("2.64", {"name": "g", "policies": ["affinity"]}),
        ("2.63", {"name": "g", "policy": "affinity"}),
        ("2.63", {"name": "g", "policies": ["affinity", "anti-affinity"]}),
        ("2.14", {"name": "g", "policies": ["soft-affinity"]}),
        ("2.64", {"name": " ", "policy": "affinity"}),
    ],
)
async def test_a_group_that_says_no_policy_is_refused(cloud: ComputeCloud, version: str, body: Any):
    headers = {"X-OpenStack-Nova-API-Version": version}
    client = cloud.member("p1")
    response = await client.post(GROUPS, json={"server_group": body}, headers=headers)
    assert response.status_code == 400
    assert (await client.get(GROUPS)).json()["server_groups"] == []


async def test_hints_name_servers_to_be_with_or_without(cloud: ComputeCloud):
    await cloud.add_host("h2")
    client = cloud.member("p1")
    first = await create(client)
    await cloud.settle()
    here = (await cloud.server(first)).host
    assert await placed(cloud, client, {"same_host": first}) == here
    apart = ({"h1", "h2"} - {here}).pop()
    assert await placed(cloud, client, {"different_host": [first]}) == apart
    strangers = await create(cloud.member("p2"))
    await cloud.settle()
    assert await placed(cloud, client, {"different_host": [strangers, first]}) == apart
    assert (await ask(client, {"same_host": [strangers]})).status_code == 400


async def test_a_hint_asks_for_what_a_host_has_left(cloud: ComputeCloud):
    await cloud.add_host("h2", memory_mib=1024)
    client = cloud.member("p1")
    assert await placed(cloud, client, {"query": '["<", "$free_ram_mb", 4096]'}) == "h2"
    assert await placed(cloud, client, {"query": '["and", [">", "$free_ram_mb", 4096]]'}) == "h1"


@pytest.mark.parametrize(
    "hints",
    [
        {"group": "33333333-3333-4333-8333-333333333333"},
        {"same_host": "33333333-3333-4333-8333-333333333333"},
        {"query": "{"},
        {"query": "[[1], 2, 3]"},
        {"query": "[" * 100_000},
        {"query": '["like", "$host", "h1"]'},
        {"different_host": 5},
        [],
    ],
)
async def test_a_hint_that_means_nothing_is_refused(cloud: ComputeCloud, hints: Any):
    client = cloud.member("p1")
    assert (await ask(client, hints)).status_code == 400
    assert (await ask(client, hints, "OS-SCH-HNT:scheduler_hints")).status_code == 400
    assert (await client.get("/compute/v2.1/servers")).json()["servers"] == []


async def aggregate(admin: httpx.AsyncClient, name: str, zone: str | None = None) -> str:
    body = {"aggregate": {"name": name, "availability_zone": zone}}
    response = await admin.post(AGGREGATES, json=body)
    assert response.status_code == 200, response.text
    return str(response.json()["aggregate"]["id"])


async def change(admin: httpx.AsyncClient, id_: str, action: dict[str, Any]) -> httpx.Response:
    return await admin.post(f"{AGGREGATES}/{id_}/action", json=action)


async def test_what_is_said_of_an_aggregate_at_once_is_all_kept(cloud: ComputeCloud):
    admin = cloud.admin()
    id_ = await aggregate(admin, "fast")
    said = [change(admin, id_, {"set_metadata": {"metadata": {f"key{n}": "x"}}}) for n in range(8)]
    assert {answer.status_code for answer in await asyncio.gather(*said)} == {200}
    shown = (await admin.get(f"{AGGREGATES}/{id_}")).json()["aggregate"]
    assert set(shown["metadata"]) == {f"key{n}" for n in range(8)}


async def test_groups_that_are_made_at_once_are_within_the_quota(cloud: ComputeCloud):
    client = cloud.member("p1")
    body = {"server_group": {"name": "g", "policies": ["affinity"]}}
    made = [client.post("/compute/v2.1/os-server-groups", json=body) for _ in range(15)]
    answers = [answer.status_code for answer in await asyncio.gather(*made)]
    assert sorted(answers) == [*[200] * 10, *[403] * 5]


async def test_an_aggregate_with_a_zone_makes_one_of_its_hosts(cloud: ComputeCloud):
    await cloud.add_host("h2")
    admin, client = cloud.admin(), cloud.member("p1")
    id_ = await aggregate(admin, "fast", "az2")
    added = await change(admin, id_, {"add_host": {"host": "h2"}})
    assert added.json()["aggregate"]["hosts"] == ["h2"]
    server_id = await create(client, availability_zone="az2")
    await cloud.settle()
    assert (await cloud.server(server_id)).host == "h2"
    moved = await admin.put(f"{AGGREGATES}/{id_}", json={"aggregate": {"availability_zone": "az3"}})
    assert moved.status_code == 400
    assert (await admin.delete(f"{AGGREGATES}/{id_}")).status_code == 400
    removed = await change(admin, id_, {"remove_host": {"host": "h2"}})
    assert removed.json()["aggregate"]["hosts"] == []
    zones = (await admin.get("/compute/v2.1/os-availability-zone")).json()["availabilityZoneInfo"]
    assert [zone["zoneName"] for zone in zones] == ["nova"]
    assert (await admin.delete(f"{AGGREGATES}/{id_}")).status_code == 200
    assert (await admin.get(f"{AGGREGATES}/{id_}")).status_code == 404


async def test_a_host_is_in_one_zone_only(cloud: ComputeCloud):
    admin = cloud.admin()
    first, second = await aggregate(admin, "one", "az1"), await aggregate(admin, "two", "az2")
    assert (await change(admin, first, {"add_host": {"host": "h1"}})).status_code == 200
    assert (await change(admin, first, {"add_host": {"host": "h1"}})).status_code == 409
    assert (await change(admin, second, {"add_host": {"host": "h1"}})).status_code == 409
    assert (await change(admin, second, {"add_host": {"host": "h9"}})).status_code == 404
    assert (await change(admin, second, {"remove_host": {"host": "h1"}})).status_code == 404
    assert (await admin.post(AGGREGATES, json={"aggregate": {"name": "one"}})).status_code == 409
    assert (await cloud.member("p1").get(AGGREGATES)).status_code == 403


async def test_a_flavor_asks_for_hosts_by_what_their_aggregates_say(cloud: ComputeCloud):
    await cloud.add_host("h2")
    admin, client = cloud.admin(), cloud.member("p1")
    id_ = await aggregate(admin, "ssd")
    await change(admin, id_, {"add_host": {"host": "h2"}})
    said = await change(admin, id_, {"set_metadata": {"metadata": {"disk": "ssd", "gone": None}}})
    assert said.json()["aggregate"]["metadata"] == {"disk": "ssd"}
    specs = {"extra_specs": {"aggregate_instance_extra_specs:disk": "<or> ssd <or> nvme"}}
    await admin.post("/compute/v2.1/flavors/c1/os-extra_specs", json=specs)
    for _ in range(2):
        server_id = await create(client)
        await cloud.settle()
        assert (await cloud.server(server_id)).host == "h2"
    await change(admin, id_, {"set_metadata": {"metadata": {"disk": None}}})
    server_id = await create(client)
    await cloud.settle()
    fault = (await show(cloud.admin(), server_id))["fault"]["details"]
    assert "h2 is in no aggregate whose disk is <or> ssd <or> nvme" in fault


async def test_an_aggregate_keeps_its_hosts_for_some_projects(cloud: ComputeCloud):
    admin = cloud.admin()
    id_ = await aggregate(admin, "theirs")
    await change(admin, id_, {"add_host": {"host": "h1"}})
    await change(admin, id_, {"set_metadata": {"metadata": {"filter_tenant_id": "p2,p3"}}})
    assert await placed(cloud, cloud.member("p1"), {}) is None
    assert await placed(cloud, cloud.member("p2"), {}) == "h1"


async def test_images_are_made_ready_on_an_aggregates_hosts(cloud: ComputeCloud):
    admin = cloud.admin()
    id_ = await aggregate(admin, "all")
    await change(admin, id_, {"add_host": {"host": "h1"}})
    path = f"{AGGREGATES}/{id_}/images"
    headers = {"X-OpenStack-Nova-API-Version": "2.81"}
    wanted = {"cache": [{"id": IMAGE}]}
    assert (await admin.post(path, json=wanted)).status_code == 404  # before 2.81
    assert (await admin.post(path, json=wanted, headers=headers)).status_code == 202
    await cloud.settle()
    assert cloud.hosts["h1"].cached == {IMAGE}
    unknown = {"cache": [{"id": "33333333-3333-4333-8333-333333333333"}]}
    assert (await admin.post(path, json=unknown, headers=headers)).status_code == 400
