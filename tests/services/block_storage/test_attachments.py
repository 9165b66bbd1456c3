"""Volumes given to servers: the attachments API, the older calls, and what compute asks."""

import asyncio

import pytest
from tests.services.block_storage.fakes import IMAGE, StorageCloud, make_volume

from cumulo.contracts.block_storage import VolumeRequest
from cumulo.core.drivers import Permanent
from cumulo.core.errors import Invalid, NotFound
from cumulo.services.block_storage.adapter import VolumesAdapter
from cumulo.services.block_storage.model import MigrationStatus, Volume, VolumeStatus

VOLUMES, ATTACHMENTS = "/volume/v3/volumes", "/volume/v3/attachments"
SERVER = "cccccccc-1111-4111-8111-111111111111"
OTHER_SERVER = "dddddddd-1111-4111-8111-111111111111"
CONNECTOR = {"host": "node1", "mountpoint": "/dev/vdb"}


@pytest.fixture
def member(cloud: StorageCloud, latest):
    client = cloud.member("p1")
    client.headers.update(latest)
    return client


async def status_of(cloud, volume):
    return (await cloud.admin().get(f"{VOLUMES}/{volume['id']}")).json()["volume"]["status"]


async def attach(member, volume, server=SERVER, **values):
    body = {"volume_uuid": volume["id"], "instance_uuid": server, **values}
    return await member.post(ATTACHMENTS, json={"attachment": body})


async def act(client, volume, action, body=None):
    return await client.post(f"{VOLUMES}/{volume['id']}/action", json={action: body})


async def test_an_attachment_goes_from_reserved_to_attached_and_away(cloud, member):
    volume = await make_volume(cloud)
    made = (await attach(member, volume, connector={})).json()["attachment"]  # the client's --no-connect
    assert (made["status"], made["instance"], made["connection_info"]) == ("reserved", SERVER, {})
    assert await status_of(cloud, volume) == "reserved"
    path = f"{ATTACHMENTS}/{made['id']}"
    connected = await member.put(path, json={"attachment": {"connector": CONNECTOR}})
    info = connected.json()["attachment"]["connection_info"]
    assert (info["driver_volume_type"], info["path"]) == ("nbd", f"/run/{made['id']}")
    assert "hush" not in connected.text
    assert await status_of(cloud, volume) == "attaching"
    assert (await member.post(f"{path}/action", json={"os-complete": None})).status_code == 204
    shown = (await cloud.admin().get(f"{VOLUMES}/{volume['id']}")).json()["volume"]
    assert shown["status"] == "in-use"
    assert shown["attachments"][0]["server_id"] == SERVER
    assert shown["attachments"][0]["device"] == "/dev/vdb"
    assert (await member.delete(path)).json() == {"attachments": []}
    assert await status_of(cloud, volume) == "available"
    assert cloud.pool.exported == {}


async def test_a_volume_is_given_once_unless_it_is_multiattach(cloud, member):
    volume = await make_volume(cloud)
    assert (await attach(member, volume)).status_code == 200
    refused = await attach(member, volume, OTHER_SERVER)
    assert refused.status_code == 400
    assert "status must be available" in refused.json()["badRequest"]["message"]


async def test_an_export_that_fails_leaves_no_attachment(cloud, member):
    volume = await make_volume(cloud)
    cloud.pool.failing["open"] = Permanent("the daemon is gone")
    failed = await attach(member, volume, connector=CONNECTOR)
    assert failed.status_code == 503
    assert "the daemon is gone" in failed.text
    assert await status_of(cloud, volume) == "available"
    assert (await member.get(ATTACHMENTS)).json()["attachments"] == []


async def test_attachments_are_listed_and_filtered(cloud, member):
    first, second = await make_volume(cloud), await make_volume(cloud)
    await attach(member, first)
    await attach(member, second, OTHER_SERVER, mode="ro")
    listed = (await member.get(f"{ATTACHMENTS}?volume_id={first['id']}")).json()["attachments"]
    assert [one["volume_id"] for one in listed] == [first["id"]]
    detailed = (await member.get(f"{ATTACHMENTS}/detail?instance_id={OTHER_SERVER}")).json()["attachments"]
    assert [one["attach_mode"] for one in detailed] == ["ro"]
    assert (await cloud.member("p2").get(ATTACHMENTS)).status_code == 404  # none before 3.27


