"""Other types, other pools, images of volumes and over them."""

import pytest
from tests.services.block_storage.fakes import (
    HOST,
    IMAGE,
    OTHER_HOST,
    OTHER_POOL,
    POOL,
    StorageCloud,
    image,
    make_volume,
)

from cumulo.core.drivers import Permanent
from cumulo.services.block_storage.adapter import VolumesAdapter

V3 = "/volume/v3"
VOLUMES = f"{V3}/volumes"


@pytest.fixture
def admin(cloud: StorageCloud, latest):
    client = cloud.admin("p1")
    client.headers.update(latest)
    return client


async def act(client, volume, action, body=None):
    return await client.post(f"{VOLUMES}/{volume['id']}/action", json={action: body})


async def show(admin, volume):
    return (await admin.get(f"{VOLUMES}/{volume['id']}")).json()["volume"]


async def make_type(admin, name, **specs):
    body = {"volume_type": {"name": name, "extra_specs": specs}}
    return (await admin.post(f"{V3}/types", json=body)).json()["volume_type"]


async def messages(admin):
    return [one["user_message"] for one in (await admin.get(f"{V3}/messages")).json()["messages"]]


async def test_a_new_type_that_the_pool_can_hold_changes_only_the_type(cloud, admin):
    await make_type(admin, "same", volume_backend_name="local")
    volume = await make_volume(cloud)
    assert (await act(admin, volume, "os-retype", {"new_type": "same"})).status_code == 202
    assert (await show(admin, volume))["status"] in ("retyping", "available")  # it may be that quick
    await cloud.settle()
    changed = await show(admin, volume)
    assert (changed["status"], changed["volume_type"]) == ("available", "same")
    assert changed["os-vol-host-attr:host"] == POOL
    assert changed["migration_status"] is None


async def test_a_new_type_may_move_the_volume_if_it_is_allowed(cloud, admin):
    await cloud.report()
    await make_type(admin, "other", volume_backend_name="other")
    await cloud.pools[OTHER_HOST].report()
    volume = await make_volume(cloud, cloud.member("p1"), name="v")
    body = {"new_type": "other", "migration_policy": "never"}
    pool = HOST if volume["id"] in cloud.pool.volumes else OTHER_HOST
    if pool == OTHER_HOST:
        await make_type(admin, "local", volume_backend_name="local")
        body["new_type"] = "local"
    await act(admin, volume, "os-retype", body)
    await cloud.settle()
    left = await show(admin, volume)
    assert (left["status"], left["volume_type"]) == ("available", "__DEFAULT__")
    assert "forbids to move it" in (await messages(admin))[0]
    await act(admin, volume, "os-retype", {**body, "migration_policy": "on-demand"})
    await cloud.settle()
    moved = await show(admin, volume)
    assert (moved["status"], moved["migration_status"]) == ("available", "success")
    assert volume["id"] not in cloud.pools[pool].volumes
    assert all(not each.exported for each in cloud.pools.values())


@pytest.mark.parametrize("body", [{"new_type": "none"}, {"new_type": "__DEFAULT__"}, {"new_type": ""}, {}])
async def test_a_type_that_a_volume_cannot_have_is_refused(cloud, admin, body):
    volume = await make_volume(cloud)
    assert (await act(admin, volume, "os-retype", body)).status_code == 400


async def encrypt_type(admin, name, **changes):
    kind = await make_type(admin, name)
    body = {"encryption": {"provider": "luks", "control_location": "front-end", **changes}}
    assert (await admin.post(f"{V3}/types/{kind['id']}/encryption", json=body)).status_code == 200


ON_DEMAND = {"migration_policy": "on-demand"}


async def test_a_volume_is_encrypted_and_decrypted_by_its_type(cloud, admin):
    await encrypt_type(admin, "secret")
    await encrypt_type(admin, "longer", key_size=512)
    await make_type(admin, "plain")
    volume = await make_volume(cloud)
    passphrases = [""]
    for kind in ("secret", "longer", "plain"):
        await act(admin, volume, "os-retype", {"new_type": kind, **ON_DEMAND})
        await cloud.settle()
        changed = await show(admin, volume)
        assert (changed["status"], changed["volume_type"]) == ("available", kind)
        assert changed["encrypted"] is (kind != "plain")
        spec, source = cloud.pool.specs[volume["id"]], list(cloud.pool.sources.values())[-1]
        assert source.passphrase == passphrases[-1]
        passphrases.append(spec.passphrase)
        assert spec.key_bits == (512 if kind == "longer" else 256)
    assert list(cloud.pool.volumes) == [volume["id"]]
    assert cloud.pool.exported == {}
    assert [bool(one) for one in passphrases] == [False, True, True, False]
    assert len(set(passphrases)) == 3


