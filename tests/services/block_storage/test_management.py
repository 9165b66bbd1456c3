"""What lies in pools: listed, taken over, and left there."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.services.block_storage.contents import POOL, BytesCloud, bytes_cloud
from tests.services.block_storage.fakes import make_volume

from cumulo.contracts.volumes import VolumeSpec
from cumulo.core.db import Database
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import Tasks
from cumulo.services.block_storage.model import (
    Message,
    Snapshot,
    SnapshotStatus,
    StorageService,
    Volume,
    VolumeStatus,
)
from cumulo.services.block_storage.tasks import (
    SAGAS,
    ManageSnapshot,
    ManageVolume,
    UnmanageSnapshot,
    UnmanageVolume,
)
from cumulo.testing.database import sqlite_database
from cumulo.testing.saga import check_saga

VOLUMES, SNAPSHOTS = "/volume/v3/volumes", "/volume/v3/snapshots"
V_MANAGE, S_MANAGE = "/volume/v3/manageable_volumes", "/volume/v3/manageable_snapshots"
VOLUME, SNAPSHOT = "aaaaaaaa-1111-4111-8111-111111111111", "bbbbbbbb-1111-4111-8111-111111111111"


@pytest.fixture
async def cloud(database: Database, tmp_path: Path) -> AsyncIterator[BytesCloud]:
    async with bytes_cloud(database, tmp_path) as made:
        yield made


@pytest.fixture
async def lite(tmp_path: Path) -> AsyncIterator[BytesCloud]:
    """On SQLite alone, for sagas."""
    async with sqlite_database(tmp_path) as database, bytes_cloud(database, tmp_path) as made:
        yield made


async def act(client, path: str, action: str) -> None:
    answer = await client.post(f"{path}/action", json={action: {}})
    assert answer.status_code == 202, answer.text


async def test_a_volume_is_left_in_its_pool_and_taken_back_with_its_bytes(cloud: BytesCloud, latest):
    volume = await make_volume(cloud, size=2)
    cloud.write(volume["id"], 99, b"stays")
    admin = cloud.admin("p1")
    await act(admin, f"{VOLUMES}/{volume['id']}", "os-unmanage")
    await cloud.settle()
    assert (await admin.get(f"{VOLUMES}/{volume['id']}")).status_code == 404
    listed = await admin.get(f"{V_MANAGE}/detail?host={POOL.replace('#', '%23')}", headers=latest)
    (found,) = listed.json()["manageable-volumes"]
    assert (found["size"], found["safe_to_manage"], found["cinder_id"]) == (2, True, None)
    body = {"volume": {"host": POOL, "ref": found["reference"], "name": "back", "bootable": True}}
    taken = await admin.post(V_MANAGE, json=body, headers=latest)
    assert taken.status_code == 202, taken.text
    await cloud.settle()
    shown = (await admin.get(f"{VOLUMES}/{taken.json()['volume']['id']}")).json()["volume"]
    assert (shown["status"], shown["size"], shown["name"], shown["bootable"]) == (
        "available",
        2,
        "back",
        "true",
    )
    assert cloud.read(shown["id"], 99, 5) == b"stays"
    body["volume"]["bootable"] = None  # as the client writes when nobody says
    again = await admin.post(V_MANAGE, json=body, headers=latest)
    assert (again.status_code, "bootable" in again.text) == (400, False)
    found = (await admin.get(f"{V_MANAGE}/detail?host={POOL.replace('#', '%23')}", headers=latest)).json()
    assert found["manageable-volumes"][0]["reason_not_safe"] == "already managed"


async def test_a_snapshot_is_left_and_taken_back(cloud: BytesCloud, latest):
    volume = await make_volume(cloud)
    admin = cloud.admin("p1")
    made = await admin.post(SNAPSHOTS, json={"snapshot": {"volume_id": volume["id"]}})
    await cloud.settle()
    key = made.json()["snapshot"]["id"]
    refused = await admin.post(f"{VOLUMES}/{volume['id']}/action", json={"os-unmanage": {}})
    assert refused.status_code == 400
    await act(admin, f"{SNAPSHOTS}/{key}", "os-unmanage")
    await cloud.settle()
    assert (await admin.get(f"{SNAPSHOTS}/{key}")).status_code == 404
    listed = await admin.get(f"{S_MANAGE}/detail?host={POOL.replace('#', '%23')}", headers=latest)
    (found,) = listed.json()["manageable-snapshots"]
    assert found["source_reference"] == {"source-name": volume["id"]}
    assert found["safe_to_manage"] is True
    body = {"snapshot": {"volume_id": volume["id"], "ref": found["reference"], "metadata": {"a": "b"}}}
    taken = await admin.post(S_MANAGE, json=body, headers=latest)
    assert taken.status_code == 202, taken.text
    await cloud.settle()
    shown = (await admin.get(f"{SNAPSHOTS}/{taken.json()['snapshot']['id']}")).json()["snapshot"]
    assert (shown["status"], shown["size"], shown["metadata"]) == ("available", 1, {"a": "b"})


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"host": "nobody@nowhere#pool"}, 404, "nobody@nowhere"),
        ({"host": None}, 400, "host"),
        ({"ref": {"source-name": "nothing"}}, 400, "nothing"),
        ({"ref": {}}, 400, "ref"),
        ({"volume_type": "none"}, 404, "none"),
    ],
)
async def test_what_cannot_be_taken_over_is_refused(
    cloud: BytesCloud, latest, change, status: int, said: str
):
    body = {"volume": {"host": POOL, "ref": {"source-name": "x"}, **change}}
    await cloud.disks.create(VolumeSpec(volume_id="x", size_gib=1))
    await cloud.disks.abandon("x")
    answer = await cloud.admin("p1").post(V_MANAGE, json=body, headers=latest)
    assert answer.status_code == status
    assert said in answer.text
    assert (await cloud.admin("p1").get(VOLUMES)).json()["volumes"] == []


async def test_a_list_is_sorted_and_paged(cloud: BytesCloud, latest):
    for name, size in (("a", 3), ("b", 1), ("c", 2)):
        await cloud.disks.create(VolumeSpec(volume_id=name, size_gib=size))
    url = f"{V_MANAGE}?host={POOL.replace('#', '%23')}"
    admin = cloud.admin("p1")

    async def sizes(query: str) -> list[int]:
        found = (await admin.get(url + query, headers=latest)).json()["manageable-volumes"]
        return [one["size"] for one in found]

    assert await sizes("&sort=size:asc") == [1, 2, 3]
    assert await sizes("&sort=reference:asc&limit=1&offset=1") == [1]
    assert await sizes("&sort=reference:asc&marker=b") == [2]
    assert (await admin.get(f"{url}&sort=colour", headers=latest)).status_code == 400


async def test_a_pool_that_fails_leaves_the_volume_of_no_pool(cloud: BytesCloud, latest):
    await cloud.disks.create(VolumeSpec(volume_id="x", size_gib=1))
    await cloud.disks.abandon("x")
    cloud.disks.fail("adopt", Permanent("it is not ours"))
    admin = cloud.admin("p1")
    body = {"volume": {"host": POOL, "ref": {"source-name": "x"}}}
    taken = (await admin.post(V_MANAGE, json=body, headers=latest)).json()["volume"]
    await cloud.settle()
    shown = (await admin.get(f"{VOLUMES}/{taken['id']}")).json()["volume"]
    assert (shown["status"], shown["os-vol-host-attr:host"]) == ("error_managing", None)
    assert (await admin.delete(f"{VOLUMES}/{taken['id']}")).status_code == 202
    await cloud.settle()
    assert "x" in cloud.disks.volumes


async def put(cloud: BytesCloud, status: VolumeStatus) -> None:
    """Have one volume, in the pool under its id."""
    cloud.disks.volumes.clear()
    async with cloud.engine.database.begin() as db:
        for model in (Snapshot, Volume, Message):
            await db.delete(model)
        volume = Volume(id=VOLUME, project_id="p1", user_id="u1", size=1, host=POOL, status=status)
        await db.insert(volume)
    await cloud.disks.create(VolumeSpec(volume_id=VOLUME, size_gib=1))


async def check(cloud: BytesCloud, saga, prepare, clean) -> None:
    def tasks() -> Tasks:
        return Tasks(cloud.engine.database, sagas=SAGAS, bindings=cloud.bindings)

    await check_saga(tasks, lambda: saga, prepare, clean)


async def row(cloud: BytesCloud, model, id: str):
    async with cloud.engine.database.read() as db:
        return await db.get(model, id)


async def test_taking_over_ends_with_a_volume_or_with_what_was_there(lite: BytesCloud):
    async def prepare() -> None:
        await put(lite, VolumeStatus.MANAGING)
        lite.disks.volumes["there"] = lite.disks.volumes.pop(VOLUME)
        await lite.disks.abandon("there")

    async def clean(succeeded: bool) -> None:
        volume = await row(lite, Volume, VOLUME)
        assert volume.status is (VolumeStatus.AVAILABLE if succeeded else VolumeStatus.ERROR_MANAGING)
        assert (volume.operation, volume.host) == (None, POOL if succeeded else None)
        (kept,) = lite.disks.volumes.values()
        assert kept.managed is succeeded

    saga = ManageVolume(volume_id=VOLUME, host=POOL, reference="there")
    await check(lite, saga, prepare, clean)


async def test_leaving_a_volume_ends_without_it_or_with_it_as_it_was(lite: BytesCloud):
    async def prepare() -> None:
        await put(lite, VolumeStatus.UNMANAGING)

    async def clean(succeeded: bool) -> None:
        volume = await row(lite, Volume, VOLUME)
        assert (volume is None) is succeeded
        assert volume is None or volume.status is VolumeStatus.AVAILABLE
        assert lite.disks.volumes[VOLUME].managed is not succeeded

    await check(lite, UnmanageVolume(volume_id=VOLUME), prepare, clean)


async def put_snapshot(cloud: BytesCloud, status: SnapshotStatus) -> None:
    await put(cloud, VolumeStatus.AVAILABLE)
    snapshot = Snapshot(id=SNAPSHOT, volume_id=VOLUME, project_id="p1", user_id="u1", size=1, status=status)
    async with cloud.engine.database.begin() as db:
        await db.insert(snapshot)


async def test_taking_a_snapshot_over_ends_with_it_or_with_what_was_there(lite: BytesCloud):
    async def prepare() -> None:
        await put_snapshot(lite, SnapshotStatus.MANAGING)
        await lite.disks.create_snapshot(VOLUME, "there")
        await lite.disks.abandon_snapshot(VOLUME, "there")

    async def clean(succeeded: bool) -> None:
        snapshot = await row(lite, Snapshot, SNAPSHOT)
        assert snapshot.status is (SnapshotStatus.AVAILABLE if succeeded else SnapshotStatus.ERROR)
        (kept,) = lite.disks.volumes[VOLUME].snapshots.values()
        assert kept.managed is succeeded

    saga = ManageSnapshot(snapshot_id=SNAPSHOT, volume_id=VOLUME, host=POOL, reference="there")
    await check(lite, saga, prepare, clean)


async def test_leaving_a_snapshot_ends_without_it_or_with_it_as_it_was(lite: BytesCloud):
    async def prepare() -> None:
        await put_snapshot(lite, SnapshotStatus.UNMANAGING)
        await lite.disks.create_snapshot(VOLUME, SNAPSHOT)

    async def clean(succeeded: bool) -> None:
        snapshot = await row(lite, Snapshot, SNAPSHOT)
        assert (snapshot is None) is succeeded
        assert snapshot is None or snapshot.status is SnapshotStatus.AVAILABLE
        assert lite.disks.volumes[VOLUME].snapshots[SNAPSHOT].managed is not succeeded

    await check(lite, UnmanageSnapshot(snapshot_id=SNAPSHOT), prepare, clean)


async def lie(cloud: BytesCloud) -> dict[str, str]:
    """Have something of nobody's in the pool; return how it is named."""
    await cloud.disks.create(VolumeSpec(volume_id="x", size_gib=1))
    await cloud.disks.abandon("x")
    return {"source-name": "x"}