async def test_a_volume_in_use_is_not_deleted_even_by_force(cloud, member):
    volume = await make_volume(cloud)
    await attach(member, volume)
    assert (await member.delete(f"{VOLUMES}/{volume['id']}")).status_code == 400
    assert (await act(cloud.admin(), volume, "os-force_delete")).status_code == 400


async def test_the_older_calls_attach_and_detach(cloud, member):
    volume = await make_volume(cloud)
    assert (await act(member, volume, "os-reserve")).status_code == 202
    assert (await act(member, volume, "os-reserve")).status_code == 400
    body = {"instance_uuid": SERVER, "mountpoint": "/dev/vdc", "mode": "ro"}
    assert (await act(member, volume, "os-attach", body)).status_code == 202
    shown = (await member.get(f"{VOLUMES}/{volume['id']}")).json()["volume"]
    assert (shown["status"], shown["metadata"]["attached_mode"]) == ("in-use", "ro")
    assert (await act(member, volume, "os-begin_detaching")).status_code == 202
    assert (await act(member, volume, "os-roll_detaching")).status_code == 202
    assert (await act(member, volume, "os-detach", {})).status_code == 202
    assert (await act(member, volume, "os-detach", {})).status_code == 202  # it is detached
    assert await status_of(cloud, volume) == "available"
    assert (await act(member, volume, "os-reserve")).status_code == 202
    assert (await act(member, volume, "os-unreserve")).status_code == 202
    assert await status_of(cloud, volume) == "available"


async def test_an_attachment_is_not_ended_by_another_volumes_name(cloud, member):
    volume, other = await make_volume(cloud), await make_volume(cloud)
    body = {"instance_uuid": SERVER, "mountpoint": "/dev/vdc"}
    assert (await act(member, other, "os-attach", body)).status_code == 202
    (held,) = (await member.get(f"{VOLUMES}/{other['id']}")).json()["volume"]["attachments"]
    refused = await act(member, volume, "os-detach", {"attachment_id": held["attachment_id"]})
    assert refused.status_code == 400
    assert held["attachment_id"] in refused.json()["badRequest"]["message"]
    assert (await act(member, volume, "os-detach", {"attachment_id": SERVER})).status_code == 404
    assert await status_of(cloud, other) == "in-use"


async def test_the_older_calls_export_and_end_that(cloud, member):
    volume = await make_volume(cloud)
    body = {"connector": CONNECTOR}
    first = (await act(member, volume, "os-initialize_connection", body)).json()["connection_info"]
    assert first == (await act(member, volume, "os-initialize_connection", body)).json()["connection_info"]
    assert len(cloud.pool.exported) == 1
    assert (await act(member, volume, "os-terminate_connection", body)).status_code == 202
    assert cloud.pool.exported == {}


async def test_an_export_for_a_connector_goes_with_its_volume(cloud, member):
    volume = await make_volume(cloud)
    assert (
        await act(member, volume, "os-initialize_connection", {"connector": CONNECTOR})
    ).status_code == 200
    assert (await member.delete(f"{VOLUMES}/{volume['id']}")).status_code == 202
    await cloud.settle()
    assert (await member.get(f"{VOLUMES}/{volume['id']}")).status_code == 404
    assert cloud.pool.exported == {}


async def test_force_detach_is_for_administrators(cloud, member):
    volume = await make_volume(cloud)
    attached = await attach(member, volume, connector=CONNECTOR)
    assert attached.status_code == 200, attached.text
    assert (await act(member, volume, "os-force_detach", {})).status_code == 403
    assert (await act(cloud.admin(), volume, "os-force_detach", {})).status_code == 202
    assert await status_of(cloud, volume) == "available"
    assert cloud.pool.exported == {}


async def test_a_read_only_volume_is_attached_read_only(cloud, member):
    volume = await make_volume(cloud)
    await act(member, volume, "os-update_readonly_flag", {"readonly": True})
    assert (await attach(member, volume, mode="rw")).status_code == 400
    assert (await attach(member, volume)).json()["attachment"]["attach_mode"] == "ro"


