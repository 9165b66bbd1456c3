"""What else is done to a server while a network card of its comes or goes."""

from typing import Any

import httpx
import pytest
from tests.services.compute.fakes import NEWEST, ComputeCloud, show
from tests.services.compute.neighbours import NETWORK
from tests.services.compute.test_interfaces import attach
from tests.services.compute.test_lifecycle import running

LIVE: dict[str, Any] = {"os-migrateLive": {"host": None, "block_migration": "auto"}}


async def act(client: httpx.AsyncClient, server_id: str, action: dict[str, Any]) -> httpx.Response:
    path = f"/compute/v2.1/servers/{server_id}/action"
    return await client.post(path, json=action, headers=NEWEST)


async def detach(client: httpx.AsyncClient, server_id: str, port_id: str) -> None:
    path = f"/compute/v2.1/servers/{server_id}/os-interface/{port_id}"
    assert (await client.delete(path)).status_code == 202


@pytest.mark.parametrize("move", [LIVE, {"migrate": None}], ids=["live", "cold"])
async def test_a_server_does_not_leave_while_a_card_comes_or_goes(cloud: ComputeCloud, move: dict[str, Any]):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    await cloud.add_host("h2")
    with cloud.hosts["h1"].holding("attach_nic"):
        port = (await attach(client, server_id, net_id=NETWORK)).json()["interfaceAttachment"]["port_id"]
        coming = await act(cloud.admin(), server_id, move)
    await cloud.settle()
    with cloud.hosts["h1"].holding("detach_nic"):
        await detach(client, server_id, port)
        going = await act(cloud.admin(), server_id, move)
    await cloud.settle()
    assert (coming.status_code, going.status_code) == (409, 409)
    assert "port_state attaching" in coming.json()["conflictingRequest"]["message"]
    assert "port_state detaching" in going.json()["conflictingRequest"]["message"]
    assert (await show(cloud.admin(), server_id))["OS-EXT-SRV-ATTR:host"] == "h1"
    assert (await act(cloud.admin(), server_id, move)).status_code == 202
    await cloud.settle()
    assert len(cloud.hosts["h2"].guests_by_id[server_id].spec.nics) == 1


async def test_a_card_does_not_come_or_go_while_its_server_leaves(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    await cloud.add_host("h2")
    port = cloud.ports.ports[server_id][0].port_id
    with cloud.hosts["h1"].holding("migrate"):
        assert (await act(cloud.admin(), server_id, LIVE)).status_code == 202
        coming = await attach(client, server_id, net_id=NETWORK)
        going = await client.delete(f"/compute/v2.1/servers/{server_id}/os-interface/{port}")
    await cloud.settle()
    assert (coming.status_code, going.status_code) == (409, 409)
    assert "task_state migrating" in coming.json()["conflictingRequest"]["message"]
    assert [each.port_id for each in cloud.ports.ports[server_id]] == [port]


async def test_a_guest_that_starts_anew_has_no_card_that_is_going(cloud: ComputeCloud):
    """Whichever of the two its host is asked first."""
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    port = (await attach(client, server_id, net_id=NETWORK)).json()["interfaceAttachment"]["port_id"]
    await cloud.settle()
    guest = cloud.hosts["h1"].guests_by_id[server_id]
    assert len(guest.spec.nics) == 2
    with cloud.hosts["h1"].holding("reboot"):
        await detach(client, server_id, port)
        assert (await act(client, server_id, {"reboot": {"type": "HARD"}})).status_code == 202
        await cloud.called("h1", "detach_nic")
    await cloud.settle()
    assert (len(guest.spec.nics), guest.boots) == (1, 2)
    assert len(cloud.ports.ports[server_id]) == 1
