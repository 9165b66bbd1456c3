"""Resizing servers and moving them between hosts, over HTTP and as sagas."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.services.compute.fakes import ComputeCloud, create, show
from tests.services.compute.test_lifecycle import act, running
from tests.services.compute.test_mending import done
from tests.services.compute.test_tasks import ACTION, FLAVOR, SERVER, World

from cumulo.contracts.hypervisor import PowerState
from cumulo.contracts.network import CardLimit
from cumulo.core import clock, ids
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import ReconcileRun
from cumulo.services.compute import guests
from cumulo.services.compute.model import Aside, EmbeddedFlavor, Migration, Server, VmState
from cumulo.services.compute.tasks import ConfirmResize, ResizeServer, RevertResize
from cumulo.services.compute.tasks.housekeeping import old_moves
from cumulo.services.compute.tasks.moves import confirm_old
from cumulo.testing.saga import check_saga

MOVE = "66666666-6666-4666-8666-666666666666"
LARGER = EmbeddedFlavor(vcpus=1, ram=256, disk=2, ephemeral=0, swap=0, original_name="small")
MIGRATIONS = "/compute/v2.1/os-migrations"


async def test_a_resize_waits_for_a_confirmation(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    server = await done(cloud, client, server_id, {"resize": {"flavorRef": "c2"}})
    assert (server["status"], server["flavor"]["ram"]) == ("VERIFY_RESIZE", 256)
    guest = cloud.hosts["h1"].guests_by_id[server_id]
    assert (guest.spec.memory_mib, guest.disk_gib, cloud.hosts["h1"].kept[server_id]) == (256, 2, 1)
    assert sorted(claim["MEMORY_MB"] for _, claim in cloud.placement.claims.values()) == [128, 256]
    response = await act(client, server_id, {"confirmResize": None})
    assert response.status_code == 204
    await cloud.settle()
    assert (await show(client, server_id))["status"] == "ACTIVE"
    assert cloud.hosts["h1"].kept == {}
    assert [claim["MEMORY_MB"] for _, claim in cloud.placement.claims.values()] == [256]


async def test_network_cards_do_what_the_flavor_says_of_now(cloud: ComputeCloud):
    client, admin = cloud.member("p1"), cloud.admin()
    for name, rate in (("slow", "100"), ("slower", "10")):
        flavor = {"name": name, "id": name, "ram": 128, "vcpus": 1, "disk": 1}
        await admin.post("/compute/v2.1/flavors", json={"flavor": flavor})
        specs = {"quota:vif_outbound_average": rate, "quota:vif_outbound_burst": "5"}
        url = f"/compute/v2.1/flavors/{name}/os-extra_specs"
        assert (await admin.post(url, json={"extra_specs": specs})).status_code == 200
    server_id = await create(client, flavorRef="slow")
    await cloud.settle()
    assert cloud.ports.limits[server_id] == {"egress": CardLimit(rate=800, burst=40)}
    await done(cloud, client, server_id, {"resize": {"flavorRef": "slower"}})
    assert cloud.ports.limits[server_id] == {"egress": CardLimit(rate=80, burst=40)}
    await done(cloud, client, server_id, {"revertResize": None})
    assert cloud.ports.limits[server_id] == {"egress": CardLimit(rate=800, burst=40)}
    await done(cloud, client, server_id, {"resize": {"flavorRef": "c2"}})
    assert cloud.ports.limits[server_id] == {}


@pytest.mark.parametrize("stopped", [False, True])
async def test_a_reverted_resize_leaves_all_as_it_was(cloud: ComputeCloud, stopped: bool):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    if stopped:
        await done(cloud, client, server_id, {"os-stop": None})
    await done(cloud, client, server_id, {"resize": {"flavorRef": "c2"}})
    server = await done(cloud, client, server_id, {"revertResize": None})
    assert (server["status"], server["flavor"]["ram"]) == ("SHUTOFF" if stopped else "ACTIVE", 128)
    guest = cloud.hosts["h1"].guests_by_id[server_id]
    assert guest.disk_gib == 1
    assert guest.power is (PowerState.SHUTDOWN if stopped else PowerState.RUNNING)
    claims = cloud.placement.claims
    assert list(claims) == [server_id]
    assert claims[server_id][1]["MEMORY_MB"] == 128


async def test_a_migration_carries_the_disk_to_another_host(cloud: ComputeCloud):
    client, admin = cloud.member("p1"), cloud.admin()
    server_id = await running(cloud, client)
    await cloud.add_host("h2")
    assert (await act(client, server_id, {"migrate": None})).status_code == 403
    server = await done(cloud, admin, server_id, {"migrate": None})
    assert (server["status"], server["OS-EXT-SRV-ATTR:host"]) == ("VERIFY_RESIZE", "h2")
    assert b"disk of" in cloud.hosts["h2"].received[server_id]
    assert (cloud.ports.hosts[server_id], cloud.volumes.whereabouts[server_id]) == ("h2", "h2")
    await cloud.reconcile()  # what the old host keeps is no orphan yet
    assert server_id in cloud.hosts["h1"].guests_by_id
    await done(cloud, admin, server_id, {"confirmResize": None})
    assert server_id not in cloud.hosts["h1"].guests_by_id
    headers = {"X-OpenStack-Nova-API-Version": "2.80"}
    (listed,) = (await admin.get(MIGRATIONS, headers=headers)).json()["migrations"]
    assert (listed["status"], listed["migration_type"], listed["dest_compute"]) == (
        "confirmed",
        "migration",
        "h2",
    )
    assert listed["instance_uuid"] == server_id
    none = await admin.get(MIGRATIONS, params={"status": "error"}, headers=headers)
    assert none.json()["migrations"] == []


async def test_a_reverted_migration_returns_to_the_old_host(cloud: ComputeCloud):
    client, admin = cloud.member("p1"), cloud.admin()
    server_id = await running(cloud, client)
    await cloud.add_host("h2")
    await done(cloud, admin, server_id, {"migrate": {"host": "h2"}})
    server = await done(cloud, admin, server_id, {"revertResize": None})
    assert (server["status"], server["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", "h1")
    assert server_id not in cloud.hosts["h2"].guests_by_id
    assert cloud.hosts["h1"].guests_by_id[server_id].power is PowerState.RUNNING
    assert (cloud.ports.hosts[server_id], cloud.volumes.whereabouts[server_id]) == ("h1", "h1")


async def test_a_projects_manager_moves_its_servers_and_learns_of_no_host(cloud: ComputeCloud):
    """Another project's manager finds nothing; hosts can neither be named nor asked by."""
    newest = {"X-OpenStack-Nova-API-Version": "2.80"}
    manager, stranger = cloud.client("manager:p1"), cloud.client("manager:p2")
    server_id = await running(cloud, cloud.member("p1"))
    await cloud.add_host("h2")
    assert (await act(stranger, server_id, {"migrate": None})).status_code == 404
    named = await act(manager, server_id, {"migrate": {"host": "h2"}})
    assert named.status_code == 403
    assert (await act(manager, server_id, {"migrate": None})).status_code == 202
    await cloud.settle()
    assert (await show(cloud.admin(), server_id))["OS-EXT-SRV-ATTR:host"] == "h2"
    (listed,) = (await manager.get(MIGRATIONS, headers=newest)).json()["migrations"]
    assert listed["instance_uuid"] == server_id
    assert {listed[f"{end}_{what}"] for end in ("source", "dest") for what in ("compute", "node")} == {None}
    assert (await stranger.get(MIGRATIONS, headers=newest)).json()["migrations"] == []
    for who, status in ((stranger, 400), (manager, 200)):
        answer = await who.get(MIGRATIONS, params={"marker": listed["uuid"]}, headers=newest)
        assert answer.status_code == status
    assert (await manager.get(MIGRATIONS, params={"host": "h2"}, headers=newest)).status_code == 403
    assert (await cloud.member("p1").get(MIGRATIONS, headers=newest)).status_code == 403


