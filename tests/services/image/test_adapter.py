from pathlib import Path

import pytest
from tests.services.image.catalogue import V2, active, register

from cumulo.contracts.image import Images
from cumulo.core.errors import NotFound
from cumulo.testing.cloud import Cloud


async def record(cloud: Cloud, image, project_id="p1", *, is_admin=False):
    async with cloud.engine.database.read() as db:
        return await cloud.bindings[Images].get(db, image["id"], project_id=project_id, is_admin=is_admin)


async def test_an_active_image_has_a_path(cloud: Cloud, folder: Path):
    image = await active(cloud.member("p1"), os_distro="debian", min_ram=64)
    found = await record(cloud, image)
    assert found.path == str(folder / image["id"])
    assert Path(found.path).read_bytes() == b"bytes"
    assert (found.status, found.sha512, found.virtual_size) == ("active", image["os_hash_value"], 5)
    assert (found.properties, found.min_ram) == ({"os_distro": "debian"}, 64)


async def test_what_was_not_inspected_has_no_path(cloud: Cloud):
    member = cloud.member("p1")
    for image in (
        await active(member, disk_format="vmdk"),
        await active(member, container_format="ova"),
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
