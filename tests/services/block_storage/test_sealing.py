"""Turning the keys of passphrases and connections."""

import pytest
from tests.services.block_storage.fakes import StorageCloud, make_volume

from cumulo.contracts.sealing import KEPT_KEYS, Sealers
from cumulo.services.block_storage.keys import VolumeKeys, passphrase
from cumulo.services.block_storage.model import Volume, VolumeAttachment
from cumulo.services.block_storage.pools import access_of

TYPES = "/volume/v3/types"
HOW = {"provider": "luks", "cipher": "aes-xts-plain64", "key_size": 256}


@pytest.fixture
async def sealed(cloud: StorageCloud, latest) -> tuple[str, str]:
    """An encrypted volume and its attachment's id."""
    admin = cloud.admin()
    admin.headers.update(latest)
    kind = (await admin.post(TYPES, json={"volume_type": {"name": "secret"}})).json()["volume_type"]
    assert (await admin.post(f"{TYPES}/{kind['id']}/encryption", json={"encryption": HOW})).status_code == 200
    volume = await make_volume(cloud, volume_type="secret")
    body = {"attachment": {"volume_uuid": volume["id"], "connector": {"host": "h"}}}
    made = await admin.post("/volume/v3/attachments", json=body)
    assert made.status_code == 200, made.text
    return volume["id"], made.json()["attachment"]["id"]


async def opened(cloud: StorageCloud, sealed: tuple[str, str]):
    keys = cloud.bindings[VolumeKeys]
    async with cloud.engine.database.read() as db:
        volume, attachment = await db.get(Volume, sealed[0]), await db.get(VolumeAttachment, sealed[1])
    assert volume is not None
    assert attachment is not None
    return passphrase(keys, volume), access_of(keys, attachment), volume.sealed_key


async def test_all_is_sealed_anew_by_every_turn_and_opens_after_many(cloud, sealed):
    owner = cloud.bindings[Sealers].by_service["block_storage"]
    before = await opened(cloud, sealed)
    for _ in range(KEPT_KEYS + 2):
        async with cloud.tasks.work() as work:
            assert await owner.reseal(work) == 2
    after = await opened(cloud, sealed)
    assert before[:2] == after[:2]
    keys = cloud.bindings[VolumeKeys]
    assert before[2] != after[2]
    assert keys.is_current(after[2])
    assert len(list(keys.folder.glob("*.key"))) == KEPT_KEYS


async def test_turns_that_fail_lose_no_passphrase(cloud, sealed):
    owner = cloud.bindings[Sealers].by_service["block_storage"]
    before = await opened(cloud, sealed)
    for _ in range(KEPT_KEYS + 2):
        with pytest.raises(ZeroDivisionError):
            async with cloud.tasks.work() as work:
                await owner.reseal(work)
                raise ZeroDivisionError
    assert await opened(cloud, sealed) == before
