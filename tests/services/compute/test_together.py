"""Compute with the real placement, image and network services, on hosts and networks that only remember."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.services.compute.fakes import NEWEST

from cumulo.contracts.hypervisor import Hypervisor
from cumulo.core.auth.tokens import Keyring
from cumulo.core.bus import Bus, LocalBus, verbs
from cumulo.core.db import Database
from cumulo.core.drivers import Permanent
from cumulo.node.hypervisor.fake import FakeHypervisor
from cumulo.services import compute, image, network, placement
from cumulo.services.compute.domain.flavors import ensure_defaults
from cumulo.services.compute.tasks import listen
from cumulo.services.image.config import ImageSettings, PropertyRule
from cumulo.services.image.drivers import Store
from cumulo.services.image.drivers.files import FileStore
from cumulo.services.network.drivers.fake import FakeDriver
from cumulo.services.network.drivers.specs import Driver
from cumulo.testing.cloud import Cloud

NETWORK, IMAGE, COMPUTE = "/network/v2.0", "/image/v2", "/compute/v2.1"


class WholeCloud(Cloud):
    """All the services that a server needs, with one host."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.bus, self.host, self.database = LocalBus(), FakeHypervisor("h1"), database
        services = [service.SERVICE for service in (compute, image, network, placement)]
        bindings: dict[type, Any] = {Bus: self.bus, Driver: FakeDriver(), Store: FileStore(folder)}
        bindings[Keyring] = Keyring(folder.with_name("token-keys"))
        super().__init__(services, database, bindings)
        for service in services:
            for contract, factory in service.adapters.items():
                self.bindings[contract] = made(factory, self.bindings)
        listen(self.bus, self.tasks)

    async def begin(self) -> None:
        async with self.database.begin() as db:
            await ensure_defaults(db)
        await self.bus.serve("h1", verbs("hypervisor", Hypervisor, self.host))
        await self.bus.publish("host.report", await self.host.report())
        await self.bus.settle()


def made(factory: Any, bindings: dict[type, Any]) -> Any:
    try:
        return factory(lambda contract: bindings[contract])
    except TypeError:
        return factory()


@pytest.fixture
async def cloud(database: Database, tmp_path: Path) -> AsyncIterator[WholeCloud]:
    async with WholeCloud(database, tmp_path / "images") as made_cloud:
        await made_cloud.begin()
        yield made_cloud


async def a_network(client: httpx.AsyncClient) -> str:
    network_id = (await client.post(f"{NETWORK}/networks", json={"network": {"name": "home"}})).json()
    wanted = {"network_id": network_id["network"]["id"], "ip_version": 4, "cidr": "10.1.0.0/24"}
    answer = await client.post(f"{NETWORK}/subnets", json={"subnet": wanted})
    assert answer.status_code == 201, answer.text
    return str(wanted["network_id"])


async def an_image(client: httpx.AsyncClient) -> str:
    facts = {"name": "mini", "disk_format": "raw", "container_format": "bare"}
    image_id = (await client.post(f"{IMAGE}/images", json=facts)).json()["id"]
    data = b"\0" * 4096
    kind = {"Content-Type": "application/octet-stream"}
    answer = await client.put(f"{IMAGE}/images/{image_id}/file", content=data, headers=kind)
    assert answer.status_code == 204, answer.text
    shown = (await client.get(f"{IMAGE}/images/{image_id}")).json()
    assert shown["os_hash_value"] == hashlib.sha512(data).hexdigest()
    return str(image_id)


async def a_server(client: httpx.AsyncClient, **changes: Any) -> str:
    body = {"name": "web", "imageRef": await an_image(client), "flavorRef": "c1", **changes}
    response = await client.post(f"{COMPUTE}/servers", json={"server": body}, headers=NEWEST)
    assert response.status_code == 202, response.text
    return str(response.json()["server"]["id"])


async def shown(client: httpx.AsyncClient, server_id: str) -> dict[str, Any]:
    response = await client.get(f"{COMPUTE}/servers/{server_id}", headers=NEWEST)
    document: dict[str, Any] = response.json()["server"]
    return document


