"""Volumes that several servers may have: for clients who know of them, since 2.60."""

from tests.services.compute.fakes import BODY, ComputeCloud
from tests.services.compute.test_mending import done
from tests.services.compute.test_volumes import SERVERS, attach, booted, mapping

OLDER = {"X-OpenStack-Nova-API-Version": "2.59"}


async def test_older_clients_are_given_no_volume_of_several_servers(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id, shared = await booted(cloud, client), cloud.volumes.add(multiattach=True)
    body = {"volumeAttachment": {"volumeId": shared}}
    url = f"{SERVERS}/{server_id}/os-volume_attachments"
    refused = await client.post(url, json=body, headers=OLDER)
    assert (refused.status_code, "2.60" in refused.text) == (400, True)
    root = cloud.volumes.add(multiattach=True, bootable=True)
    asked = {**BODY, "networks": "none", "imageRef": "", "block_device_mapping_v2": [mapping("volume", root)]}
    refused = await client.post(SERVERS, json={"server": asked}, headers=OLDER)
    assert (refused.status_code, "2.60" in refused.text) == (400, True)
    assert cloud.volumes.nothing_held()
    assert (await attach(client, server_id, shared)).status_code == 200


async def test_a_server_on_the_shelf_gets_no_volume_of_several_servers(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id, shared = await booted(cloud, client), cloud.volumes.add(multiattach=True)
    assert (await done(cloud, client, server_id, {"shelve": None}))["status"] == "SHELVED_OFFLOADED"
    refused = await attach(client, server_id, shared)
    assert (refused.status_code, "shelved" in refused.text) == (400, True)
    assert (await attach(client, server_id, cloud.volumes.add())).status_code == 200