async def test_a_volume_is_encrypted_on_its_way_to_another_pool(cloud, admin):
    await cloud.report()
    volume = await make_volume(cloud)
    here = cloud.pool if volume["id"] in cloud.pool.volumes else cloud.pools[OTHER_HOST]
    there = cloud.pools[OTHER_HOST] if here is cloud.pool else cloud.pool
    kind = await make_type(admin, "secret", volume_backend_name=there.backend)
    body = {"encryption": {"provider": "luks", "control_location": "front-end"}}
    await admin.post(f"{V3}/types/{kind['id']}/encryption", json=body)
    await act(admin, volume, "os-retype", {"new_type": "secret", **ON_DEMAND})
    await cloud.settle()
    assert (await show(admin, volume))["encrypted"] is True
    assert (here.volumes, list(there.volumes)) == ({}, [volume["id"]])
    assert there.specs[volume["id"]].passphrase
    assert there.sources[volume["id"]].passphrase == ""


async def test_a_volume_that_cannot_be_encrypted_stays_as_it_is(cloud, admin):
    await encrypt_type(admin, "secret")
    await encrypt_type(admin, "strange", provider="rot13")
    volume = await make_volume(cloud)

    async def refused(new_type, **policy):
        answer = await act(admin, volume, "os-retype", {"new_type": new_type, **policy})
        assert answer.status_code == 400
        return answer.json()["badRequest"]["message"]

    assert "migration_policy" in await refused("secret")
    assert "rot13" in await refused("strange", **ON_DEMAND)
    snapshot = {"snapshot": {"volume_id": volume["id"]}}
    await admin.post(f"{V3}/snapshots", json=snapshot)
    await cloud.settle()
    assert "snapshots" in await refused("secret", **ON_DEMAND)
    assert (await show(admin, volume))["status"] == "available"


async def test_a_volume_whose_encryption_fails_is_what_it_was(cloud, admin):
    await encrypt_type(admin, "secret")
    volume = await make_volume(cloud)
    cloud.pool.failing["fill"] = Permanent("no room")
    await act(admin, volume, "os-retype", {"new_type": "secret", **ON_DEMAND})
    await cloud.settle()
    left = await show(admin, volume)
    assert (left["status"], left["volume_type"]) == ("available", "__DEFAULT__")
    assert left["encrypted"] is False
    assert list(cloud.pool.volumes) == [volume["id"]]
    assert "no room" in (await messages(admin))[0]


async def test_a_volume_is_moved_where_an_administrator_says(cloud, admin):
    volume = await make_volume(cloud)
    await cloud.report()
    assert (
        await act(cloud.member("p1"), volume, "os-migrate_volume", {"host": OTHER_POOL})
    ).status_code == 403
    for host in ("nowhere@x#y", POOL, HOST):
        assert (await act(admin, volume, "os-migrate_volume", {"host": host})).status_code == 400
    async with cloud.idle():
        assert (await act(admin, volume, "os-migrate_volume", {"host": OTHER_POOL})).status_code == 202
        refused = await cloud.member("p1").delete(f"{VOLUMES}/{volume['id']}")
    assert refused.status_code == 400  # it is on its way
    await cloud.settle()
    moved = await show(admin, volume)
    assert moved["os-vol-host-attr:host"] == OTHER_POOL
    assert moved["migration_status"] == "success"
    assert (cloud.pool.volumes, list(cloud.pools[OTHER_HOST].volumes)) == ({}, [volume["id"]])
    assert (await cloud.member("p1").delete(f"{VOLUMES}/{volume['id']}")).status_code == 202


async def test_a_move_that_fails_leaves_the_volume_where_it_was(cloud, admin):
    volume = await make_volume(cloud)
    await cloud.report()
    cloud.pools[OTHER_HOST].failing["fill"] = Permanent("no room")
    await act(admin, volume, "os-migrate_volume", {"host": OTHER_POOL})
    await cloud.settle()
    left = await show(admin, volume)
    assert (left["os-vol-host-attr:host"], left["migration_status"]) == (POOL, "error")
    assert (left["status"], list(cloud.pool.volumes)) == ("available", [volume["id"]])
    assert "no room" in (await messages(admin))[0]


async def test_what_completes_by_itself_is_not_completed_by_hand(cloud, admin):
    volume = await make_volume(cloud)
    other = {"new_volume": volume["id"]}
    assert (await act(admin, volume, "os-migrate_volume_completion", other)).status_code == 400
    assert (await act(admin, volume, "os-extend_volume_completion", {})).status_code == 400


async def test_an_image_is_made_of_a_volume(cloud, admin):
    volume = await make_volume(cloud, imageRef=IMAGE, description="d")
    body = {"image_name": "i", "disk_format": "qcow2", "visibility": "shared"}
    made = (await act(admin, volume, "os-volume_upload_image", body)).json()["os-volume_upload_image"]
    assert (made["status"], made["image_name"], made["visibility"]) == ("uploading", "i", "shared")
    assert made["volume_type"]["name"] == "__DEFAULT__"
    assert dict(cloud.images.images[made["image_id"]].properties) == {"hw_disk_bus": "virtio"}
    await cloud.settle()
    assert cloud.images.data[made["image_id"]].startswith(b"QFI")
    assert (await show(admin, volume))["status"] == "available"
    assert cloud.pool.snapshots == {}


