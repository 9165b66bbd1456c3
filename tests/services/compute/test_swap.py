"""Exchanging a running server's volume for another one: what is asked, what is refused, what survives."""

import httpx
import pytest
from tests.services.compute.fakes import NEWEST, ComputeCloud, show
from tests.services.compute.test_tasks import ACTION, SERVER
from tests.services.compute.test_volume_tasks import MAPPING, Volumes
from tests.services.compute.test_volumes import SERVERS, attach, attachments, booted, mapping

from cumulo.contracts.volumes import BlockAccess, Exchange
from cumulo.core.drivers import Permanent, Temporary
from cumulo.services.compute.adapter import ServersAdapter
from cumulo.services.compute.model import BlockDeviceMapping, Server, TaskState
from cumulo.services.compute.tasks import SwapVolume
from cumulo.testing.saga import check_saga

OLD = {"OpenStack-API-Version": "compute 2.84"}


async def with_volume(cloud: ComputeCloud, **facts: object) -> tuple[str, str]:
    """Return a running server and a volume of its."""
    server_id = await booted(cloud, cloud.member("p1"))
    volume_id = cloud.volumes.add(**facts)
    assert (await attach(cloud.member("p1"), server_id, volume_id)).status_code == 200
    await cloud.settle()
    return server_id, volume_id


async def swap(
    client: httpx.AsyncClient,
    server_id: str,
    old: str,
    new: str,
    headers: dict[str, str] = NEWEST,
    **more: object,
) -> httpx.Response:
    path = f"{SERVERS}/{server_id}/os-volume_attachments/{old}"
    return await client.put(path, json={"volumeAttachment": {"volumeId": new, **more}}, headers=headers)


@pytest.mark.parametrize("headers", [OLD, NEWEST])
async def test_a_server_works_on_another_volume_and_gives_the_old_one_back(
    cloud: ComputeCloud, headers: dict[str, str]
):
    server_id, old = await with_volume(cloud)
    new = cloud.volumes.add()
    more = {} if headers is OLD else {"delete_on_termination": True}
    async with cloud.idle():
        response = await swap(cloud.admin(), server_id, old, new, headers, **more)
        assert response.status_code == 202, response.text
        assert cloud.volumes.volumes[old].status == "detaching"
        assert cloud.volumes.volumes[new].status == "reserved"
    await cloud.settle()
    assert cloud.volumes.volumes[old].status == "available"
    assert cloud.volumes.volumes[new].status == "in-use"
    (disk,) = cloud.hosts["h1"].guests_by_id[server_id].spec.volumes
    assert (disk.volume_id, disk.device) == (new, "vdb")
    (found,) = await attachments(cloud.member("p1"), server_id)
    assert (found["volumeId"], found["delete_on_termination"]) == (new, headers is NEWEST)
    assert len(cloud.volumes.held) == len(cloud.volumes.exports) == 1


async def test_only_administrators_exchange_volumes_and_nothing_else_changes_with_a_refusal(
    cloud: ComputeCloud,
):
    server_id, old = await with_volume(cloud)
    new = cloud.volumes.add()
    response = await swap(cloud.member("p1"), server_id, old, new, delete_on_termination=True)
    assert response.status_code == 403
    (found,) = await attachments(cloud.member("p1"), server_id)
    assert (found["volumeId"], found["delete_on_termination"]) == (old, False)
    assert cloud.volumes.volumes[new].status == "available"


async def test_what_cannot_take_the_place_is_refused(cloud: ComputeCloud):
    server_id, old = await with_volume(cloud)
    larger, busy = cloud.volumes.add(size_gib=2), cloud.volumes.add(status="in-use")
    for new, why in ((larger, "same size"), (busy, "in-use"), (SERVER, "could not be found")):
        response = await swap(cloud.admin(), server_id, old, new)
        assert (response.status_code, why in response.text) == (400, True), response.text
    fit = cloud.volumes.add()
    assert (await swap(cloud.admin(), server_id, SERVER, fit)).status_code == 404
    assert (await swap(cloud.admin(), server_id, old, fit, device="/dev/vdx")).status_code == 400
    assert (await swap(cloud.admin(), server_id, old, fit, serverId=SERVER)).status_code == 400
    assert (await swap(cloud.admin(), server_id, old, old, OLD)).status_code == 400
    await cloud.member("p1").post(f"{SERVERS}/{server_id}/action", json={"os-stop": None})
    await cloud.settle()
    assert (await swap(cloud.admin(), server_id, old, fit)).status_code == 409
    assert cloud.volumes.volumes[fit].status == "available"
    assert cloud.volumes.volumes[old].status == "in-use"


async def test_a_volume_of_several_servers_stays(cloud: ComputeCloud):
    server_id, shared = await with_volume(cloud, multiattach=True)
    async with cloud.database.begin() as db:
        await db.insert(BlockDeviceMapping(server_id=SERVER, volume_id=shared, device_name="/dev/vdb"))
    response = await swap(cloud.admin(), server_id, shared, cloud.volumes.add())
    assert response.status_code == 409
    assert cloud.volumes.volumes[shared].status == "in-use"


async def test_an_exchange_is_not_begun_twice_and_the_volume_not_detached_meanwhile(cloud: ComputeCloud):
    server_id, old = await with_volume(cloud)
    first, second = cloud.volumes.add(), cloud.volumes.add()
    path = f"{SERVERS}/{server_id}/os-volume_attachments/{old}"
    with cloud.hosts["h1"].holding("exchange_volume"):
        assert (await swap(cloud.admin(), server_id, old, first)).status_code == 202
        assert (await swap(cloud.admin(), server_id, old, second)).status_code == 409
        assert (await cloud.member("p1").delete(path, headers=NEWEST)).status_code == 409
    assert cloud.volumes.volumes[second].status == "available"


