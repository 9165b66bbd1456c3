"""Staging and importing: into one store and several, from the web, from another image; what goes wrong."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.services.image.catalogue import OCTETS, V2, active, register
from tests.services.image.inspection.test_inspection import qcow2

from cumulo.services.image.config import ImageSettings, StoreSettings
from cumulo.testing.cloud import Cloud

DATA = bytes(range(256)) * 5000


@pytest.fixture
def settings() -> ImageSettings:
    return ImageSettings(
        size_limit=1 << 24,
        upload_silence=5,
        stores={"second": StoreSettings(weight=-1, description="more"), "third": StoreSettings(weight=-2)},
        download_networks=("127.0.0.0/8",),
        download_ports=tuple(range(1024, 65536)),
    )


async def staged(client: httpx.AsyncClient, data: bytes = DATA, **attributes: Any) -> str:
    image_id: str = (await register(client, **attributes))["id"]
    answer = await client.put(f"{V2}/images/{image_id}/stage", content=data, headers=OCTETS)
    assert answer.status_code == 204, answer.text
    return image_id


async def ask(client: httpx.AsyncClient, image_id: str, method: str = "glance-direct", **more: Any) -> Any:
    told = {key: more.pop(key) for key in ("uri", "glance_region", "glance_image_id") if key in more}
    body = {"method": {"name": method, **told}, **more}
    return await client.post(f"{V2}/images/{image_id}/import", json=body)


async def show(client: httpx.AsyncClient, image_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await client.get(f"{V2}/images/{image_id}")).json()
    return shown


async def task_of(client: httpx.AsyncClient, image_id: str) -> dict[str, Any]:
    tasks = (await client.get(f"{V2}/images/{image_id}/tasks")).json()["tasks"]
    return dict(tasks[-1])


def files(folder: Path) -> list[str]:
    kept = (path for path in folder.parent.glob("images*/**/*") if path.is_file())
    return sorted(path.relative_to(folder.parent).as_posix() for path in kept)


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
        assert (folder.parent / name / image["id"]).read_bytes() == DATA


async def test_data_that_changed_on_disk_is_not_copied(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    image = await active(member, DATA)
    (folder / image["id"]).write_bytes(DATA[:-1] + b"x")
    await ask(member, image["id"], "copy-image", stores=["second"])
    await cloud.settle()
    shown = await show(member, image["id"])
    assert (shown["status"], shown["stores"]) == ("active", "file")
    assert shown["os_glance_failed_import"] == "second"
    assert "hash differs" in (await task_of(member, image["id"]))["message"]
    assert not (folder.parent / "images-second" / image["id"]).exists()


async def test_data_leaves_one_of_several_stores(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    image = await active(member, DATA)
    path = f"{V2}/stores/{{}}/{image['id']}"
    assert (await member.delete(path.format("file"))).status_code == 403  # its only one
    await ask(member, image["id"], "copy-image", stores=["second"])
    await cloud.settle()
    assert (await member.delete(path.format("third"))).status_code == 404
    assert (await cloud.reader("p1").delete(path.format("file"))).status_code == 403
    assert (await member.delete(path.format("file"))).status_code == 204
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


async def test_images_of_the_same_bytes_share_one_file(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    first, second = await active(member, DATA), await active(cloud.member("p2"), DATA)
    third = await staged(member)
    await ask(member, third)
    await cloud.settle()
    inodes = {(folder / one).stat().st_ino for one in (first["id"], second["id"], third)}
    assert len(inodes) == 1
    assert (folder / third).stat().st_nlink == 3
    await member.delete(f"{V2}/images/{first['id']}")
    await member.delete(f"{V2}/images/{third}")
    await cloud.settle()
    assert files(folder) == [f"images/{second['id']}"]
    assert (folder / second["id"]).read_bytes() == DATA


async def test_stores_are_listed_with_their_weight(cloud: Cloud, folder: Path):
    answer = (await cloud.member("p1").get(f"{V2}/info/stores")).json()
    assert [store["id"] for store in answer["stores"]] == ["file", "second", "third"]
    assert answer["stores"][0]["default"] == "true"
    assert (answer["stores"][1]["description"], answer["stores"][1]["weight"]) == ("more", -1)
    detail = f"{V2}/info/stores/detail"
    assert (await cloud.member("p1").get(detail)).status_code == 403
    shown = (await cloud.admin().get(detail)).json()["stores"][0]
    assert (shown["type"], shown["properties"]) == ("file", {"data_dir": str(folder)})


async def test_only_services_are_told_locations(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    image = await active(member)
    path = f"{V2}/images/{image['id']}/locations"
    assert (await member.get(path)).status_code == 403
    assert (await cloud.admin().get(path)).status_code == 403
    shown = (await cloud.client("service:p1").get(path)).json()
    assert shown == [{"url": (folder / image["id"]).as_uri(), "metadata": {"store": "file"}}]


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


Web = tuple[str, dict[str, bytes]]


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    """A web server that gives what the test puts at a path: whole answers, head included."""
    pages: dict[str, bytes] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(pages.get(head.split()[1].decode(), b"HTTP/1.1 404 No\r\n\r\n"))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", pages


def page(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    head = "\r\n".join((f"HTTP/1.1 {status}", *lines, "", ""))
    return head.encode() + body


async def test_an_image_is_imported_from_the_web(cloud: Cloud, web: Web, folder: Path):
    url, pages = web
    member = cloud.member("p1")
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (DATA[:7], DATA[7:])) + b"0\r\n\r\n"
    pages["/whole"] = page(DATA, f"Content-Length: {len(DATA)}")
    pages["/chunked"] = page(chunks, "Transfer-Encoding: chunked")
    pages["/open"] = page(DATA)
    pages["/moved"] = page(b"", f"Location: {url}/whole", status="302 Found")
    for name in pages:
        image = await register(member)
        assert (await ask(member, image["id"], "web-download", uri=url + name)).status_code == 202
        await cloud.settle()
        shown = await show(member, image["id"])
        assert (shown["status"], shown["size"]) == ("active", len(DATA)), name
        await member.delete(f"{V2}/images/{image['id']}")
    await cloud.settle()
    assert files(folder) == []


async def test_what_the_web_does_not_give_fails(cloud: Cloud, web: Web, folder: Path):
    url, pages = web
    member = cloud.member("p1")
    pages["/loop"] = page(b"", "Location: /loop", status="301 Moved")
    pages["/inside"] = page(b"", "Location: http://169.254.169.254:8080/latest", status="302 Found")
    pages["/file"] = page(b"", "Location: file:///etc/passwd", status="302 Found")
    pages["/large"] = page(bytes((1 << 24) + 1))
    pages["/noise"] = b"\0" * 100 + b"\r\n\r\n"
    reasons = {
        "/loop": "too often",
        "/inside": "public",
        "/file": "scheme",
        "/large": "larger",
        "/gone": "404",
    }
    for name, reason in {**reasons, "/noise": "malformed"}.items():
        image = await register(member)
        await ask(member, image["id"], "web-download", uri=url + name)
        await cloud.settle()
        assert (await show(member, image["id"]))["status"] == "queued"
        assert reason in (await task_of(member, image["id"]))["message"], name
    assert files(folder) == []


async def test_administrators_import_by_tasks(cloud: Cloud, web: Web):
    url, pages = web
    pages["/disk"] = page(bytes(qcow2()))
    admin = cloud.admin()
    told = {
        "import_from": f"{url}/disk",
        "import_from_format": "qcow2",
        "image_properties": {"name": "new", "disk_format": "qcow2", "container_format": "bare"},
    }
    body = {"type": "import", "input": told}
    assert (await cloud.member("p1").post(f"{V2}/tasks", json=body)).status_code == 403
    made = await admin.post(f"{V2}/tasks", json=body)
    assert (made.status_code, made.json()["status"]) == (201, "pending")
    await cloud.settle()
    task = (await admin.get(f"{V2}/tasks/{made.json()['id']}")).json()
    assert task["status"] == "success"
    assert (await show(admin, task["result"]["image_id"]))["status"] == "active"
    listed = (await admin.get(f"{V2}/tasks")).json()
    assert [entry["id"] for entry in listed["tasks"]] == [task["id"]]
    assert "input" not in listed["tasks"][0]
    assert (await admin.delete(f"{V2}/tasks/{task['id']}")).status_code == 405
    assert (await admin.get(f"{V2}/tasks/nothing")).status_code == 404


async def test_an_image_whose_task_failed_is_gone(cloud: Cloud, web: Web):
    admin = cloud.admin()
    told = {"import_from": f"{web[0]}/nothing", "import_from_format": "raw"}
    told["image_properties"] = {"name": "lost", "container_format": "bare"}  # type: ignore[assignment]
    made = await admin.post(f"{V2}/tasks", json={"type": "import", "input": told})
    await cloud.settle()
    assert (await admin.get(f"{V2}/tasks/{made.json()['id']}")).json()["status"] == "failure"
    assert (await admin.get(f"{V2}/images?name=lost")).json()["images"] == []
    for body in ({"type": "magic", "input": told}, {"type": "import", "input": {}}, {"type": "import"}):
        assert (await admin.post(f"{V2}/tasks", json=body)).status_code == 400


async def test_a_location_is_copied_and_held_against_its_hash(cloud: Cloud, web: Web):
    url, pages = web
    pages["/disk"] = page(DATA)
    member = cloud.member("p1")
    check = {"os_hash_algo": "sha512", "os_hash_value": hashlib.sha512(DATA).hexdigest()}
    good, bad = await register(member), await register(member)
    wrong = {**check, "os_hash_value": "0" * 128}
    for image, data in ((good, check), (bad, wrong)):
        body = json.dumps({"url": f"{url}/disk", "validation_data": data})
        path = f"{V2}/images/{image['id']}/locations"
        kind = {"Content-Type": "application/json"}
        assert (await member.post(path, content=body, headers=kind)).status_code == 202
    await cloud.settle()
    assert (await show(member, good["id"]))["status"] == "active"
    assert (await show(member, bad["id"]))["status"] == "queued"
    assert "hash" in (await task_of(member, bad["id"]))["message"]
    for data in ({**check, "os_hash_algo": "md5"}, {**check, "os_hash_value": "00"}):
        body = json.dumps({"url": f"{url}/disk", "validation_data": data})
        answer = await member.post(f"{V2}/images/{bad['id']}/locations", content=body, headers=kind)
        assert answer.status_code == 400
