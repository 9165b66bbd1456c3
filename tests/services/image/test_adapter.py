from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.services.image.catalogue import V2, active, file_of, register

from cumulo.contracts.image import Images, NewImage
from cumulo.core.drivers import Gone, Permanent
from cumulo.core.errors import NotFound
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.model import Image
from cumulo.services.image.uploads import begin_upload
from cumulo.testing.cloud import Cloud


async def record(cloud: Cloud, image, project_id="p1", *, is_admin=False):
    async with cloud.engine.database.read() as db:
        return await cloud.bindings[Images].get(db, image["id"], project_id=project_id, is_admin=is_admin)


async def test_an_active_image_has_a_path(cloud: Cloud, folder: Path):
    image = await active(cloud.member("p1"), os_distro="debian", min_ram=64)
    found = await record(cloud, image)
    assert found.path == str(file_of(folder, image["id"]))
    assert Path(found.path).read_bytes() == b"bytes"
    assert (found.status, found.digest, found.virtual_size) == ("active", image["os_hash_value"], 5)
    assert (found.properties, found.min_ram) == ({"os_distro": "debian"}, 64)


async def test_what_is_no_plain_disk_has_no_path(cloud: Cloud):
    member = cloud.member("p1")
    for image in (
        await active(member, disk_format="ami", container_format="ami"),
        await active(member, container_format="ovf"),
        await register(member),
    ):
        assert (await record(cloud, image)).path is None


async def test_only_those_who_see_it_get_it(cloud: Cloud):
    member = cloud.member("p1")
    shared, private = await active(member), await active(member, visibility="private")
    community = await active(member, visibility="community")
    await member.post(f"{V2}/images/{shared['id']}/members", json={"member": "p2"})
    assert (await record(cloud, shared, "p2")).id == shared["id"]
    assert (await record(cloud, community, "p3")).id == community["id"]
    assert (await record(cloud, private, None, is_admin=True)).id == private["id"]
    for image, project in ((shared, "p3"), (private, "p2"), (private, None)):
        with pytest.raises(NotFound):
            await record(cloud, image, project)


async def test_a_deleted_image_is_not_found(cloud: Cloud):
    member = cloud.member("p1")
    image = await active(member)
    await member.delete(f"{V2}/images/{image['id']}")
    with pytest.raises(NotFound):
        await record(cloud, image, is_admin=True)


async def made(cloud: Cloud, **changes: Any) -> str:
    new = NewImage(
        **{"owner": "p1", "name": "copy", "disk_format": "raw", "container_format": "bare"} | changes
    )
    async with cloud.tasks.work("req-made") as work:
        return await cloud.bindings[Images].create(work, new)


async def pieces(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


async def test_another_service_makes_and_fills_an_image(cloud: Cloud):
    image_id = await made(cloud, properties={"from": "server"})
    await cloud.bindings[Images].fill(image_id, pieces(b"by", b"tes"))
    await cloud.bindings[Images].fill(image_id, pieces(b"something else"))  # a second time: left unread
    shown = (await cloud.member("p1").get(f"{V2}/images/{image_id}")).json()
    assert (shown["status"], shown["size"], shown["from"]) == ("active", 5, "server")
    assert (await cloud.member("p1").get(shown["file"].replace("/v2", V2))).content == b"bytes"


async def test_a_killed_process_fills_its_image_anew(cloud: Cloud):
    image_id = await made(cloud)
    async with cloud.engine.database.begin() as tx:
        image = await tx.get(Image, image_id)
        await begin_upload(tx, image, cloud.bindings[ImageSettings])
    await cloud.bindings[Images].fill(image_id, pieces(b"bytes"))
    assert (await cloud.member("p1").get(f"{V2}/images/{image_id}")).json()["status"] == "active"


async def test_an_image_may_have_no_data_at_all(cloud: Cloud):
    image_id = await made(cloud, empty=True, disk_format=None, container_format=None)
    shown = (await cloud.member("p1").get(f"{V2}/images/{image_id}")).json()
    assert (shown["status"], shown["size"]) == ("active", 0)
    assert (await cloud.member("p1").get(f"{V2}/images/{image_id}/file")).status_code == 204


async def test_what_is_refused_or_gone_is_told(cloud: Cloud):
    image_id = await made(cloud, disk_format="qcow2")
    with pytest.raises(Permanent, match="declared as qcow2"):
        await cloud.bindings[Images].fill(image_id, pieces(b"bytes"))
    for _ in range(2):
        async with cloud.tasks.work("req-made") as work:
            await cloud.bindings[Images].discard(work, image_id)
    with pytest.raises(Gone):
        await cloud.bindings[Images].fill(image_id, pieces(b"bytes"))
