"""Suspending, rescuing, rebuilding, shelving and looking into servers, over HTTP and as sagas."""

from typing import Any

import httpx
import msgspec
import pytest
from tests.services.compute.fakes import IMAGE, ComputeCloud, create, image, show
from tests.services.compute.test_lifecycle import act, running
from tests.services.compute.test_tasks import ACTION, SERVER, World

from cumulo.contracts.hypervisor import PowerState
from cumulo.core.drivers import Permanent
from cumulo.services.compute import guests
from cumulo.services.compute.model import Aside, Server, VmState
from cumulo.services.compute.tasks import (
    Change,
    ChangePower,
    OffloadServer,
    RebuildServer,
    ShelveServer,
    UnshelveServer,
)
from cumulo.testing.saga import check_saga

RESCUE = "55555555-5555-4555-8555-555555555555"


async def done(cloud: ComputeCloud, client: httpx.AsyncClient, server_id: str, action: Any) -> dict[str, Any]:
    """Do something to a server, and show what it is then."""
    response = await act(client, server_id, action)
    assert response.status_code < 300, response.text
    await cloud.settle()
    return await show(client, server_id)


async def test_a_suspended_server_goes_on_without_a_boot(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    assert (await done(cloud, client, server_id, {"suspend": None}))["status"] == "SUSPENDED"
    await cloud.reconcile()  # that its machine is off says nothing of it
    assert (await show(client, server_id))["status"] == "SUSPENDED"
    assert (await done(cloud, client, server_id, {"resume": None}))["status"] == "ACTIVE"
    assert cloud.hosts["h1"].guests_by_id[server_id].boots == 1


async def test_a_rescued_server_boots_from_the_named_image_until_it_is_unrescued(cloud: ComputeCloud):
    client = cloud.member("p1")
    cloud.images.images[RESCUE] = image(RESCUE, properties={"hw_rescue_device": "cdrom"})
    server_id = await running(cloud, client)
    response = await act(client, server_id, {"rescue": {"rescue_image_ref": RESCUE}})
    assert len(response.json()["adminPass"]) == 12
    await cloud.settle()
    assert (await show(client, server_id))["status"] == "RESCUE"
    rescue = cloud.hosts["h1"].guests_by_id[server_id].spec.rescue
    assert rescue is not None
    assert (rescue.disk.image_id, rescue.stable, rescue.device) == (RESCUE, True, "cdrom")
    assert (await done(cloud, client, server_id, {"unrescue": None}))["status"] == "ACTIVE"
    assert cloud.hosts["h1"].guests_by_id[server_id].spec.rescue is None


async def test_a_rescue_that_fails_is_mended_by_a_hard_reboot(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    cloud.hosts["h1"].fail("reboot", Permanent("no such disk"))
    assert (await done(cloud, client, server_id, {"rescue": {}}))["status"] == "ERROR"
    assert (await done(cloud, client, server_id, {"reboot": {"type": "HARD"}}))["status"] == "ACTIVE"
    assert cloud.hosts["h1"].guests_by_id[server_id].spec.rescue is None


async def test_a_rescue_from_no_image_is_refused(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    response = await act(client, server_id, {"rescue": {"rescue_image_ref": RESCUE}})
    assert response.status_code == 400
    assert (await show(client, server_id))["OS-EXT-STS:task_state"] is None


@pytest.mark.parametrize("stopped", [False, True])
async def test_a_rebuild_makes_the_disk_anew_and_leaves_the_power_as_it_was(
    cloud: ComputeCloud, stopped: bool
):
    client = cloud.member("p1")
    cloud.images.images[RESCUE] = image(RESCUE)
    server_id = await running(cloud, client)
    if stopped:
        await done(cloud, client, server_id, {"os-stop": None})
    body = {"imageRef": RESCUE, "name": "new", "metadata": {"a": "b"}, "adminPass": "secret"}
    response = await act(client, server_id, {"rebuild": body})
    assert response.status_code == 202
    answer = response.json()["server"]
    assert (answer["name"], answer["adminPass"], answer["status"]) == ("new", "secret", "REBUILD")
    await cloud.settle()
    server = await show(client, server_id)
    assert (server["status"], server["image"]["id"]) == ("SHUTOFF" if stopped else "ACTIVE", RESCUE)
    assert server["metadata"] == {"a": "b"}
    assert cloud.hosts["h1"].guests_by_id[server_id].disks == 2


async def test_a_rebuild_that_fails_says_why_and_can_be_done_again(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    cloud.hosts["h1"].fail("rebuild", Permanent("the disk is full"))
    server = await done(cloud, client, server_id, {"rebuild": {"imageRef": IMAGE}})
    assert (server["status"], server["fault"]["message"]) == ("ERROR", "the disk is full")
    assert (await done(cloud, client, server_id, {"rebuild": {"imageRef": IMAGE}}))["status"] == "ACTIVE"


async def test_a_rebuild_needs_an_image_that_fits(cloud: ComputeCloud):
    client = cloud.member("p1")
    cloud.images.images[RESCUE] = image(RESCUE, min_disk=40)
    server_id = await running(cloud, client)
    response = await act(client, server_id, {"rebuild": {"imageRef": RESCUE}})
    assert response.status_code == 400
    assert "too small" in response.json()["badRequest"]["message"]


async def test_a_shelved_server_leaves_its_host_and_comes_back_with_its_disk(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    server = await done(cloud, client, server_id, {"shelve": None})
    assert (server["status"], server["hostId"]) == ("SHELVED_OFFLOADED", "")
    assert server_id not in cloud.hosts["h1"].guests_by_id
    assert server_id not in cloud.placement.claims
    (kept,) = [image for image in cloud.images.images.values() if image.name == "web-shelved"]
    assert b"disk of" in cloud.images.data[kept.id]
    assert (await done(cloud, client, server_id, {"unshelve": None}))["status"] == "ACTIVE"
    root = cloud.hosts["h1"].guests_by_id[server_id].spec.root
    assert root is not None
    assert root.image_id == kept.id
    assert kept.id not in cloud.images.images
    assert server_id in cloud.placement.claims


async def test_a_deleted_shelved_server_takes_its_image_with_it(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    await done(cloud, client, server_id, {"shelve": None})
    await client.delete(f"/compute/v2.1/servers/{server_id}")
    await cloud.settle()
    assert set(cloud.images.images) == {IMAGE}
    assert cloud.nothing_left_of(server_id)


async def test_unshelving_names_a_zone_that_there_is(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    await done(cloud, client, server_id, {"shelve": None})
    response = await act(client, server_id, {"unshelve": {"availability_zone": "moon"}})
    assert response.status_code == 400
    assert (await done(cloud, client, server_id, {"unshelve": {"availability_zone": "nova"}}))[
        "status"
    ] == "ACTIVE"


async def test_a_shelving_that_fails_leaves_the_server_running(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    cloud.hosts["h1"].fail("snapshot", Permanent("the disk is full"))
    assert (await done(cloud, client, server_id, {"shelve": None}))["status"] == "ACTIVE"
    assert set(cloud.images.images) == {IMAGE}
    assert cloud.hosts["h1"].guests_by_id[server_id].power is PowerState.RUNNING


async def test_of_backups_of_a_kind_the_newest_are_kept(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    for name in ("one", "two", "three"):
        body = {"name": name, "backup_type": "daily", "rotation": 2}
        await done(cloud, client, server_id, {"createBackup": body})
    names = [image.name for image in cloud.images.images.values() if image.id != IMAGE]
    assert names == ["two", "three"]
    response = await act(client, server_id, {"createBackup": {**body, "rotation": -1}})
    assert response.status_code == 400
    await done(cloud, client, server_id, {"createBackup": {**body, "rotation": 0}})
    assert set(cloud.images.images) == {IMAGE}


async def test_a_crash_dump_changes_no_state(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    assert (await done(cloud, client, server_id, {"trigger_crash_dump": None}))["status"] == "ACTIVE"
    assert cloud.hosts["h1"].crashed == [server_id]


async def test_diagnostics_are_for_operators_and_of_both_forms(cloud: ComputeCloud):
    client, admin = cloud.member("p1"), cloud.admin()
    server_id = await running(cloud, client)
    path = f"/compute/v2.1/servers/{server_id}/diagnostics"
    assert (await client.get(path)).status_code == 403
    assert (await admin.get(path)).json() == {"memory": 131072, "cpu0_time": 0}
    headers = {"X-OpenStack-Nova-API-Version": "2.48"}
    standard = (await admin.get(path, headers=headers)).json()
    assert standard["cpu_details"] == [{"id": 0, "time": 0, "utilisation": None}]
    assert (standard["num_nics"], standard["memory_details"]["maximum"]) == (1, 128)


async def test_passwords_are_set_by_an_agent_or_not_at_all(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    response = await act(client, server_id, {"changePassword": {"adminPass": "secret"}})
    assert response.status_code == 409
    cloud.images.images[RESCUE] = image(RESCUE, properties={"hw_qemu_guest_agent": "yes"})
    cloud.hosts["h1"].agents = True
    with_agent = await create(client, imageRef=RESCUE)
    await cloud.settle()
    response = await act(client, with_agent, {"changePassword": {"adminPass": "secret"}})
    assert response.status_code == 202
    await cloud.called("h1", "set_password")
    assert cloud.hosts["h1"].passwords == {with_agent: ("root", "secret")}
    path = f"/compute/v2.1/servers/{server_id}/os-server-password"
    assert (await client.get(path)).json() == {"password": ""}
    assert (await client.delete(path)).status_code == 204


async def prepared(world: World, **values: Any) -> None:
    """Have the server run, and its row be so."""
    await world.running()
    async with world.cloud.database.begin() as db:
        await db.update(Server, Server.c.id == SERVER, **values)


@pytest.mark.parametrize("change", [Change.SUSPEND, Change.RESCUE, Change.CRASH_DUMP])
async def test_a_change_of_power_survives_everything(cloud: ComputeCloud, change: Change):
    world = World(cloud)

    async def clean(succeeded: bool) -> None:
        server = await cloud.server(SERVER)
        assert (server.task_state, server.operation) == (None, None)
        aims = {Change.SUSPEND: VmState.SUSPENDED, Change.RESCUE: VmState.RESCUED}
        failed = VmState.ERROR if change is Change.RESCUE else VmState.ACTIVE
        assert server.vm_state is (aims.get(change, VmState.ACTIVE) if succeeded else failed)

    def saga() -> ChangePower:
        return ChangePower(server_id=SERVER, action_id=ACTION, change=change)

    await check_saga(world.tasks, saga, world.running, clean)


async def test_a_rebuild_survives_everything(cloud: ComputeCloud):
    world = World(cloud)

    async def clean(succeeded: bool) -> None:
        server = await cloud.server(SERVER)
        assert (server.task_state, server.operation) == (None, None)
        assert server.vm_state is (VmState.ACTIVE if succeeded else VmState.ERROR)

    def saga() -> RebuildServer:
        return RebuildServer(server_id=SERVER, action_id=ACTION)

    await check_saga(world.tasks, saga, world.running, clean)


async def test_a_shelving_survives_everything(cloud: ComputeCloud):
    world = World(cloud)

    async def prepare() -> None:
        await world.running()
        cloud.images.images[RESCUE] = image(RESCUE, status="queued")

    async def clean(succeeded: bool) -> None:
        server = await cloud.server(SERVER)
        assert (server.task_state, server.operation) == (None, None)
        guest = cloud.hosts["h1"].guests_by_id[SERVER]
        if succeeded:
            assert server.vm_state is VmState.SHELVED
            assert guests.aside_of(server).shelved_image == RESCUE
            assert guest.power is PowerState.SHUTDOWN
        else:
            assert server.vm_state is VmState.ACTIVE
            assert guest.power is PowerState.RUNNING
            assert RESCUE not in cloud.images.images
        assert cloud.hosts["h1"].snapshots == {}

    def saga() -> ShelveServer:
        return ShelveServer(server_id=SERVER, action_id=ACTION, image_id=RESCUE, offload=False)

    await check_saga(world.tasks, saga, prepare, clean)


async def test_an_offloading_survives_everything(cloud: ComputeCloud):
    world = World(cloud)

    async def prepare() -> None:
        await prepared(world, vm_state=VmState.SHELVED)

    async def clean(succeeded: bool) -> None:
        server = await cloud.server(SERVER)
        assert (server.task_state, server.operation) == (None, None)
        assert server.vm_state is (VmState.SHELVED_OFFLOADED if succeeded else VmState.SHELVED)
        assert (server.host is None) == succeeded
        assert not succeeded or SERVER not in cloud.placement.claims

    def saga() -> OffloadServer:
        return OffloadServer(server_id=SERVER, action_id=ACTION)

    await check_saga(world.tasks, saga, prepare, clean)


async def test_an_unshelving_survives_everything(cloud: ComputeCloud):
    world = World(cloud)
    aside = msgspec.Raw(msgspec.json.encode(Aside(shelved_image=RESCUE)))

    async def prepare() -> None:
        gone = {"host": None, "vm_state": VmState.SHELVED_OFFLOADED, "aside": aside}
        await prepared(world, **gone)
        cloud.images.images[RESCUE] = image(RESCUE)
        cloud.hosts["h1"].guests_by_id.clear()
        cloud.placement.claims.clear()

    async def clean(succeeded: bool) -> None:
        server = await cloud.server(SERVER)
        assert (server.task_state, server.operation) == (None, None)
        assert (server.host == "h1") == succeeded
        assert (SERVER in cloud.hosts["h1"].guests_by_id) == succeeded
        assert (SERVER in cloud.placement.claims) == succeeded
        assert (RESCUE in cloud.images.images) != succeeded
        assert server.vm_state is (VmState.ACTIVE if succeeded else VmState.SHELVED_OFFLOADED)

    def saga() -> UnshelveServer:
        return UnshelveServer(server_id=SERVER, action_id=ACTION, offloaded=True)

    await check_saga(world.tasks, saga, prepare, clean)


async def test_a_server_is_unshelved_on_its_own_host_when_it_is_still_there(cloud: ComputeCloud):
    client, admin = cloud.member("p1"), cloud.admin()
    server_id = await create(client)
    await cloud.settle()
    async with cloud.database.begin() as db:
        await db.update(Server, Server.c.id == server_id, vm_state=VmState.SHELVED)
    refused = await act(admin, server_id, {"unshelve": {"host": "h1"}})
    assert refused.status_code == 409
    assert (await done(cloud, client, server_id, {"unshelve": None}))["status"] == "ACTIVE"


async def test_a_rescue_keeps_what_else_is_kept_aside(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    aside = msgspec.Raw(msgspec.json.encode(Aside(host="h1", migration_id=ACTION)))
    async with cloud.database.begin() as db:
        await db.update(Server, Server.c.id == server_id, aside=aside)
    assert (await done(cloud, client, server_id, {"rescue": {}}))["status"] == "RESCUE"
    assert guests.aside_of(await cloud.server(server_id)).migration_id == ACTION
    assert (await done(cloud, client, server_id, {"unrescue": None}))["status"] == "ACTIVE"
    kept = guests.aside_of(await cloud.server(server_id))
    assert (kept.migration_id, kept.host, kept.rescue_image) == (ACTION, "h1", None)
    cloud.hosts["h1"].fail("reboot", Permanent("no such disk"))
    await done(cloud, client, server_id, {"rescue": {}})
    kept = guests.aside_of(await cloud.server(server_id))
    assert (kept.migration_id, kept.rescue_image) == (ACTION, None)


@pytest.mark.parametrize("action", ["pause", "suspend"])
async def test_a_still_server_whose_shelving_failed_is_shown_running(cloud: ComputeCloud, action: str):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    await done(cloud, client, server_id, {action: None})
    cloud.hosts["h1"].fail("snapshot", Permanent("the disk is full"))
    server = await done(cloud, client, server_id, {"shelve": None})
    assert cloud.hosts["h1"].guests_by_id[server_id].power is PowerState.RUNNING
    assert (server["status"], server["OS-EXT-STS:power_state"]) == ("ACTIVE", 1)
