"""Servers with volumes: from the start, given later, taken away, and what goes wrong on the way."""

from typing import Any

import httpx
import msgspec
import pytest
from tests.services.compute.fakes import IMAGE, NEWEST, ComputeCloud, create, show
from tests.services.compute.volumes import SNAPSHOT

from cumulo.core.drivers import Permanent
from cumulo.services.compute.adapter import ServersAdapter
from cumulo.services.compute.model import Server, TaskState

SERVERS = "/compute/v2.1/servers"


def mapping(source: str, uuid: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return an entry of `block_device_mapping_v2` that becomes the root volume."""
    entry = {"source_type": source, "destination_type": "volume", "boot_index": 0, **changes}
    return entry if uuid is None else {**entry, "uuid": uuid}


async def refused(client: httpx.AsyncClient, *entries: dict[str, Any], **changes: Any) -> str:
    """Ask for a server that cannot be; return why."""
    body = {"name": "web", "flavorRef": "c1", "networks": "none", "block_device_mapping_v2": entries}
    response = await client.post(SERVERS, json={"server": {**body, **changes}}, headers=NEWEST)
    assert response.status_code == 400, response.text
    message: str = response.json()["badRequest"]["message"]
    return message


async def attach(client: httpx.AsyncClient, server_id: str, volume_id: str, **changes: Any) -> httpx.Response:
    body = {"volumeAttachment": {"volumeId": volume_id, **changes}}
    return await client.post(f"{SERVERS}/{server_id}/os-volume_attachments", json=body, headers=NEWEST)


async def attachments(client: httpx.AsyncClient, server_id: str) -> list[dict[str, Any]]:
    response = await client.get(f"{SERVERS}/{server_id}/os-volume_attachments", headers=NEWEST)
    found: list[dict[str, Any]] = response.json()["volumeAttachments"]
    return found


async def booted(cloud: ComputeCloud, client: httpx.AsyncClient, **changes: Any) -> str:
    server_id = await create(client, **changes)
    await cloud.settle()
    assert (await show(client, server_id))["status"] == "ACTIVE"
    return server_id


async def test_a_server_boots_from_a_volume_made_from_an_image(cloud: ComputeCloud):
    root = mapping("image", IMAGE, volume_size=2, delete_on_termination=True)
    server_id = await booted(cloud, cloud.member("p1"), imageRef="", block_device_mapping_v2=[root])
    spec = cloud.hosts["h1"].guests_by_id[server_id].spec
    ((volume_id, volume),) = cloud.volumes.volumes.items()
    assert spec.root is None
    assert [(disk.volume_id, disk.device) for disk in spec.volumes] == [(volume_id, "vda")]
    assert spec.volumes[0].limits == {"total_iops_sec": 50}
    assert (volume.status, volume.size_gib) == ("in-use", 2)
    document = await show(cloud.member("p1"), server_id)
    assert document["image"] == ""
    listed = document["os-extended-volumes:volumes_attached"]
    assert listed == [{"id": volume_id, "delete_on_termination": True}]


async def test_a_volume_that_goes_with_its_server_goes_and_another_stays(cloud: ComputeCloud):
    client = cloud.member("p1")
    kept = cloud.volumes.add()
    doomed = mapping("blank", volume_size=1, boot_index=-1, delete_on_termination=True)
    data = mapping("volume", kept, boot_index=None)
    server_id = await booted(cloud, client, block_device_mapping_v2=[doomed, data])
    assert len(cloud.volumes.volumes) == 2
    await client.delete(f"{SERVERS}/{server_id}")
    await cloud.settle()
    assert list(cloud.volumes.volumes) == [kept]
    assert cloud.volumes.volumes[kept].status == "available"
    assert cloud.volumes.nothing_held()


async def test_a_volume_given_at_creation_is_reserved_at_once(cloud: ComputeCloud):
    volume_id = cloud.volumes.add()
    given = mapping("volume", volume_id, boot_index=1)
    with cloud.hosts["h1"].holding("ensure"):
        await create(cloud.member("p1"), block_device_mapping_v2=[given])
        assert cloud.volumes.volumes[volume_id].status == "reserved"
        again = await refused(cloud.member("p1"), given, imageRef=IMAGE)
    assert "reserved" in again


@pytest.mark.parametrize("source", ["volume", "snapshot"])
async def test_a_server_boots_from_what_exists(cloud: ComputeCloud, source: str):
    uuid = cloud.volumes.add(bootable=True) if source == "volume" else SNAPSHOT
    server_id = await booted(
        cloud, cloud.member("p1"), imageRef="", block_device_mapping_v2=[mapping(source, uuid)]
    )
    (disk,) = cloud.hosts["h1"].guests_by_id[server_id].spec.volumes
    assert disk.bus == ("scsi" if source == "volume" else "virtio")
    assert cloud.volumes.volumes[disk.volume_id].size_gib == (1 if source == "volume" else 3)


async def test_the_first_form_of_the_mapping_works_too(cloud: ComputeCloud):
    volume_id = cloud.volumes.add(bootable=True)
    old = [{"volume_id": volume_id, "device_name": "vda", "delete_on_termination": "1"}]
    server_id = await booted(cloud, cloud.member("p1"), imageRef="", block_device_mapping=old)
    (found,) = await attachments(cloud.member("p1"), server_id)
    assert (found["volumeId"], found["delete_on_termination"]) == (volume_id, True)


async def test_what_cannot_be_mapped_is_refused_and_changes_nothing(cloud: ComputeCloud):
    client = cloud.member("p1")
    volume_id, other = cloud.volumes.add(), cloud.volumes.add(project_id="p2")
    assert "not bootable" in await refused(client, mapping("volume", volume_id))
    assert f"failed to get volume {other}" in await refused(client, mapping("volume", other))
    assert "failed to get snapshot" in await refused(client, mapping("snapshot", IMAGE))
    assert "failed to get image" in await refused(client, mapping("image", SNAPSHOT, volume_size=1))
    assert "volume_size" in await refused(client, mapping("image", IMAGE))
    assert "volume_size" in await refused(client, mapping("blank", boot_index=1), imageRef=IMAGE)
    assert "Boot sequence" in await refused(client, mapping("volume", volume_id, boot_index=1))
    second = mapping("volume", volume_id, boot_index=2)
    assert "Boot sequence" in await refused(client, second, imageRef=IMAGE)
    assert "several servers" in await refused(
        client, mapping("volume", volume_id, boot_index=1), imageRef=IMAGE, max_count=2
    )
    assert "disk_bus" in await refused(client, mapping("volume", volume_id, disk_bus="pigeon"))
    assert cloud.volumes.nothing_held()
    assert (await client.get(SERVERS)).json()["servers"] == []


async def test_a_volume_that_cannot_be_made_ends_the_creation_with_nothing_left(cloud: ComputeCloud):
    cloud.volumes.born = "error"
    kept = cloud.volumes.add()
    entries = [mapping("image", IMAGE, volume_size=1), mapping("volume", kept, boot_index=1)]
    server_id = await create(cloud.member("p1"), imageRef="", block_device_mapping_v2=entries)
    await cloud.settle()
    document = await show(cloud.member("p1"), server_id)
    assert document["status"] == "ERROR"
    assert "could not be made" in document["fault"]["message"]
    assert document["os-extended-volumes:volumes_attached"] == []
    assert list(cloud.volumes.volumes) == [kept]
    assert cloud.volumes.volumes[kept].status == "available"
    assert cloud.nothing_left_of(server_id)
    assert cloud.volumes.nothing_held()


async def test_a_guest_that_does_not_start_gives_its_volumes_back(cloud: ComputeCloud):
    cloud.hosts["h1"].fail("ensure", Permanent("no room", public="no room"))
    volume_id = cloud.volumes.add(bootable=True)
    root = mapping("volume", volume_id, delete_on_termination=True)
    server_id = await create(cloud.member("p1"), imageRef="", block_device_mapping_v2=[root])
    await cloud.settle()
    assert (await show(cloud.member("p1"), server_id))["status"] == "ERROR"
    assert cloud.volumes.volumes[volume_id].status == "available"
    assert cloud.volumes.nothing_held()


async def test_a_volume_comes_and_goes_while_the_server_runs(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await booted(cloud, client)
    volume_id = cloud.volumes.add()
    response = await attach(client, server_id, volume_id, tag="data", delete_on_termination=True)
    assert response.status_code == 200, response.text
    made = response.json()["volumeAttachment"]
    assert (made["volumeId"], made["device"], made["tag"]) == (volume_id, "/dev/vdb", "data")
    assert set(made) >= {"attachment_id", "bdm_uuid", "serverId", "delete_on_termination"}
    assert "id" not in made
    await cloud.settle()
    assert cloud.volumes.volumes[volume_id].status == "in-use"
    (disk,) = cloud.hosts["h1"].guests_by_id[server_id].spec.volumes
    assert (disk.volume_id, disk.device) == (volume_id, "vdb")
    response = await client.delete(f"{SERVERS}/{server_id}/os-volume_attachments/{volume_id}")
    assert response.status_code == 202
    await cloud.settle()
    assert cloud.hosts["h1"].guests_by_id[server_id].spec.volumes == ()
    assert cloud.volumes.volumes[volume_id].status == "available"  # detaching never deletes
    assert cloud.volumes.nothing_held()
    assert await attachments(client, server_id) == []


async def test_several_volumes_are_attached_at_once_under_names_of_their_own(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await booted(cloud, client)
    volumes = [cloud.volumes.add() for _ in range(3)]
    for volume_id in volumes:
        assert (await attach(client, server_id, volume_id)).status_code == 200
    await cloud.settle()
    devices = [found["device"] for found in await attachments(client, server_id)]
    assert sorted(devices) == ["/dev/vdb", "/dev/vdc", "/dev/vdd"]


async def test_a_stopped_server_is_started_with_its_volumes(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await booted(cloud, client)
    await client.post(f"{SERVERS}/{server_id}/action", json={"os-stop": None})
    await cloud.settle()
    volume_id = cloud.volumes.add()
    assert (await attach(client, server_id, volume_id)).status_code == 200
    await cloud.settle()
    await client.post(f"{SERVERS}/{server_id}/action", json={"os-start": None})
    await cloud.settle()
    (disk,) = cloud.hosts["h1"].guests_by_id[server_id].spec.volumes
    assert disk.volume_id == volume_id


async def test_what_cannot_be_attached_is_refused(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await booted(cloud, client)
    volume_id, busy = cloud.volumes.add(), cloud.volumes.add(status="in-use")
    assert (await attach(client, server_id, SNAPSHOT)).status_code == 404
    assert (await attach(client, server_id, busy)).status_code == 400
    assert (await attach(client, server_id, "no id")).status_code == 400
    assert (await attach(client, server_id, volume_id)).status_code == 200
    assert (await attach(client, server_id, volume_id)).status_code == 400
    other = cloud.volumes.add()
    assert (await attach(client, server_id, other, device="/dev/vdb")).status_code == 400
    assert cloud.volumes.volumes[other].status == "available"


async def test_a_host_that_cannot_attach_leaves_the_volume_free(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await booted(cloud, client)
    volume_id = cloud.volumes.add()
    cloud.hosts["h1"].fail("attach_volume", Permanent("no slot", public="no slot"))
    await attach(client, server_id, volume_id)
    await cloud.settle()
    assert await attachments(client, server_id) == []
    assert cloud.volumes.volumes[volume_id].status == "available"
    assert cloud.volumes.nothing_held()
    actions = (await client.get(f"{SERVERS}/{server_id}/os-instance-actions")).json()["instanceActions"]
    assert {action["action"]: action["message"] for action in actions}["attach_volume"] == "Error"
    assert (await show(client, server_id))["status"] == "ACTIVE"


async def test_a_guest_that_does_not_let_go_keeps_its_volume(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await booted(cloud, client)
    volume_id = cloud.volumes.add()
    await attach(client, server_id, volume_id)
    await cloud.settle()
    cloud.hosts["h1"].fail("detach_volume", Permanent("it is mounted", public="it is mounted"))
    path = f"{SERVERS}/{server_id}/os-volume_attachments/{volume_id}"
    assert (await client.delete(path)).status_code == 202
    await cloud.settle()
    assert cloud.volumes.volumes[volume_id].status == "in-use"
    assert (await client.delete(path)).status_code == 202
    await cloud.settle()
    assert cloud.volumes.volumes[volume_id].status == "available"


async def test_the_root_volume_stays(cloud: ComputeCloud):
    client = cloud.member("p1")
    volume_id = cloud.volumes.add(bootable=True)
    server_id = await booted(
        cloud, client, imageRef="", block_device_mapping_v2=[mapping("volume", volume_id)]
    )
    response = await client.delete(f"{SERVERS}/{server_id}/os-volume_attachments/{volume_id}")
    assert response.status_code == 403


async def test_an_attachment_says_whether_it_goes_with_the_server(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await booted(cloud, client)
    volume_id = cloud.volumes.add()
    await attach(client, server_id, volume_id)
    await cloud.settle()
    path = f"{SERVERS}/{server_id}/os-volume_attachments/{volume_id}"
    change = {"volumeAttachment": {"volumeId": volume_id, "delete_on_termination": True}}
    assert (await client.put(path, json=change, headers=NEWEST)).status_code == 202
    assert (await client.get(path, headers=NEWEST)).json()["volumeAttachment"]["delete_on_termination"]
    moved = {"volumeAttachment": {"volumeId": volume_id, "device": "/dev/vdq"}}
    assert (await client.put(path, json=moved, headers=NEWEST)).status_code == 400
    old = (await client.get(path)).json()["volumeAttachment"]
    assert set(old) == {"id", "volumeId", "serverId", "device"}
    await client.delete(f"{SERVERS}/{server_id}")
    await cloud.settle()
    assert volume_id not in cloud.volumes.volumes


async def test_a_guest_is_told_that_its_volume_grew(cloud: ComputeCloud):
    volume_id = cloud.volumes.add()
    client = cloud.member("p1")
    server_id = await booted(
        cloud, client, block_device_mapping_v2=[mapping("volume", volume_id, boot_index=1)]
    )
    adapter = ServersAdapter(cloud.bindings.__getitem__)
    async with cloud.tasks.work() as work:
        await adapter.volume_grown(work, [server_id, "no server"], volume_id, 9)
    await cloud.settle()
    assert ("resize_volume", server_id) in cloud.hosts["h1"].calls
    listed = (await client.get(f"{SERVERS}/{server_id}/os-instance-actions", headers=NEWEST)).json()
    assert listed["instanceActions"][0]["action"] == "extend_volume"


async def test_a_server_on_the_shelf_comes_back_with_what_it_was_given(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await booted(cloud, client)
    for action in ("shelve", "shelveOffload"):
        await cloud.admin().post(f"{SERVERS}/{server_id}/action", json={action: None})
        await cloud.settle()
    assert (await show(client, server_id))["status"] == "SHELVED_OFFLOADED"
    kept, taken = cloud.volumes.add(), cloud.volumes.add()
    for volume_id in (kept, taken):
        assert (await attach(client, server_id, volume_id)).status_code == 200
        await cloud.settle()
        assert cloud.volumes.volumes[volume_id].status == "in-use"
    assert (await client.delete(f"{SERVERS}/{server_id}/os-volume_attachments/{taken}")).status_code == 202
    await cloud.settle()
    assert cloud.volumes.volumes[taken].status == "available"
    await client.post(f"{SERVERS}/{server_id}/action", json={"unshelve": None})
    await cloud.settle()
    (disk,) = cloud.hosts["h1"].guests_by_id[server_id].spec.volumes
    assert disk.volume_id == kept


async def test_a_server_that_moves_gets_no_volume(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await booted(cloud, client)
    volume_id = cloud.volumes.add()
    async with cloud.database.begin() as db:
        await db.update(Server, Server.c.id == server_id, task_state=TaskState.RESIZE_MIGRATING)
    refused = await attach(client, server_id, volume_id)
    assert refused.status_code == 409
    assert "resize_migrating" in refused.json()["conflictingRequest"]["message"]
    assert cloud.volumes.nothing_held()


class TestEventsFromOutside:
    """`os-server-external-events`: one case for each code of an event and of the answer."""

    URL = "/compute/v2.1/os-server-external-events"

    async def tell(
        self, cloud: ComputeCloud, *events: dict[str, Any], version: str = "2.104"
    ) -> httpx.Response:
        headers = {"X-OpenStack-Nova-API-Version": version}
        return await cloud.admin().post(self.URL, json={"events": list(events)}, headers=headers)

    async def test_a_volume_that_grew_is_seen_by_its_guest(self, cloud: ComputeCloud):
        client = cloud.member("p1")
        server_id, volume_id = await booted(cloud, client), cloud.volumes.add(size_gib=7)
        await attach(client, server_id, volume_id)
        await cloud.settle()
        event = {"name": "volume-extended", "server_uuid": server_id, "tag": volume_id}
        answer = await self.tell(cloud, event)
        assert answer.status_code == 200
        assert answer.json() == {"events": [{**event, "status": "completed", "code": 200}]}
        await cloud.settle()
        assert ("resize_volume", server_id) in cloud.hosts["h1"].calls

    async def test_what_leads_nowhere_is_told(self, cloud: ComputeCloud):
        server_id = await booted(cloud, cloud.member("p1"))
        fine = {"name": "network-changed", "server_uuid": server_id}
        unknown = {"name": "network-changed", "server_uuid": SNAPSHOT, "tag": "x"}
        foreign = {"name": "volume-extended", "server_uuid": server_id, "tag": SNAPSHOT}
        answer = await self.tell(cloud, fine, unknown, foreign)
        assert answer.status_code == 207
        assert [event["code"] for event in answer.json()["events"]] == [200, 404, 404]
        assert [event["status"] for event in answer.json()["events"]] == ["completed", "failed", "failed"]
        refused = await self.tell(cloud, unknown)
        assert refused.status_code == 404
        assert refused.json()["itemNotFound"]["message"] == "No instances found for any event"

    async def test_a_server_on_no_host_cannot_be_told(self, cloud: ComputeCloud):
        server_id = await booted(cloud, cloud.member("p1"))
        async with cloud.database.begin() as db:
            await db.update(Server, Server.c.id == server_id, host=None)
        lost = {"name": "network-changed", "server_uuid": server_id}
        assert (await self.tell(cloud, lost)).status_code == 404
        other = await booted(cloud, cloud.member("p1"))
        answer = await self.tell(cloud, lost, {**lost, "server_uuid": other})
        assert answer.status_code == 207
        assert [event["code"] for event in answer.json()["events"]] == [422, 200]

    @pytest.mark.parametrize(
        ("name", "version"), [("volume-extended", "2.50"), ("power-update", "2.75"), ("party", "2.104")]
    )
    async def test_unknown_events_are_refused(self, cloud: ComputeCloud, name: str, version: str):
        answer = await self.tell(cloud, {"name": name, "server_uuid": SNAPSHOT}, version=version)
        assert answer.status_code == 400
        assert name in answer.json()["badRequest"]["message"]
        assert (await self.tell(cloud)).status_code == 400

    async def test_users_may_not_tell(self, cloud: ComputeCloud):
        event = {"name": "network-changed", "server_uuid": SNAPSHOT}
        answer = await cloud.member("p1").post(self.URL, json={"events": [event]})
        assert answer.status_code == 403


async def test_an_image_of_a_server_on_a_volume_has_the_images_properties_and_no_fields(cloud: ComputeCloud):
    client = cloud.member("p1")
    volume_id = cloud.volumes.add(bootable=True)
    root = mapping("volume", volume_id, delete_on_termination=True)
    server_id = await booted(cloud, client, imageRef="", block_device_mapping_v2=[root])
    url = f"{SERVERS}/{server_id}/action"
    answer = await client.post(url, json={"createImage": {"name": "portrait"}}, headers=NEWEST)
    made = cloud.images.images[answer.json()["image_id"]]
    (root,) = msgspec.json.decode(made.properties["block_device_mapping"])
    assert (root["snapshot_id"], root["delete_on_termination"]) == (SNAPSHOT, True)
    assert made.properties["hw_disk_bus"] == "scsi"
    assert made.properties.keys().isdisjoint({"min_disk", "image_name", "disk_format"})
