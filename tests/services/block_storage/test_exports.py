"""Exports that nobody has any more are closed; all others stay."""

from tests.services.block_storage.fakes import StorageCloud, make_volume

from cumulo.core.errors import Unavailable
from cumulo.core.tasks import ReconcileRun
from cumulo.services.block_storage.model import Volume
from cumulo.services.block_storage.tasks.exports import orphaned_exports

VOLUMES = "/volume/v3/volumes"


async def reconcile(cloud: StorageCloud) -> None:
    await orphaned_exports(ReconcileRun(cloud.tasks, "req-test"))


async def test_only_exports_without_an_owner_are_closed(cloud: StorageCloud, latest):
    volume, busy = await make_volume(cloud), await make_volume(cloud)
    member = cloud.member("p1")
    body = {"attachment": {"volume_uuid": volume["id"], "connector": {"host": "h"}}}
    made = await member.post("/volume/v3/attachments", json=body, headers=latest)
    connect = {"os-initialize_connection": {"connector": {"host": "other"}}}
    await member.post(f"{VOLUMES}/{volume['id']}/action", json=connect)
    async with cloud.engine.database.begin() as db:
        await db.update(Volume, Volume.c.id == busy["id"], operation="a saga's")
    exported = cloud.pool.exported
    exported |= {"left": volume["id"], "backup": busy["id"], f"copy-{busy['id']}": volume["id"]}
    exported |= {f"copy-{volume['id']}": volume["id"], "gone": "no volume"}
    await reconcile(cloud)
    kept = {made.json()["attachment"]["id"], "backup", f"copy-{busy['id']}"}
    classic = {export for export in exported if export.startswith(volume["id"])}
    assert set(exported) == kept | classic
    assert len(classic) == 1


async def test_a_backend_that_does_not_answer_is_passed_over(cloud: StorageCloud):
    volume = await make_volume(cloud)
    cloud.pool.exported["left"] = volume["id"]
    cloud.pool.failing["close"] = Unavailable("gone to lunch")
    await reconcile(cloud)
    assert cloud.pool.exported == {"left": volume["id"]}
    del cloud.pool.failing["close"]
    await reconcile(cloud)
    assert cloud.pool.exported == {}