async def test_a_server_lives_and_leaves_nothing(cloud: WholeCloud):
    client = cloud.member("p1")
    network_id = await a_network(client)
    server_id = await a_server(client, networks=[{"uuid": network_id}])
    await cloud.settle()
    server = await shown(client, server_id)
    assert server["status"] == "ACTIVE", server
    address = server["addresses"]["home"][0]["addr"]
    assert address.startswith("10.1.0.")
    assert server["security_groups"] == [{"name": "default"}]
    ports = (await client.get(f"{NETWORK}/ports?device_id={server_id}")).json()["ports"]
    assert ports[0]["fixed_ips"][0]["ip_address"] == address
    guest = cloud.host.guests_by_id[server_id]
    assert guest.spec.nics[0].port_id == ports[0]["id"]
    assert guest.spec.root.image_path is not None
    held = (await cloud.admin().get(f"/placement/allocations/{server_id}")).json()["allocations"]
    assert next(iter(held.values()))["resources"] == {"VCPU": 1, "MEMORY_MB": 128, "DISK_GB": 1}
    assert (await client.delete(f"{COMPUTE}/servers/{server_id}")).status_code == 204
    await cloud.settle()
    assert (await client.get(f"{NETWORK}/ports?device_id={server_id}")).json()["ports"] == []
    assert (await cloud.admin().get(f"/placement/allocations/{server_id}")).json()["allocations"] == {}
    assert cloud.host.guests_by_id == {}


async def test_a_port_that_was_given_outlives_its_server(cloud: WholeCloud):
    client = cloud.member("p1")
    network_id = await a_network(client)
    wanted = {"port": {"network_id": network_id, "name": "mine"}}
    port = (await client.post(f"{NETWORK}/ports", json=wanted)).json()["port"]
    server_id = await a_server(client, networks=[{"port": port["id"]}])
    await cloud.settle()
    assert (await shown(client, server_id))["status"] == "ACTIVE"
    await client.delete(f"{COMPUTE}/servers/{server_id}")
    await cloud.settle()
    left = (await client.get(f"{NETWORK}/ports/{port['id']}")).json()["port"]
    assert (left["device_id"], left["device_owner"]) == ("", "")


async def test_a_boot_that_fails_leaves_no_port_and_no_claim(cloud: WholeCloud):
    client = cloud.member("p1")
    await a_network(client)
    cloud.host.fail("ensure", Permanent("the disk is full"))
    server_id = await a_server(client, networks="auto")
    await cloud.settle()
    server = await shown(client, server_id)
    assert (server["status"], server["fault"]["message"]) == ("ERROR", "the disk is full")
    assert (await client.get(f"{NETWORK}/ports?device_id={server_id}")).json()["ports"] == []
    assert (await cloud.admin().get(f"/placement/allocations/{server_id}")).json()["allocations"] == {}


async def test_the_refusal_says_what_the_host_lacks(cloud: WholeCloud):
    client = cloud.member("p1")
    await a_network(client)
    body = {"flavor": {"name": "huge", "ram": 100_000, "vcpus": 1, "disk": 1, "id": "huge"}}
    await cloud.admin().post(f"{COMPUTE}/flavors", json=body)
    await cloud.admin().put(f"{COMPUTE}/os-quota-sets/p1", json={"quota_set": {"ram": -1}})
    server_id = await a_server(client, networks="auto", flavorRef="huge")
    await cloud.settle()
    fault = (await shown(client, server_id))["fault"]["message"]
    assert fault == "No valid host was found: one lacks 100000 MiB of memory."
    told = (await shown(cloud.admin(), server_id))["fault"]["details"]
    assert told == ("No valid host was found: h1 lacks 100000 MiB of memory (65536 of 65536 free).")