class TestWhatComputeAsks:
    @pytest.fixture
    def adapter(self, cloud: StorageCloud) -> VolumesAdapter:
        return VolumesAdapter(cloud.bindings.__getitem__)

    async def test_an_image_is_written_over_the_volume_of_a_server_that_is_off(self, cloud, adapter):
        volume = await make_volume(cloud)
        async with cloud.tasks.work() as work:
            taken = await adapter.reserve(work, volume["id"], SERVER)
        async with cloud.tasks.work() as work:
            await adapter.complete(work, taken.id, device="vda", host="node1")
        async with cloud.tasks.work() as work:
            await adapter.reimage(work, volume["id"], IMAGE)
        with pytest.raises(Invalid, match="downloading"):
            async with cloud.tasks.work() as work:
                await adapter.reimage(work, volume["id"], IMAGE)
        await cloud.settle()
        assert await status_of(cloud, volume) == "in-use"
        assert cloud.pool.content[volume["id"]] == "file:/images/mini"

    async def test_what_compute_attached_follows_its_server_to_another_host(self, cloud, adapter, member):
        """What others attached to it stays where they said, and what is only reserved is nowhere."""
        shared, reserved = await make_volume(cloud), await make_volume(cloud)
        others = (await attach(member, await make_volume(cloud), connector=CONNECTOR)).json()["attachment"]
        await member.post(f"{ATTACHMENTS}/{others['id']}/action", json={"os-complete": None})
        async with cloud.tasks.work() as work:
            taken = await adapter.reserve(work, shared["id"], SERVER)
            await adapter.reserve(work, reserved["id"], SERVER)
            await adapter.complete(work, taken.id, device="/dev/vdb", host="node1")
        async with cloud.tasks.work() as work:
            await adapter.moved(work, SERVER, "node2")
        found = (await cloud.admin().get(f"{VOLUMES}/detail?all_tenants=1")).json()["volumes"]
        hosts = {one["id"]: [held["host_name"] for held in one["attachments"]] for one in found}
        assert hosts == {shared["id"]: ["node2"], reserved["id"]: [], others["volume_id"]: ["node1"]}

    async def test_a_volume_on_its_way_to_another_pool_is_not_detached(self, cloud, adapter):
        volume = await make_volume(cloud)
        async with cloud.tasks.work() as work:
            taken = await adapter.reserve(work, volume["id"], SERVER)
            await work.db.update(Volume, migration_status=MigrationStatus.MIGRATING)
        with pytest.raises(Invalid, match="being moved"):
            async with cloud.tasks.work() as work:
                await adapter.detaching(work, taken.id)

    async def test_a_server_takes_a_volume_and_gives_it_back(self, cloud, member, adapter):
        volume = await make_volume(cloud)
        async with cloud.tasks.work() as work:
            taken = await adapter.reserve(work, volume["id"], SERVER)
        async with cloud.engine.database.read() as db:
            access = await adapter.connect(db, taken.id, "node1")
            assert access == await adapter.connect(db, taken.id, "node1")
        assert cloud.pool.exported == {taken.id: volume["id"]}
        async with cloud.tasks.work() as work:
            await adapter.complete(work, taken.id, device="vdb", host="node1")
        assert await status_of(cloud, volume) == "in-use"
        refused = await member.delete(f"{ATTACHMENTS}/{taken.id}")
        assert refused.status_code == 409
        assert "Compute API" in refused.json()["conflictingRequest"]["message"]
        async with cloud.tasks.work() as work:
            await adapter.detaching(work, taken.id)
        assert await status_of(cloud, volume) == "detaching"
        async with cloud.engine.database.read() as db:
            await adapter.disconnect(db, taken.id)
        async with cloud.tasks.work() as work:
            await adapter.release(work, taken.id)
            await adapter.release(work, taken.id)
        assert await status_of(cloud, volume) == "available"
        assert cloud.pool.exported == {}

    async def test_a_volume_that_is_not_to_be_had_is_refused(self, cloud, adapter):
        volume = await make_volume(cloud)
        with pytest.raises(Invalid, match="reserved"):
            async with cloud.tasks.work() as work:
                await adapter.reserve(work, volume["id"], SERVER)
                await adapter.reserve(work, volume["id"], OTHER_SERVER)

    async def test_volumes_are_made_snapshotted_and_deleted_for_servers(self, cloud, adapter):
        request = VolumeRequest(project_id="p1", user_id="u1", size_gib=2, name="root", zone="elsewhere")
        async with cloud.tasks.work() as work:
            volume_id = await adapter.create(work, request)
        await cloud.settle()
        async with cloud.engine.database.read() as db:
            record = await adapter.get(db, volume_id, project_id="p1")
        assert (record.status, record.size_gib, record.zone) == ("available", 2, "nova")
        async with cloud.tasks.work() as work:
            snapshot_id = await adapter.snapshot(work, volume_id, name="s")
        await cloud.settle()
        async with cloud.engine.database.read() as db:
            assert await adapter.snapshot_size(db, snapshot_id, project_id="p1") == 2
        async with cloud.tasks.work() as work:
            await adapter.delete(work, volume_id)  # refused, for it has a snapshot: it stays
        await cloud.settle()
        assert volume_id in cloud.pool.volumes
        async with cloud.tasks.work() as work:
            await work.db.run("DELETE FROM block_storage_snapshots")
            cloud.pool.snapshots.clear()
            await adapter.delete(work, volume_id)
            await adapter.delete(work, "none such")
        await cloud.settle()
        assert cloud.pool.volumes == {}

    async def test_a_server_is_told_that_its_volume_grew(self, cloud, member, adapter):
        volume = await make_volume(cloud)
        async with cloud.tasks.work() as work:
            taken = await adapter.reserve(work, volume["id"], SERVER)
            await adapter.complete(work, taken.id, device="vdb", host="node1")
        assert (await act(member, volume, "os-extend", {"new_size": 3})).status_code == 202
        await cloud.settle()
        assert await status_of(cloud, volume) == "in-use"
        assert cloud.servers.told == [([SERVER], volume["id"], 3)]

    async def test_attachments_of_many_servers_come_at_once(self, cloud, adapter):
        one, two = await make_volume(cloud), await make_volume(cloud)
        async with cloud.tasks.work() as work:
            for volume in (one, two):
                await adapter.reserve(work, volume["id"], SERVER)
        async with cloud.engine.database.read() as db:
            found = await adapter.attachments(db, [SERVER, OTHER_SERVER])
        assert [each.volume_id for each in found[SERVER]] == [one["id"], two["id"]]
        assert found[OTHER_SERVER] == []