async def test_what_is_taken_over_is_in_its_pools_zone(cloud: BytesCloud, latest):
    admin, ref = cloud.admin("p1"), await lie(cloud)
    async with cloud.engine.database.begin() as db:
        await db.update(StorageService, StorageService.c.binary == "cinder-volume", zone="north")
    body = {"volume": {"host": POOL, "ref": ref, "availability_zone": "nowhere"}}
    assert (await admin.post(V_MANAGE, json=body, headers=latest)).status_code == 400
    del body["volume"]["availability_zone"]
    taken = await admin.post(V_MANAGE, json=body, headers=latest)
    assert taken.json()["volume"]["availability_zone"] == "north"


async def test_a_pool_takes_nothing_over_of_a_type_that_is_not_its(cloud: BytesCloud, latest):
    admin, ref = cloud.admin("p1"), await lie(cloud)
    kind = {"name": "far", "extra_specs": {"volume_backend_name": "elsewhere"}}
    assert (await admin.post("/volume/v3/types", json={"volume_type": kind})).status_code == 200
    body = {"volume": {"host": POOL, "ref": ref, "volume_type": "far"}}
    refused = await admin.post(V_MANAGE, json=body, headers=latest)
    assert refused.status_code == 400
    assert "far" in refused.text


async def test_what_a_new_volume_is_made_of_is_not_left(cloud: BytesCloud):
    admin = cloud.admin("p1")
    volume, copy = await make_volume(cloud), await make_volume(cloud)
    made = await admin.post(SNAPSHOTS, json={"snapshot": {"volume_id": volume["id"]}})
    await cloud.settle()
    snapshot = made.json()["snapshot"]["id"]
    for source, path in (
        ({"snapshot_id": snapshot}, f"{SNAPSHOTS}/{snapshot}"),
        ({"source_volume_id": volume["id"]}, f"{VOLUMES}/{volume['id']}"),
    ):
        if "source_volume_id" in source:
            await admin.delete(f"{SNAPSHOTS}/{snapshot}")
            await cloud.settle()
        facts = {"snapshot_id": None, "source_volume_id": None, **source}
        async with cloud.engine.database.begin() as db:
            being_made = {"status": VolumeStatus.CREATING, **facts}
            await db.update(Volume, Volume.c.id == copy["id"], **being_made)
        refused = await admin.post(f"{path}/action", json={"os-unmanage": {}})
        assert refused.status_code == 400
        assert "being copied" in refused.text
        async with cloud.engine.database.begin() as db:
            await db.update(Volume, Volume.c.id == copy["id"], status=VolumeStatus.AVAILABLE)


async def test_a_volume_at_work_gets_no_snapshot_taken_over(cloud: BytesCloud, latest):
    volume, admin = await make_volume(cloud), cloud.admin("p1")
    await cloud.disks.create_snapshot(volume["id"], "s")
    await cloud.disks.abandon_snapshot(volume["id"], "s")
    cloud.disks.slow("extend", 0.5)
    path = f"{VOLUMES}/{volume['id']}/action"
    assert (await admin.post(path, json={"os-extend": {"new_size": 2}})).status_code == 202
    body = {"snapshot": {"volume_id": volume["id"], "ref": {"source-name": "s"}}}
    refused = await admin.post(S_MANAGE, json=body, headers=latest)
    assert refused.status_code == 400
    assert "extending" in refused.text
