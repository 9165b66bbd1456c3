"""Volumes and snapshots by compute's API, as it was until 2.35, on the real block cloud."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.services.block_storage.fakes import HOST, StorageCloud

from cumulo.contracts.block_storage import FormerVolumeCalls
from cumulo.contracts.volumes import VolumePool
from cumulo.core.bus import verbs
from cumulo.core.db import Database
from cumulo.services import block_storage, compute
from cumulo.services.block_storage.former import FormerVolumeCallsAdapter
from cumulo.services.block_storage.tasks import pool_reported
from cumulo.testing.cloud import Cloud

URL = "/compute/v2.1"
LAST, GONE = {"X-OpenStack-Nova-API-Version": "2.35"}, {"X-OpenStack-Nova-API-Version": "2.36"}
FIELDS = {
    *("id", "displayName", "displayDescription", "size", "status", "availabilityZone", "createdAt"),
    *("volumeType", "snapshotId", "metadata", "attachments"),
}


class OldCloud(Cloud):
    """Compute and block storage, with one pool."""

    def __init__(self, database: Database, folder: Path) -> None:
        storage = StorageCloud(database, folder)
        self.pool, self.bus = storage.pool, storage.bus
        bindings = {**storage.bindings, FormerVolumeCalls: FormerVolumeCallsAdapter()}
        super().__init__([compute.SERVICE, block_storage.SERVICE], database, bindings)


@pytest.fixture
async def cloud(database: Database, tmp_path: Path) -> AsyncIterator[OldCloud]:
    await database.create_all()
    cloud = OldCloud(database, tmp_path)
    await cloud.bus.serve(HOST, verbs("pool", VolumePool, cloud.pool))
    async with cloud:
        async with cloud.tasks.work() as work:
            await pool_reported(work, await cloud.pool.report())
        yield cloud


async def make(client: httpx.AsyncClient, **values: Any) -> dict[str, Any]:
    answer = await client.post(f"{URL}/os-volumes", json={"volume": {"size": 1, **values}}, headers=LAST)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["volume"])


async def test_a_volume_is_made_shown_listed_and_deleted(cloud: OldCloud):
    client = cloud.member("p1")
    made = await make(client, display_name="old", display_description="words", metadata={"a": "b"})
    assert made.keys() == FIELDS
    assert (made["displayName"], made["status"], made["attachments"]) == ("old", "creating", [{}])
    await cloud.settle()
    one = f"{URL}/os-volumes/{made['id']}"
    shown = (await client.get(one, headers=LAST)).json()["volume"]
    assert (shown["status"], shown["size"], shown["metadata"]) == ("available", 1, {"a": "b"})
    for path in ("os-volumes", "os-volumes/detail"):
        assert (await client.get(f"{URL}/{path}")).json()["volumes"] == [shown]
    assert (await client.delete(one)).status_code == 202
    await cloud.settle()
    assert (await client.get(one)).status_code == 404
    assert cloud.pool.volumes == {}


async def test_a_snapshot_is_taken_shown_listed_and_deleted(cloud: OldCloud):
    client = cloud.member("p1")
    volume = await make(client)
    await cloud.settle()
    body = {"snapshot": {"volume_id": volume["id"], "display_name": "moment"}}
    answer = await client.post(f"{URL}/os-snapshots", json=body)
    assert answer.status_code == 200
    taken = answer.json()["snapshot"]
    await cloud.settle()
    one = f"{URL}/os-snapshots/{taken['id']}"
    shown = (await client.get(one)).json()["snapshot"]
    assert (shown["status"], shown["volumeId"], shown["displayName"]) == ("available", volume["id"], "moment")
    for path in ("os-snapshots", "os-snapshots/detail"):
        assert (await client.get(f"{URL}/{path}")).json()["snapshots"] == [shown]
    assert (await client.delete(f"{URL}/os-volumes/{volume['id']}")).status_code == 400
    assert (await client.delete(one)).status_code == 202
    await cloud.settle()
    assert (await client.get(one)).status_code == 404


async def test_a_part_of_the_list_is_asked_for(cloud: OldCloud):
    client = cloud.member("p1")
    made = [(await make(client))["id"] for _ in range(3)]
    url = f"{URL}/os-volumes"

    async def listed(window: str) -> list[str]:
        answer = await client.get(f"{url}?{window}")
        return [volume["id"] for volume in answer.json()["volumes"]]

    newest, middle, oldest = await listed("")
    assert {newest, middle, oldest} == set(made)
    assert await listed("limit=2") == [newest, middle]
    assert await listed("limit=1&offset=1") == [middle]
    assert await listed("offset=2") == [oldest]
    assert (await client.get(f"{url}?limit=few")).status_code == 400


@pytest.mark.parametrize("size", ["", "0", "#$%", 0, -1, None])
async def test_a_size_that_is_none_is_refused(cloud: OldCloud, size: Any):
    client = cloud.member("p1")
    answer = await client.post(f"{URL}/os-volumes", json={"volume": {"size": size}})
    assert answer.status_code == 400
    assert "size" in answer.json()["badRequest"]["message"]
    assert cloud.pool.volumes == {}


async def test_others_volumes_are_not_there(cloud: OldCloud):
    made = await make(cloud.member("p1"))
    other = cloud.member("p2")
    assert (await other.get(f"{URL}/os-volumes")).json()["volumes"] == []
    for method in ("GET", "DELETE"):
        answer = await other.request(method, f"{URL}/os-volumes/{made['id']}")
        assert answer.status_code == 404
    body = {"snapshot": {"volume_id": made["id"]}}
    assert (await other.post(f"{URL}/os-snapshots", json=body)).status_code == 404


@pytest.mark.parametrize("path", ["os-volumes", "os-volumes/detail", "os-snapshots", "os-snapshots/detail"])
async def test_the_calls_ended_with_2_36(cloud: OldCloud, path: str):
    client = cloud.member("p1")
    assert (await client.get(f"{URL}/{path}", headers=GONE)).status_code == 404


async def test_a_path_that_names_nothing_leads_nowhere(cloud: OldCloud):
    client = cloud.member("p1")
    for method in ("GET", "DELETE"):
        assert (await client.request(method, f"{URL}/os-volumes/", headers=LAST)).status_code == 404
