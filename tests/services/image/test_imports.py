"""Staging and importing: into one store and several, from the web, from another image; what goes wrong."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.services.image.catalogue import (
    DATA,
    OCTETS,
    V2,
    active,
    ask,
    file_of,
    files,
    register,
    show,
    staged,
    task_of,
)
from tests.services.image.inspection.test_inspection import qcow2

from cumulo.core import clock
from cumulo.services.image.config import ImageSettings, StoreSettings
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.model import Image
from cumulo.testing.cloud import Cloud


@pytest.fixture
def settings() -> ImageSettings:
    return ImageSettings(
        size_limit=1 << 24,
        upload_silence=5,
        stores={"second": StoreSettings(weight=-1, description="more"), "third": StoreSettings(weight=-2)},
        download_networks=("127.0.0.0/8",),
        download_ports=tuple(range(1024, 65536)),
    )


async def test_staged_data_is_imported(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    image_id = await staged(member)
    assert (await show(member, image_id))["status"] == "uploading"
    answer = await ask(member, image_id)
    assert answer.status_code == 202
    await cloud.settle()
    shown = await show(member, image_id)
    assert (shown["status"], shown["size"], shown["stores"]) == ("active", len(DATA), "file")
    assert shown["os_hash_value"] == hashlib.sha512(DATA).hexdigest()
    assert shown["virtual_size"] == len(DATA)
    assert (await member.get(f"{V2}/images/{image_id}/file")).content == DATA
    assert files(folder) == [f"images/{image_id}"]
    task = await task_of(member, image_id)
    assert (task["status"], task["type"]) == ("success", "api_image_import")
    assert task["input"]["import_req"]["method"]["name"] == "glance-direct"
    assert task["request_id"] == answer.headers["x-openstack-request-id"]
    assert task["result"] == {"image_id": image_id}


async def test_an_import_goes_to_all_stores_or_to_those_named(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    everywhere, two = await staged(member), await staged(member, b"other data")
    async with cloud.idle():
        await ask(member, everywhere, all_stores=True)
        await ask(member, two, stores=["second", "third"])
        shown = await show(member, two)
    assert shown["status"] == "importing"
    assert (shown["os_glance_importing_to_stores"], shown["os_glance_failed_import"]) == ("second,third", "")
    await cloud.settle()
    assert (await show(member, everywhere))["stores"] == "file,second,third"
    shown = await show(member, two)
    assert (shown["status"], shown["stores"]) == ("active", "second,third")
    assert (shown["os_glance_importing_to_stores"], shown["os_glance_failed_import"]) == ("", "")
    assert (await member.get(f"{V2}/images/{two}/file")).content == b"other data"


async def test_what_is_no_such_image_is_refused_and_the_image_queued_again(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    image_id = await staged(member, bytes(qcow2(backing_offset=200, backing_length=5)), disk_format="qcow2")
    await ask(member, image_id)
    await cloud.settle()
    shown = await show(member, image_id)
    assert (shown["status"], shown["os_glance_failed_import"]) == ("queued", "file")
    assert (shown["size"], shown["checksum"]) == (None, None)
    task = await task_of(member, image_id)
    assert task["status"] == "failure"
    assert "backing file" in task["message"]
    assert files(folder) == []
    again = await member.put(f"{V2}/images/{image_id}/stage", content=bytes(qcow2()), headers=OCTETS)
    assert again.status_code == 204
    await ask(member, image_id)
    await cloud.settle()
    assert (await show(member, image_id))["status"] == "active"


@pytest.mark.parametrize("must", [True, False])
async def test_one_store_fails(cloud: Cloud, folder: Path, must: bool):
    member = cloud.member("p1")
    image_id = await staged(member)
    (folder.parent / "images-second").write_text("in the way")
    await ask(member, image_id, all_stores=True, all_stores_must_succeed=must)
    await cloud.settle()
    shown = await show(member, image_id)
    if must:
        assert (shown["status"], shown["os_glance_failed_import"]) == ("queued", "file,second,third")
        assert files(folder) == []
    else:
        assert (shown["status"], shown["stores"]) == ("active", "file,third")
        assert shown["os_glance_failed_import"] == "second"
        assert "second" in (await task_of(member, image_id))["message"]


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"method": {"name": "magic"}}, 400, "magic"),
        ({"method": {"name": "glance-direct"}, "stores": ["nowhere"]}, 400, "nowhere"),
        ({"method": {"name": "glance-direct"}, "stores": ["file"], "all_stores": True}, 400, "exclude"),
        ({"method": {"name": "web-download", "uri": "http://example.org"}}, 409, "queued"),
        ({"method": {"name": "copy-image"}}, 409, "active"),
        ({}, 400, "method"),
    ],
)
async def test_imports_that_cannot_be_are_refused(cloud: Cloud, body: Any, status: int, word: str):
    member = cloud.member("p1")
    image_id = await staged(member)
    answer = await member.post(f"{V2}/images/{image_id}/import", json=body)
    assert (answer.status_code, word in answer.text) == (status, True), answer.text
    assert (await show(member, image_id))["status"] == "uploading"


async def test_only_what_is_staged_can_be_imported_directly(cloud: Cloud):
    member = cloud.member("p1")
    image = await register(member)
    assert (await ask(member, image["id"])).status_code == 409
    assert (await ask(cloud.reader("p1"), await staged(member))).status_code == 403


async def test_an_image_deleted_during_its_import_stays_deleted(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    image_id = await staged(member)
    await ask(member, image_id, all_stores=True)
    assert (await member.delete(f"{V2}/images/{image_id}")).status_code == 204
    await cloud.settle()
    assert (await member.get(f"{V2}/images/{image_id}")).status_code == 404
    assert files(folder) == []


async def test_staged_data_goes_with_the_image(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    image_id = await staged(member)
    assert files(folder) == [f"images/staging/{image_id}"]
    await member.delete(f"{V2}/images/{image_id}")
    await cloud.settle()
    assert files(folder) == []


async def test_staged_data_that_was_overtaken_is_not_imported(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    image_id = (await register(member))["id"]
    path = f"{V2}/images/{image_id}/stage"
    staging = cloud.bindings[Stores].staging
    publish = staging.publish

    async def overtaken(*told: Any) -> None:
        staging.publish = publish
        async with cloud.engine.database.begin() as tx:
            await tx.update(Image, upload_until=clock.now() - timedelta(1))
        assert (await member.put(path, content=b"second", headers=OCTETS)).status_code == 204
        await publish(*told)

    staging.publish = overtaken
    assert (await member.put(path, content=b"first", headers=OCTETS)).status_code == 410
    await ask(member, image_id)
    await cloud.settle()
    assert (await member.get(f"{V2}/images/{image_id}/file")).content == b"second"
    assert files(folder) == [f"images/{image_id}"]


async def test_an_active_image_is_copied_to_more_stores(cloud: Cloud, folder: Path):
    member, admin = cloud.member("p1"), cloud.admin()
    image = await active(member, DATA)
    assert (await ask(member, image["id"], "copy-image", stores=["second"])).status_code == 202
    await cloud.settle()
    assert (await show(member, image["id"]))["stores"] == "file,second"
    assert (await ask(member, image["id"], "copy-image", stores=["second"])).status_code == 409
    assert (await ask(cloud.member("p2"), image["id"], "copy-image", all_stores=True)).status_code == 404
    assert (await ask(admin, image["id"], "copy-image", all_stores=True)).status_code == 202
    await cloud.settle()
    assert (await show(member, image["id"]))["stores"] == "file,second,third"
    assert (await ask(admin, image["id"], "copy-image", all_stores=True)).status_code == 202
    for name in ("images-second", "images-third"):
        assert file_of(folder.parent / name, image["id"]).read_bytes() == DATA


async def test_data_that_changed_on_disk_is_not_copied(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    image = await active(member, DATA)
    file_of(folder, image["id"]).write_bytes(DATA[:-1] + b"x")
    await ask(member, image["id"], "copy-image", stores=["second"])
    await cloud.settle()
    shown = await show(member, image["id"])
    assert (shown["status"], shown["stores"]) == ("active", "file")
    assert shown["os_glance_failed_import"] == "second"
    assert "hash differs" in (await task_of(member, image["id"]))["message"]
    assert not list((folder.parent / "images-second").glob(f"{image['id']}*"))


async def test_data_leaves_one_of_several_stores(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    image = await active(member, DATA)
    path = f"{V2}/stores/{{}}/{image['id']}"
    admin = cloud.admin()
    assert (await admin.delete(path.format("file"))).status_code == 403  # its only one
    await ask(member, image["id"], "copy-image", stores=["second"])
    await cloud.settle()
    assert (await admin.delete(path.format("third"))).status_code == 404
    assert (await member.delete(path.format("file"))).status_code == 403
    assert (await admin.delete(path.format("file"))).status_code == 204
    await cloud.settle()
    assert (await show(member, image["id"]))["stores"] == "second"
    assert files(folder) == [f"images-second/{image['id']}"]
    assert (await member.get(f"{V2}/images/{image['id']}/file")).content == DATA


async def test_an_upload_may_name_its_store(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    image = await register(member)
    path = f"{V2}/images/{image['id']}/file"
    bad = await member.put(path, content=DATA, headers={**OCTETS, "X-Image-Meta-Store": "nowhere"})
    assert (bad.status_code, "nowhere" in bad.text) == (400, True)
    good = await member.put(path, content=DATA, headers={**OCTETS, "X-Image-Meta-Store": "third"})
    assert good.status_code == 204
    assert (await show(member, image["id"]))["stores"] == "third"
    assert files(folder) == [f"images-third/{image['id']}"]


async def test_data_in_a_store_that_is_gone_is_said_to_be_out_of_reach(cloud: Cloud):
    member = cloud.member("p1")
    image = await register(member)
    path = f"{V2}/images/{image['id']}/file"
    await member.put(path, content=DATA, headers={**OCTETS, "X-Image-Meta-Store": "third"})
    del cloud.bindings[Stores].kept["third"]
    answer = await member.get(path)
    assert (answer.status_code, image["id"] in answer.text) == (503, True)
    assert (await show(member, image["id"]))["stores"] == "third"


async def test_images_of_the_same_bytes_share_one_file(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    first, second = await active(member, DATA), await active(cloud.member("p2"), DATA)
    third = await staged(member)
    await ask(member, third)
    await cloud.settle()
    inodes = {file_of(folder, one).stat().st_ino for one in (first["id"], second["id"], third)}
    assert len(inodes) == 1
    assert file_of(folder, third).stat().st_nlink == 3
    await member.delete(f"{V2}/images/{first['id']}")
    await member.delete(f"{V2}/images/{third}")
    await cloud.settle()
    assert files(folder) == [f"images/{second['id']}"]
    assert file_of(folder, second["id"]).read_bytes() == DATA


async def test_stores_are_listed_with_their_weight(cloud: Cloud, folder: Path):
    answer = (await cloud.member("p1").get(f"{V2}/info/stores")).json()
    assert [store["id"] for store in answer["stores"]] == ["file", "second", "third"]
    assert answer["stores"][0]["default"] == "true"
    assert (answer["stores"][1]["description"], answer["stores"][1]["weight"]) == ("more", -1)
    detail = f"{V2}/info/stores/detail"
    assert (await cloud.member("p1").get(detail)).status_code == 403
    shown = (await cloud.admin().get(detail)).json()["stores"][0]
    assert (shown["type"], shown["properties"]) == ("file", {"data_dir": str(folder)})


async def test_only_services_and_administrators_are_told_locations(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    image = await active(member)
    path = f"{V2}/images/{image['id']}/locations"
    assert (await member.get(path)).status_code == 403
    assert (await cloud.admin().get(path)).status_code == 200
    shown = (await cloud.client("service:p1").get(path)).json()
    assert shown == [{"url": file_of(folder, image["id"]).as_uri(), "metadata": {"store": "file"}}]


async def test_an_image_is_filled_from_another(cloud: Cloud):
    member = cloud.member("p1")
    source = await active(member, bytes(qcow2()), disk_format="qcow2", hw_cpu_cores="5", speed="88mph")
    target = await register(member, disk_format="iso", container_format="ovf", hw_cpu_cores="1")
    told = {"glance_region": "RegionOne", "glance_image_id": source["id"]}
    assert (await ask(member, target["id"], "glance-download", **told)).status_code == 202
    await cloud.settle()
    shown = await show(member, target["id"])
    assert (shown["status"], shown["disk_format"], shown["container_format"]) == ("active", "qcow2", "bare")
    assert (shown["hw_cpu_cores"], shown.get("speed")) == ("5", None)
    assert shown["os_hash_value"] == source["os_hash_value"]


@pytest.mark.parametrize("told", [{"glance_region": "elsewhere"}, {"glance_image_id": "f" * 32}, {}])
async def test_an_image_that_cannot_be_read_fills_no_other(cloud: Cloud, told: dict[str, str]):
    member = cloud.member("p1")
    secret = await active(cloud.member("p2"), visibility="private")
    target = await register(member)
    told = {"glance_region": "RegionOne", "glance_image_id": secret["id"], **told}
    assert (await ask(member, target["id"], "glance-download", **told)).status_code == 202
    await cloud.settle()
    assert (await show(member, target["id"]))["status"] == "queued"
    assert (await task_of(member, target["id"]))["status"] == "failure"
    bad = await ask(member, target["id"], "glance-download", **told | {"glance_image_id": "foo"})
    assert (bad.status_code, "image id does not look like a UUID" in bad.text) == (400, True)


async def test_disks_are_converted_when_the_operator_wants_it(cloud: Cloud, folder: Path):
    cloud.bindings[ImageSettings] = ImageSettings(convert_to="qcow2")
    member = cloud.member("p1")
    image_id, iso = await staged(member), await staged(member, bytes(0x8001) + b"CD001", disk_format="iso")
    for each in (image_id, iso):
        await ask(member, each)
    await cloud.settle()
    shown = await show(member, image_id)
    assert (shown["status"], shown["disk_format"]) == ("active", "qcow2")
    assert shown["virtual_size"] == -(-len(DATA) // 512) * 512
    data = file_of(folder, image_id).read_bytes()
    assert data.startswith(b"QFI")
    assert (shown["size"], shown["os_hash_value"]) == (len(data), hashlib.sha512(data).hexdigest())
    assert (await show(member, iso))["disk_format"] == "iso"
    assert files(folder) == sorted([f"images/{image_id}", f"images/{iso}"])