async def test_a_floating_address_and_a_group_show_on_the_server(cloud: WholeCloud):
    client, admin = cloud.member("p1"), cloud.admin()
    outside = {"network": {"name": "outside", "router:external": True}}
    outer = (await admin.post(f"{NETWORK}/networks", json=outside)).json()["network"]["id"]
    subnet = {"network_id": outer, "ip_version": 4, "cidr": "192.0.2.0/24"}
    await admin.post(f"{NETWORK}/subnets", json={"subnet": subnet})
    network_id = await a_network(client)
    inner = (await client.get(f"{NETWORK}/subnets?network_id={network_id}")).json()["subnets"][0]["id"]
    gateway = {"router": {"external_gateway_info": {"network_id": outer}}}
    router = (await client.post(f"{NETWORK}/routers", json=gateway)).json()["router"]["id"]
    await client.put(f"{NETWORK}/routers/{router}/add_router_interface", json={"subnet_id": inner})
    server_id = await a_server(client, networks=[{"uuid": network_id}])
    await cloud.settle()
    port = (await client.get(f"{NETWORK}/ports?device_id={server_id}")).json()["ports"][0]["id"]
    wanted = {"floatingip": {"floating_network_id": outer, "port_id": port}}
    made_ip = (await client.post(f"{NETWORK}/floatingips", json=wanted)).json()["floatingip"]
    lines = (await shown(client, server_id))["addresses"]["home"]
    assert [(line["OS-EXT-IPS:type"], line["addr"]) for line in lines][1:] == [
        ("floating", made_ip["floating_ip_address"])
    ]
    await client.post(f"{NETWORK}/security-groups", json={"security_group": {"name": "web"}})
    added = await client.post(
        f"{COMPUTE}/servers/{server_id}/action", json={"addSecurityGroup": {"name": "web"}}
    )
    assert added.status_code == 202, added.text
    groups = (await shown(client, server_id))["security_groups"]
    assert {group["name"] for group in groups} == {"default", "web"}
    await client.put(f"{NETWORK}/floatingips/{made_ip['id']}", json={"floatingip": {"port_id": None}})
    assert len((await shown(client, server_id))["addresses"]["home"]) == 1


async def test_old_clients_manage_security_groups_by_compute(cloud: WholeCloud):
    client = cloud.member("p1")
    groups, rules = f"{COMPUTE}/os-security-groups", f"{COMPUTE}/os-security-group-rules"

    async def make(name: str) -> str:
        body = {"security_group": {"name": name, "description": "d"}}
        made_group = (await client.post(groups, json=body)).json()["security_group"]
        assert made_group["rules"] == []
        return str(made_group["id"])

    web, peers = await make("web"), await make("peers")
    wanted = {"parent_group_id": web, "ip_protocol": "tcp", "from_port": 22, "to_port": 22}
    answer = await client.post(rules, json={"security_group_rule": wanted})
    rule = answer.json()["security_group_rule"]
    assert (rule["from_port"], rule["ip_range"], rule["group"]) == (22, {"cidr": "0.0.0.0/0"}, {})
    assert (await client.post(rules, json={"security_group_rule": wanted})).status_code == 400
    wanted |= {"ip_protocol": "icmp", "from_port": -1, "to_port": -1, "group_id": peers}
    answer = await client.post(rules, json={"security_group_rule": wanted})
    other = answer.json()["security_group_rule"]
    assert (other["from_port"], other["group"]) == (-1, {"name": "peers", "tenant_id": "p1"})
    assert (await client.delete(f"{rules}/{rule['id']}")).status_code == 202
    change = {"security_group": {"name": "shop", "description": "e"}}
    shown_group = (await client.put(f"{groups}/{web}", json=change)).json()["security_group"]
    assert (shown_group["name"], [r["id"] for r in shown_group["rules"]]) == ("shop", [other["id"]])
    listed = (await client.get(groups)).json()["security_groups"]
    assert {group["name"] for group in listed} >= {"shop", "peers"}
    assert (await cloud.member("p2").get(f"{groups}/{web}")).status_code == 404
    await a_network(client)
    await a_server(client, networks="auto", security_groups=[{"name": "shop"}])
    await cloud.settle()
    assert (await client.delete(f"{groups}/{web}")).status_code == 400
    assert (await client.delete(f"{groups}/{peers}")).status_code == 202
    assert (await client.get(groups, headers=NEWEST)).status_code == 404


OLD_API = {"X-OpenStack-Nova-API-Version": "2.35"}


