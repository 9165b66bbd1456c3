"""Networks and floating IPs by compute's API, as it was until 2.35, on the real network service."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from cumulo.contracts.network import FormerNetworkCalls, SecurityGroups
from cumulo.core.db import Database
from cumulo.services import compute, network
from cumulo.services.network.adapter import SecurityGroupsAdapter
from cumulo.services.network.drivers.fake import FakeDriver
from cumulo.services.network.drivers.specs import Driver
from cumulo.services.network.former import FormerNetworkCallsAdapter
from cumulo.testing.cloud import Cloud

URL, NETWORK = "/compute/v2.1", "/network/v2.0"
LAST, GONE = {"X-OpenStack-Nova-API-Version": "2.35"}, {"X-OpenStack-Nova-API-Version": "2.36"}
PLACES = ("os-networks", "os-tenant-networks", "os-floating-ips", "os-floating-ip-pools")


class OldCloud(Cloud):
    """Compute and network."""

    def __init__(self, database: Database) -> None:
        bindings: dict[type, Any] = {Driver: FakeDriver(), SecurityGroups: SecurityGroupsAdapter()}
        bindings[FormerNetworkCalls] = FormerNetworkCallsAdapter()
        super().__init__([compute.SERVICE, network.SERVICE], database, bindings)


@pytest.fixture
async def cloud(database: Database) -> AsyncIterator[OldCloud]:
    await database.create_all()
    async with OldCloud(database) as cloud:
        yield cloud


async def a_network(client: httpx.AsyncClient, cidr: str, **values: Any) -> str:
    answer = await client.post(f"{NETWORK}/networks", json={"network": values})
    assert answer.status_code == 201, answer.text
    network_id = str(answer.json()["network"]["id"])
    subnet = {"network_id": network_id, "ip_version": 4, "cidr": cidr}
    answer = await client.post(f"{NETWORK}/subnets", json={"subnet": subnet})
    assert answer.status_code == 201, answer.text
    return network_id


async def asked(client: httpx.AsyncClient, path: str, **values: Any) -> Any:
    answer = await client.get(f"{URL}/{path}", headers=LAST, **values)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_project_sees_its_own_networks_and_external_ones(cloud: OldCloud):
    admin, client = cloud.admin(), cloud.member("p1")
    outside = await a_network(admin, "192.0.2.0/28", name="outside", **{"router:external": True})
    await a_network(admin, "10.9.0.0/24", name="hidden")
    home = await a_network(client, "10.1.0.0/24", name="home")
    assert [each["label"] for each in (await asked(client, "os-networks"))["networks"]] == ["outside", "home"]
    assert len((await asked(admin, "os-networks"))["networks"]) == 3
    found = (await asked(client, f"os-tenant-networks/{home}"))["network"]
    assert found == {"id": home, "cidr": "None", "label": "home"}
    assert {each["id"] for each in (await asked(client, "os-tenant-networks"))["networks"]} == {home, outside}
    shown, whole = [(await asked(each, f"os-networks/{home}"))["network"] for each in (client, admin)]
    assert shown.keys() < whole.keys()
    assert (shown["id"], shown["label"], shown["cidr"]) == (home, "home", None)
    missing = await client.get(f"{URL}/os-networks/nope", headers=LAST)
    assert (missing.status_code, "nope" in missing.text) == (404, True)


async def test_a_floating_ip_is_taken_shown_listed_and_given_back(cloud: OldCloud):
    admin, client = cloud.admin(), cloud.member("p1")
    await a_network(admin, "192.0.2.0/28", name="outside", **{"router:external": True})
    assert await asked(client, "os-floating-ip-pools") == {"floating_ip_pools": [{"name": "outside"}]}
    answer = await client.post(f"{URL}/os-floating-ips", json={"pool": "outside"}, headers=LAST)
    assert answer.status_code == 200, answer.text
    made = answer.json()["floating_ip"]
    assert made["ip"].startswith("192.0.2.")
    assert (made["pool"], made["fixed_ip"], made["instance_id"]) == ("outside", None, None)
    assert await asked(client, f"os-floating-ips/{made['id']}") == {"floating_ip": made}
    assert await asked(client, "os-floating-ips") == {"floating_ips": [made]}
    assert await asked(cloud.member("p2"), "os-floating-ips") == {"floating_ips": []}
    strange = await cloud.member("p2").delete(f"{URL}/os-floating-ips/{made['id']}", headers=LAST)
    assert strange.status_code == 404
    assert (await client.delete(f"{URL}/os-floating-ips/{made['id']}", headers=LAST)).status_code == 202
    assert await asked(client, "os-floating-ips") == {"floating_ips": []}


async def test_a_pool_may_be_unknown_empty_or_not_named_at_all(cloud: OldCloud):
    admin, client = cloud.admin(), cloud.member("p1")
    none = await client.post(f"{URL}/os-floating-ips", json={}, headers=LAST)
    assert none.status_code == 404
    await a_network(admin, "192.0.2.0/29", name="small", **{"router:external": True})
    unknown = await client.post(f"{URL}/os-floating-ips", json={"pool": "nope"}, headers=LAST)
    assert (unknown.status_code, "pool" in unknown.text) == (404, True)
    answers = [
        await client.post(f"{URL}/os-floating-ips", json={"pool": None}, headers=LAST) for _ in range(6)
    ]
    pools = [answer.json()["floating_ip"]["pool"] for answer in answers if answer.status_code == 200]
    assert 1 <= len(pools) < 6
    assert set(pools) == {"small"}
    assert (answers[-1].status_code, "No more floating IPs" in answers[-1].text) == (404, True)


async def test_the_quota_of_floating_ips_holds_here_too(cloud: OldCloud):
    admin, client = cloud.admin(), cloud.member("p1")
    await a_network(admin, "192.0.2.0/28", name="outside", **{"router:external": True})
    await admin.put(f"{NETWORK}/quotas/p1", json={"quota": {"floatingip": 1}})
    assert (await client.post(f"{URL}/os-floating-ips", json={}, headers=LAST)).status_code == 200
    assert (await client.post(f"{URL}/os-floating-ips", json={}, headers=LAST)).status_code == 403


@pytest.mark.parametrize("path", PLACES)
async def test_none_of_it_is_there_since_2_36(cloud: OldCloud, path: str):
    assert (await cloud.member("p1").get(f"{URL}/{path}", headers=GONE)).status_code == 404


async def test_a_rule_shows_the_range_as_it_was_given(cloud: OldCloud):
    client = cloud.member("p1")
    group = {"security_group": {"name": "web", "description": ""}}
    made = (await client.post(f"{URL}/os-security-groups", json=group, headers=LAST)).json()
    rule = {"parent_group_id": made["security_group"]["id"], "ip_protocol": "tcp", "from_port": 22}
    rule |= {"to_port": 22, "cidr": "10.2.3.124/24"}
    body = {"security_group_rule": rule}
    answer = await client.post(f"{URL}/os-security-group-rules", json=body, headers=LAST)
    shown = answer.json()["security_group_rule"]
    assert shown["ip_range"] == {"cidr": "10.2.3.124/24"}
    today = (await client.get(f"{NETWORK}/security-group-rules/{shown['id']}")).json()["security_group_rule"]
    assert (today["remote_ip_prefix"], today["normalized_cidr"]) == ("10.2.3.124/24", "10.2.3.0/24")
    rule["cidr"] = "10.2.3.0/24"  # which means the same
    again = await client.post(f"{URL}/os-security-group-rules", json=body, headers=LAST)
    assert again.status_code == 400, again.text