async def test_migrations_of_one_instant_are_paged_through_without_a_gap(cloud: ComputeCloud):
    newest = {"X-OpenStack-Nova-API-Version": "2.80"}
    known = {"server_id": SERVER, "project_id": "p1", "user_id": "u1", "source": "h1", "kind": "migration"}
    rows = [Migration(created_at=clock.now(), **known) for _ in range(2)]
    rows += [Migration(created_at=rows[1].created_at, **known) for _ in range(3)]
    async with cloud.database.begin() as db:
        await db.insert_all(rows)
    found: list[str] = []
    while len(found) <= len(rows):
        query = {"limit": "1"} | ({"marker": found[-1]} if found else {})
        answer = await cloud.admin().get(MIGRATIONS, params=query, headers=newest)
        page = [one["uuid"] for one in answer.json()["migrations"]]
        found += page
        if not page:
            break
    assert sorted(found) == sorted(row.id for row in rows)


async def test_a_migration_with_nowhere_to_go_leaves_the_server_running(cloud: ComputeCloud):
    client, admin = cloud.member("p1"), cloud.admin()
    server_id = await running(cloud, client)
    server = await done(cloud, admin, server_id, {"migrate": None})
    assert server["status"] == "ACTIVE"
    assert list(cloud.placement.claims) == [server_id]
    history = await client.get(f"/compute/v2.1/servers/{server_id}/os-instance-actions")
    assert history.json()["instanceActions"][0]["message"] == "Error"


