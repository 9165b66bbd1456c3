import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from msgspec import Raw
from tests.services.compute.fakes import NEWEST, ComputeCloud, create, show

from cumulo.contracts.hypervisor import PowerState
from cumulo.core import clock
from cumulo.core.drivers import Permanent
from cumulo.core.errors import Unavailable
from cumulo.core.tasks import ReconcileRun, Task
from cumulo.core.tasks import TaskState as State
from cumulo.services.compute.domain.consoles import redeem
from cumulo.services.compute.model import Power, Server, ServerAction, TaskState, VmState
from cumulo.services.compute.tasks import hosts
from cumulo.services.compute.tasks.housekeeping import forgotten_servers


async def act(client: httpx.AsyncClient, server_id: str, action: dict[str, Any]) -> httpx.Response:
    return await client.post(f"/compute/v2.1/servers/{server_id}/action", json=action, headers=NEWEST)


async def running(cloud: ComputeCloud, client: httpx.AsyncClient) -> str:
    server_id = await create(client)
    await cloud.settle()
    return server_id


@pytest.mark.parametrize(
    ("actions", "task", "status", "power"),
    [
        ([{"os-stop": None}], "powering-off", "SHUTOFF", Power.SHUTDOWN),
        ([{"os-stop": None}, {"os-start": None}], "powering-on", "ACTIVE", Power.RUNNING),
        ([{"reboot": {"type": "SOFT"}}], "rebooting", "ACTIVE", Power.RUNNING),
        ([{"reboot": {"type": "HARD"}}], "rebooting_hard", "ACTIVE", Power.RUNNING),
        ([{"pause": None}], "pausing", "PAUSED", Power.PAUSED),
        ([{"pause": None}, {"unpause": None}], "unpausing", "ACTIVE", Power.RUNNING),
    ],
)
async def test_power_changes_move_through_novas_states(
    cloud: ComputeCloud, actions: list[dict[str, Any]], task: str, status: str, power: Power
):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    for action in actions:
        await cloud.settle()
        assert (await act(client, server_id, action)).status_code == 202
        doing = await show(client, server_id)
    assert doing["OS-EXT-STS:task_state"] in (task, None)
    await cloud.settle()
    done = await show(client, server_id)
    assert done["status"] == status
    assert done["OS-EXT-STS:task_state"] is None
    assert done["OS-EXT-STS:power_state"] == power


