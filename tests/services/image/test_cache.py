"""The cache: what is queued is fetched, downloads come from it, and it is kept within bounds."""

from pathlib import Path

import pytest
from tests.services.image.catalogue import V2, active, file_of, register

from cumulo.services.image.config import ImageSettings
from cumulo.services.image.tasks import FILL_CACHE
from cumulo.testing.cloud import Cloud

CACHE = f"{V2}/cache"


@pytest.fixture
def settings() -> ImageSettings:
    return ImageSettings(cache_limit=6)


def cached(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "cache").glob("*") if path.is_file())


async def test_a_queued_image_is_cached_and_downloads_come_from_there(cloud: Cloud, folder: Path):
    admin = cloud.admin()
    image = await active(cloud.member("p1"), b"bytes")
    assert (await admin.put(f"{CACHE}/{image['id']}")).status_code == 202
    at_once = (await admin.get(CACHE)).json()
    known = [*at_once["queued_images"], *(row["image_id"] for row in at_once["cached_images"])]
    assert known == [image["id"]]  # it may be cached by now
    await cloud.settle()
    shown = (await admin.get(CACHE)).json()
    assert [(row["image_id"], row["size"], row["hits"]) for row in shown["cached_images"]] == [
        (image["id"], 5, 0)
    ]
    assert cached(folder) == [image["id"]]
    file_of(folder, image["id"]).unlink()  # the store need not be asked any more
    assert (await cloud.member("p1").get(f"{V2}/images/{image['id']}/file")).content == b"bytes"
    row = (await admin.get(CACHE)).json()["cached_images"][0]
    assert row["hits"] == 1
    assert row["last_accessed"] > 0
    nodes = (await admin.get(f"{CACHE}/nodes/{image['id']}")).json()["nodes"]
    assert len(nodes) == 1


async def test_a_copy_that_got_lost_is_fetched_again(cloud: Cloud, folder: Path):
    image = await active(cloud.member("p1"), b"bytes")
    await cloud.admin().put(f"{CACHE}/{image['id']}")
    await cloud.settle()
    (folder / "cache" / image["id"]).unlink()
    cloud.engine.tasks.wake(FILL_CACHE)
    await cloud.settle()
    assert cached(folder) == [image["id"]]


async def test_images_leave_the_cache(cloud: Cloud, folder: Path):
    admin = cloud.admin()
    one, two = await active(admin, b"one"), await active(admin, b"two")
    for image in (one, two):
        await admin.put(f"{CACHE}/{image['id']}")
    await cloud.settle()
    assert (await admin.delete(f"{CACHE}/{one['id']}")).status_code == 204
    assert (await admin.delete(f"{CACHE}/{one['id']}")).status_code == 404
    await cloud.settle()
    assert cached(folder) == [two["id"]]
    await admin.delete(f"{V2}/images/{two['id']}")
    await cloud.settle()
    assert cached(folder) == []
    assert (await admin.get(CACHE)).json() == {"cached_images": [], "queued_images": []}


@pytest.mark.parametrize(("target", "left"), [("cache", 0), ("queue", 1), (None, 0)])
async def test_the_cache_is_cleared_by_target(cloud: Cloud, target: str | None, left: int):
    admin = cloud.admin()
    image = await active(admin)
    await admin.put(f"{CACHE}/{image['id']}")
    await cloud.settle()
    headers = {"x-image-cache-clear-target": target} if target else {}
    assert (await admin.delete(CACHE, headers=headers)).status_code == 204
    assert len((await admin.get(CACHE)).json()["cached_images"]) == left
    bad = await admin.delete(CACHE, headers={"x-image-cache-clear-target": "all"})
    assert bad.status_code == 400


async def test_what_was_used_least_recently_is_pruned(cloud: Cloud, folder: Path):
    admin = cloud.admin()
    old, new = await active(admin, b"1234"), await active(admin, b"5678")
    for image in (old, new):
        await admin.put(f"{CACHE}/{image['id']}")
        await cloud.settle()
        await admin.get(f"{V2}/images/{image['id']}/file")
    answer = (await admin.post(f"{CACHE}/prune")).json()
    assert answer == {"pruned_images": 1, "pruned_bytes": 4}
    await cloud.settle()
    assert cached(folder) == [new["id"]]
    (folder / "cache" / "stray").write_bytes(b"left over")
    assert (await admin.post(f"{CACHE}/clean")).json() == {"cleaned_images": 0}
    await cloud.settle()
    assert cached(folder) == [new["id"]]


async def test_only_active_images_of_administrators_wish_are_cached(cloud: Cloud):
    admin, member = cloud.admin(), cloud.member("p1")
    queued = await register(member)
    assert (await admin.put(f"{CACHE}/{queued['id']}")).status_code == 400
    assert (await admin.put(f"{CACHE}/nothing")).status_code == 404
    for method, path in (("GET", ""), ("DELETE", ""), ("PUT", f"/{queued['id']}"), ("POST", "/prune")):
        assert (await member.request(method, f"{CACHE}{path}")).status_code == 403


async def test_a_file_that_went_meanwhile_is_no_crash(cloud: Cloud, folder: Path):
    admin = cloud.admin()
    image = await active(admin, b"bytes")
    file_of(folder, image["id"]).unlink()
    answer = await admin.get(f"{V2}/images/{image['id']}/file")
    assert answer.status_code == 503
    assert image["id"] in answer.json()["message"]