async def test_a_resize_whose_guest_does_not_start_is_undone(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    cloud.hosts["h1"].fail("power_on", Permanent("no memory left"))
    server = await done(cloud, client, server_id, {"resize": {"flavorRef": "c2"}})
    assert (server["status"], server["flavor"]["ram"]) == ("ACTIVE", 128)
    assert cloud.hosts["h1"].guests_by_id[server_id].disk_gib == 1
    assert cloud.hosts["h1"].kept == {}


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ({"resize": {"flavorRef": "c1"}}, 400),
        ({"resize": {"flavorRef": "nope"}}, 400),
        ({"resize": {}}, 400),
        ({"resize": {"flavorRef": "5"}}, 403),
        ({"confirmResize": None}, 409),
        ({"revertResize": None}, 409),
    ],
)
async def test_what_cannot_be_resized_is_refused(cloud: ComputeCloud, action: dict[str, Any], status: int):
    client, admin = cloud.member("p1"), cloud.admin()
    server_id = await running(cloud, client)
    quota = {"quota_set": {"cores": 2}}
    await admin.put("/compute/v2.1/os-quota-sets/p1", json=quota)
    assert (await act(client, server_id, action)).status_code == status
    assert (await show(client, server_id))["OS-EXT-STS:task_state"] is None


async def test_a_resized_server_that_is_deleted_leaves_nothing(cloud: ComputeCloud):
    client, admin = cloud.member("p1"), cloud.admin()
    server_id = await running(cloud, client)
    await cloud.add_host("h2")
    await done(cloud, admin, server_id, {"migrate": None})
    await client.delete(f"/compute/v2.1/servers/{server_id}")
    await cloud.settle()
    assert cloud.nothing_left_of(server_id)
    assert cloud.placement.claims == {}