async def test_a_copy_that_fails_again_and_again_leaves_the_old_volume(cloud: ComputeCloud):
    server_id, old = await with_volume(cloud)
    new = cloud.volumes.add()
    cloud.hosts["h1"].fail("exchange_volume", Permanent("no space"))
    assert (await swap(cloud.admin(), server_id, old, new)).status_code == 202
    await cloud.settle()
    assert cloud.volumes.volumes[old].status == "in-use"
    assert cloud.volumes.volumes[new].status == "available"
    (found,) = await attachments(cloud.member("p1"), server_id)
    assert found["volumeId"] == old
    assert (await show(cloud.member("p1"), server_id))["status"] == "ACTIVE"


async def test_an_exchange_survives_everything(cloud: ComputeCloud):
    volumes = Volumes(cloud)
    ids: dict[str, str] = {}

    async def prepare() -> None:
        cloud.hosts["h1"].mirrors.clear()
        await volumes.attached()
        ids["new"] = cloud.volumes.add()
        async with cloud.database.begin() as db:
            (held,) = cloud.volumes.held
            reserved = await cloud.volumes.reserve(cloud.work(db), ids["new"], SERVER)
            ids.update(old=volumes.volume, old_held=held, new_held=reserved.id)
            await db.update(BlockDeviceMapping, BlockDeviceMapping.c.id == MAPPING, attached=False)

    async def clean(succeeded: bool) -> None:
        has, free = ("new", "old") if succeeded else ("old", "new")
        (disk,) = cloud.hosts["h1"].guests_by_id[SERVER].spec.volumes
        assert disk.volume_id == ids[has]
        (found,) = await volumes.mappings()
        assert (found.volume_id, found.attachment_id) == (ids[has], ids[f"{has}_held"])
        assert (found.attached, found.detaching) == (True, False)
        assert await volumes.shown() == [ids[has]]
        assert cloud.volumes.volumes[ids[has]].status == "in-use"
        assert cloud.volumes.volumes[ids[free]].status == "available"
        assert set(cloud.volumes.held) == set(cloud.volumes.exports) == {ids[f"{has}_held"]}
        assert cloud.hosts["h1"].mirrors == {}

    def saga() -> SwapVolume:
        return SwapVolume(
            server_id=SERVER,
            mapping_id=MAPPING,
            action_id=ACTION,
            volume_id=ids["new"],
            attachment_id=ids["new_held"],
            old_volume_id=ids["old"],
            old_attachment_id=ids["old_held"],
        )

    await check_saga(volumes.world.tasks, saga, prepare, clean)


async def test_block_storage_moves_a_volume_under_a_server(cloud: ComputeCloud):
    server_id, volume_id = await with_volume(cloud)
    adapter = ServersAdapter(cloud.bindings.__getitem__)
    there = BlockAccess(protocol="nbd", path="/run/elsewhere")
    async with cloud.database.read() as db:
        for found in (Exchange.NONE, Exchange.READY):
            assert await adapter.exchange_volume(db, server_id, volume_id, there, hold=True) is found
        assert await adapter.keep_volume(db, server_id, volume_id, there) is True
        assert await adapter.exchange_volume(db, server_id, volume_id, there) is Exchange.NONE
        assert await adapter.exchange_volume(db, server_id, volume_id, there) is Exchange.DONE
        assert await adapter.keep_volume(db, server_id, volume_id, there) is False
        assert await adapter.keep_volume(db, "no server", volume_id, there) is True
        with pytest.raises(Permanent, match="has the volume no more"):
            await adapter.exchange_volume(db, "no server", volume_id, there)
    (disk,) = cloud.hosts["h1"].guests_by_id[server_id].spec.volumes
    assert (disk.volume_id, disk.access.path) == (volume_id, "/run/elsewhere")
    async with cloud.database.begin() as tx:
        await tx.update(Server, Server.c.id == server_id, task_state=TaskState.RESIZE_PREP)
    async with cloud.database.read() as db:
        with pytest.raises(Temporary):
            await adapter.exchange_volume(db, server_id, volume_id, there)


async def test_a_root_volume_is_exchanged_too(cloud: ComputeCloud):
    old, new = cloud.volumes.add(bootable=True), cloud.volumes.add(bootable=True)
    root = mapping("volume", old)
    server_id = await booted(cloud, cloud.member("p1"), imageRef="", block_device_mapping_v2=[root])
    assert (await swap(cloud.admin(), server_id, old, new)).status_code == 202
    await cloud.settle()
    (disk,) = cloud.hosts["h1"].guests_by_id[server_id].spec.volumes
    assert disk.volume_id == new


async def test_a_server_does_not_leave_while_a_volume_comes_or_goes(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await booted(cloud, client)
    await cloud.add_host("h2")
    volume_id = cloud.volumes.add()
    move = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
    path = f"{SERVERS}/{server_id}"
    async with cloud.idle():
        await attach(client, server_id, volume_id)
        coming = await cloud.admin().post(f"{path}/action", json=move, headers=NEWEST)
    await cloud.settle()
    async with cloud.idle():
        await client.delete(f"{path}/os-volume_attachments/{volume_id}")
        going = await cloud.admin().post(f"{path}/action", json=move, headers=NEWEST)
    await cloud.settle()
    assert (coming.status_code, going.status_code) == (409, 409)
    assert "volume_state attaching" in coming.json()["conflictingRequest"]["message"]
    assert "volume_state detaching" in going.json()["conflictingRequest"]["message"]
    assert (await show(cloud.admin(), server_id))["OS-EXT-SRV-ATTR:host"] == "h1"
    assert (await cloud.admin().post(f"{path}/action", json=move, headers=NEWEST)).status_code == 202
