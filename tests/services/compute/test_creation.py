from typing import Any

import pytest
from tests.services.compute.fakes import (
    BODY,
    IMAGE,
    NEWEST,
    ComputeCloud,
    create,
    image,
    show,
)
from tests.services.compute.neighbours import NETWORK

from cumulo.core.drivers import Permanent
from cumulo.node.metadata import tree


async def test_a_server_is_placed_wired_and_booted(cloud: ComputeCloud):
    client = cloud.member("p1")
    async with cloud.idle():
        server_id = await create(client, metadata={"a": "b"}, user_data="aGk=", tags=["x"])
        assert (await show(client, server_id))["status"] == "BUILD"
    await cloud.settle()
    server = await show(client, server_id)
    assert server["status"] == "ACTIVE"
    assert server["OS-EXT-STS:task_state"] is None
    assert server["OS-EXT-STS:power_state"] == 1
    assert server["addresses"]["home"][0]["OS-EXT-IPS:type"] == "fixed"
    assert server["flavor"]["original_name"] == "mini"
    assert server["metadata"] == {"a": "b"}
    assert server["tags"] == ["x"]
    assert server["security_groups"] == [{"name": "default"}]
    guest = cloud.hosts["h1"].guests_by_id[server_id]
    assert guest.spec.memory_mib == 128
    assert guest.spec.root.image_path == "/images/mini"
    assert len(guest.spec.nics) == 1


async def test_the_answer_to_a_creation_is_novas(cloud: ComputeCloud):
    response = await cloud.member("p1").post("/compute/v2.1/servers", json={"server": BODY}, headers=NEWEST)
    server = response.json()["server"]
    assert set(server) == {"id", "links", "OS-DCF:diskConfig", "security_groups", "adminPass"}
    assert response.headers["Location"].endswith(f"/compute/v2.1/servers/{server['id']}")
    assert server["links"][0]["href"].endswith(f"/compute/v2.1/servers/{server['id']}")
    assert server["links"][1]["href"].endswith(f"/compute/servers/{server['id']}")
    assert response.headers["x-openstack-nova-api-version"] == "2.104"
    await cloud.settle()


async def test_a_failed_scheduling_says_which_host_lacks_what(cloud: ComputeCloud):
    client = cloud.member("p1")
    await cloud.add_host("h2", memory_mib=64)
    for host in ("h1", "h2"):
        cloud.placement.providers = {
            key: (name, {**inventories, "MEMORY_MB": inventories["MEMORY_MB"].__class__(total=64)})
            for key, (name, inventories) in cloud.placement.providers.items()
        }
        assert host in {name for name, _ in cloud.placement.providers.values()}
    server_id = await create(client)
    await cloud.settle()
    server = await show(client, server_id)
    assert server["status"] == "ERROR"
    assert server["fault"]["message"] == ("No valid host was found: each of 2 lacks 64 MiB of memory.")
    assert "details" not in server["fault"]
    assert (await show(cloud.admin(), server_id))["fault"]["details"] == (
        "No valid host was found: h1 lacks 64 MiB of memory; h2 lacks 64 MiB of memory."
    )
    assert server["fault"]["code"] == 500
    assert cloud.nothing_left_of(server_id)


async def test_a_host_that_is_silent_takes_no_server(cloud: ComputeCloud):
    await cloud.forget_heartbeat("h1")
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    fault = (await show(client, server_id))["fault"]
    assert fault["message"] == "No valid host was found: one is down."


async def test_of_hosts_that_are_alike_the_first_by_name_is_taken(cloud: ComputeCloud):
    """Whichever reported last: PostgreSQL lists rows in the order of their changes."""
    await cloud.add_host("h2")
    for name in ("h1", "h2", "h1"):
        await cloud.beat(name)
        server_id = await create(cloud.member("p1"))
        await cloud.settle()
        assert (await cloud.server(server_id)).host == "h1"
        await cloud.member("p1").delete(f"/compute/v2.1/servers/{server_id}")
        await cloud.settle()


async def test_a_boot_that_fails_leaves_error_and_nothing_else(cloud: ComputeCloud):
    cloud.hosts["h1"].fail("ensure", Permanent("the disk is full"))
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    server = await show(client, server_id)
    assert server["status"] == "ERROR"
    assert server["fault"]["message"] == "the disk is full"
    assert server["addresses"] == {}
    assert cloud.nothing_left_of(server_id)
    action = (await client.get(f"/compute/v2.1/servers/{server_id}/os-instance-actions")).json()
    assert action["instanceActions"][0]["message"] == "Error"


