"""Images of a project go, protected and shared ones too; others' images are no longer shared with it."""

from pathlib import Path

from tests.services.image.catalogue import V2, active, register

from cumulo.services.image.model import ImageTask, TaskStatus
from cumulo.services.image.ownership import ImagesOwned
from cumulo.testing.cloud import Cloud
from cumulo.testing.ownership import check_ownership


async def test_images_and_shares_go(cloud: Cloud, folder: Path):
    one, two = cloud.member("p1"), cloud.member("p2")
    kept = await active(two, name="kept", protected=True)
    gone = await active(one, name="gone", protected=True, tags=["a"])
    await register(one, name="queued")
    namespace = {"namespace": "OS::Own", "protected": True, "tags": [{"name": "fast"}]}
    answer = await cloud.admin("p1").post(f"{V2}/metadefs/namespaces", json=namespace)
    assert answer.status_code == 201, answer.text
    async with cloud.engine.database.begin() as db:
        await db.insert(ImageTask(type="import", status=TaskStatus.SUCCESS, owner="p1"))
    for client, image, member in ((two, kept, "p1"), (one, gone, "p2")):
        answer = await client.post(f"{V2}/images/{image['id']}/members", json={"member": member})
        assert answer.status_code == 200, answer.text
    assert await check_ownership(cloud.tasks, ImagesOwned(), "p1", "p2") == [
        "image",
        "image share",
        "image task",
        "metadata namespace",
    ]
    assert (await one.get(f"{V2}/images/{kept['id']}")).status_code == 404
    assert (await two.get(f"{V2}/images/{kept['id']}")).json()["status"] == "active"
    assert [path.name for path in folder.rglob("*") if gone["id"] in path.name] == []
