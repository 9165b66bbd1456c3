"""Images made of servers."""

import json
from typing import Any

import httpx
import msgspec
from tests.services.compute.fakes import IMAGE, NEWEST, ComputeCloud, create, show
from tests.services.compute.test_tasks import ACTION, SERVER, World
from tests.services.compute.volumes import SNAPSHOT

from cumulo.core.drivers import Permanent
from cumulo.services.compute.tasks import CreateImage
from cumulo.testing.saga import check_saga

SERVERS = "/compute/v2.1/servers"
MADE = "88888888-8888-4888-8888-888888888888"


async def snapshot(client: httpx.AsyncClient, server_id: str, **changes: Any) -> httpx.Response:
    body = {"createImage": {"name": "copy", **changes}}
    return await client.post(f"{SERVERS}/{server_id}/action", json=body, headers=NEWEST)


async def test_a_servers_disk_becomes_an_image_while_it_runs(cloud: ComputeCloud):
    client = cloud.member("p1")
    cloud.images.images[IMAGE] = cloud.images.images[IMAGE].__class__(
        **{**_facts(cloud), "properties": {"os_distro": "mini", "img_signature": "x"}}
    )
    server_id = await create(client)
    await cloud.settle()
    async with cloud.idle():
        response = await snapshot(client, server_id, metadata={"purpose": "backup"})
        assert (await show(client, server_id))["OS-EXT-STS:task_state"].startswith("image_")
    assert response.status_code == 202
    assert "location" not in response.headers
    image_id = response.json()["image_id"]
    await cloud.settle()
    image = cloud.images.images[image_id]
    assert (image.status, image.name) == ("active", "copy")
    assert f"disk of instance-{server_id[:8]}".encode() in cloud.images.data[image_id]
    assert image.properties["instance_uuid"] == server_id
    assert image.properties["image_type"] == "snapshot"
    assert image.properties["base_image_ref"] == IMAGE
    assert (image.properties["purpose"], image.properties["os_distro"]) == ("backup", "mini")
    assert "img_signature" not in image.properties
    assert cloud.hosts["h1"].snapshots == {}
    document = await show(client, server_id)
    assert (document["status"], document["OS-EXT-STS:task_state"]) == ("ACTIVE", None)


def _facts(cloud: ComputeCloud) -> dict[str, Any]:
    image = cloud.images.images[IMAGE]
    return {name: getattr(image, name) for name in image.__struct_fields__}


async def test_old_versions_are_told_where_the_image_is(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    response = await client.post(f"{SERVERS}/{server_id}/action", json={"createImage": {"name": "copy"}})
    assert response.status_code == 202
    image_id = response.headers["location"].rsplit("/", 1)[-1]
    await cloud.settle()
    assert cloud.images.images[image_id].status == "active"


async def test_a_failed_copy_leaves_no_image_and_the_server_as_it_was(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    cloud.hosts["h1"].fail("snapshot", Permanent("no room", public="no room"))
    image_id = (await snapshot(client, server_id)).json()["image_id"]
    await cloud.settle()
    assert image_id not in cloud.images.images
    document = await show(client, server_id)
    assert (document["status"], document["OS-EXT-STS:task_state"]) == ("ACTIVE", None)


async def test_a_server_that_is_being_imaged_is_not_imaged_again(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    await cloud.settle()
    with cloud.hosts["h1"].holding("snapshot"):
        assert (await snapshot(client, server_id)).status_code == 202
        assert (await snapshot(client, server_id)).status_code == 409
        assert (await snapshot(client, server_id, name="")).status_code == 400


async def test_an_image_of_a_server_with_volumes_says_how_to_make_them_again(cloud: ComputeCloud):
    client = cloud.member("p1")
    root = {"source_type": "image", "uuid": IMAGE, "destination_type": "volume"}
    mapping = [{**root, "boot_index": 0, "volume_size": 3}]
    server_id = await create(client, imageRef="", block_device_mapping_v2=mapping)
    await cloud.settle()
    image_id = (await snapshot(client, server_id)).json()["image_id"]
    image = cloud.images.images[image_id]
    assert image.status == "active"
    (entry,) = json.loads(image.properties["block_device_mapping"])
    assert (entry["snapshot_id"], entry["boot_index"], entry["volume_size"]) == (SNAPSHOT, 0, 3)
    second = await create(client, imageRef=image_id)
    await cloud.settle()
    assert (await show(client, second))["status"] == "ACTIVE"
    spec = cloud.hosts["h1"].guests_by_id[second].spec
    assert spec.root is None
    assert cloud.volumes.volumes[spec.volumes[0].volume_id].request.snapshot_id == SNAPSHOT  # type: ignore[union-attr]


async def test_making_an_image_survives_everything(cloud: ComputeCloud):
    world = World(cloud)

    async def running() -> None:
        await world.running()
        cloud.images.data.clear()
        cloud.images.images[MADE] = cloud.images.images[IMAGE].__class__(
            **{**_facts(cloud), "id": MADE, "status": "queued"}
        )

    async def clean(succeeded: bool) -> None:
        server = await cloud.server(SERVER)
        assert (server.task_state, server.operation) == (None, None)
        assert cloud.hosts["h1"].snapshots == {}
        if succeeded:
            assert cloud.images.images[MADE].status == "active"
            assert MADE in cloud.images.data
        else:
            assert MADE not in cloud.images.images

    def saga() -> CreateImage:
        return CreateImage(server_id=SERVER, image_id=MADE, action_id=ACTION)

    await check_saga(world.tasks, saga, running, clean)


async def test_an_image_that_wants_quiet_file_systems_wants_an_agent(cloud: ComputeCloud):
    client = cloud.member("p1")
    wish = {"os_require_quiesce": "yes"}
    cloud.images.images[IMAGE] = msgspec.structs.replace(cloud.images.images[IMAGE], properties=wish)
    server_id = await create(client)
    await cloud.settle()
    refused = await snapshot(client, server_id)
    assert (refused.status_code, "hw_qemu_guest_agent" in refused.text) == (409, True)
    await client.post(f"{SERVERS}/{server_id}/action", json={"os-stop": None})
    await cloud.settle()
    assert (await snapshot(client, server_id)).status_code == 202
