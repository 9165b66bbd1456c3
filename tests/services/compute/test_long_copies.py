"""Copies of large disks, which take longer than a host is otherwise given for anything."""

import asyncio

import pytest
from tests.services.compute.fakes import ComputeCloud, show
from tests.services.compute.test_lifecycle import running
from tests.services.compute.test_mending import done

from cumulo.node.hypervisor.fake import FakeHypervisor
from cumulo.services.compute.tasks import deletion


async def slow(cloud: ComputeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each host read what it copies slowly, and give it no time but for copies."""
    read = FakeHypervisor.read_snapshot

    async def slowly(self: FakeHypervisor, server_id: str, name: str, offset: int, length: int) -> bytes:
        for _ in range(5):
            await asyncio.sleep(0)  # a deadline that has passed is noticed now
        return await read(self, server_id, name, offset, length)

    monkeypatch.setattr(FakeHypervisor, "read_snapshot", slowly)
    monkeypatch.setattr(deletion, "LONGEST", 0.0)
    for name in cloud.hosts:
        await cloud.return_host(name)


async def test_an_image_of_a_large_disk_is_made(cloud: ComputeCloud, monkeypatch: pytest.MonkeyPatch):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    await slow(cloud, monkeypatch)
    path = f"/compute/v2.1/servers/{server_id}/action"
    response = await client.post(path, json={"createImage": {"name": "copy"}})
    image_id = response.headers["location"].rpartition("/")[2]
    await cloud.settle()
    assert cloud.images.images[image_id].status == "active"


async def test_a_large_disk_is_kept_on_the_shelf(cloud: ComputeCloud, monkeypatch: pytest.MonkeyPatch):
    server_id = await running(cloud, cloud.member("p1"))
    await slow(cloud, monkeypatch)
    server = await done(cloud, cloud.member("p1"), server_id, {"shelve": None})
    assert server["status"] == "SHELVED_OFFLOADED"


async def test_a_large_disk_is_carried_to_another_host(cloud: ComputeCloud, monkeypatch: pytest.MonkeyPatch):
    server_id = await running(cloud, cloud.member("p1"))
    await cloud.add_host("h2")
    await slow(cloud, monkeypatch)
    await done(cloud, cloud.admin(), server_id, {"migrate": None})
    server = await show(cloud.admin(), server_id)
    assert (server["status"], server["OS-EXT-SRV-ATTR:host"]) == ("VERIFY_RESIZE", "h2")
