"""Rebuilding servers that boot from a volume: since 2.93 an image is written over that."""

from typing import Any

import httpx
import pytest
from tests.services.compute.fakes import IMAGE, NEWEST, ComputeCloud, image, show
from tests.services.compute.test_mending import RESCUE
from tests.services.compute.test_tasks import ACTION, SERVER
from tests.services.compute.test_volume_tasks import Volumes
from tests.services.compute.test_volumes import SERVERS, booted, mapping

from cumulo.services.compute.model import BlockDeviceMapping, VmState
from cumulo.services.compute.tasks import RebuildServer
from cumulo.testing.saga import check_saga

OLD = {"OpenStack-API-Version": "compute 2.92"}


@pytest.fixture
async def rooted(cloud: ComputeCloud) -> tuple[str, str]:
    """A server, and the volume that it boots from, made from an image."""
    cloud.images.images[RESCUE] = image(RESCUE)
    volume_id = cloud.volumes.add(bootable=True, image_id=IMAGE)
    root = mapping("volume", volume_id)
    return await booted(cloud, cloud.member("p1"), imageRef="", block_device_mapping_v2=[root]), volume_id


async def rebuild(
    client: httpx.AsyncClient, server_id: str, image_id: str, headers: dict[str, str] = NEWEST
) -> httpx.Response:
    body: dict[str, Any] = {"rebuild": {"imageRef": image_id}}
    return await client.post(f"{SERVERS}/{server_id}/action", json=body, headers=headers)


@pytest.mark.parametrize("image_id", [IMAGE, RESCUE])
async def test_an_image_is_written_over_the_volume(
    cloud: ComputeCloud, rooted: tuple[str, str], image_id: str
):
    server_id, volume_id = rooted
    response = await rebuild(cloud.member("p1"), server_id, image_id)
    assert response.status_code == 202, response.text
    await cloud.settle()
    volume = cloud.volumes.volumes[volume_id]
    assert (volume.image_id, volume.status) == (image_id, "in-use")
    server = await show(cloud.member("p1"), server_id)
    assert (server["status"], server["image"]) == ("ACTIVE", "")
    assert len(cloud.volumes.exports) == 1


async def test_before_only_the_same_image_is_accepted_and_the_volume_is_kept(
    cloud: ComputeCloud, rooted: tuple[str, str]
):
    server_id, _ = rooted
    response = await rebuild(cloud.member("p1"), server_id, RESCUE, OLD)
    assert response.status_code == 400
    assert "different image" in response.json()["badRequest"]["message"]
    assert (await rebuild(cloud.member("p1"), server_id, IMAGE, OLD)).status_code == 202
    cloud.volumes.unwritable.add(IMAGE)  # which nobody asks for
    await cloud.settle()
    assert (await show(cloud.member("p1"), server_id))["status"] == "ACTIVE"


async def test_an_image_that_is_larger_than_the_volume_is_refused(
    cloud: ComputeCloud, rooted: tuple[str, str]
):
    cloud.images.images[RESCUE] = image(RESCUE, min_disk=2)
    response = await rebuild(cloud.member("p1"), rooted[0], RESCUE)
    assert response.status_code == 400
    assert "smaller than the image" in response.json()["badRequest"]["message"]


async def test_a_disk_of_a_host_is_not_made_of_the_image_of_an_encrypted_volume(cloud: ComputeCloud):
    cloud.images.images[RESCUE] = image(RESCUE, properties={"cinder_encryption_key_id": "k"})
    body = {"name": "web", "flavorRef": "c1", "networks": "none", "imageRef": RESCUE}
    answer = await cloud.member("p1").post(SERVERS, json={"server": body}, headers=NEWEST)
    assert (answer.status_code, "encrypted" in answer.text) == (400, True), answer.text
    server_id = await booted(cloud, cloud.member("p1"))
    assert (await rebuild(cloud.member("p1"), server_id, RESCUE)).status_code == 400


async def test_an_image_that_cannot_be_written_leaves_an_error_that_another_rebuild_mends(
    cloud: ComputeCloud, rooted: tuple[str, str]
):
    server_id, volume_id = rooted
    cloud.volumes.unwritable.add(RESCUE)
    await rebuild(cloud.member("p1"), server_id, RESCUE)
    await cloud.settle()
    server = await show(cloud.member("p1"), server_id)
    assert server["status"] == "ERROR"
    assert volume_id in server["fault"]["message"]
    await rebuild(cloud.member("p1"), server_id, IMAGE)
    await cloud.settle()
    assert (await show(cloud.member("p1"), server_id))["status"] == "ACTIVE"


async def test_writing_an_image_over_a_boot_volume_survives_everything(cloud: ComputeCloud):
    volumes = Volumes(cloud)

    async def prepare() -> None:
        await volumes.attached()
        async with cloud.database.begin() as db:
            await db.update(BlockDeviceMapping, boot_index=0)

    async def clean(succeeded: bool) -> None:
        server = await cloud.server(SERVER)
        assert (server.task_state, server.operation) == (None, None)
        assert server.vm_state is (VmState.ACTIVE if succeeded else VmState.ERROR)
        assert volumes.status() == "in-use"
        if succeeded:
            assert cloud.volumes.volumes[volumes.volume].image_id == RESCUE

    def saga() -> RebuildServer:
        return RebuildServer(server_id=SERVER, action_id=ACTION, image_id=RESCUE)

    await check_saga(volumes.world.tasks, saga, prepare, clean)
