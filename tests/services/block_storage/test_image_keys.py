"""Images of encrypted volumes: the bytes as they lie, and a key that stays here."""

import struct

import pytest
from tests.services.block_storage.fakes import GIB, IMAGE, StorageCloud, image, make_volume
from tests.services.block_storage.test_changes import act, messages
from tests.services.block_storage.test_sealing import HOW, TYPES

from cumulo.contracts.sealing import Sealers
from cumulo.core.db import Reader
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import ReconcileRun
from cumulo.services.block_storage import image_keys
from cumulo.services.block_storage.keys import VolumeKeys, passphrase
from cumulo.services.block_storage.model import ImageKey, Volume
from cumulo.services.block_storage.tasks.housekeeping import keys_of_gone_images

VOLUMES = "/volume/v3/volumes"
PAYLOAD_AT = 4040  # sectors before the content


@pytest.fixture
def admin(cloud: StorageCloud, latest):
    client = cloud.admin("p1")
    client.headers.update(latest)
    return client


@pytest.fixture
async def secret(cloud: StorageCloud, admin) -> dict[str, str]:
    """An encrypted volume, of the type "secret"."""
    kind = (await admin.post(TYPES, json={"volume_type": {"name": "secret"}})).json()["volume_type"]
    assert (await admin.post(f"{TYPES}/{kind['id']}/encryption", json={"encryption": HOW})).status_code == 200
    cloud.pool.head = b"LUKS\xba\xbe\x00\x01".ljust(104, b"\0") + struct.pack(">I", PAYLOAD_AT)
    return await make_volume(cloud, volume_type="secret")


async def imaged(cloud: StorageCloud, admin, volume) -> str:
    body = {"image_name": "portrait", "disk_format": "raw"}
    made = await act(admin, volume, "os-volume_upload_image", body)
    assert made.status_code == 202, made.text
    image_id: str = made.json()["os-volume_upload_image"]["image_id"]
    await cloud.settle()
    return image_id


async def keys_of(db: Reader) -> list[str]:
    return [key.image_id for key in await db.all(ImageKey)]


async def test_a_volume_is_made_of_the_image_of_an_encrypted_one(cloud, admin, secret):
    image_id = await imaged(cloud, admin, secret)
    assert cloud.images.data[image_id] == b"LUKS" + (GIB + PAYLOAD_AT * 512).to_bytes(8)
    told = cloud.images.images[image_id].properties
    assert told["cinder_encryption_key_deletion_policy"] == "on_image_deletion"
    made = await make_volume(cloud, imageRef=image_id, volume_type="secret")
    assert (made["status"], made["encrypted"]) == ("available", True)
    async with cloud.engine.database.read() as db:
        before, after = await db.get(Volume, secret["id"]), await db.get(Volume, made["id"])
        (key,) = await db.all(ImageKey)
    assert told["cinder_encryption_key_id"] == key.id
    keys = cloud.bindings[VolumeKeys]
    source = cloud.pool.sources[made["id"]]
    assert (source.format, source.passphrase) == ("luks", passphrase(keys, before))
    assert passphrase(keys, after) != passphrase(keys, before)
    assert "cinder_encryption_key_id" not in made["volume_image_metadata"]


async def test_what_may_not_have_the_content_is_refused(cloud, admin, secret):
    image_id = await imaged(cloud, admin, secret)
    for changes, client in (
        ({}, cloud.member("p1")),
        ({"volume_type": "secret"}, cloud.member("p2")),
    ):
        body = {"volume": {"size": 1, "imageRef": image_id, **changes}}
        answer = await client.post(VOLUMES, json=body)
        assert (answer.status_code, "is encrypted" in answer.text) == (400, True), answer.text
    plain = await make_volume(cloud)
    assert (await act(admin, plain, "os-reimage", {"image_id": image_id})).status_code == 400
    assert (await act(admin, secret, "os-reimage", {"image_id": image_id})).status_code == 202


async def test_the_name_of_a_key_alone_opens_nothing(cloud, admin, secret):
    image_id = await imaged(cloud, admin, secret)
    named = {"cinder_encryption_key_id": cloud.images.images[image_id].properties[image_keys.NAMED]}
    cloud.images.images[IMAGE] = image(IMAGE, properties=named, owner="p1")
    body = {"volume": {"size": 1, "imageRef": IMAGE, "volume_type": "secret"}}
    answer = await cloud.member("p1").post(VOLUMES, json=body)
    assert (answer.status_code, "key is not known" in answer.text) == (400, True)


async def test_encrypted_bytes_have_one_format(cloud, admin, secret):
    body = {"image_name": "i", "disk_format": "qcow2"}
    answer = await act(admin, secret, "os-volume_upload_image", body)
    assert (answer.status_code, "encrypted" in answer.text) == (400, True)


async def test_an_image_that_cannot_be_made_leaves_no_key(cloud, admin, secret):
    cloud.pool.failing["create_snapshot"] = Permanent("no room")
    await imaged(cloud, admin, secret)
    async with cloud.engine.database.read() as db:
        assert await keys_of(db) == []
    assert "copy volume to image:no room" in await messages(admin)


async def test_keys_of_images_that_are_gone_are_forgotten(cloud, admin, secret):
    kept, gone = await imaged(cloud, admin, secret), await imaged(cloud, admin, secret)
    del cloud.images.images[gone]
    await keys_of_gone_images(ReconcileRun(cloud.tasks, "req-x"))
    async with cloud.engine.database.read() as db:
        assert await keys_of(db) == [kept]


async def test_keys_of_images_turn_with_all_others(cloud, admin, secret):
    image_id = await imaged(cloud, admin, secret)
    async with cloud.tasks.work() as work:
        assert await cloud.bindings[Sealers].by_service["block_storage"].reseal(work) == 2
    made = await make_volume(cloud, imageRef=image_id, volume_type="secret")
    assert made["status"] == "available"


def test_a_device_is_longer_than_its_content_by_the_header():
    head = bytes(104) + struct.pack(">I", 8) + bytes(4)
    assert image_keys.length(head, 2) == (2 << 30) + 4096