async def test_a_zone_with_a_host_goes_to_that_host_for_an_administrator(cloud: ComputeCloud):
    await cloud.add_host("h2")
    server_id = await create(cloud.admin(), availability_zone="nova:h2")
    await cloud.settle()
    assert (await cloud.server(server_id)).host == "h2"
    body = {"server": {**BODY, "availability_zone": "nova:h2"}}
    refused = await cloud.member("p1").post("/compute/v2.1/servers", json=body, headers=NEWEST)
    assert refused.status_code == 403
    assert refused.json()["forbidden"]["code"] == 403


async def test_several_servers_are_numbered_and_share_a_reservation(cloud: ComputeCloud):
    client = cloud.member("p1")
    await create(client, min_count=2, max_count=3)
    await cloud.settle()
    listed = (await client.get("/compute/v2.1/servers/detail?sort_key=display_name&sort_dir=asc")).json()
    assert [s["name"] for s in listed["servers"]] == ["web-1", "web-2", "web-3"]
    assert {s["status"] for s in listed["servers"]} == {"ACTIVE"}


async def test_the_quota_refuses_what_passes_it(cloud: ComputeCloud):
    client = cloud.member("p1")
    body = {"server": {**BODY, "min_count": 11}}
    response = await client.post("/compute/v2.1/servers", json=body, headers=NEWEST)
    assert response.status_code == 403
    assert response.json()["forbidden"]["message"].startswith("Quota exceeded for instances")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"flavorRef": "nope"}, "Flavor nope could not be found"),
        ({"imageRef": NETWORK}, "could not be found"),
        ({"key_name": "nope"}, "Invalid key_name provided"),
        ({"user_data": "!!"}, "base 64"),
        ({"user_data": "é"}, "base 64"),
        ({"user_data": "A" * 65536}, "65535"),
        ({"networks": [{"uuid": IMAGE}]}, "Network"),
        ({"networks": [{}]}, "networks"),
        ({"availability_zone": "mars"}, "availability zone"),
        ({"min_count": 3, "max_count": 2}, "min_count"),
        ({"nonsense": 1}, "nonsense"),
        ({"accessIPv4": "::1"}, "accessIPv4"),
        ({"accessIPv6": "1.1.1.1.1"}, "accessIPv6"),
        ({"min_count": 0}, "min_count"),
        ({"name": ""}, "name"),
        ({"metadata": {"a": 1}}, "metadata"),
    ],
)
async def test_a_bad_request_names_what_is_wrong(cloud: ComputeCloud, changes: dict[str, Any], words: str):
    body = {"server": {**BODY, **changes}}
    response = await cloud.member("p1").post("/compute/v2.1/servers", json=body, headers=NEWEST)
    assert response.status_code == 400
    assert words in response.json()["badRequest"]["message"]


async def test_an_image_too_large_for_the_flavor_is_refused(cloud: ComputeCloud):
    cloud.images.images[IMAGE] = image(IMAGE, virtual_size=2 << 30)
    response = await cloud.member("p1").post("/compute/v2.1/servers", json={"server": BODY}, headers=NEWEST)
    assert response.status_code == 400
    assert "disk is too small" in response.json()["badRequest"]["message"]


async def test_a_mapping_that_means_the_image_itself_is_taken(cloud: ComputeCloud):
    device = {
        "uuid": IMAGE,
        "source_type": "image",
        "destination_type": "local",
        "boot_index": 0,
        "delete_on_termination": True,
    }
    server_id = await create(cloud.member("p1"), block_device_mapping_v2=[device])
    await cloud.settle()
    assert (await cloud.server(server_id)).image_id == IMAGE


async def test_a_config_drive_holds_the_metadata(cloud: ComputeCloud):
    server_id = await create(cloud.member("p1"), config_drive=True, user_data="aGk=")
    await cloud.settle()
    drive = cloud.hosts["h1"].guests_by_id[server_id].spec.config_drive
    assert drive is not None
    files = tree.config_drive(drive)
    assert files["openstack/latest/user_data"] == b"hi"
    assert b'"hostname":"web"' in files["openstack/latest/meta_data.json"]
    assert b'"hostname":"web"' in files["ec2/latest/meta-data.json"]