@pytest.mark.parametrize(
    "body",
    [
        {"image_name": "i", "disk_format": "iso"},
        {"image_name": "i", "container_format": "ovf"},
        {"image_name": "i", "visibility": "secret"},
        {"image_name": ""},
    ],
)
async def test_an_image_that_cannot_be_made_is_refused(cloud, admin, body):
    volume = await make_volume(cloud)
    assert (await act(admin, volume, "os-volume_upload_image", body)).status_code == 400


async def test_only_administrators_make_public_images(cloud, admin, latest):
    volume = await make_volume(cloud)
    body = {"os-volume_upload_image": {"image_name": "i", "visibility": "public"}}
    path = f"{VOLUMES}/{volume['id']}/action"
    assert (await cloud.member("p1").post(path, json=body, headers=latest)).status_code == 403


async def test_an_image_that_is_refused_leaves_the_volume_as_it_was(cloud, admin):
    volume = await make_volume(cloud)
    cloud.pool.failing["create_snapshot"] = Permanent("no room")
    body = {"image_name": "i"}
    made = (await act(admin, volume, "os-volume_upload_image", body)).json()["os-volume_upload_image"]
    await cloud.settle()
    assert made["image_id"] not in cloud.images.images
    assert (await show(admin, volume))["status"] == "available"
    assert "copy volume to image:no room" in await messages(admin)


async def test_an_image_is_written_over_a_volume(cloud, admin):
    volume = await make_volume(cloud)
    assert (await act(admin, volume, "os-reimage", {"image_id": IMAGE})).status_code == 202
    await cloud.settle()
    assert cloud.pool.content[volume["id"]] == "file:/images/mini"
    shown = await show(admin, volume)
    assert (shown["status"], shown["bootable"]) == ("available", "true")
    cloud.images.images[IMAGE] = image(IMAGE, min_disk=9)
    assert (await act(admin, volume, "os-reimage", {"image_id": IMAGE})).status_code == 400
    await act(admin, volume, "os-reserve")
    assert (await act(admin, volume, "os-reimage", {"image_id": IMAGE})).status_code == 400


async def test_a_multiattach_type_makes_a_volume_multiattach(cloud, admin):
    await make_type(admin, "shared", multiattach="<is> True")
    volume = await make_volume(cloud)
    await act(admin, volume, "os-retype", {"new_type": "shared"})
    await cloud.settle()
    assert (await show(admin, volume))["multiattach"] is True


async def test_a_volume_in_use_gets_a_new_type_where_it_is(cloud, admin):
    specs = {"name": "slow", "consumer": "front-end", "total_iops_sec": "100"}
    qos = (await admin.post("/volume/v3/qos-specs", json={"qos_specs": specs})).json()["qos_specs"]
    kind = await make_type(admin, "limited")
    await admin.get(f"/volume/v3/qos-specs/{qos['id']}/associate", params={"vol_type_id": kind["id"]})
    volume = await make_volume(cloud)
    attached = {"attachment": {"volume_uuid": volume["id"], "connector": {"host": "h"}}}
    made = (await admin.post("/volume/v3/attachments", json=attached)).json()["attachment"]
    done = {"os-complete": {}}
    assert (await admin.post(f"/volume/v3/attachments/{made['id']}/action", json=done)).status_code == 204
    assert (await act(admin, volume, "os-retype", {"new_type": "limited"})).status_code == 202
    await cloud.settle()
    changed = await show(admin, volume)
    assert (changed["status"], changed["volume_type"]) == ("in-use", "limited")
    adapter = VolumesAdapter(cloud.bindings.__getitem__)
    async with cloud.engine.database.read() as db:
        known = await adapter.get(db, volume["id"], project_id="p1", is_admin=True)
    assert known.front_end_limits == {"total_iops_sec": 100}  # from the next connection on


async def test_a_volume_with_snapshots_or_in_use_is_not_moved_for_a_type(cloud, admin):
    await cloud.report()
    for name in ("other", "local"):
        await make_type(admin, name, volume_backend_name=name)
    volume = await make_volume(cloud)
    other = "other" if volume["id"] in cloud.pool.volumes else "local"
    wanted = {"new_type": other, "migration_policy": "on-demand"}
    body = {"snapshot": {"volume_id": volume["id"], "name": "s"}}
    assert (await admin.post("/volume/v3/snapshots", json=body)).status_code == 202
    await cloud.settle()
    await act(admin, volume, "os-retype", wanted)
    await cloud.settle()
    left = await show(admin, volume)
    assert (left["status"], left["volume_type"]) == ("available", "__DEFAULT__")
    assert "with snapshots" in (await messages(admin))[0]