async def set_row(cloud, volume, **values):
    async with cloud.engine.database.begin() as db:
        await db.update(Volume, Volume.c.id == volume["id"], **values)


async def test_the_older_calls_leave_a_moving_volume_alone(cloud, member):
    volume = await make_volume(cloud)
    await set_row(cloud, volume, migration_status=MigrationStatus.MIGRATING)
    for action, body in (("os-reserve", None), ("os-initialize_connection", {"connector": CONNECTOR})):
        refused = await act(member, volume, action, body)
        assert refused.status_code == 400
        assert "being moved" in refused.text
    assert cloud.pool.exported == {}


async def test_what_compute_attached_only_compute_connects(cloud, member):
    volume = await make_volume(cloud)
    async with cloud.tasks.work() as work:
        taken = await VolumesAdapter(cloud.bindings.__getitem__).reserve(work, volume["id"], SERVER)
    body = {"attachment": {"connector": CONNECTOR}}
    refused = await member.put(f"{ATTACHMENTS}/{taken.id}", json=body)
    assert refused.status_code == 409
    assert cloud.pool.exported == {}


@pytest.mark.parametrize("status", [VolumeStatus.DELETING, VolumeStatus.DOWNLOADING])
async def test_letting_go_does_not_make_a_busy_volume_available(cloud, member, status):
    volume = await make_volume(cloud)
    made = (await attach(member, volume)).json()["attachment"]
    await set_row(cloud, volume, status=status)
    assert (await member.delete(f"{ATTACHMENTS}/{made['id']}")).status_code == 200
    assert await status_of(cloud, volume) == status


async def test_an_attachment_that_ended_meanwhile_is_not_completed(cloud):
    volume, adapter = await make_volume(cloud), VolumesAdapter(cloud.bindings.__getitem__)
    async with cloud.tasks.work() as work:
        taken = await adapter.reserve(work, volume["id"], SERVER)

    async def complete() -> None:
        async with cloud.tasks.work() as work:
            await adapter.complete(work, taken.id, device="vdb", host="node1")

    async with cloud.tasks.work() as work:
        await adapter.release(work, taken.id)
        asked = asyncio.create_task(complete())
        await asyncio.wait({asked}, timeout=0.5)  # it waits for this to end
    with pytest.raises(NotFound):
        await asked
    assert await status_of(cloud, volume) == "available"