async def test_moves_that_waited_long_are_confirmed(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    await done(cloud, client, server_id, {"resize": {"flavorRef": "c2"}})
    await old_moves(ReconcileRun(cloud.tasks, ids.request()))  # the setting says: never
    await cloud.settle()
    assert (await show(client, server_id))["status"] == "VERIFY_RESIZE"
    async with cloud.database.begin() as db:
        assert await confirm_old(cloud.work(db), clock.now() + timedelta(seconds=1)) == 1
    await cloud.settle()
    assert (await show(client, server_id))["status"] == "ACTIVE"


class Moving(World):
    """A server that is about to move, or has."""

    async def begin(self, *, away: bool) -> None:
        await self.running()
        host = self.cloud.hosts["h1"].guests_by_id[SERVER]
        host.disk_gib = 1
        for each in self.cloud.hosts.values():
            each.kept.clear()
            each.received.clear()
        del away
        async with self.cloud.database.begin() as db:
            await db.delete(Migration, Migration.c.id == MOVE)
            move = {"server_id": SERVER, "project_id": "p1", "user_id": "u1"}
            await db.insert(Migration(id=MOVE, kind="resize", source="h1", **move))

    async def moved(self, *, away: bool) -> None:
        await self.begin(away=away)
        tasks = self.tasks()
        await tasks.start_workers()
        async with self.cloud.database.begin() as db:
            await tasks.start(db, self.saga(away=away), request_id="req-prepare")
        await tasks.settle()
        await tasks.stop()
        assert (await self.cloud.server(SERVER)).vm_state is VmState.RESIZED

    def saga(self, *, away: bool) -> ResizeServer:
        return ResizeServer(
            server_id=SERVER,
            migration_id=MOVE,
            action_id=ACTION,
            flavor_id="c2",
            flavor=LARGER,
            elsewhere=away,
        )

    async def as_it_was(self) -> Server:
        """Check that nothing of a move is left but its failure; return the server."""
        server = await self.cloud.server(SERVER)
        assert (server.task_state, server.operation, server.host) == (None, None, "h1")
        assert (server.memory_mib, guests.aside_of(server)) == (128, Aside())
        assert guests.flavor_of(server) == FLAVOR
        guest = self.cloud.hosts["h1"].guests_by_id[SERVER]
        assert (guest.power, guest.disk_gib) == (PowerState.RUNNING, 1)
        assert self.cloud.hosts["h1"].kept == {}
        others = [host for name, host in self.cloud.hosts.items() if name != "h1"]
        assert all(SERVER not in host.guests_by_id for host in others)
        return server


@pytest.mark.parametrize("away", [False, True])
async def test_a_resize_survives_everything(cloud: ComputeCloud, away: bool):
    world = Moving(cloud)

    async def prepare() -> None:
        await world.begin(away=away)
        if away and "h2" not in cloud.hosts:
            await cloud.add_host("h2")

    async def clean(succeeded: bool) -> None:
        if not succeeded:
            assert (await world.as_it_was()).vm_state is VmState.ACTIVE
            return
        server = await cloud.server(SERVER)
        assert (server.task_state, server.operation) == (None, None)
        assert (server.vm_state, server.memory_mib) == (VmState.RESIZED, 256)
        assert server.host == ("h2" if away else "h1")
        assert cloud.hosts[server.host or ""].guests_by_id[SERVER].power is PowerState.RUNNING

    await check_saga(world.tasks, lambda: world.saga(away=away), prepare, clean)


async def test_a_confirmation_survives_everything(cloud: ComputeCloud):
    world = Moving(cloud)

    async def prepare() -> None:
        await world.moved(away=False)

    async def clean(succeeded: bool) -> None:
        server = await cloud.server(SERVER)
        assert (server.task_state, server.operation) == (None, None)
        assert server.vm_state is (VmState.ACTIVE if succeeded else VmState.RESIZED)

    def saga() -> ConfirmResize:
        return ConfirmResize(server_id=SERVER, migration_id=MOVE, action_id=ACTION)

    await check_saga(world.tasks, saga, prepare, clean)


async def test_a_reversion_survives_everything(cloud: ComputeCloud):
    world = Moving(cloud)

    async def prepare() -> None:
        await world.moved(away=False)

    async def clean(succeeded: bool) -> None:
        server = await cloud.server(SERVER)
        assert (server.task_state, server.operation) == (None, None)
        if succeeded:
            assert (await world.as_it_was()).vm_state is VmState.ACTIVE
        else:
            assert server.vm_state is VmState.ERROR
            assert server.fault is not None

    def saga() -> RevertResize:
        return RevertResize(server_id=SERVER, migration_id=MOVE, action_id=ACTION)

    await check_saga(world.tasks, saga, prepare, clean)


@pytest.mark.parametrize("next_move", [{"resize": {"flavorRef": "c2"}}, {"shelve": None}])
async def test_a_claim_that_a_lost_reversion_left_goes_with_the_next_move(
    cloud: ComputeCloud, next_move: dict[str, Any]
):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    claim = next(iter(cloud.placement.claims.values()))
    cloud.placement.claims[MOVE] = claim
    aside = msgspec.Raw(msgspec.json.encode(Aside(host="h1", migration_id=MOVE)))
    async with cloud.database.begin() as db:
        await db.update(Server, Server.c.id == server_id, aside=aside)
    await done(cloud, client, server_id, next_move)
    assert MOVE not in cloud.placement.claims
