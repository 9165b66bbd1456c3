"""Servers that move while they run, that are fetched from lost hosts, and that are tried on another host."""

import asyncio
from typing import Any

import pytest
from tests.services.compute.fakes import ComputeCloud, create, show
from tests.services.compute.test_lifecycle import act, running
from tests.services.compute.test_mending import done
from tests.services.compute.test_moves import MOVE
from tests.services.compute.test_tasks import ACTION, SERVER, World

from cumulo.contracts.hypervisor import PowerState
from cumulo.core.drivers import Permanent, Temporary
from cumulo.services.compute.model import ComputeHost, Migration, VmState
from cumulo.services.compute.tasks import EvacuateServer, LiveMigrateServer
from cumulo.services.compute.tasks.tenure import TenureFromServers
from cumulo.testing.saga import check_saga

AUTO = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
NEWEST = {"X-OpenStack-Nova-API-Version": "2.104"}


def servers(server_id: str, rest: str = "") -> str:
    return f"/compute/v2.1/servers/{server_id}{rest}"


async def ask(client: Any, server_id: str, action: dict[str, Any], version: str = "2.104") -> Any:
    """Ask for an action in a version; return the response."""
    headers = {"X-OpenStack-Nova-API-Version": version}
    return await client.post(servers(server_id, "/action"), json=action, headers=headers)


async def underway(cloud: ComputeCloud) -> str:
    """Have a server on its way to h2 that does not arrive by itself; return its id."""
    server_id = await running(cloud, cloud.member("p1"))
    await cloud.add_host("h2")
    cloud.hosts["h1"].lasting = asyncio.Event()
    assert (await ask(cloud.admin(), server_id, AUTO)).status_code == 202
    await cloud.called("h1", "progress")
    return server_id


async def listed(cloud: ComputeCloud, server_id: str) -> list[dict[str, Any]]:
    """Return a server's migrations under way."""
    response = await cloud.admin().get(servers(server_id, "/migrations"), headers=NEWEST)
    found: list[dict[str, Any]] = response.json()["migrations"]
    return found


