import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from tests.services.compute.fakes import IMAGE, NEWEST, ComputeCloud, create, show

from cumulo.contracts.compute import Kept
from cumulo.services.compute.adapter import ServersAdapter
from cumulo.services.compute.model import Server, ServerAction
from cumulo.services.compute.schema.instants import to_the_second, without_zone

ROOT = "/compute/v2.1"


async def names(client: httpx.AsyncClient, query: str = "", version: str = "2.104") -> list[str]:
    headers = {"OpenStack-API-Version": f"compute {version}"}
    response = await client.get(
        f"{ROOT}/servers/detail?sort_key=display_name&sort_dir=asc&{query}", headers=headers
    )
    assert response.status_code == 200, response.text
    return [server["name"] for server in response.json()["servers"]]


async def test_a_server_is_only_its_projects_own(cloud: ComputeCloud):
    server_id = await create(cloud.member("p1"))
    await cloud.settle()
    other = cloud.member("p2")
    assert (await other.get(f"{ROOT}/servers/{server_id}")).status_code == 404
    assert (await other.delete(f"{ROOT}/servers/{server_id}")).status_code == 404
    assert await names(other) == []
    assert await names(cloud.reader("p1")) == ["web"]
    assert (await cloud.reader("p1").delete(f"{ROOT}/servers/{server_id}")).status_code == 403
    missing = (await other.get(f"{ROOT}/servers/{server_id}")).json()
    assert missing == {"itemNotFound": {"code": 404, "message": f"Instance {server_id} could not be found."}}


async def test_only_administrators_list_all_projects(cloud: ComputeCloud):
    await create(cloud.member("p1"), name="one")
    await create(cloud.member("p2"), name="two")
    await cloud.settle()
    assert await names(cloud.admin()) == []
    assert await names(cloud.admin(), "all_tenants=1") == ["one", "two"]
    assert await names(cloud.admin(), "all_tenants=1&project_id=p2") == ["two"]
    assert await names(cloud.admin(), "project_id=p2") == []
    refused = await cloud.member("p1").get(f"{ROOT}/servers?all_tenants=1")
    assert refused.status_code == 403
    assert await names(cloud.member("p1"), "project_id=p2") == ["one"]


async def test_lists_are_filtered(cloud: ComputeCloud):
    client = cloud.member("p1")
    first = await create(client, name="alpha", tags=["x", "y"])
    await create(client, name="beta", tags=["x"])
    await cloud.settle()
    await client.post(f"{ROOT}/servers/{first}/action", json={"os-stop": None})
    await cloud.settle()
    address = (await show(client, first))["addresses"]["home"][0]["addr"]
    assert await names(client, "name=alp") == ["alpha"]
    assert await names(client, "name=^beta$") == ["beta"]
    assert await names(client, "name=^[a-c].*a$") == ["alpha", "beta"]
    assert await names(client, "name=(a*)*b") == []
    assert await names(client, "status=SHUTOFF") == ["alpha"]
    assert await names(client, "status=ACTIVE") == ["beta"]
    assert await names(client, "status=NONSENSE", "2.37") == []
    assert await names(client, f"ip={address}") == ["alpha"]
    assert await names(client, f"image={IMAGE}&flavor=c1") == ["alpha", "beta"]
    assert await names(client, "flavor=1") == []
    assert await names(client, "tags=x,y") == ["alpha"]
    assert await names(client, "tags-any=x,y") == ["alpha", "beta"]
    assert await names(client, "not-tags=y") == ["beta"]
    assert await names(cloud.admin(), "all_tenants=1&host=h1&vm_state=active") == ["beta"]
    assert await names(client, "host=elsewhere") == ["alpha", "beta"]


