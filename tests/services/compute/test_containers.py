from typing import Any

import httpx
import pytest
from tests.services.compute.fakes import IMAGE, NEWEST, ComputeCloud, create, image, show

SERVERS = "/compute/v2.1/servers"


@pytest.fixture
async def box(cloud: ComputeCloud) -> str:
    """A server that is a container."""
    cloud.images.images[IMAGE] = image(IMAGE, disk_format="raw", properties={"img_hv_type": "lxc"})
    server_id = await create(cloud.member("p1"))
    await cloud.settle()
    return server_id


async def act(client: httpx.AsyncClient, server_id: str, action: dict[str, Any]) -> httpx.Response:
    return await client.post(f"{SERVERS}/{server_id}/action", json=action, headers=NEWEST)


async def test_an_image_of_a_container_makes_one(cloud: ComputeCloud, box: str):
    assert (await show(cloud.member("p1"), box))["status"] == "ACTIVE"
    assert cloud.hosts["h1"].guests_by_id[box].spec.container


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({"suspend": None}, "memory"),
        ({"rescue": {}}, "boots from no disk"),
        ({"createImage": {"name": "i"}}, "no image"),
        ({"shelve": None}, "no image"),
        ({"createBackup": {"name": "b", "backup_type": "daily", "rotation": 1}}, "no image"),
        ({"trigger_crash_dump": None}, "kernel"),
        ({"migrate": {"host": None}}, "another host"),
        ({"os-migrateLive": {"host": None, "block_migration": "auto"}}, "another host"),
    ],
)
async def test_what_a_container_cannot_is_a_conflict_in_clear_words(
    cloud: ComputeCloud, box: str, action: dict[str, Any], words: str
):
    refused = await act(cloud.admin("p1"), box, action)
    assert refused.status_code == 409
    message = refused.json()["conflictingRequest"]["message"]
    assert "container" in message
    assert words in message
    assert (await show(cloud.member("p1"), box))["status"] == "ACTIVE"


async def test_a_container_stops_starts_and_goes(cloud: ComputeCloud, box: str):
    client = cloud.member("p1")
    for action, status in (({"os-stop": None}, "SHUTOFF"), ({"os-start": None}, "ACTIVE")):
        assert (await act(client, box, action)).status_code == 202
        await cloud.settle()
        assert (await show(client, box))["status"] == status
    assert (await client.delete(f"{SERVERS}/{box}")).status_code == 204
    await cloud.settle()
    assert cloud.hosts["h1"].guests_by_id == {}


@pytest.mark.parametrize(
    ("specs", "sizes"),
    [({"hw:tpm_version": "2.0"}, {}), ({}, {"swap": 64}), ({"quota:disk_read_iops_sec": "5"}, {})],
)
async def test_what_only_machines_have_is_refused(
    cloud: ComputeCloud, box: str, specs: dict[str, str], sizes: dict[str, int]
):
    del box
    flavor = {"name": "f", "id": "f", "ram": 64, "vcpus": 1, "disk": 1, **sizes}
    admin = cloud.admin()
    await admin.post("/compute/v2.1/flavors", json={"flavor": flavor})
    await admin.post("/compute/v2.1/flavors/f/os-extra_specs", json={"extra_specs": specs})
    body = {"server": {"name": "s", "flavorRef": "f", "imageRef": IMAGE, "networks": "none"}}
    refused = await cloud.member("p1").post(SERVERS, json=body, headers=NEWEST)
    assert refused.status_code == 400
    assert "img_hv_type" in refused.json()["badRequest"]["message"]
