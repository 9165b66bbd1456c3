"""Ports and addresses of servers that exist: they come and go while the guest runs."""

import httpx
import pytest
from tests.services.compute.fakes import NEWEST, ComputeCloud, show
from tests.services.compute.neighbours import NETWORK
from tests.services.compute.test_lifecycle import act, running
from tests.services.compute.test_tasks import ACTION, SERVER, World

from cumulo.core.drivers import Permanent
from cumulo.services.compute.tasks import AttachInterface, Card, DetachInterface
from cumulo.testing.saga import check_saga

PORT = "77777777-7777-4777-8777-777777777777"
OLD = {"X-OpenStack-Nova-API-Version": "2.43"}


async def attach(client: httpx.AsyncClient, server_id: str, **body: object) -> httpx.Response:
    path = f"/compute/v2.1/servers/{server_id}/os-interface"
    return await client.post(path, json={"interfaceAttachment": body}, headers=NEWEST)


async def test_a_running_server_gets_a_port_and_loses_it_again(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    made = await attach(client, server_id, net_id=NETWORK, tag="front")
    assert made.status_code == 200
    port = made.json()["interfaceAttachment"]
    await cloud.settle()
    guest = cloud.hosts["h1"].guests_by_id[server_id]
    assert [nic.mac for nic in guest.spec.nics][1:] == [port["mac_addr"]]
    assert len((await show(client, server_id))["addresses"]["home"]) == 2
    path = f"/compute/v2.1/servers/{server_id}/os-interface/{port['port_id']}"
    assert (await client.delete(path)).status_code == 202
    await cloud.settle()
    assert len(guest.spec.nics) == 1
    assert len((await show(client, server_id))["addresses"]["home"]) == 1
    assert (await client.delete(path)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"net_id": NETWORK, "port_id": PORT},
        {"fixed_ips": [{"ip_address": "10.0.0.9"}]},
        {"net_id": PORT},
        {"net_id": "nonsense"},
        {"net_id": NETWORK, "fixed_ips": []},
    ],
)
async def test_a_port_that_cannot_be_is_refused(cloud: ComputeCloud, body: dict[str, object]):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    assert (await attach(client, server_id, **body)).status_code == 400
    assert len((await show(client, server_id))["addresses"]["home"]) == 1


async def test_a_port_that_the_host_refuses_goes_again(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    cloud.hosts["h1"].fail("attach_nic", Permanent("no more slots"))
    assert (await attach(client, server_id)).status_code == 200
    await cloud.settle()
    assert len((await show(client, server_id))["addresses"]["home"]) == 1
    history = await client.get(f"/compute/v2.1/servers/{server_id}/os-instance-actions")
    assert history.json()["instanceActions"][0]["message"] == "Error"


async def test_old_clients_give_addresses_and_take_them(cloud: ComputeCloud):
    client = cloud.member("p1")
    server_id = await running(cloud, client)
    path = f"/compute/v2.1/servers/{server_id}/action"

    async def old(action: dict[str, object]) -> int:
        return (await client.post(path, json=action, headers=OLD)).status_code

    assert await old({"addFixedIp": {"networkId": NETWORK}}) == 202
    lines = (await show(client, server_id))["addresses"]["home"]
    assert len(lines) == 2
    assert await old({"removeFixedIp": {"address": lines[1]["addr"]}}) == 202
    assert await old({"removeFixedIp": {"address": lines[1]["addr"]}}) == 400
    assert await old({"addFixedIp": {"networkId": PORT}}) == 400
    assert await old({"addFloatingIp": {"address": "203.0.113.9"}}) == 202
    assert cloud.ports.floating == {server_id: "203.0.113.9"}
    assert await old({"removeFloatingIp": {"address": "203.0.113.9"}}) == 202
    assert await old({"removeFloatingIp": {"address": "203.0.113.9"}}) == 409
    gone = await act(client, server_id, {"addFixedIp": {"networkId": NETWORK}})
    assert gone.status_code == 404  # since 2.44


class Wired(World):
    """A server with a second port."""

    async def begin(self) -> None:
        await self.running()
        (first,) = self.cloud.ports.ports[SERVER]
        second = type(first)(
            port_id=PORT,
            network_id=NETWORK,
            network_name="home",
            mac="fa:16:3e:00:00:99",
            mtu=1442,
            fixed_ips=first.fixed_ips,
            created=True,
        )
        self.cloud.ports.ports[SERVER] = [first, second]

    async def plugged(self) -> None:
        await self.begin()
        await self.cloud.hosts["h1"].attach_nic(SERVER, self.card.spec(await self.cloud.server(SERVER)))

    @property
    def card(self) -> Card:
        return Card(port_id=PORT, mac="fa:16:3e:00:00:99", mtu=1442)

    def has(self) -> tuple[bool, bool]:
        """Say whether the guest has the card, and the server the port."""
        nics = self.cloud.hosts["h1"].guests_by_id[SERVER].spec.nics
        ports = self.cloud.ports.ports[SERVER]
        return any(nic.port_id == PORT for nic in nics), any(port.port_id == PORT for port in ports)


async def test_an_attachment_survives_everything(cloud: ComputeCloud):
    world = Wired(cloud)

    async def clean(succeeded: bool) -> None:
        assert world.has() == (succeeded, succeeded)

    def saga() -> AttachInterface:
        return AttachInterface(server_id=SERVER, action_id=ACTION, card=world.card, port_id=PORT)

    await check_saga(world.tasks, saga, world.begin, clean)


async def test_a_detachment_survives_everything(cloud: ComputeCloud):
    world = Wired(cloud)

    async def clean(succeeded: bool) -> None:
        assert not succeeded or world.has() == (False, False)

    def saga() -> DetachInterface:
        return DetachInterface(server_id=SERVER, action_id=ACTION, card=world.card, port_id=PORT)

    await check_saga(world.tasks, saga, world.plugged, clean)
