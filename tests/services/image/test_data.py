"""Uploads and downloads: what arrives, what is refused, and what a dying client leaves behind."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from tests.services.image.catalogue import OCTETS, V2, active, register, upload
from tests.services.image.inspection.test_inspection import qcow2

from cumulo.core import clock, ids
from cumulo.core.db import Database
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.drivers import Full, Store
from cumulo.services.image.drivers.files import FileStore
from cumulo.services.image.drivers.stores import Stores, open_stores
from cumulo.services.image.errors import UploadOvertaken
from cumulo.services.image.model import Image, ImageStatus
from cumulo.services.image.uploads import Plan, Upload, begin_upload
from cumulo.testing.cloud import Cloud

DATA = bytes(range(256)) * 20_000  # 5 MB: several blocks


async def show(client: httpx.AsyncClient, image: dict[str, str]) -> dict[str, str]:
    shown: dict[str, str] = (await client.get(f"{V2}/images/{image['id']}")).json()
    return shown


def left(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name.partition(".")[0] for name in found)


async def pieces(data: bytes, size: int = 70_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def test_an_upload_makes_the_image_active_with_its_hashes(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    image = await register(member)
    assert (await upload(member, image["id"], pieces(DATA))).status_code == 204
    shown = await show(member, image)
    assert shown["status"] == "active"
    assert shown["size"] == shown["virtual_size"] == len(DATA)
    assert shown["checksum"] == hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    assert shown["os_hash_algo"] == "sha512"
    assert shown["os_hash_value"] == hashlib.sha512(DATA).hexdigest()
    assert left(folder) == [image["id"]]
    answer = await member.get(f"{V2}/images/{image['id']}/file")
    assert answer.content == DATA
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-length"] == str(len(DATA))
    assert answer.headers["content-md5"] == shown["checksum"]


async def test_the_operator_chooses_what_images_are_hashed_with(cloud: Cloud):
    cloud.bindings[ImageSettings] = ImageSettings(hashing_algorithm="sha256")
    member = cloud.member("p1")
    image = await register(member)
    await upload(member, image["id"], pieces(DATA))
    shown = await show(member, image)
    assert (shown["os_hash_algo"], shown["os_hash_value"]) == ("sha256", hashlib.sha256(DATA).hexdigest())
    with pytest.raises(ValueError, match="md5"):
        ImageSettings(hashing_algorithm="md5")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("0-9", 0, 10), ("100-", 100, None), ("-7", -7, None), ("10-9999999", 10, None)],
)
async def test_a_range_is_downloaded(cloud: Cloud, asked: str, start: int, end: int | None):
    data = DATA[:3000]
    member = cloud.member("p1")
    image = await active(member, data)
    answer = await member.get(f"{V2}/images/{image['id']}/file", headers={"Range": f"bytes={asked}"})
    assert (answer.status_code, answer.content) == (206, data[start:end])
    assert answer.headers["content-range"].endswith("/3000")


async def test_a_range_beyond_the_data_is_416(cloud: Cloud):
    member = cloud.member("p1")
    image = await active(member)
    for asked in ("bytes=5-", "bytes=3-2", "lines=1-2", "bytes=-", f"bytes={'9' * 5000}-"):
        answer = await member.get(f"{V2}/images/{image['id']}/file", headers={"Range": asked})
        assert answer.status_code == 416


async def test_an_image_without_data_is_204(cloud: Cloud):
    member = cloud.member("p1")
    image = await register(member)
    assert (await member.get(f"{V2}/images/{image['id']}/file")).status_code == 204


async def test_a_second_upload_is_409_and_changes_nothing(cloud: Cloud):
    member = cloud.member("p1")
    image = await active(member)
    answer = await upload(member, image["id"], b"other")
    assert answer.status_code == 409
    assert await show(member, image) == image


async def test_who_may_upload_and_download(cloud: Cloud):
    one, two = cloud.member("p1"), cloud.member("p2")
    image, public = await register(one), await active(cloud.admin(), visibility="public")
    assert (await upload(two, image["id"])).status_code == 404
    assert (await upload(two, public["id"])).status_code == 403
    assert (await upload(cloud.reader("p1"), image["id"])).status_code == 403
    assert (await upload(cloud.anonymous(), image["id"])).status_code == 401
    assert (await two.get(f"{V2}/images/{public['id']}/file")).content == b"bytes"
    assert (await two.get(f"{V2}/images/{image['id']}/file")).status_code == 404
    assert (await show(one, image))["status"] == "queued"


async def test_data_of_another_type_is_415(cloud: Cloud):
    member = cloud.member("p1")
    image = await register(member)
    answer = await member.put(f"{V2}/images/{image['id']}/file", json={})
    assert answer.status_code == 415


async def test_formats_must_be_known_before_the_data(cloud: Cloud):
    member = cloud.member("p1")
    image = await register(member, disk_format=None)
    assert (await upload(member, image["id"])).status_code == 400


async def refused(cloud: Cloud, folder: Path, data: object, status: int, **attributes: object) -> str:
    member = cloud.member("p1")
    image = await register(member, **attributes)
    answer = await upload(member, image["id"], data)
    assert answer.status_code == status, answer.text
    assert (await show(member, image))["status"] == "queued"
    assert left(folder) == []
    message: str = answer.json()["message"]
    return message


async def test_too_much_data_is_413_announced_or_not(cloud: Cloud, folder: Path, settings: ImageSettings):
    data = bytes(settings.size_limit + 1)
    await refused(cloud, folder, data, 413)
    await refused(cloud, folder, pieces(data), 413)


async def test_hostile_data_is_refused_and_leaves_nothing(cloud: Cloud, folder: Path):
    hostile = bytes(qcow2(backing_offset=512, backing_length=11))
    said = await refused(cloud, folder, hostile, 415, disk_format="qcow2")
    assert said == "The image data was refused: the qcow2 has a backing file."
    await refused(cloud, folder, bytes(qcow2()), 415, disk_format="raw")
    await refused(cloud, folder, b"raw" * 1000, 415, disk_format="qcow2")


async def test_after_a_refusal_the_right_data_is_taken(cloud: Cloud):
    member = cloud.member("p1")
    image = await register(member, disk_format="qcow2")
    assert (await upload(member, image["id"], b"rubbish")).status_code == 415
    assert (await upload(member, image["id"], bytes(qcow2(size=5 << 30)))).status_code == 204
    assert (await show(member, image))["virtual_size"] == 5 << 30


async def test_a_wrong_announcement_is_400(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    image = await register(member)
    headers = {**OCTETS, "x-openstack-image-size": "99"}
    answer = await member.put(f"{V2}/images/{image['id']}/file", content=b"few", headers=headers)
    assert answer.status_code == 400
    assert left(folder) == []


class FullStore(FileStore):
    async def begin(self, upload_id, algorithm):
        writer = await super().begin(upload_id, algorithm)

        async def write(block):
            raise Full

        writer.write = write
        return writer


async def test_a_full_store_is_413(cloud: Cloud, folder: Path):
    cloud.bindings[Store] = FullStore(folder)
    cloud.bindings[Stores] = open_stores(cloud.bindings.__getitem__)
    assert "full" in await refused(cloud, folder, b"x", 413)


async def test_a_client_that_hangs_up_leaves_the_image_queued(cloud: Cloud, folder: Path):
    image = await register(cloud.member("p1"))

    async def receive():
        return next(messages)

    async def send(message):
        raise AssertionError(message)

    messages = iter(
        [
            {"type": "http.request", "body": DATA[:2_000_000], "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    scope = {
        "type": "http",
        "method": "PUT",
        "path": f"{V2}/images/{image['id']}/file",
        "query_string": b"",
        "headers": [(b"x-auth-token", b"member:p1"), (b"content-type", b"application/octet-stream")],
        "server": ("cloud", 80),
        "scheme": "http",
    }
    await cloud.app(scope, receive, send)
    assert (await show(cloud.member("p1"), image))["status"] == "queued"
    assert left(folder) == []


async def test_a_deactivated_image_is_not_downloaded(cloud: Cloud):
    member = cloud.member("p1")
    image = await active(member)
    here = f"{V2}/images/{image['id']}"
    assert (await member.post(f"{here}/actions/deactivate")).status_code == 204
    assert (await show(member, image))["status"] == "deactivated"
    assert (await member.get(f"{here}/file")).status_code == 403
    assert (await cloud.admin().get(f"{here}/file")).status_code == 200
    assert (await member.post(f"{here}/actions/reactivate")).status_code == 204
    assert (await member.get(f"{here}/file")).status_code == 200
    queued = await register(member)
    assert (await member.post(f"{V2}/images/{queued['id']}/actions/deactivate")).status_code == 403


async def test_a_deleted_image_and_its_bytes_go(cloud: Cloud, folder: Path, database: Database):
    member = cloud.member("p1")
    image = await active(member, tags=["a"])
    assert (await member.delete(f"{V2}/images/{image['id']}")).status_code == 204
    assert (await member.get(f"{V2}/images/{image['id']}")).status_code == 404
    assert (await member.delete(f"{V2}/images/{image['id']}")).status_code == 404
    assert (await member.get(f"{V2}/images")).json()["images"] == []
    await cloud.settle()
    assert left(folder) == []
    async with database.read() as db:
        assert await db.get(Image, image["id"]) is None


class Held:
    """An upload that has the lease and waits for its data."""

    def __init__(self, cloud: Cloud, image: Image, upload_id: str) -> None:
        self.data: asyncio.Queue[bytes | None] = asyncio.Queue()
        settings = cloud.bindings[ImageSettings]
        self.upload = Upload(
            cloud.engine.database,
            cloud.bindings[Store],
            settings,
            image,
            Plan(upload_id=upload_id),
        )

    async def stream(self) -> AsyncIterator[bytes]:
        while block := await self.data.get():
            yield block


async def held(cloud: Cloud) -> Held:
    image = Image(name="x", owner="p1", disk_format="raw", container_format="bare")
    async with cloud.engine.database.begin() as tx:
        await tx.insert(image)
        upload_id = await begin_upload(tx, image, cloud.bindings[ImageSettings])
    return Held(cloud, image, upload_id)


async def set_lease(cloud: Cloud, seconds: float) -> None:
    async with cloud.engine.database.begin() as tx:
        until = clock.now() + seconds * (clock.now() - clock.now()).resolution * 1_000_000
        await tx.update(Image, Image.c.status == ImageStatus.SAVING, upload_until=until)


async def test_an_image_deleted_during_its_upload_stays_deleted(cloud: Cloud, folder: Path):
    one = await held(cloud)
    image_id = one.upload._image.id
    await one.data.put(b"abc")
    assert (await cloud.member("p1").delete(f"{V2}/images/{image_id}")).status_code == 204
    await one.data.put(None)
    with pytest.raises(UploadOvertaken):
        await one.upload.take(one.stream())
    await cloud.settle()
    assert left(folder) == []


async def test_the_image_of_a_dead_upload_goes_back_to_queued(cloud: Cloud, folder: Path, database: Database):
    one = await held(cloud)
    store = cloud.bindings[Store]
    writer = await store.begin(one.upload._id)  # a process that wrote, and was killed
    await writer.write(b"abc")
    await writer.finish()
    cloud.tasks.wake("image.uploads")
    await cloud.settle()
    assert left(folder) == [f"uploads/{one.upload._id}"]
    await set_lease(cloud, -1)
    cloud.tasks.wake("image.uploads")
    await cloud.settle()
    assert left(folder) == []
    async with database.read() as db:
        image = await db.get(Image, one.upload._image.id)
    assert image is not None
    assert (image.status, image.upload_id) == (ImageStatus.QUEUED, None)


async def test_a_dead_upload_does_not_hold_up_the_next(cloud: Cloud):
    one = await held(cloud)
    image_id = one.upload._image.id
    member = cloud.member("p1")
    assert (await upload(member, image_id)).status_code == 409
    await set_lease(cloud, -1)
    assert (await upload(member, image_id)).status_code == 204
    await one.data.put(None)
    with pytest.raises(UploadOvertaken):  # the first comes back to life: too late
        await one.upload.take(one.stream())
    assert (await member.get(f"{V2}/images/{image_id}/file")).content == b"bytes"


class Frozen(FileStore):
    """A store whose caller loses the lease at the last moment before what it wrote is published."""

    overtaken: Callable[[], Awaitable[None]] | None = None

    async def publish(self, upload_id: str, name: str, twin: str | None = None) -> None:
        overtaken, self.overtaken = self.overtaken, None
        if overtaken is not None:
            await overtaken()
        await super().publish(upload_id, name, twin)


async def test_an_upload_that_was_overtaken_before_its_last_step_changes_nothing(cloud: Cloud, folder: Path):
    member = cloud.member("p1")
    image_id = (await register(member))["id"]
    cloud.bindings[Store] = store = Frozen(folder)
    cloud.bindings[Stores] = open_stores(cloud.bindings.__getitem__)

    async def overtake() -> None:
        await set_lease(cloud, -1)
        assert (await upload(member, image_id, b"second")).status_code == 204

    store.overtaken = overtake
    assert (await upload(member, image_id, b"first")).status_code == 410
    assert (await member.get(f"{V2}/images/{image_id}/file")).content == b"second"
    assert left(folder) == [image_id]


async def test_bytes_that_an_overtaken_process_left_are_swept_away(cloud: Cloud, folder: Path):
    image_id = (await active(cloud.member("p1")))["id"]
    unknown = ids.dashed()
    for stray in (f"{image_id}.{ids.dashed()}", image_id, f"{unknown}.{ids.dashed()}"):
        (folder / stray).write_bytes(b"stray")
    cloud.tasks.wake("image.strays")
    await cloud.settle()
    assert left(folder) == sorted([image_id, unknown])  # what a restore of an old backup forgot stays
    assert (await cloud.member("p1").get(f"{V2}/images/{image_id}/file")).content == b"bytes"
    (folder / f"{image_id}.{ids.dashed()}").write_bytes(b"stray")
    await cloud.member("p1").delete(f"{V2}/images/{image_id}")
    await cloud.settle()
    assert left(folder) == [unknown]


async def test_a_silent_client_is_given_up(cloud: Cloud, folder: Path):
    cloud.bindings[ImageSettings] = ImageSettings(upload_silence=0.05)
    one = await held(cloud)
    await one.data.put(b"abc")
    with pytest.raises(TimeoutError):
        await one.upload.take(one.stream())
    assert left(folder) == []


async def test_forgotten_uploads_are_swept_away(cloud: Cloud, folder: Path):
    cloud.bindings[ImageSettings] = ImageSettings(upload_silence=-1)
    await (await cloud.bindings[Store].begin(ids.dashed())).finish()
    cloud.tasks.wake("image.uploads")
    await cloud.settle()
    assert left(folder) == []
