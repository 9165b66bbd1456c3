"""Volume types, access, encryption, QoS, default types."""

import pytest
from tests.services.block_storage.fakes import StorageCloud, make_volume

from cumulo.services.block_storage.adapter import VolumesAdapter
from cumulo.services.block_storage.keys import VolumeKeys, passphrase
from cumulo.services.block_storage.model import Volume

TYPES, QOS, VOLUMES = "/volume/v3/types", "/volume/v3/qos-specs", "/volume/v3/volumes"
DEFAULTS = "/volume/v3/default-types"


@pytest.fixture
def admin(cloud: StorageCloud, latest):
    client = cloud.admin()
    client.headers.update(latest)
    return client


async def make_type(admin, name="fast", **values):
    answer = await admin.post(TYPES, json={"volume_type": {"name": name, **values}})
    assert answer.status_code == 200, answer.text
    return answer.json()["volume_type"]


async def test_a_type_is_made_shown_changed_and_deleted(cloud, admin):
    kind = await make_type(admin, extra_specs={"volume_backend_name": "local"})
    assert kind["os-volume-type-access:is_public"] is True
    assert (await admin.post(TYPES, json={"volume_type": {"name": "fast"}})).status_code == 409
    assert (await cloud.member("p1").post(TYPES, json={"volume_type": {"name": "x"}})).status_code == 403
    seen = (await cloud.member("p1").get(f"{TYPES}/{kind['id']}")).json()["volume_type"]
    assert seen["extra_specs"] == {}  # it would tell of the cloud
    assert "qos_specs_id" not in seen
    changed = await admin.put(f"{TYPES}/{kind['id']}", json={"volume_type": {"name": "faster"}})
    assert changed.json()["volume_type"]["name"] == "faster"
    assert (await admin.put(f"{TYPES}/{kind['id']}", json={"volume_type": {}})).status_code == 400
    await make_volume(cloud, volume_type="faster")
    refused = await admin.delete(f"{TYPES}/{kind['id']}")
    assert refused.status_code == 400
    other = await make_type(admin, "other")
    assert (await admin.delete(f"{TYPES}/{other['id']}")).status_code == 202
    assert (await admin.get(f"{TYPES}/{other['id']}")).status_code == 404


async def test_the_default_type_is_shown_and_stays(cloud, admin):
    kind = (await cloud.member("p1").get(f"{TYPES}/default")).json()["volume_type"]
    assert kind["name"] == "__DEFAULT__"
    assert (await admin.delete(f"{TYPES}/{kind['id']}")).status_code == 400


async def test_a_private_type_is_for_whom_it_is_opened_to(cloud, admin):
    kind = await make_type(admin, "secret", **{"os-volume-type-access:is_public": False})
    path, member = f"{TYPES}/{kind['id']}", cloud.member("p1")
    assert (await member.get(path)).status_code == 404
    refused = await member.post(VOLUMES, json={"volume": {"size": 1, "volume_type": "secret"}})
    assert refused.status_code == 404
    add = {"addProjectAccess": {"project": "p1"}}
    assert (await admin.post(f"{path}/action", json=add)).status_code == 202
    assert (await admin.post(f"{path}/action", json=add)).status_code == 409
    listed = (await admin.get(f"{path}/os-volume-type-access")).json()["volume_type_access"]
    assert listed == [{"volume_type_id": kind["id"], "project_id": "p1"}]
    assert (await member.get(path)).status_code == 200
    assert "secret" in [one["name"] for one in (await member.get(TYPES)).json()["volume_types"]]
    remove = {"removeProjectAccess": {"project": "p1"}}
    assert (await admin.post(f"{path}/action", json=remove)).status_code == 202
    assert (await admin.post(f"{path}/action", json=remove)).status_code == 404
    assert "secret" not in [one["name"] for one in (await admin.get(TYPES)).json()["volume_types"]]
    every = (await admin.get(f"{TYPES}?is_public=None")).json()["volume_types"]
    assert "secret" in [one["name"] for one in every]
    for word in ("is_public", "os-volume-type-access:is_public"):  # the latter is what openstacksdk writes
        for value in (True, False):
            changed = await admin.put(path, json={"volume_type": {word: value}})
            assert changed.json()["volume_type"]["is_public"] is value


