"""Tags of devices, told to the guest; and what else a request may leave to the cloud."""

import base64
from typing import Any

import msgspec
import pytest
from tests.services.compute.fakes import BODY, IMAGE, ComputeCloud, create, show
from tests.services.compute.neighbours import NETWORK

from cumulo.contracts.compute import GuestMetadata
from cumulo.core.errors import Conflict
from cumulo.node.metadata import tree
from cumulo.services.compute.adapter import ServersAdapter

SERVERS = "/compute/v2.1/servers"


async def told(cloud: ComputeCloud, server_id: str) -> GuestMetadata:
    adapter = ServersAdapter(lambda contract: cloud.bindings[contract])
    address = next(iter(cloud.ports.ports[server_id])).fixed_ips[0].address
    async with cloud.database.read() as db:
        found = await adapter.metadata_at(db, NETWORK, address)
    assert found is not None
    return found


def disk(uuid: str, **changes: Any) -> dict[str, Any]:
    return {"uuid": uuid, "source_type": "volume", "destination_type": "volume", **changes}


async def test_a_guest_learns_of_its_tagged_devices_only(cloud: ComputeCloud):
    boot, other, plain = (cloud.volumes.add(bootable=True) for _ in range(3))
    nics = [{"uuid": NETWORK, "tag": "outside"}, {"uuid": NETWORK}]
    volumes = [
        disk(boot, boot_index=0, tag="boot", disk_bus="virtio"),
        disk(other, boot_index=1, tag="logs", disk_bus="scsi"),
        disk(plain, boot_index=2),
    ]
    server_id = await create(cloud.member("p1"), networks=nics, block_device_mapping_v2=volumes)
    await cloud.settle()
    guest = await told(cloud, server_id)
    mac = cloud.ports.ports[server_id][0].mac
    assert [(each["type"], each["bus"], each["tags"]) for each in guest.devices] == [
        ("nic", "pci", ["outside"]),
        ("disk", "pci", ["boot"]),
        ("disk", "scsi", ["logs"]),
    ]
    assert guest.devices[0]["mac"] == mac
    assert [each["serial"] for each in guest.devices[1:]] == [boot, other]
    assert guest.devices[1]["path"] == "/dev/vda"
    assert tree.meta_data(guest)["devices"] == list(guest.devices)


@pytest.mark.parametrize(
    ("version", "network", "volume"),
    [("2.31", 400, 400), ("2.32", 202, 202), ("2.36", 202, 400), ("2.37", 400, 400), ("2.42", 202, 202)],
)
async def test_tags_are_taken_in_the_versions_that_have_them(
    cloud: ComputeCloud, version: str, network: int, volume: int
):
    client, headers = cloud.member("p1"), {"X-OpenStack-Nova-API-Version": version}
    tagged = [disk(cloud.volumes.add(), boot_index=1, tag="logs")]
    requests = ({"networks": [{"uuid": NETWORK, "tag": "outside"}]}, {"block_device_mapping_v2": tagged})
    plain = {**BODY, "networks": [{"uuid": NETWORK}]}
    for request, status in zip(requests, (network, volume), strict=True):
        answer = await client.post(SERVERS, json={"server": {**plain, **request}}, headers=headers)
        assert answer.status_code == status, answer.text
        assert status == 202 or "tag" in answer.text


async def test_a_volume_that_is_first_in_line_comes_before_the_image(cloud: ComputeCloud):
    volume_id = cloud.volumes.add(bootable=True)
    client = cloud.member("p1")
    server_id = await create(client, imageRef=IMAGE, block_device_mapping_v2=[disk(volume_id, boot_index=0)])
    await cloud.settle()
    shown = await show(client, server_id)
    assert (shown["status"], shown["image"]) == ("ACTIVE", "")
    spec = cloud.hosts["h1"].guests_by_id[server_id].spec
    assert (spec.root, [each.volume_id for each in spec.volumes]) == (None, [volume_id])


async def test_an_image_of_a_server_wants_the_memory_that_its_own_image_wants(cloud: ComputeCloud):
    cloud.images.images[IMAGE] = msgspec.structs.replace(cloud.images.images[IMAGE], min_ram=96)
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    wanted: list[int] = []
    create_image = cloud.images.create

    async def remember(work: Any, image: Any) -> str:
        wanted.append(image.min_ram)
        return await create_image(work, image)

    cloud.images.create = remember  # type: ignore[method-assign]
    answer = await client.post(f"{SERVERS}/{server_id}/action", json={"createImage": {"name": "copy"}})
    assert (answer.status_code, wanted) == (202, [96])


async def test_a_resize_is_held_against_the_servers_own_project(cloud: ComputeCloud):
    client, admin = cloud.member("p1"), cloud.admin()
    server_id = await create(client)
    await cloud.settle()
    quota = {"quota_set": {"ram": 200}}
    assert (await admin.put("/compute/v2.1/os-quota-sets/p1", json=quota)).status_code == 200
    answer = await admin.post(f"{SERVERS}/{server_id}/action", json={"resize": {"flavorRef": "c2"}})
    assert (answer.status_code, "ram" in answer.text) == (403, True)


