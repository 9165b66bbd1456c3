"""What projects used, page by page."""

from typing import Any

from tests.services.compute.fakes import NEWEST, ComputeCloud, create

URL = "/compute/v2.1/os-simple-tenant-usage"
WHILE = "start=2020-01-01T00:00:00&end=2100-01-01T00:00:00"


async def test_a_while_that_begins_before_time_is_refused(cloud: ComputeCloud):
    answer = await cloud.member("p1").get(f"{URL}/p1?start=0001-01-01T00:00:00%2B05:00")
    assert (answer.status_code, "start" in answer.text) == (400, True)


async def test_usage_is_told_server_by_server_in_pages(cloud: ComputeCloud):
    client, admin = cloud.member("p1"), cloud.admin()
    ids = [await create(client, name=f"web-{number}") for number in range(3)]
    await create(cloud.member("p2"))
    await cloud.settle()
    seen: list[str] = []
    url = f"{URL}/p1?{WHILE}&limit=2"
    while url:
        answer: dict[str, Any] = (await client.get(url, headers=NEWEST)).json()
        seen += [server["instance_id"] for server in answer["tenant_usage"]["server_usages"]]
        links = answer.get("tenant_usage_links", [])
        assert [link["rel"] for link in links] in ([], ["next"])
        url = links[0]["href"].removeprefix("http://cloud") if links else ""
    assert seen == ids
    everyone = (await admin.get(f"{URL}?{WHILE}&limit=3", headers=NEWEST)).json()
    assert [usage["tenant_id"] for usage in everyone["tenant_usages"]] == ["p1"]
    assert everyone["tenant_usages_links"][0]["href"].count("limit=3") == 1
    rest = (await admin.get(f"{URL}?{WHILE}&marker={ids[-1]}", headers=NEWEST)).json()
    assert [usage["tenant_id"] for usage in rest["tenant_usages"]] == ["p2"]
    assert "tenant_usages_links" not in rest


async def test_pages_of_usage_are_since_2_40(cloud: ComputeCloud):
    client = cloud.member("p1")
    for _ in range(2):
        await create(client)
    await cloud.settle()
    old = {"X-OpenStack-Nova-API-Version": "2.39"}
    told = (await client.get(f"{URL}/p1?limit=1", headers=old)).json()
    assert len(told["tenant_usage"]["server_usages"]) == 2
    wrong = await client.get(f"{URL}/p1?marker=nope", headers=NEWEST)
    assert (wrong.status_code, "nope" in wrong.text) == (400, True)
    assert (await client.get(f"{URL}/p1?limit=-1", headers=NEWEST)).status_code == 400