async def test_extra_specs_are_added_set_shown_and_deleted(admin):
    kind = await make_type(admin)
    path = f"{TYPES}/{kind['id']}/extra_specs"
    specs = {"extra_specs": {"a": "1"}}
    assert (await admin.post(path, json=specs)).json() == specs
    assert (await admin.put(f"{path}/b", json={"b": "2"})).json() == {"b": "2"}
    assert (await admin.put(f"{path}/b", json={"c": "2"})).status_code == 400
    assert (await admin.put(f"{path}/b", json={"b": "2", "c": "3"})).status_code == 400
    assert (await admin.get(path)).json() == {"extra_specs": {"a": "1", "b": "2"}}
    assert (await admin.delete(f"{path}/a")).status_code == 202
    assert (await admin.get(f"{path}/a")).status_code == 404
    assert (await admin.post(path, json={"extra_specs": {"": "1"}})).status_code == 400


async def test_a_volume_goes_where_its_types_specs_say(cloud, admin):
    await cloud.report()
    await make_type(admin, "other", extra_specs={"volume_backend_name": "other"})
    volume = await make_volume(cloud, cloud.admin("p1"), volume_type="other")
    assert volume["os-vol-host-attr:host"] == "node1@other#pool"
    await make_type(admin, "none", extra_specs={"volume_backend_name": "nowhere"})
    assert (await make_volume(cloud, volume_type="none"))["status"] == "error"
    messages = (await admin.get("/volume/v3/messages")).json()["messages"]
    assert "volume_backend_name" in messages[0]["user_message"]
    assert (messages[0]["resource_type"], messages[0]["event_id"]) == ("VOLUME", "VOLUME_VOLUME_001_003")


async def test_a_multiattach_type_makes_volumes_for_several_servers(cloud, admin):
    await make_type(admin, "shared", extra_specs={"multiattach": "<is> True"})
    volume = await make_volume(cloud, volume_type="shared")
    assert volume["multiattach"] is True
    for server in ("a", "b"):
        body = {
            "volume_uuid": volume["id"],
            "instance_uuid": f"{server * 8}-1111-4111-8111-111111111111",
        }
        made = await admin.post("/volume/v3/attachments", json={"attachment": body})
        assert made.status_code == 200, made.text


async def test_a_types_one_encryption_needs_no_id_as_cinderclient_has_it(cloud, admin):
    kind = await make_type(admin, "secret")
    path = f"{TYPES}/{kind['id']}/encryption"
    changed = {"encryption": {"key_size": 512}}
    assert (await admin.put(f"{path}/provider", json=changed)).status_code == 404
    await admin.post(path, json={"encryption": {"provider": "luks", "cipher": "aes-xts-plain64"}})
    assert (await admin.put(f"{path}/other", json=changed)).status_code == 404
    assert (await admin.put(f"{path}/provider", json=changed)).json() == changed
    assert (await admin.delete(f"{path}/provider")).status_code == 202
    assert (await admin.get(path)).json() == {}


async def test_an_encrypted_volume_has_a_passphrase_that_nobody_sees(cloud, admin):
    kind = await make_type(admin, "secret")
    path = f"{TYPES}/{kind['id']}/encryption"
    body = {"encryption": {"provider": "luks", "cipher": "aes-xts-plain64", "key_size": 256}}
    assert (await admin.get(path)).json() == {}
    made = (await admin.post(path, json=body)).json()["encryption"]
    assert (made["volume_type_id"], made["control_location"]) == (kind["id"], "front-end")
    assert (await admin.post(path, json=body)).status_code == 400
    assert (await admin.get(f"{path}/provider")).json() == {"provider": "luks"}
    changed = {"encryption": {"key_size": 512}}
    assert (await admin.put(f"{path}/{made['encryption_id']}", json=changed)).json() == changed
    volume = await make_volume(cloud, volume_type="secret")
    assert volume["encrypted"] is True
    spec = cloud.pool.specs[volume["id"]]
    assert (spec.cipher, spec.key_bits) == ("aes-xts-plain64", 512)
    assert len(spec.passphrase) == 64
    async with cloud.engine.database.read() as db:
        row = await db.get(Volume, volume["id"])
    assert spec.passphrase.encode() not in (row.sealed_key or b"")
    clone = await make_volume(cloud, source_volid=volume["id"])
    assert cloud.pool.specs[clone["id"]].passphrase == spec.passphrase
    other = await make_volume(cloud, volume_type="secret")
    assert cloud.pool.specs[other["id"]].passphrase != spec.passphrase
    shown = (await admin.get(f"{VOLUMES}/{volume['id']}/encryption")).json()
    assert shown["encryption_key_id"]
    assert spec.passphrase not in (await admin.get(f"{VOLUMES}/{volume['id']}")).text
    assert (await admin.delete(f"{path}/{made['encryption_id']}")).status_code == 400
    attached = {"attachment": {"volume_uuid": volume["id"], "connector": {"host": "h"}}}
    info = await admin.post("/volume/v3/attachments", json=attached)
    assert info.json()["attachment"]["connection_info"]["encrypted"] is True
    assert spec.passphrase not in info.text
    adapter = VolumesAdapter(cloud.bindings.__getitem__)
    async with cloud.engine.database.read() as db:
        access = await adapter.connect(db, info.json()["attachment"]["id"], "h")
        assert (access.format, access.passphrase) == ("luks", spec.passphrase)
        assert passphrase(cloud.bindings[VolumeKeys], row) == access.passphrase


