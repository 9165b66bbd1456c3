"""Images in a Ceph cluster."""

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.services.image.catalogue import DATA as SMALL
from tests.services.image.catalogue import V2, active, ask, register, show, upload
from tests.services.image.drivers.storing import put, read

from cumulo.contracts.identity import UnifiedLimits
from cumulo.core.db import Database
from cumulo.core.errors import Unavailable
from cumulo.services.image import SERVICE
from cumulo.services.image.adapter import ImagesAdapter
from cumulo.services.image.config import ImageSettings, StoreSettings
from cumulo.services.image.drivers import Store, Written
from cumulo.services.image.drivers.files import FileStore
from cumulo.services.image.drivers.rbd import RbdStore
from cumulo.services.image.drivers.stores import Stores, open_stores
from cumulo.services.image.drivers.web import Web, open_web
from cumulo.testing.ceph import MARKS, POOL, USER, PrivateCeph
from cumulo.testing.cloud import Cloud

DATA = os.urandom(9_000_001)

pytestmark = MARKS


@pytest.fixture
def chosen(ceph: PrivateCeph) -> StoreSettings:
    where: dict[str, str] = {"conf": str(ceph.conf), "keyring": str(ceph.keyring)}
    return StoreSettings(driver="rbd", ceph_pool=POOL, user=USER, weight=-1, **where)


@pytest.fixture
async def store(chosen: StoreSettings) -> AsyncIterator[RbdStore]:
    store = RbdStore(chosen, name="ceph")
    yield store
    for name in await store.names():
        await store.remove(name)
    for name in await store.abandoned(frozenset(), -3600):
        await store.discard(name)
    store.close()


async def test_what_is_published_is_read_back_whole_and_in_part(store: RbdStore):
    written = await put(store, "u", DATA)
    assert written == Written(
        len(DATA), hashlib.md5(DATA, usedforsecurity=False).hexdigest(), hashlib.sha512(DATA).hexdigest()
    )
    with pytest.raises(FileNotFoundError):
        await read(store, "i")
    assert await store.names() == []
    await store.publish("u", "i")
    assert await read(store, "i") == DATA
    assert await read(store, "i", 4_000_000, 7) == DATA[4_000_000:4_000_007]
    assert await read(store, "i", len(DATA) - 1, 100) == DATA[-1:]
    assert await store.examine("i", lambda file: (file.seek(-3, 2), file.read())) == (
        len(DATA) - 3,
        DATA[-3:],
    )
    assert (await store.names(), store.path("i")) == (["i"], None)


async def test_every_verb_may_be_said_twice(store: RbdStore):
    await put(store, "u", b"x")
    for _ in range(2):
        await store.publish("u", "i")
    for _ in range(2):
        await store.remove("i")
        await store.discard("u")
    writer = await store.begin("v")
    for _ in range(2):
        await writer.discard()
    assert await store.names() == []


async def test_abandoned_uploads_are_old_and_unknown(store: RbdStore):
    for name in ("one", "known"):
        await put(store, name, b"x")
    assert await store.abandoned(frozenset({"known"}), 3600) == []
    assert await store.abandoned(frozenset({"known"}), -3600) == ["one"]


async def test_a_cluster_that_is_away_is_unavailable(chosen: StoreSettings):
    gone = RbdStore(
        StoreSettings(driver="rbd", ceph_pool="nowhere", user=USER, conf=chosen.conf, keyring=chosen.keyring),
        name="gone",
    )
    with pytest.raises(Unavailable, match="gone does not answer"):
        await gone.names()
    gone.close()


@pytest.fixture
async def cloud(
    database: Database, tmp_path: Path, chosen: StoreSettings, store: RbdStore, unified: Any
) -> AsyncIterator[Cloud]:
    settings = ImageSettings(stores={"ceph": chosen}, upload_silence=5)
    bindings: dict[type, Any] = {Store: FileStore(tmp_path / "images"), ImageSettings: settings}
    bindings |= {UnifiedLimits: unified, Stores: open_stores({**bindings}.__getitem__)}
    bindings[Web] = open_web(bindings.__getitem__)
    async with Cloud([SERVICE], database, bindings) as cloud:
        yield cloud
    bindings[Stores].get("ceph").close()


async def test_an_image_is_copied_between_folder_and_cluster(cloud: Cloud, store: RbdStore):
    member = cloud.member("p1")
    image = await active(member, SMALL)
    assert (await ask(member, image["id"], "copy-image", stores=["ceph"])).status_code == 202
    await cloud.settle()
    assert sorted((await show(member, image["id"]))["stores"].split(",")) == ["ceph", "file"]
    [data] = await store.names()
    assert data.startswith(image["id"])
    assert await read(store, data) == SMALL
    left = await cloud.admin().delete(f"{V2}/stores/file/{image['id']}")
    assert left.status_code == 204, left.text
    await cloud.settle()
    assert (await member.get(f"{V2}/images/{image['id']}/file")).content == SMALL


async def test_servers_start_from_the_caches_copy_of_an_image_in_the_cluster(cloud: Cloud, store: RbdStore):
    member = cloud.member("p1")
    image = await register(member)
    sent = {"Content-Type": "application/octet-stream", "x-image-meta-store": "ceph"}
    answer = await member.put(f"{V2}/images/{image['id']}/file", content=SMALL, headers=sent)
    assert answer.status_code == 204, answer.text
    part = await member.get(f"{V2}/images/{image['id']}/file", headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, SMALL[5:10])
    await cloud.settle()
    adapter = ImagesAdapter(cloud.bindings.__getitem__)
    async with cloud.engine.database.read() as db:
        known = await adapter.get(db, image["id"], project_id="p1")
    assert known.path is not None
    assert Path(known.path).read_bytes() == SMALL
    assert (await member.delete(f"{V2}/images/{image['id']}")).status_code == 204
    await cloud.settle()
    assert await store.names() == []
    assert not Path(known.path).exists()


async def test_a_refused_upload_leaves_nothing_in_the_cluster(cloud: Cloud, store: RbdStore):
    member = cloud.member("p1")
    image = await register(member, disk_format="qcow2")
    cloud.bindings[Stores].default = "ceph"
    assert (await upload(member, image["id"], SMALL)).status_code == 415
    assert await store.abandoned(frozenset(), -3600) == []
