"""Importing from the web: what a server may answer, and what it leads to."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.services.image.catalogue import DATA, V2, ask, files, register, show, task_of
from tests.services.image.inspection.test_inspection import qcow2

from cumulo.services.image.config import ImageSettings, StoreSettings
from cumulo.testing.cloud import Cloud

Web = tuple[str, dict[str, bytes]]


@pytest.fixture
def settings() -> ImageSettings:
    return ImageSettings(
        size_limit=1 << 24,
        stores={"second": StoreSettings(weight=-1)},
        download_networks=("127.0.0.0/8",),
        download_ports=tuple(range(1024, 65536)),
    )


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
    pages["/pieces"] = page(b"-5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked")
    pages["/noise"] = b"\0" * 100 + b"\r\n\r\n"
    reasons = {
        "/loop": "too often",
        "/inside": "public",
        "/file": "scheme",
        "/large": "larger",
        "/gone": "404",
    }
    for name, reason in {**reasons, "/noise": "malformed", "/pieces": "malformed"}.items():
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
    unfit = {"os_hash_algo": "sha512", "os_hash_value": hashlib.sha256(DATA).hexdigest()}
    half = {"os_hash_value": check["os_hash_value"]}
    for data in ({**check, "os_hash_algo": "md5"}, {**check, "os_hash_value": "00"}, unfit, half):
        body = json.dumps({"url": f"{url}/disk", "validation_data": data})
        answer = await member.post(f"{V2}/images/{bad['id']}/locations", content=body, headers=kind)
        assert answer.status_code == 400
    nothing = json.dumps({"url": f"{url}/disk", "validation_data": {}})
    answer = await member.post(f"{V2}/images/{bad['id']}/locations", content=nothing, headers=kind)
    assert answer.status_code == 202


@pytest.mark.parametrize("algorithm", ["sha256", "sha384"])
async def test_an_image_is_hashed_with_what_its_location_is_held_against(
    cloud: Cloud, web: Web, algorithm: str
):
    url, pages = web
    pages["/disk"] = page(DATA)
    member = cloud.member("p1")
    image = await register(member)
    digest = hashlib.new(algorithm, DATA).hexdigest()
    check = {"os_hash_algo": algorithm, "os_hash_value": digest}
    path = f"{V2}/images/{image['id']}/locations"
    assert (await member.post(path, json={"url": f"{url}/disk", "validation_data": check})).status_code == 202
    await cloud.settle()
    shown = await show(member, image["id"])
    assert shown["status"] == "active"
    assert {name: shown[name] for name in check} == check


async def test_a_copy_of_an_image_is_held_against_the_hash_that_the_image_has(cloud: Cloud, web: Web):
    url, pages = web
    pages["/disk"] = page(DATA)
    member = cloud.member("p1")
    image = await register(member)
    check = {"os_hash_algo": "sha256", "os_hash_value": hashlib.sha256(DATA).hexdigest()}
    path = f"{V2}/images/{image['id']}"
    await member.post(f"{path}/locations", json={"url": f"{url}/disk", "validation_data": check})
    await cloud.settle()
    asked = {"method": {"name": "copy-image"}, "stores": ["second"]}
    assert (await member.post(f"{path}/import", json=asked)).status_code == 202
    await cloud.settle()
    assert (await show(member, image["id"]))["stores"] == "file,second"
