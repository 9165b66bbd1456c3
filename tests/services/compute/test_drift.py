import asyncio
from datetime import timedelta

import msgspec
from structlog.testing import capture_logs
from tests.services.compute.fakes import ComputeCloud, create, show

from cumulo.contracts.hypervisor import Hypervisor, PowerState
from cumulo.core import clock
from cumulo.core.bus import verbs
from cumulo.core.drivers import Permanent
from cumulo.core.ids import dashed
from cumulo.core.tasks.journal import next_fence
from cumulo.services.compute.model import Server
from cumulo.services.compute.tasks.hosts import observe

LONG_AGO = timedelta(hours=1)


async def running(cloud: ComputeCloud) -> str:
    server_id = await create(cloud.member("p1"))
    await cloud.settle()
    return server_id


async def aged(cloud: ComputeCloud, server_id: str) -> None:
    """Have a server's last change lie an hour back."""
    async with cloud.database.begin() as db:
        await db.update(Server, Server.c.id == server_id, updated_at=clock.now() - LONG_AGO)


async def restarts(cloud: ComputeCloud) -> None:
    body = {"extra_specs": {"cumulo:on_crash": "restart"}}
    assert (await cloud.admin().post("/compute/v2.1/flavors/c1/os-extra_specs", json=body)).status_code == 200


async def test_a_crash_is_an_error_with_its_reason(cloud: ComputeCloud):
    server_id = await running(cloud)
    await aged(cloud, server_id)
    await cloud.hosts["h1"].happen(server_id, PowerState.CRASHED, "its machine crashed")
    await cloud.bus.settle()
    shown = await show(cloud.member("p1"), server_id)
    assert shown["status"] == "ERROR"
    assert "crashed" in shown["fault"]["message"]
    assert shown["OS-EXT-STS:power_state"] == 6


async def test_a_flavor_has_crashed_guests_started_anew_but_not_again_and_again(cloud: ComputeCloud):
    await restarts(cloud)
    server_id = await running(cloud)
    host = cloud.hosts["h1"]
    await aged(cloud, server_id)
    await host.happen(server_id, PowerState.CRASHED)
    await cloud.bus.settle()
    await cloud.settle()
    assert (await show(cloud.member("p1"), server_id))["status"] == "ACTIVE"
    assert host.guests_by_id[server_id].power is PowerState.RUNNING
    await host.happen(server_id, PowerState.CRASHED)
    await cloud.bus.settle()
    await cloud.settle()
    assert (await show(cloud.member("p1"), server_id))["status"] == "ERROR"
    assert host.guests_by_id[server_id].power is PowerState.CRASHED


async def test_a_guest_that_nobody_knows_is_reported_once_and_left_alone(cloud: ComputeCloud):
    server_id = await running(cloud)
    host, stranger = cloud.hosts["h1"], dashed()
    known = host.guests_by_id[server_id]
    host.guests_by_id[stranger] = msgspec.structs.replace(known)
    with capture_logs() as said:
        for _ in range(2):
            await cloud.reconcile()
    assert [entry["guests"] for entry in said if entry["event"] == "host.strangers"] == [[stranger]]
    assert host.guests_by_id[stranger].power is PowerState.RUNNING
    assert not [call for call in host.calls if call[1] == stranger]


async def test_an_orphan_that_stays_keeps_no_other_host_from_being_asked(cloud: ComputeCloud):
    orphan = await running(cloud)
    await cloud.add_host("h2")
    left = msgspec.structs.replace(cloud.hosts["h1"].guests_by_id[orphan])
    await cloud.member("p1").delete(f"/compute/v2.1/servers/{orphan}")
    await cloud.settle()
    servers = [await running(cloud) for _ in range(2)]
    for host in cloud.hosts.values():  # whichever is asked first
        host.guests_by_id[orphan] = left
        host.fail("remove", Permanent("it does not end"))
        for server_id in servers:
            if server_id in host.guests_by_id:
                host.guests_by_id[server_id].power = PowerState.SHUTDOWN
    await cloud.reconcile()
    shown = [await show(cloud.member("p1"), server_id) for server_id in servers]
    assert {server["status"] for server in shown} == {"SHUTOFF"}
    assert {(await cloud.server(server_id)).host for server_id in servers} == {"h1", "h2"}


async def one_each(cloud: ComputeCloud) -> dict[str, str]:
    """Have a server on each of two hosts; return their ids by host."""
    await cloud.add_host("h2")
    servers = [await running(cloud) for _ in range(2)]
    found = {(await cloud.server(server_id)).host or "": server_id for server_id in servers}
    assert set(found) == {"h1", "h2"}
    return found


async def test_a_silent_host_keeps_no_other_hosts_news_waiting(cloud: ComputeCloud):
    servers = await one_each(cloud)
    describe = verbs("hypervisor", Hypervisor, cloud.hosts["h1"])["hypervisor.describe"]
    asked, answers = asyncio.Event(), asyncio.Event()

    async def late(request: bytes) -> bytes:
        asked.set()
        await answers.wait()
        return await describe(request)

    await cloud.bus.serve("h1", {"hypervisor.describe": late})
    for host, server_id in servers.items():
        await cloud.hosts[host].happen(server_id, PowerState.SHUTDOWN)
    async with asyncio.timeout(10):
        await asked.wait()
        while (await show(cloud.member("p1"), servers["h2"]))["status"] != "SHUTOFF":  # noqa: ASYNC110  no event tells
            await asyncio.sleep(0)
    assert (await show(cloud.member("p1"), servers["h1"]))["status"] == "ACTIVE"
    answers.set()
    await cloud.bus.settle()
    assert (await show(cloud.member("p1"), servers["h1"]))["status"] == "SHUTOFF"


async def test_a_guest_that_is_taken_up_again_meanwhile_is_no_orphan(cloud: ComputeCloud):
    """Between the answer of its host and its removal a saga, whose fence is newer, has it there anew."""
    server_id = (await one_each(cloud))["h1"]
    left = cloud.hosts["h1"].guests_by_id[server_id].spec
    other = cloud.hosts["h2"]
    await other.ensure(left, fence=next_fence())
    guests = verbs("hypervisor", Hypervisor, other)["hypervisor.guests"]

    async def taken_up(request: bytes) -> bytes:
        answer = await guests(request)
        await other.ensure(left, fence=next_fence())
        return answer

    await cloud.bus.serve("h2", {"hypervisor.guests": taken_up})
    await cloud.reconcile()
    assert server_id in other.guests_by_id
    await cloud.bus.serve("h2", {"hypervisor.guests": guests})
    await cloud.reconcile()
    assert server_id not in other.guests_by_id
    assert server_id in cloud.hosts["h1"].guests_by_id


async def test_what_began_since_a_row_was_read_is_not_written_over(cloud: ComputeCloud):
    server_id = await running(cloud)
    await aged(cloud, server_id)
    async with cloud.database.begin() as db:
        read = await db.get(Server, server_id)
        assert read is not None
        await db.update(Server, Server.c.id == server_id, operation=dashed())
        assert not await observe(db, read, PowerState.SHUTDOWN)
        await db.update(Server, Server.c.id == server_id, operation=None, updated_at=clock.now())
        assert not await observe(db, read, PowerState.SHUTDOWN)
    assert (await show(cloud.member("p1"), server_id))["status"] == "ACTIVE"
