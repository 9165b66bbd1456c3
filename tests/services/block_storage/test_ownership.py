"""What a project owns of block storage, and how it goes."""

import contextlib

from tests.services.block_storage.fakes import StorageCloud, make_volume

from cumulo.core.drivers import Permanent
from cumulo.core.errors import Invalid
from cumulo.services.block_storage.ownership import VolumesOwned

OWNED = VolumesOwned()


async def listed(cloud: StorageCloud):
    async with cloud.engine.database.read() as db:
        return await OWNED.owned(db, "p1")


async def test_a_projects_snapshots_and_volumes_go_whatever_their_state(cloud: StorageCloud, latest):
    volume = await make_volume(cloud, name="v")
    member, admin = cloud.member("p1"), cloud.admin()
    await member.post("/volume/v3/snapshots", json={"snapshot": {"volume_id": volume["id"]}})
    await cloud.settle()
    body = {"attachment": {"volume_uuid": volume["id"], "connector": {"host": "h"}}}
    await member.post("/volume/v3/attachments", json=body, headers=latest)
    await make_volume(cloud, cloud.member("p2"))
    await admin.put(
        "/volume/v3/default-types/p1", json={"default_type": {"volume_type": "__DEFAULT__"}}, headers=latest
    )
    things = await listed(cloud)
    assert [thing.kind for thing in things] == ["snapshot", "volume", "default volume type"]
    assert things[1].name == "v"
    for thing in things:
        async with cloud.tasks.work() as work:
            await OWNED.remove(work, "p1", thing)
        await cloud.settle()
        async with cloud.tasks.work() as work:
            await OWNED.remove(work, "p1", thing)
    assert await listed(cloud) == []
    assert len(cloud.pool.volumes) == 1
    assert cloud.pool.exported == {}


async def test_what_could_not_go_says_why(cloud: StorageCloud):
    await make_volume(cloud)
    cloud.pool.failing["delete"] = Permanent("the disk is on fire")
    things = await listed(cloud)
    async with cloud.tasks.work() as work:
        await OWNED.remove(work, "p1", things[0])
    await cloud.settle()
    left = await listed(cloud)
    assert [(thing.kind, thing.problem) for thing in left] == [
        ("volume", "the disk is on fire"),
        ("volume messages", ""),
    ]


async def test_anothers_are_not_touched(cloud: StorageCloud):
    await make_volume(cloud)
    things = await listed(cloud)
    async with cloud.tasks.work() as work:
        await OWNED.remove(work, "p2", things[0])
    await cloud.settle()
    assert len(cloud.pool.volumes) == 1


async def test_groups_their_snapshots_and_chains_of_backups_go_too(cloud: StorageCloud, latest):
    admin = cloud.admin()
    await admin.post("/volume/v3/group_types", json={"group_type": {"name": "kind"}}, headers=latest)
    kind = (await admin.get("/volume/v3/types/default")).json()["volume_type"]["id"]
    for project in ("p1", "p2"):
        member = cloud.member(project)
        member.headers.update(latest)
        group = {"group": {"group_type": "kind", "volume_types": [kind]}}
        made = (await member.post("/volume/v3/groups", json=group)).json()["group"]
        volume = await make_volume(cloud, member, group_id=made["id"], volume_type=kind)
        await member.post("/volume/v3/group_snapshots", json={"group_snapshot": {"group_id": made["id"]}})
        await cloud.settle()
        for incremental in (False, True):
            body = {"backup": {"volume_id": volume["id"], "incremental": incremental}}
            assert (await member.post("/volume/v3/backups", json=body)).status_code == 202
            await cloud.settle()
        offered = await make_volume(cloud, member)
        body = {"transfer": {"volume_id": offered["id"]}}
        assert (await member.post("/volume/v3/volume-transfers", json=body)).status_code == 202
    assert {thing.kind for thing in await listed(cloud)} == {
        "group snapshot",
        "snapshot",
        "backup",
        "volume",
        "volume group",
    }
    for _ in range(4):  # as a purge does: what refuses is tried again after the others
        for thing in await listed(cloud):
            with contextlib.suppress(Invalid):
                async with cloud.tasks.work() as work:
                    await OWNED.remove(work, "p1", thing)
                await cloud.settle()
    assert await listed(cloud) == []
    async with cloud.engine.database.read() as db:
        assert len(await OWNED.owned(db, "p2")) == 7