async def test_a_rebuild_calls_user_data_by_one_name(cloud: ComputeCloud):
    client, admin = cloud.member("p1"), cloud.admin()
    server_id = await create(client)
    await cloud.settle()
    for version, name in (("2.74", "user_data"), ("2.75", "user_data")):
        headers = {"X-OpenStack-Nova-API-Version": version}
        body = {"rebuild": {"imageRef": IMAGE}}
        answer = await admin.post(f"{SERVERS}/{server_id}/action", json=body, headers=headers)
        await cloud.settle()
        assert [key for key in answer.json()["server"] if key.endswith("user_data")] == [name]


async def test_injecting_the_network_writes_the_addresses_anew(cloud: ComputeCloud):
    client, admin = cloud.member("p1"), cloud.admin()
    server_id = await create(client)
    await cloud.settle()
    cloud.ports.floating[server_id] = "192.0.2.7"
    url, body = f"{SERVERS}/{server_id}/action", {"injectNetworkInfo": None}
    assert (await client.post(url, json=body)).status_code == 403
    assert (await admin.post(url, json=body)).status_code == 202
    lines = (await show(client, server_id))["addresses"]["home"]
    assert [line["addr"] for line in lines if line["OS-EXT-IPS:type"] == "floating"] == ["192.0.2.7"]


def file(path: str, contents: bytes = b"words") -> dict[str, str]:
    return {"path": path, "contents": base64.b64encode(contents).decode()}


async def test_files_that_a_request_puts_into_a_server_are_told_to_its_guest(cloud: ComputeCloud):
    client, old = cloud.member("p1"), {"X-OpenStack-Nova-API-Version": "2.56"}
    body = {"server": {**BODY, "personality": [file("/etc/one", b"1"), file("two", b"2")]}}
    server_id = (await client.post(SERVERS, json=body, headers=old)).json()["server"]["id"]
    await cloud.settle()
    guest = await told(cloud, server_id)
    assert guest.files == (("/etc/one", b"1"), ("two", b"2"))
    listed = tree.meta_data(guest)["files"]
    assert listed[1] == {"path": "two", "content_path": "/content/0001"}
    rebuild = {"rebuild": {"imageRef": IMAGE, "personality": [file("/etc/three", b"3")]}}
    answer = await client.post(f"{SERVERS}/{server_id}/action", json=rebuild, headers=old)
    assert answer.status_code == 202, answer.text
    await cloud.settle()
    assert (await told(cloud, server_id)).files == (("/etc/three", b"3"),)


@pytest.mark.parametrize(
    ("files", "version", "status"),
    [
        ([file(str(number)) for number in range(6)], "2.56", 403),
        ([file("x" * 256)], "2.56", 403),
        ([file("x", b"y" * 10241)], "2.56", 403),
        ([{"path": "x", "contents": "?"}], "2.56", 400),
        ([{"path": "x"}], "2.56", 400),
        ([file("x")], "2.57", 400),
    ],
)
async def test_files_that_are_too_many_or_too_long_are_refused(
    cloud: ComputeCloud, files: list[dict[str, str]], version: str, status: int
):
    client, headers = cloud.member("p1"), {"X-OpenStack-Nova-API-Version": version}
    answer = await client.post(SERVERS, json={"server": {**BODY, "personality": files}}, headers=headers)
    assert answer.status_code == status
    assert "ersonality" in answer.text or "contents" in answer.text
    assert (await client.get(SERVERS)).json()["servers"] == []


@pytest.mark.parametrize(
    ("version", "has"), [("2.53", False), ("2.54", True), ("2.56", True), ("2.74", True), ("2.75", True)]
)
async def test_a_rebuild_tells_of_the_key_since_2_54(cloud: ComputeCloud, version: str, has: bool):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    headers, body = {"X-OpenStack-Nova-API-Version": version}, {"rebuild": {"imageRef": IMAGE}}
    answer = await client.post(f"{SERVERS}/{server_id}/action", json=body, headers=headers)
    assert ("key_name" in answer.json()["server"]) is has


async def test_groups_change_while_a_server_is_rescued(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    url = f"{SERVERS}/{server_id}/action"
    assert (await client.post(url, json={"rescue": None})).status_code == 200
    await cloud.settle()
    assert (await client.post(url, json={"addSecurityGroup": {"name": "web"}})).status_code == 202
    assert {"name": "web"} in (await show(client, server_id))["security_groups"]


async def test_a_floating_ip_that_cannot_be_led_there_is_a_bad_request(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()

    async def taken(*_: Any, **__: Any) -> None:
        raise Conflict("Its only address has one.")

    cloud.ports.associate = taken  # type: ignore[method-assign]
    body = {"addFloatingIp": {"address": "192.0.2.7"}}
    answer = await client.post(f"{SERVERS}/{server_id}/action", json=body)
    assert (answer.status_code, "only address" in answer.text) == (400, True)