async def test_a_running_server_moves_without_a_boot(cloud: ComputeCloud):
    server_id = await running(cloud, cloud.member("p1"))
    await cloud.add_host("h2")
    assert (await ask(cloud.member("p1"), server_id, AUTO)).status_code == 403
    assert (await ask(cloud.admin(), server_id, AUTO)).status_code == 202
    assert (await show(cloud.admin(), server_id))["status"] == "MIGRATING"
    await cloud.settle()
    server = await show(cloud.admin(), server_id)
    assert (server["status"], server["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", "h2")
    assert server_id not in cloud.hosts["h1"].guests_by_id
    assert cloud.hosts["h2"].guests_by_id[server_id].boots == 1
    assert (cloud.ports.hosts[server_id], cloud.ports.expected) == ("h2", {})
    assert cloud.volumes.whereabouts[server_id] == "h2"
    assert list(cloud.placement.claims) == [server_id]
    (moved,) = (await cloud.admin().get("/compute/v2.1/os-migrations", headers=NEWEST)).json()["migrations"]
    assert (moved["status"], moved["migration_type"]) == ("completed", "live-migration")
    assert await listed(cloud, server_id) == []


@pytest.mark.parametrize(("action", "power"), [("pause", PowerState.PAUSED), ("unpause", PowerState.RUNNING)])
async def test_a_guest_that_does_nothing_on_its_way_goes_on_unless_its_user_paused_it(
    cloud: ComputeCloud, action: str, power: PowerState
):
    server_id = await running(cloud, cloud.member("p1"))
    await cloud.add_host("h2")
    cloud.hosts["h1"].emulated = True
    for wanted in dict.fromkeys(("pause", action)):
        await act(cloud.member("p1"), server_id, {wanted: None})
        await cloud.settle()
    assert (await ask(cloud.admin(), server_id, AUTO)).status_code == 202
    await cloud.settle()
    assert cloud.hosts["h2"].guests_by_id[server_id].power is power
    assert (await show(cloud.admin(), server_id))["status"] == {"pause": "PAUSED"}.get(action, "ACTIVE")


async def test_an_aborted_migration_leaves_a_guest_that_goes_on(cloud: ComputeCloud):
    server_id = await running(cloud, cloud.member("p1"))
    await cloud.add_host("h2")
    cloud.hosts["h1"].emulated, cloud.hosts["h1"].lasting = True, asyncio.Event()
    assert (await ask(cloud.admin(), server_id, AUTO)).status_code == 202
    await cloud.called("h1", "progress")
    assert cloud.hosts["h1"].guests_by_id[server_id].power is PowerState.PAUSED
    (one,) = await listed(cloud, server_id)
    path = servers(server_id, f"/migrations/{one['id']}")
    assert (await cloud.admin().delete(path, headers=NEWEST)).status_code == 202
    await cloud.settle()
    assert cloud.hosts["h1"].guests_by_id[server_id].power is PowerState.RUNNING


async def test_a_migration_under_way_is_shown_and_can_be_aborted(cloud: ComputeCloud):
    server_id = await underway(cloud)
    assert cloud.ports.expected == {server_id: "h2"}
    (one,) = await listed(cloud, server_id)
    assert (one["status"], one["dest_compute"], one["memory_remaining_bytes"]) == ("running", "h2", 512)
    path = servers(server_id, f"/migrations/{one['id']}")
    shown = (await cloud.admin().get(path, headers=NEWEST)).json()["migration"]
    assert shown["server_uuid"] == server_id
    assert (await cloud.admin().delete(path, headers=NEWEST)).status_code == 202
    await cloud.settle()
    server = await show(cloud.admin(), server_id)
    assert (server["status"], server["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", "h1")
    assert cloud.ports.expected == {}
    assert (await cloud.admin().delete(path, headers=NEWEST)).status_code == 400
    assert (await cloud.admin().get(path, headers=NEWEST)).status_code == 404
    listing = await cloud.admin().get("/compute/v2.1/os-migrations", headers=NEWEST)
    assert listing.json()["migrations"][0]["status"] == "cancelled"


async def test_a_projects_manager_sees_and_hastens_a_migration_without_its_hosts(cloud: ComputeCloud):
    manager = cloud.client("manager:p1")
    server_id = await underway(cloud)
    (one,) = (await manager.get(servers(server_id, "/migrations"), headers=NEWEST)).json()["migrations"]
    assert (one["status"], one["source_compute"], one["dest_compute"]) == ("running", None, None)
    path = servers(server_id, f"/migrations/{one['id']}")
    assert (await manager.get(path, headers=NEWEST)).status_code == 403  # Nova's default: operators only
    hastened = await manager.post(f"{path}/action", json={"force_complete": None}, headers=NEWEST)
    assert hastened.status_code == 202
    await cloud.settle()
    assert (await show(cloud.admin(), server_id))["OS-EXT-SRV-ATTR:host"] == "h2"


async def test_a_migration_can_be_made_to_end_soon(cloud: ComputeCloud):
    server_id = await underway(cloud)
    (one,) = await listed(cloud, server_id)
    path = servers(server_id, f"/migrations/{one['id']}/action")
    response = await cloud.admin().post(path, json={"force_complete": None}, headers=NEWEST)
    assert response.status_code == 202
    await cloud.settle()
    assert (await show(cloud.admin(), server_id))["OS-EXT-SRV-ATTR:host"] == "h2"
    assert cloud.hosts["h1"].hastened == [server_id]


async def test_a_server_that_is_deleted_on_its_way_leaves_nothing(cloud: ComputeCloud):
    server_id = await underway(cloud)
    await cloud.member("p1").delete(servers(server_id))
    await cloud.settle()
    assert cloud.nothing_left_of(server_id)
    assert cloud.placement.claims == {}


async def test_a_migration_that_fails_leaves_the_server_as_it_was(cloud: ComputeCloud):
    server_id = await running(cloud, cloud.member("p1"))
    await cloud.add_host("h2")
    cloud.hosts["h1"].fail("migrate", Permanent("no way"))
    server = await done(cloud, cloud.admin(), server_id, AUTO)
    assert (server["status"], server["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", "h1")
    assert "fault" not in server
    assert cloud.hosts["h1"].guests_by_id[server_id].boots == 1
    assert list(cloud.placement.claims) == [server_id]


async def test_a_guest_that_is_still_coming_is_not_there(cloud: ComputeCloud):
    server_id = await underway(cloud)
    cloud.hosts["h1"].fail("progress", Temporary("libvirt is busy"), times=1)
    cloud.hosts["h1"].fail("migrate", Permanent("no way"), times=1)
    await cloud.settle()
    server = await show(cloud.admin(), server_id)
    assert (server["status"], server["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", "h1")
    assert cloud.hosts["h1"].guests_by_id[server_id].power is PowerState.RUNNING


async def test_a_server_whose_host_dies_while_it_moves_can_be_evacuated(cloud: ComputeCloud):
    server_id = await underway(cloud)
    await cloud.bus.withdraw("h1")
    await cloud.forget_heartbeat("h1")
    await cloud.settle()
    server = await cloud.server(server_id)
    assert (server.vm_state, server.host, server.operation) == (VmState.ACTIVE, "h1", None)
    assert cloud.ports.expected == {}
    assert (await ask(cloud.admin(), server_id, {"evacuate": {}}, "2.94")).status_code == 200
    await cloud.settle()
    found = await show(cloud.admin(), server_id)
    assert (found["status"], found["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", "h2")


async def test_a_server_whose_new_host_dies_while_it_moves_stays(cloud: ComputeCloud):
    server_id = await underway(cloud)
    await cloud.bus.withdraw("h2")
    await cloud.forget_heartbeat("h2")
    cloud.hosts["h1"].fail("progress", Permanent("the other end is gone"))
    await cloud.settle()
    server = await cloud.server(server_id)
    assert (server.vm_state, server.host, server.operation) == (VmState.ACTIVE, "h1", None)
    assert list(cloud.placement.claims) == [server_id]


@pytest.mark.parametrize(
    ("body", "version", "status"),
    [
        ({"host": "h1", "block_migration": "auto"}, "2.25", 400),
        ({"host": "nowhere", "block_migration": "auto"}, "2.25", 400),
        ({"host": None, "block_migration": False}, "2.25", 400),
        ({"host": None, "block_migration": "auto", "disk_over_commit": False}, "2.24", 400),
        ({"host": None, "block_migration": True}, "2.1", 400),
        ({"host": None, "block_migration": True, "disk_over_commit": False}, "2.25", 400),
        ({"host": "h2", "block_migration": "auto", "force": True}, "2.29", 400),
        ({"host": "h2", "block_migration": "auto", "force": True}, "2.68", 400),
        ({"host": None, "block_migration": True, "disk_over_commit": False}, "2.24", 202),
        ({"host": "h2", "block_migration": "auto", "force": True}, "2.67", 202),
    ],
)
async def test_each_version_has_its_own_words_for_it(
    cloud: ComputeCloud, body: dict[str, Any], version: str, status: int
):
    server_id = await running(cloud, cloud.member("p1"))
    await cloud.add_host("h2")
    response = await ask(cloud.admin(), server_id, {"os-migrateLive": body}, version)
    assert response.status_code == status, response.text
    await cloud.settle()
    where = (await show(cloud.admin(), server_id))["OS-EXT-SRV-ATTR:host"]
    assert where == ("h2" if status == 202 else "h1")


async def test_a_stopped_server_does_not_move_so(cloud: ComputeCloud):
    server_id = await running(cloud, cloud.member("p1"))
    await done(cloud, cloud.member("p1"), server_id, {"os-stop": None})
    assert (await ask(cloud.admin(), server_id, AUTO)).status_code == 409


async def lost(cloud: ComputeCloud) -> str:
    """Have a server on a host that is forced down; return its id."""
    server_id = await running(cloud, cloud.member("p1"))
    await cloud.add_host("h2")
    async with cloud.database.begin() as db:
        await db.update(ComputeHost, ComputeHost.c.host == "h1", forced_down=True)
    return server_id


@pytest.mark.parametrize(("version", "status"), [("2.94", "ACTIVE"), ("2.95", "SHUTOFF")])
async def test_a_server_of_a_lost_host_is_made_anew_elsewhere(cloud: ComputeCloud, version: str, status: str):
    server_id = await lost(cloud)
    await cloud.bus.withdraw("h1")
    response = await ask(cloud.admin(), server_id, {"evacuate": {}}, version)
    assert (response.status_code, response.content) == (200, b"")
    await cloud.settle()
    server = await show(cloud.admin(), server_id)
    assert (server["status"], server["OS-EXT-SRV-ATTR:host"]) == (status, "h2")
    assert cloud.ports.hosts[server_id] == "h2"
    assert list(cloud.placement.claims) == [server_id]
    tenure = TenureFromServers(cloud.database)
    assert list(await tenure.strangers("h1", [server_id])) == [server_id]
    assert await tenure.strangers("h2", [server_id]) == {}


async def test_a_password_is_answered_until_2_13(cloud: ComputeCloud):
    server_id = await lost(cloud)
    body = {"evacuate": {"host": "h2", "onSharedStorage": False, "adminPass": "secret"}}
    assert (await ask(cloud.admin(), server_id, body, "2.13")).json() == {"adminPass": "secret"}


@pytest.mark.parametrize(
    ("body", "status"), [({"host": "nowhere"}, 404), ({"host": "h1"}, 400), ({"force": True}, 400)]
)
async def test_an_evacuation_to_nowhere_is_refused(cloud: ComputeCloud, body: dict[str, Any], status: int):
    server_id = await lost(cloud)
    assert (await ask(cloud.admin(), server_id, {"evacuate": body})).status_code == status


async def test_nothing_is_fetched_from_a_host_that_is_up(cloud: ComputeCloud):
    server_id = await running(cloud, cloud.member("p1"))
    response = await act(cloud.admin(), server_id, {"evacuate": {}})
    assert response.status_code == 400
    assert "h1 is still in use" in response.text


async def test_an_evacuation_that_finds_no_room_leaves_the_server_in_error(cloud: ComputeCloud):
    server_id = await lost(cloud)
    cloud.hosts["h2"].fail("rebuild", Permanent("no disk"))
    server = await done(cloud, cloud.admin(), server_id, {"evacuate": {}})
    assert (server["status"], server["OS-EXT-SRV-ATTR:host"]) == ("ERROR", "h1")
    assert list(cloud.placement.claims) == [server_id]
    again = await done(cloud, cloud.admin(), server_id, {"evacuate": {}})
    assert again["OS-EXT-SRV-ATTR:host"] == "h2"


async def test_a_server_that_its_host_cannot_run_is_tried_on_another(cloud: ComputeCloud):
    await cloud.add_host("h2")
    for host in cloud.hosts.values():
        host.fail("ensure", Permanent("it does not start", public="broken"), times=1)
    first = await create(cloud.member("p1"))
    await cloud.settle()
    server = await show(cloud.admin(), first)
    assert server["status"] == "ERROR"
    assert server["fault"]["message"] == "broken"
    assert cloud.nothing_left_of(first)
    cloud.hosts["h1"].fail("ensure", Permanent("it does not start", public="broken"))
    second = await create(cloud.member("p1"))
    await cloud.settle()
    server = await show(cloud.admin(), second)
    assert server["status"] == "ACTIVE"
    assert "fault" not in server


class Underway(World):
    """A server that runs on h1, with a move to come."""

    async def begin(self, kind: str) -> None:
        await self.running()
        async with self.cloud.database.begin() as db:
            await db.delete(Migration, Migration.c.id == MOVE)
            move = {"server_id": SERVER, "project_id": "p1", "user_id": "u1"}
            await db.insert(Migration(id=MOVE, kind=kind, source="h1", **move))

    async def check(self, *, moved: bool, state: VmState) -> None:
        server = await self.cloud.server(SERVER)
        assert (server.task_state, server.operation) == (None, None)
        assert (server.vm_state, server.host) == (state, "h2" if moved else "h1")
        assert self.cloud.ports.hosts.get(SERVER, "h1") == server.host
        assert self.cloud.ports.expected == {}
        assert list(self.cloud.placement.claims) == [SERVER]


@pytest.mark.parametrize("emulated", [False, True])
async def test_a_live_migration_survives_everything(cloud: ComputeCloud, emulated: bool):
    world = Underway(cloud)

    async def prepare() -> None:
        await world.begin("live-migration")
        cloud.ports.hosts.pop(SERVER, None)
        if "h2" not in cloud.hosts:
            await cloud.add_host("h2")
        for host in cloud.hosts.values():
            host.emulated = emulated

    async def clean(succeeded: bool) -> None:
        await world.check(moved=succeeded, state=VmState.ACTIVE)
        here, there = ("h2", "h1") if succeeded else ("h1", "h2")
        guest = cloud.hosts[here].guests_by_id[SERVER]
        assert (guest.power, guest.boots) == (PowerState.RUNNING, 1)
        assert SERVER not in cloud.hosts[there].guests_by_id

    def saga() -> LiveMigrateServer:
        return LiveMigrateServer(server_id=SERVER, migration_id=MOVE, action_id=ACTION)

    await check_saga(world.tasks, saga, prepare, clean)


async def test_an_evacuation_survives_everything(cloud: ComputeCloud):
    world = Underway(cloud)

    async def prepare() -> None:
        async with cloud.database.begin() as db:
            await db.update(ComputeHost, ComputeHost.c.host == "h1", forced_down=False)
            await db.update(ComputeHost, ComputeHost.c.host == "h2", disabled=True)
        await world.begin("evacuation")
        cloud.ports.hosts.pop(SERVER, None)
        if "h2" not in cloud.hosts:
            await cloud.add_host("h2")
        async with cloud.database.begin() as db:
            await db.update(ComputeHost, ComputeHost.c.host == "h1", forced_down=True)
            await db.update(ComputeHost, ComputeHost.c.host == "h2", disabled=False)

    async def clean(succeeded: bool) -> None:
        await world.check(moved=succeeded, state=VmState.ACTIVE if succeeded else VmState.ERROR)
        assert (SERVER in cloud.hosts["h2"].guests_by_id) == succeeded

    def saga() -> EvacuateServer:
        return EvacuateServer(server_id=SERVER, migration_id=MOVE, action_id=ACTION, runs=True)

    await check_saga(world.tasks, saga, prepare, clean)
