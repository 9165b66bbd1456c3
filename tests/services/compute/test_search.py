"""By what lists of servers may be filtered, by whom, in which versions."""

import httpx
import pytest
from tests.services.compute.fakes import BODY, IMAGE, NEWEST, ComputeCloud, create

SERVERS = "/compute/v2.1/servers"


async def found(client: httpx.AsyncClient, query: str, version: str = "2.104") -> list[str]:
    headers = {"X-OpenStack-Nova-API-Version": version}
    url = f"{SERVERS}/detail?{query}&sort_key=display_name&sort_dir=asc"
    answer = await client.get(url, headers=headers)
    assert answer.status_code == 200, answer.text
    return [server["name"] for server in answer.json()["servers"]]


async def test_several_statuses_are_any_of_them(cloud: ComputeCloud):
    client = cloud.member("p1")
    stopped = await create(client, name="a")
    await create(client, name="b")
    await cloud.settle()
    await client.post(f"{SERVERS}/{stopped}/action", json={"os-stop": None})
    await cloud.settle()
    assert await found(client, "status=ACTIVE") == ["b"]
    assert await found(client, "status=active&status=SHUTOFF") == ["a", "b"]
    assert await found(client, "status=nope", "2.37") == []
    wrong = await client.get(f"{SERVERS}?status=nope", headers=NEWEST)
    assert (wrong.status_code, "nope" in wrong.text) == (400, True)


@pytest.mark.parametrize(
    "query",
    [
        *("key_name=mine", "config_drive=true", "vm_state=error", "task_state=deleting", "power_state=4"),
        "progress=55",
        *("availability_zone=moon", "created_at=2020-01-01T00:00:00", "launched_at=2020-01-01T00:00:00"),
        *("user_id=x", "power_state=--4", "power_state=²", f"power_state={'9' * 40}"),
    ],
)
async def test_users_filter_by_more_since_2_83(cloud: ComputeCloud, query: str):
    client = cloud.member("p1")
    await create(client)
    await cloud.settle()
    assert await found(client, query, "2.82") == ["web"]  # passed over
    assert await found(client, query, "2.83") == []


@pytest.mark.parametrize("query", ["host=h9", "node=h9", "uuid=x", "launch_index=7", "auto_disk_config=true"])
async def test_some_filters_are_for_operators_only(cloud: ComputeCloud, query: str):
    client, admin = cloud.member("p1"), cloud.admin()
    await create(client)
    await cloud.settle()
    assert await found(client, query) == ["web"]
    assert await found(admin, f"all_tenants=1&{query}") == []


async def test_servers_are_found_by_their_access_addresses(cloud: ComputeCloud):
    client = cloud.member("p1")
    await create(client, name="a", accessIPv4="192.0.2.1")
    await create(client, name="b")
    assert await found(client, "access_ip_v4=192.0.2.1") == ["a"]


async def test_certificates_that_nobody_would_look_at_are_refused(cloud: ComputeCloud):
    client = cloud.member("p1")
    named = {"trusted_image_certificates": ["11111111-1111-4111-8111-111111111111"]}
    answer = await client.post(SERVERS, json={"server": {**BODY, **named}}, headers=NEWEST)
    assert (answer.status_code, "trusted_image_certificates" in answer.text) == (400, True)
    server_id = await create(client, trusted_image_certificates=None)
    await cloud.settle()
    body = {"rebuild": {"imageRef": IMAGE, **named}}
    answer = await client.post(f"{SERVERS}/{server_id}/action", json=body, headers=NEWEST)
    assert (answer.status_code, "trusted_image_certificates" in answer.text) == (400, True)


@pytest.mark.parametrize(
    "pattern",
    ["[[:x:]]", "[[.a.]]", "[a--b]", "a{1", "a{300}", "a{2,1", "a{,5}", "a{2}", "a{1,}", "*", "(", "["],
)
async def test_a_pattern_that_a_database_has_no_sense_of_is_text(cloud: ComputeCloud, pattern: str):
    client = cloud.member("p1")
    await create(client, name="aa [[:x:]] a{300}")
    answer = await client.get(SERVERS, params={"name": pattern})
    assert answer.status_code == 200, answer.text
    found = [server["name"] for server in answer.json()["servers"]]
    assert found == (["aa [[:x:]] a{300}"] if pattern in ("[[:x:]]", "a{300}", "a{2}", "a{1,}", "[") else [])


@pytest.mark.parametrize("path", ["servers", "servers/detail"])
async def test_both_lists_are_sorted_by_the_same_keys(cloud: ComputeCloud, path: str):
    client = cloud.member("p1")
    first = await create(client, name="a", accessIPv4="192.0.2.2", description="x", config_drive=True)
    second = await create(client, name="b", accessIPv4="192.0.2.1", description="y")
    for key, order in (
        ("access_ip_v4", [second, first]),
        ("display_description", [first, second]),
        ("config_drive", [second, first]),
        ("locked", None),
        ("launch_index", None),
        ("user_id", None),
    ):
        url = f"/compute/v2.1/{path}?sort_key={key}&sort_dir=asc"
        answer = await client.get(url, headers=NEWEST)
        assert answer.status_code == 200, (key, answer.text)
        assert order in (None, [server["id"] for server in answer.json()["servers"]]), key
