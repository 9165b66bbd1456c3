"""Volumes made from images, and what becomes of them when an image goes meanwhile."""

import json

import pytest
from tests.services.block_storage.fakes import IMAGE, StorageCloud, image, make_volume
from tests.services.block_storage.test_volumes import NOBODY, act, create, show


async def test_a_volume_from_an_image_is_bootable_and_knows_it(cloud: StorageCloud):
    volume = await make_volume(cloud, imageRef=IMAGE)
    assert (volume["status"], volume["bootable"]) == ("available", "true")
    assert volume["volume_image_metadata"]["image_id"] == IMAGE
    assert volume["volume_image_metadata"]["hw_disk_bus"] == "virtio"
    assert cloud.pool.content[volume["id"]] == "file:/images/mini"


async def test_an_image_deleted_while_a_volume_is_filled_leaves_it_whole(cloud: StorageCloud, monkeypatch):
    fill = cloud.pool.fill

    async def fill_and_lose(spec, source) -> None:
        await fill(spec, source)
        cloud.images.images.pop(IMAGE, None)

    monkeypatch.setattr(cloud.pool, "fill", fill_and_lose)
    known = cloud.images.images[IMAGE]
    volume = await make_volume(cloud, imageRef=IMAGE)
    assert (volume["status"], volume["bootable"]) == ("available", "true")
    assert volume["volume_image_metadata"]["image_id"] == IMAGE
    cloud.images.images[IMAGE] = known
    await act(cloud, volume, "os-reimage", {"image_id": IMAGE})
    await cloud.settle()
    volume = await show(cloud, volume)
    assert (volume["status"], volume["volume_image_metadata"]["image_id"]) == ("available", IMAGE)


async def test_a_volume_whose_image_goes_before_it_is_filled_says_so(cloud: StorageCloud, latest):
    async with cloud.idle():
        made = (await create(cloud, size=1, imageRef=IMAGE)).json()["volume"]
        del cloud.images.images[IMAGE]
    await cloud.settle()
    assert (await show(cloud, made))["status"] == "error"
    told = (await cloud.member("p1").get("/volume/v3/messages", headers=latest)).json()["messages"]
    assert f"No image found with ID {IMAGE}" in told[0]["user_message"]


async def test_an_image_of_a_server_that_boots_from_a_volume_stands_for_its_snapshot(cloud: StorageCloud):
    source = await make_volume(cloud, size=2, imageRef=IMAGE)
    taken = await cloud.member("p1").post(
        "/volume/v3/snapshots", json={"snapshot": {"volume_id": source["id"]}}
    )
    snapshot = taken.json()["snapshot"]["id"]
    await cloud.settle()
    disks = [
        {"source_type": "snapshot", "snapshot_id": "other", "boot_index": None, "volume_size": 1},
        {"source_type": "snapshot", "snapshot_id": snapshot, "boot_index": 0, "volume_size": 2},
    ]
    properties = {"block_device_mapping": json.dumps(disks)}
    cloud.images.images[IMAGE] = image(IMAGE, size=0, virtual_size=None, path=None, properties=properties)
    made = await make_volume(cloud, size=2, imageRef=IMAGE)
    assert (made["status"], made["bootable"], made["snapshot_id"]) == ("available", "true", snapshot)
    properties["block_device_mapping"] = json.dumps([{**disks[1], "snapshot_id": NOBODY}])
    assert (await create(cloud, size=2, imageRef=IMAGE)).status_code == 404
    properties["block_device_mapping"] = "[nonsense"
    assert (await create(cloud, size=2, imageRef=IMAGE)).status_code == 202


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"virtual_size": 3 << 30}, "larger than volume size"),
        ({"min_disk": 5}, "minDisk"),
        ({"status": "queued"}, "not active"),
    ],
)
async def test_an_image_that_does_not_fit_is_refused(cloud: StorageCloud, changes, reason):
    cloud.images.images[IMAGE] = image(IMAGE, **changes)
    answer = await create(cloud, size=1, imageRef=IMAGE)
    assert answer.status_code == 400
    assert reason in answer.json()["badRequest"]["message"]