async def test_a_reboot_shows_as_one(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    with cloud.hosts["h1"].holding("reboot"):
        await act(client, server_id, {"reboot": {"type": "HARD"}})
        assert (await show(client, server_id))["status"] == "HARD_REBOOT"
    await cloud.settle()


async def test_what_the_state_forbids_is_a_conflict_in_novas_words(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    response = await act(client, server_id, {"os-start": None})
    assert response.status_code == 409
    assert response.json()["conflictingRequest"]["message"] == (
        f"Cannot 'start' instance {server_id} while it is in vm_state active"
    )


async def test_a_start_that_fails_leaves_error_that_a_hard_reboot_mends(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    await act(client, server_id, {"os-stop": None})
    await cloud.settle()
    cloud.hosts["h1"].fail("power_on", Permanent("no memory left"))
    await act(client, server_id, {"os-start": None})
    await cloud.settle()
    server = await show(client, server_id)
    assert (server["status"], server["fault"]["message"]) == ("ERROR", "no memory left")
    await act(client, server_id, {"reboot": {"type": "HARD"}})
    await cloud.settle()
    server = await show(client, server_id)
    assert server["status"] == "ACTIVE"
    assert "fault" not in server


async def test_a_pause_that_fails_leaves_the_server_as_it_was(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    cloud.hosts["h1"].fail("pause", Permanent("this machine cannot be paused"))
    await act(client, server_id, {"pause": None})
    await cloud.settle()
    assert (await show(client, server_id))["status"] == "ACTIVE"


async def test_a_deletion_leaves_nothing(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    response = await client.delete(f"/compute/v2.1/servers/{server_id}")
    assert response.status_code == 204
    await cloud.settle()
    assert (await client.get(f"/compute/v2.1/servers/{server_id}")).status_code == 404
    assert (await client.get("/compute/v2.1/servers")).json()["servers"] == []
    assert cloud.nothing_left_of(server_id)
    history = await client.get(f"/compute/v2.1/servers/{server_id}/os-instance-actions", headers=NEWEST)
    assert [a["action"] for a in history.json()["instanceActions"]] == ["delete", "create"]


async def test_a_deletion_wins_over_a_running_creation(cloud: ComputeCloud):
    client = cloud.member("p1")
    with cloud.hosts["h1"].holding("ensure"):
        server_id = await create(client)
        await cloud.called("h1", "ensure")
        assert (await client.delete(f"/compute/v2.1/servers/{server_id}")).status_code == 204
        assert (await show(client, server_id))["OS-EXT-STS:task_state"] == "deleting"
        assert (await client.delete(f"/compute/v2.1/servers/{server_id}")).status_code == 204
    await cloud.settle()
    assert (await cloud.server(server_id)).vm_state is VmState.DELETED
    assert cloud.nothing_left_of(server_id)


async def test_a_deletion_wins_over_a_creation_that_has_not_begun(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await create(client)
    assert (await client.delete(f"/compute/v2.1/servers/{server_id}")).status_code == 204
    await cloud.settle()
    assert (await cloud.server(server_id)).vm_state is VmState.DELETED
    assert cloud.nothing_left_of(server_id)


async def test_a_deletion_wins_over_a_reboot(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    with cloud.hosts["h1"].holding("reboot"):
        await act(client, server_id, {"reboot": {"type": "HARD"}})
        await client.delete(f"/compute/v2.1/servers/{server_id}")
    await cloud.settle()
    assert (await cloud.server(server_id)).vm_state is VmState.DELETED
    assert cloud.nothing_left_of(server_id)


async def test_a_deletion_passes_a_stuck_creation_by(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    async with cloud.database.begin() as db:
        stuck = Task(id="stuck", saga="CreateServer", params=Raw(b"{}"), state=State.STUCK, request_id="r")
        await db.insert(stuck)
        doomed = {"operation": "stuck", "deletion": "a", "task_state": TaskState.DELETING}
        await db.update(Server, Server.c.id == server_id, **doomed)
    assert (await client.delete(f"/compute/v2.1/servers/{server_id}")).status_code == 204
    await cloud.settle()
    assert cloud.nothing_left_of(server_id)


async def test_a_server_on_a_host_that_is_down_can_be_deleted(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    await cloud.bus.withdraw("h1")
    await cloud.forget_heartbeat("h1")
    await client.delete(f"/compute/v2.1/servers/{server_id}")
    await cloud.settle()
    assert (await cloud.server(server_id)).vm_state is VmState.DELETED
    assert server_id in cloud.hosts["h1"].guests_by_id
    host = cloud.hosts["h1"]
    await cloud.return_host("h1")
    await cloud.reconcile()
    assert server_id not in host.guests_by_id


async def test_a_deletion_that_fails_says_so_and_can_be_asked_again(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    cloud.hosts["h1"].fail("remove", Permanent("the disk does not let go"))
    await client.delete(f"/compute/v2.1/servers/{server_id}")
    await cloud.settle()
    server = await show(client, server_id)
    assert (server["status"], server["fault"]["message"]) == ("ERROR", "the disk does not let go")
    await client.delete(f"/compute/v2.1/servers/{server_id}")
    await cloud.settle()
    assert cloud.nothing_left_of(server_id)


async def test_servers_that_were_deleted_long_ago_are_forgotten(cloud: ComputeCloud):
    client = cloud.member("p1")
    old, fresh = await running(cloud, client), await running(cloud, client)
    for server_id in (old, fresh):
        await client.delete(f"/compute/v2.1/servers/{server_id}")
    await cloud.settle()
    async with cloud.database.begin() as db:
        await db.update(Server, Server.c.id == old, deleted_at=clock.now() - timedelta(days=31))
    await forgotten_servers(ReconcileRun(cloud.tasks, "req-x"))
    async with cloud.database.read() as reader:
        assert [server.id for server in await reader.all(Server)] == [fresh]
        left = {action.server_id for action in await reader.all(ServerAction)}
    assert left == {fresh}


async def test_a_guest_that_stops_by_itself_is_shutoff(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    host = cloud.hosts["h1"]
    await host.happen(server_id, PowerState.SHUTDOWN)
    await cloud.bus.settle()
    assert (await show(client, server_id))["status"] == "SHUTOFF"


async def test_power_states_that_were_missed_are_found_out(cloud: ComputeCloud):
    client = cloud.member("p1")
    stopped, gone = await running(cloud, client), await running(cloud, client)
    host = cloud.hosts["h1"]
    host.guests_by_id[stopped].power = PowerState.CRASHED
    del host.guests_by_id[gone]
    await cloud.reconcile()
    shown = await show(client, stopped)
    assert (shown["status"], shown["OS-EXT-STS:power_state"]) == ("ERROR", Power.CRASHED)
    assert "crashed" in shown["fault"]["message"]
    assert (await show(client, gone))["status"] == "SHUTOFF"


async def test_a_look_at_guests_that_fails_leaves_who_looks_able_to_wait(cloud: ComputeCloud, monkeypatch):
    async def fail(*_: object) -> None:
        raise Unavailable("The database is away.")

    monkeypatch.setattr(hosts, "follow", fail)
    with pytest.raises(Unavailable):
        await cloud.reconcile()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0  # Python 3.11's TaskGroup leaves 1, and the next timeout ends the task


async def test_a_locked_server_yields_to_administrators_only(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    assert (await act(client, server_id, {"lock": {"locked_reason": "mine"}})).status_code == 202
    shown = await show(client, server_id)
    assert (shown["locked"], shown["locked_reason"]) == (True, "mine")
    assert (await client.delete(f"/compute/v2.1/servers/{server_id}")).status_code == 409
    assert (await act(cloud.admin(), server_id, {"os-stop": None})).status_code == 202
    assert (await act(client, server_id, {"unlock": None})).status_code == 202
    assert (await show(client, server_id))["locked"] is False
    await cloud.settle()


async def test_only_administrators_reset_a_state(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    reset = {"os-resetState": {"state": "error"}}
    assert (await act(client, server_id, reset)).status_code == 403
    assert (await act(cloud.admin(), server_id, reset)).status_code == 202
    assert (await show(client, server_id))["status"] == "ERROR"


async def test_the_console_tells_what_the_guest_wrote(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    whole = await act(client, server_id, {"os-getConsoleOutput": {}})
    assert "login:" in whole.json()["output"]
    last = await act(client, server_id, {"os-getConsoleOutput": {"length": 2}})
    assert last.json()["output"] == f"instance-{server_id[:8]} login: \n"
    assert (await act(client, server_id, {"os-getConsoleOutput": {"length": "x"}})).status_code == 400
    assert (
        await act(client, server_id, {"os-getConsoleOutput": {"length": "9" * 30}})
    ).json() == whole.json()


async def test_the_url_of_a_serial_port_is_a_websocket_that_opens_once(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    body = {"remote_console": {"protocol": "serial", "type": "serial"}}
    path = f"/compute/v2.1/servers/{server_id}/remote-consoles"
    url = urlsplit((await client.post(path, json=body, headers=NEWEST)).json()["remote_console"]["url"])
    assert (url.scheme, url.netloc, url.path) == ("ws", "cloud", "/console/websockify")
    async with cloud.database.begin() as db:
        grant = await redeem(db, parse_qs(url.query)["token"][0])
    assert grant is not None
    assert (grant.server_id, grant.host, grant.is_serial) == (server_id, "h1", True)
    action = {"os-getSerialConsole": {"type": "serial"}}
    old = await client.post(f"/compute/v2.1/servers/{server_id}/action", json=action)
    assert old.json()["console"]["url"].startswith("ws://")


async def test_a_console_url_opens_once(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    body = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    path = f"/compute/v2.1/servers/{server_id}/remote-consoles"
    console = (await client.post(path, json=body, headers=NEWEST)).json()["remote_console"]
    inner = parse_qs(urlsplit(console["url"]).query)["path"][0]
    token = parse_qs(urlsplit(inner).query)["token"][0]
    async with cloud.database.begin() as db:
        grant = await redeem(db, token)
    assert grant is not None
    assert (grant.server_id, grant.host, grant.is_serial) == (server_id, "h1", False)
    async with cloud.database.begin() as db:
        assert await redeem(db, token) is None
    old = await client.post(
        f"/compute/v2.1/servers/{server_id}/action", json={"os-getVNCConsole": {"type": "novnc"}}
    )
    assert old.json()["console"]["type"] == "novnc"