@pytest.mark.parametrize(
    "body",
    [
        {"provider": "luks", "control_location": "middle"},
        {"provider": "luks", "cipher": "rot13"},
        {"provider": "luks", "key_size": 7},
        {},
    ],
)
async def test_encryption_that_qemu_cannot_do_is_refused(admin, body):
    kind = await make_type(admin)
    refused = await admin.post(f"{TYPES}/{kind['id']}/encryption", json={"encryption": body})
    assert refused.status_code == 400


async def test_qos_specs_limit_the_volumes_of_their_types(cloud, admin):
    body = {"name": "gold", "consumer": "front-end", "total_iops_sec_per_gb": "10", "read_bytes_sec": 5}
    made = (await admin.post(QOS, json={"qos_specs": body})).json()
    specs = made["qos_specs"]
    assert specs["specs"] == {"total_iops_sec_per_gb": "10", "read_bytes_sec": "5"}
    assert made["links"]
    assert (await admin.post(QOS, json={"qos_specs": body})).status_code == 409
    kind = await make_type(admin)
    path = f"{QOS}/{specs['id']}"
    assert (await admin.get(f"{path}/associate?vol_type_id={kind['id']}")).status_code == 202
    listed = (await admin.get(f"{path}/associations")).json()["qos_associations"]
    assert [one["id"] for one in listed] == [kind["id"]]
    volume = await make_volume(cloud, size=3, volume_type="fast")
    adapter = VolumesAdapter(cloud.bindings.__getitem__)
    async with cloud.engine.database.read() as db:
        record = await adapter.get(db, volume["id"], project_id="p1")
    assert record.front_end_limits == {"total_iops_sec": 30, "read_bytes_sec": 5}
    assert (await admin.delete(path)).status_code == 400
    changed = await admin.put(path, json={"qos_specs": {"read_bytes_sec": "6"}})
    assert changed.json() == {"qos_specs": {"read_bytes_sec": "6"}}
    assert (await admin.put(f"{path}/delete_keys", json={"keys": ["none"]})).status_code == 400
    assert (await admin.put(f"{path}/delete_keys", json={"keys": ["read_bytes_sec"]})).status_code == 202
    shown = (await admin.get(path)).json()["qos_specs"]
    assert shown["specs"] == {"total_iops_sec_per_gb": "10"}
    assert (await admin.get(f"{path}/disassociate?vol_type_id={kind['id']}")).status_code == 202
    assert (await admin.get(f"{path}/disassociate_all")).status_code == 202
    assert (await admin.delete(path)).status_code == 202
    assert (await admin.get(QOS)).json()["qos_specs"] == []


async def test_a_project_may_have_a_default_type_of_its_own(cloud, admin):
    await make_type(admin)
    put = await admin.put(f"{DEFAULTS}/p1", json={"default_type": {"volume_type": "fast"}})
    assert put.json()["default_type"]["project_id"] == "p1"
    assert (await make_volume(cloud))["volume_type"] == "fast"
    assert (await make_volume(cloud, cloud.member("p2")))["volume_type"] == "__DEFAULT__"
    assert len((await admin.get(DEFAULTS)).json()["default_types"]) == 1
    assert (await admin.get(f"{DEFAULTS}/p1")).status_code == 200
    assert (await admin.delete(f"{DEFAULTS}/p1")).status_code == 204
    assert (await admin.get(f"{DEFAULTS}/p1")).status_code == 404
    unknown = await admin.put(f"{DEFAULTS}/p1", json={"default_type": {"volume_type": "x"}})
    assert unknown.status_code == 404


async def test_a_volume_of_a_type_with_another_provider_is_refused(cloud, admin):
    kind = await make_type(admin, "odd")
    body = {"encryption": {"provider": "plain"}}
    assert (await admin.post(f"{TYPES}/{kind['id']}/encryption", json=body)).status_code == 200
    refused = await admin.post(VOLUMES, json={"volume": {"size": 1, "volume_type": "odd"}})
    assert refused.status_code == 400
    assert "only luks is" in refused.json()["badRequest"]["message"]