async def test_changes_since_tells_of_the_deleted(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    before = (await show(client, server_id))["created"]
    await client.delete(f"{ROOT}/servers/{server_id}")
    await cloud.settle()
    response = await client.get(f"{ROOT}/servers/detail?changes-since={before}", headers=NEWEST)
    assert [(s["id"], s["status"]) for s in response.json()["servers"]] == [(server_id, "DELETED")]
    assert await names(client, "changes-since=2999-01-01T00:00:00Z") == []
    assert (await client.get(f"{ROOT}/servers?changes-since=never")).status_code == 400
    assert (await client.get(f"{ROOT}/servers?status=deleted")).status_code == 403


async def test_changes_before_an_instant_are_those_of_its_second_too(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client, name="alpha")
    await cloud.settle()
    changed = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    async with cloud.database.begin() as db:
        await db.update(Server, Server.c.id == server_id, updated_at=changed)
        await db.update(ServerAction, ServerAction.c.server_id == server_id, updated_at=changed)
    shown = (await show(client, server_id))["updated"]
    assert await names(client, f"changes-before={shown}") == ["alpha"]
    assert await names(client, "changes-before=2026-01-02T03:04:04Z") == []
    actions = f"{ROOT}/servers/{server_id}/os-instance-actions?changes-before={shown}"
    assert len((await client.get(actions, headers=NEWEST)).json()["instanceActions"]) == 1


async def test_pages_link_to_the_next(cloud: ComputeCloud):
    client = cloud.member("p1")
    for name in ("a", "b", "c"):
        await create(client, name=name)
    first = (await client.get(f"{ROOT}/servers?limit=2")).json()
    assert [s["name"] for s in first["servers"]] == ["c", "b"]
    href = first["servers_links"][0]["href"]
    assert first["servers_links"][0]["rel"] == "next"
    second = (await client.get(href)).json()
    assert [s["name"] for s in second["servers"]] == ["a"]
    assert "servers_links" not in second
    assert (await client.get(f"{ROOT}/servers?marker={IMAGE}")).status_code == 400
    await cloud.settle()


async def test_old_versions_see_old_fields(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    old = await show(client, server_id, "2.1")
    assert old["flavor"]["id"] == "c1"
    assert not {"locked", "description", "tags", "OS-EXT-SRV-ATTR:host"} & set(old)
    assert (await show(client, server_id, "2.9"))["locked"] is False
    assert "description" in await show(client, server_id, "2.19")
    assert (await show(client, server_id, "2.47"))["flavor"]["vcpus"] == 1
    assert old["created"].endswith("Z")
    assert re.fullmatch(r"[-\d]{10}T[:\d]{8}\.\d{6}", old["OS-SRV-USG:launched_at"])
    assert old["config_drive"] == ""
    assert old["progress"] == 0
    admin = await show(cloud.admin(), server_id)
    assert admin["OS-EXT-SRV-ATTR:host"] == "h1"
    assert admin["host_status"] == "UP"
    assert admin["OS-EXT-SRV-ATTR:root_device_name"] == "/dev/vda"


@pytest.mark.parametrize("version", ["2.1", "2.9", "2.47", "2.73", "2.98", "2.104"])
async def test_a_list_in_detail_reads_no_less_of_a_server_than_its_document_shows(
    cloud: ComputeCloud, version: str
):
    server_id = await create(cloud.member("p1"), user_data="aGk=")
    await cloud.settle()
    headers = {"X-OpenStack-Nova-API-Version": version}
    for client in (cloud.member("p1"), cloud.admin("p1")):
        (listed,) = (await client.get(f"{ROOT}/servers/detail", headers=headers)).json()["servers"]
        shown = await show(client, server_id, version)
        assert listed == {name: value for name, value in shown.items() if name != "server_groups"}


async def test_an_update_changes_what_is_said_of_a_server(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    change = {"server": {"name": "shop", "description": "sells", "accessIPv4": "192.0.2.1"}}
    answer = (await client.put(f"{ROOT}/servers/{server_id}", json=change, headers=NEWEST)).json()["server"]
    assert (answer["name"], answer["description"], answer["accessIPv4"]) == ("shop", "sells", "192.0.2.1")
    url = f"{ROOT}/servers/{server_id}"
    for zone, status in (("nova", 200), ("mars", 400), (None, 200)):
        pin = {"server": {"pinned_availability_zone": zone}}
        assert (await client.put(url, json=pin, headers=NEWEST)).status_code == status
    old = (await client.put(f"{ROOT}/servers/{server_id}", json={"server": {"name": "x"}})).json()["server"]
    assert old["name"] == "x"
    assert not [name for name in old if name.startswith("OS-EXT")]


async def test_metadata_is_read_and_written_item_by_item(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client, metadata={"a": "1"})
    await cloud.settle()
    url = f"{ROOT}/servers/{server_id}/metadata"
    assert (await client.post(url, json={"metadata": {"b": "2"}})).json() == {
        "metadata": {"a": "1", "b": "2"}
    }
    assert (await client.get(f"{url}/b")).json() == {"meta": {"b": "2"}}
    assert (await client.put(f"{url}/b", json={"meta": {"b": "3"}})).json() == {"meta": {"b": "3"}}
    assert (await client.put(f"{url}/b", json={"meta": {"c": "3"}})).status_code == 400
    assert (await client.delete(f"{url}/a")).status_code == 204
    assert (await client.delete(f"{url}/a")).status_code == 404
    assert (await client.put(url, json={"metadata": {}})).json() == {"metadata": {}}


async def test_tags_come_and_go(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    url = f"{ROOT}/servers/{server_id}/tags"

    async def ask(method: str, path: str = "", **options: Any) -> httpx.Response:
        return await client.request(method, f"{url}{path}", headers=NEWEST, **options)

    assert (await ask("PUT", "/red")).status_code == 201
    assert (await ask("PUT", "/red")).status_code == 204
    assert (await ask("GET", "/red")).status_code == 204
    assert (await ask("GET", "/blue")).status_code == 404
    assert (await ask("PUT", json={"tags": ["b", "a"]})).json() == {"tags": ["a", "b"]}
    assert (await ask("DELETE", "/a")).status_code == 204
    assert (await ask("GET")).json() == {"tags": ["b"]}
    assert (await ask("DELETE")).status_code == 204
    assert (await client.get(url)).status_code == 404


async def test_ports_and_groups_and_addresses_are_told(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    url = f"{ROOT}/servers/{server_id}"
    ports = (await client.get(f"{url}/os-interface")).json()["interfaceAttachments"]
    assert ports[0]["port_state"] == "ACTIVE"
    assert (await client.get(f"{url}/os-interface/{ports[0]['port_id']}")).status_code == 200
    assert (await client.get(f"{url}/os-interface/x")).status_code == 404
    ips = (await client.get(f"{url}/ips")).json()["addresses"]
    assert set(ips["home"][0]) == {"version", "addr"}
    assert (await client.get(f"{url}/ips/home")).json() == {"home": ips["home"]}
    assert (await client.get(f"{url}/ips/away")).status_code == 404
    add = {"addSecurityGroup": {"name": "web"}}
    assert (await client.post(f"{url}/action", json=add)).status_code == 202
    groups = (await client.get(f"{url}/os-security-groups")).json()["security_groups"]
    assert [group["name"] for group in groups] == ["default", "web"]
    assert (await show(client, server_id))["security_groups"] == [{"name": "default"}, {"name": "web"}]


async def test_a_floating_address_appears_when_the_network_service_tells(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    adapter = ServersAdapter(lambda contract: cloud.bindings[contract])
    cloud.ports.floating[server_id] = "192.0.2.7"
    async with cloud.database.begin() as db:
        await adapter.addresses_changed(cloud.work(db), [server_id])
    lines = (await show(client, server_id))["addresses"]["home"]
    assert [line["OS-EXT-IPS:type"] for line in lines] == ["fixed", "floating"]
    async with cloud.database.read() as reader:
        guest = await adapter.metadata_at(reader, "n", lines[0]["addr"])
        assert await adapter.metadata_at(reader, "n", "10.9.9.9") is None
    assert guest is not None
    assert (guest.server_id, guest.public_address) == (server_id, "192.0.2.7")


async def test_what_was_done_is_told_step_by_step(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    url = f"{ROOT}/servers/{server_id}/os-instance-actions"
    listed = (await client.get(url, headers=NEWEST)).json()["instanceActions"]
    assert [(a["action"], a["message"]) for a in listed] == [("create", None)]
    one = (await client.get(f"{url}/{listed[0]['request_id']}", headers=NEWEST)).json()["instanceAction"]
    assert [event["result"] for event in one["events"]] == ["Success"] * 3
    assert "host" not in one["events"][0]
    seen = await cloud.admin().get(f"{url}/{listed[0]['request_id']}", headers=NEWEST)
    assert {event["host"] for event in seen.json()["instanceAction"]["events"]} == {"h1"}
    assert (await client.get(f"{url}/req-nope", headers=NEWEST)).status_code == 404


def test_instants_are_written_as_novas():
    moment = datetime(2026, 1, 2, 3, 4, 5, 60, tzinfo=UTC)
    whole = moment.replace(microsecond=0)
    assert bytes(to_the_second(moment)) == bytes(to_the_second(whole)) == b'"2026-01-02T03:04:05Z"'
    assert bytes(without_zone(moment)) == b'"2026-01-02T03:04:05.000060"'
    assert bytes(without_zone(whole)) == b'"2026-01-02T03:04:05.000000"'


async def test_the_password_that_a_guest_posted_is_shown_until_it_is_cleared(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    adapter = ServersAdapter(lambda contract: cloud.bindings[contract])
    address = (await show(client, server_id))["addresses"]["home"][0]["addr"]
    url = f"{ROOT}/servers/{server_id}/os-server-password"
    assert (await client.get(url)).json() == {"password": ""}
    async with cloud.database.begin() as db:
        assert await adapter.keep_password(db, "n", address, "c2VjcmV0") is Kept.KEPT
        assert await adapter.keep_password(db, "n", address, "b3RoZXI=") is Kept.SET_ALREADY
        assert await adapter.keep_password(db, "n", "10.9.9.9", "c2VjcmV0") is Kept.NO_GUEST
        guest = await adapter.metadata_at(db, "n", address)
    assert guest is not None
    assert guest.password == "c2VjcmV0"
    assert (await client.get(url)).json() == {"password": "c2VjcmV0"}
    assert (await client.delete(url)).status_code == 204
    assert (await client.get(url)).json() == {"password": ""}
