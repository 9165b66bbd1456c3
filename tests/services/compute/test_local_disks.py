from typing import Any

import msgspec
from tests.services.compute.fakes import IMAGE, NEWEST, ComputeCloud, create, image, show

from cumulo.contracts.hypervisor import LocalDisk
from cumulo.node.metadata import tree
from cumulo.services.compute.model import Server

BLANK: dict[str, Any] = {"source_type": "blank", "destination_type": "local", "boot_index": -1}
ROOT: dict[str, Any] = {
    "source_type": "image",
    "destination_type": "local",
    "uuid": IMAGE,
    "boot_index": 0,
}
FLAVOR = {"name": "roomy", "id": "roomy", "ram": 128, "vcpus": 1, "disk": 1}


async def roomy(cloud: ComputeCloud, ephemeral: int = 4, swap: int = 512) -> None:
    flavor = {**FLAVOR, "OS-FLV-EXT-DATA:ephemeral": ephemeral, "swap": swap}
    assert (await cloud.admin().post("/compute/v2.1/flavors", json={"flavor": flavor})).status_code == 200


async def disks_of(cloud: ComputeCloud, **body: Any) -> tuple[LocalDisk, ...]:
    server_id = await create(cloud.member("p1"), flavorRef="roomy", **body)
    await cloud.settle()
    return cloud.hosts["h1"].guests_by_id[server_id].spec.local_disks


async def test_a_flavors_ephemeral_disk_and_swap_come_after_the_root(cloud: ComputeCloud):
    await roomy(cloud)
    assert await disks_of(cloud) == (
        LocalDisk(name="ephemeral0", size_mib=4096, format="vfat", device="vdb"),
        LocalDisk(name="swap", size_mib=512, format="swap", device="vdc"),
    )
    cloud.images.images[IMAGE] = image(IMAGE, properties={"os_type": "linux", "hw_disk_bus": "scsi"})
    first, _ = await disks_of(cloud)
    assert (first.format, first.device, first.bus) == ("ext4", "sdb", "scsi")


async def test_a_request_divides_the_ephemeral_space(cloud: ComputeCloud):
    await roomy(cloud)
    asked = [
        ROOT,
        {**BLANK, "volume_size": 1, "guest_format": "ext3"},
        {**BLANK, "volume_size": "2"},
        {**BLANK, "volume_size": 64, "guest_format": "swap"},
    ]
    made = await disks_of(cloud, block_device_mapping_v2=asked)
    assert [(disk.name, disk.size_mib, disk.format) for disk in made] == [
        ("ephemeral0", 1024, "ext3"),
        ("ephemeral1", 2048, "vfat"),
        ("swap", 64, "swap"),
    ]


async def test_more_than_the_flavor_gives_is_refused(cloud: ComputeCloud):
    await roomy(cloud)
    swap = {**BLANK, "guest_format": "swap"}
    for entries, word in (
        ([{**BLANK, "volume_size": 3}, {**BLANK, "volume_size": 2}], "Ephemeral"),
        ([{**swap, "volume_size": 513}], "Swap"),
        ([swap, swap], "More than one swap"),
        ([{**BLANK, "guest_format": "befs"}], "guest_format"),
        ([{**BLANK, "volume_size": "much"}], "volume_size"),
    ):
        body = {"name": "s", "flavorRef": "roomy", "imageRef": IMAGE, "networks": "none"}
        body["block_device_mapping_v2"] = [ROOT, *entries]
        refused = await cloud.member("p1").post(
            "/compute/v2.1/servers", json={"server": body}, headers=NEWEST
        )
        assert refused.status_code == 400
        assert word in refused.json()["badRequest"]["message"]
    assert (await cloud.member("p1").get("/compute/v2.1/servers")).json()["servers"] == []


async def test_a_volume_takes_no_local_disks_place(cloud: ComputeCloud):
    await roomy(cloud)
    volume = cloud.volumes.add()
    asked = [ROOT, {"source_type": "volume", "destination_type": "volume", "uuid": volume, "boot_index": -1}]
    server_id = await create(cloud.member("p1"), flavorRef="roomy", block_device_mapping_v2=asked)
    await cloud.settle()
    spec = cloud.hosts["h1"].guests_by_id[server_id].spec
    assert [disk.device for disk in spec.local_disks] == ["vdb", "vdc"]
    assert [disk.device for disk in spec.volumes] == ["vdd"]


async def test_an_ephemeral_disk_does_not_shrink(cloud: ComputeCloud):
    await roomy(cloud)
    client = cloud.member("p1")
    server_id = await create(client, flavorRef="roomy")
    await cloud.settle()
    body = {"resize": {"flavorRef": "c2"}}
    refused = await client.post(f"/compute/v2.1/servers/{server_id}/action", json=body)
    assert refused.status_code == 400
    assert "4 GiB" in refused.json()["badRequest"]["message"]


async def test_a_password_is_on_the_first_config_drive_and_nowhere_else(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client, config_drive=True, adminPass="open sesame")
    async with cloud.database.read() as db:
        row = await db.get(Server, server_id)
    assert row is not None
    assert b"sealed_password" in bytes(row.asked)
    assert b"open sesame" not in bytes(row.asked)
    await cloud.settle()
    host = cloud.hosts["h1"]
    assert passwords_on(host.guests_by_id[server_id].spec) == {"open sesame"}
    async with cloud.database.read() as db:
        row = await db.get(Server, server_id)
    assert row is not None
    assert msgspec.json.decode(row.asked)["sealed_password"] == ""
    await client.post(f"/compute/v2.1/servers/{server_id}/action", json={"reboot": {"type": "HARD"}})
    await cloud.settle()
    assert passwords_on(host.guests_by_id[server_id].spec) == {None}
    again = {"rebuild": {"imageRef": IMAGE, "adminPass": "close sesame"}}
    await client.post(f"/compute/v2.1/servers/{server_id}/action", json=again)
    await cloud.settle()
    assert passwords_on(host.guests_by_id[server_id].spec) == {"close sesame"}
    assert (await show(client, server_id))["status"] == "ACTIVE"


def passwords_on(spec: Any) -> set[str | None]:
    """Return the passwords that the versions of `meta_data.json` on a guest's config drive tell."""
    drive = tree.config_drive(spec.config_drive)
    documents = [content for name, content in drive.items() if name.endswith("meta_data.json")]
    return {msgspec.json.decode(document).get("admin_pass") for document in documents}


async def test_ephemeral_disks_go_with_their_server_and_swap_is_made_anew(cloud: ComputeCloud):
    await roomy(cloud)
    await cloud.add_host("h2")
    server_id = await create(cloud.member("p1"), flavorRef="roomy")
    await cloud.settle()
    admin, action = cloud.admin("p1"), f"/compute/v2.1/servers/{server_id}/action"
    before = (await show(admin, server_id))["OS-EXT-SRV-ATTR:host"]
    there = cloud.hosts["h2" if before == "h1" else "h1"]
    assert (await admin.post(action, json={"migrate": {"host": None}}, headers=NEWEST)).status_code == 202
    await cloud.settle()
    after = await show(admin, server_id)
    assert (after["status"], after["OS-EXT-SRV-ATTR:host"]) == ("VERIFY_RESIZE", there.host)
    assert list(there.received_local[server_id]) == ["ephemeral0"]
    assert there.received_local[server_id]["ephemeral0"].startswith(b"ephemeral0 of")
    assert [disk.name for disk in there.guests_by_id[server_id].spec.local_disks] == ["ephemeral0", "swap"]
    kept = [name for host in cloud.hosts.values() for _, name in host.snapshots]
    assert not any("ephemeral0" in name for name in kept)