async def test_old_clients_see_and_change_images_by_compute(cloud: WholeCloud):
    client, other = cloud.member("p1"), cloud.member("p2")
    image_id = await an_image(client)
    path = f"/compute/v2.1/images/{image_id}"
    shown = (await client.get(path, headers=OLD_API)).json()["image"]
    assert (shown["status"], shown["progress"]) == ("ACTIVE", 100)
    listed = (await client.get("/compute/v2.1/images/detail", headers=OLD_API)).json()["images"]
    assert [image["id"] for image in listed] == [image_id]
    for query, count in (("status=ACTIVE", 1), ("status=SAVING", 0), ("name=none", 0), ("limit=0", 0)):
        some = await client.get(f"/compute/v2.1/images?{query}", headers=OLD_API)
        assert len(some.json()["images"]) == count, query
    made = await client.post(f"{path}/metadata", json={"metadata": {"a": "1"}}, headers=OLD_API)
    assert made.json()["metadata"]["a"] == "1"
    changed = await client.put(f"{path}/metadata/a", json={"meta": {"a": "2"}}, headers=OLD_API)
    assert changed.json() == {"meta": {"a": "2"}}
    assert (await client.get(f"{path}/metadata/a", headers=OLD_API)).json() == {"meta": {"a": "2"}}
    assert (await client.delete(f"{path}/metadata/a", headers=OLD_API)).status_code == 204
    assert (await client.get(f"{path}/metadata/a", headers=OLD_API)).status_code == 404
    replaced = await client.put(f"{path}/metadata", json={"metadata": {"b": "3"}}, headers=OLD_API)
    assert replaced.json() == {"metadata": {"b": "3"}}
    assert (await other.delete(path, headers=OLD_API)).status_code in (403, 404)
    assert (await client.delete(path, headers=OLD_API)).status_code == 204
    assert (await client.get(path, headers=OLD_API)).status_code == 404
    newer = {"X-OpenStack-Nova-API-Version": "2.36"}
    assert (await client.get("/compute/v2.1/images", headers=newer)).status_code == 404


async def test_old_clients_are_held_to_what_the_image_api_protects(cloud: WholeCloud):
    rule = PropertyRule(pattern="x_billing_.*", create=("admin",), read=("admin",), update=("admin",))
    cloud.bindings[ImageSettings] = ImageSettings(protected_properties=(rule,))
    client, admin = cloud.member("p1"), cloud.admin()
    image_id = await an_image(client)
    path = f"{COMPUTE}/images/{image_id}/metadata"
    billed = {"metadata": {"x_billing_code": "1"}}
    assert (await client.post(path, json=billed, headers=OLD_API)).status_code == 403
    assert (await admin.post(path, json=billed, headers=OLD_API)).status_code == 200
    assert (await client.get(path, headers=OLD_API)).json() == {"metadata": {}}
    replaced = await client.put(path, json={"metadata": {"a": "1"}}, headers=OLD_API)
    assert replaced.json() == {"metadata": {"a": "1"}}
    kept = (await admin.get(path, headers=OLD_API)).json()["metadata"]
    assert kept == {"a": "1", "x_billing_code": "1"}
    for name in ("status", "name", "os_glance_x", "locations", "owner"):
        refused = await client.post(path, json={"metadata": {name: "x"}}, headers=OLD_API)
        assert (refused.status_code, name in refused.text) == (403, True)
    assert (await client.get(f"{IMAGE}/images/{image_id}")).json()["status"] == "active"


async def test_old_clients_who_describe_an_image_at_the_same_time_do_not_undo_each_other(cloud: WholeCloud):
    client = cloud.member("p1")
    path = f"{COMPUTE}/images/{await an_image(client)}/metadata"
    wanted = {f"k{number}": "x" for number in range(8)}
    puts = (client.put(f"{path}/{key}", json={"meta": {key: "x"}}, headers=OLD_API) for key in wanted)
    assert {answer.status_code for answer in await asyncio.gather(*puts)} == {200}
    assert (await client.get(path, headers=OLD_API)).json() == {"metadata": wanted}


async def test_old_clients_see_no_image_that_is_shared_no_more(cloud: WholeCloud):
    client, other = cloud.member("p1"), cloud.member("p2")
    image_id = await an_image(client)
    await client.post(f"{IMAGE}/images/{image_id}/members", json={"member": "p2"})
    accepted = {"status": "accepted"}
    assert (await other.put(f"{IMAGE}/images/{image_id}/members/p2", json=accepted)).status_code == 200
    path = f"{COMPUTE}/images/{image_id}"
    assert (await other.get(path, headers=OLD_API)).status_code == 200
    private = [{"op": "replace", "path": "/visibility", "value": "private"}]
    kind = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    url = f"{IMAGE}/images/{image_id}"
    changed = await client.patch(url, content=msgspec.json.encode(private), headers=kind)
    assert changed.status_code == 200, changed.text
    assert (await other.get(path, headers=OLD_API)).status_code == 404
    assert (await other.get(f"{COMPUTE}/images", headers=OLD_API)).json()["images"] == []
