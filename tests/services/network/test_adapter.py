"""What compute gets from the network service: the contract `Ports`, on both databases."""

import pytest

from cumulo.contracts.network import NetworkRequest, Ports
from cumulo.core.errors import Conflict, Invalid, NotFound
from cumulo.core.tasks import Tasks
from cumulo.services.network import PortsAdapter
from cumulo.services.network.config import NetworkSettings
from cumulo.services.network.domain import floating_ips, networks, ports, routers, security_groups, subnets
from cumulo.services.network.drivers.fake import FakeDriver
from cumulo.services.network.drivers.specs import Driver
from cumulo.services.network.model import FixedIp, Port, Status
from cumulo.services.network.tasks import RECONCILERS

SERVER, OTHER = "11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000002"
WHOSE = {"project_id": "p1", "is_admin": False}


@pytest.fixture
def adapter() -> Ports:
    return PortsAdapter()


@pytest.fixture
def tasks(database):
    bindings = {Driver: FakeDriver(), NetworkSettings: NetworkSettings()}
    return Tasks(database, reconcilers=RECONCILERS, bindings=bindings)


@pytest.fixture
async def network(tasks):
    async with tasks.work() as work:
        made = await networks.create(work, "p1", {"name": "net"})
        values = {"cidr": "10.0.0.0/24", "ip_version": 4, "dns_nameservers": ["192.0.2.53"]}
        await subnets.create(work, made, "p1", values)
    return made


async def allocate(adapter, tasks, *requests, server_id=SERVER, host="host-a", groups=()):
    async with tasks.work() as work:
        return await adapter.allocate(
            work,
            server_id,
            requests,
            project_id="p1",
            host=host,
            hostname="one",
            security_group_ids=groups,
            zone="nova",
        )


async def check(adapter, database, *requests, groups=(), **who):
    async with database.read() as db:
        return await adapter.check(db, requests, security_groups=groups, **(WHOSE | who))


async def test_without_a_request_the_only_network_is_taken(adapter, tasks, database, network):
    async with database.read() as db:
        wanted, groups = await adapter.check(db, None, **WHOSE)
        assert wanted == [NetworkRequest(network_id=network.id)]
        assert groups == []
        assert (await adapter.check(db, None, project_id="p2", is_admin=False))[0] == []
    async with tasks.work() as work:
        await networks.create(work, "p1", {"name": "second"})
    async with database.read() as db:
        with pytest.raises(Conflict):
            await adapter.check(db, None, **WHOSE)


async def test_what_cannot_be_had_is_refused_with_its_name(adapter, tasks, database, network):
    for request, named in (
        (NetworkRequest(network_id="nowhere"), "nowhere"),
        (NetworkRequest(port_id="no-port"), "no-port"),
        (NetworkRequest(network_id=network.id, fixed_ip="10.9.0.1"), "10.9.0.1"),
        (NetworkRequest(network_id=network.id, fixed_ip="10.0.0.2"), "10.0.0.2"),  # metadata has it
    ):
        with pytest.raises(Invalid, match=named):
            await check(adapter, database, request)
    with pytest.raises(Invalid, match=network.id):
        await check(adapter, database, NetworkRequest(network_id=network.id), project_id="p2")
    with pytest.raises(Invalid, match="no-group"):
        await check(adapter, database, NetworkRequest(network_id=network.id), groups=["no-group"])
    async with tasks.work() as work:
        bare = await networks.create(work, "p1", {"name": "bare"})
    with pytest.raises(Invalid, match=bare.id):
        await check(adapter, database, NetworkRequest(network_id=bare.id))


async def test_a_port_in_use_is_a_conflict(adapter, tasks, database, network):
    async with tasks.work() as work:
        port = await ports.create(work, network, "p1", device_id=OTHER)
    with pytest.raises(Conflict, match=OTHER):
        await check(adapter, database, NetworkRequest(port_id=port.id))


async def test_groups_are_found_by_name_and_id(adapter, tasks, database, network):
    async with tasks.work() as work:
        web = await security_groups.create(work, "p1", {"name": "web"})
        default = await security_groups.ensure_default(work, "p1")
    request = NetworkRequest(network_id=network.id)
    _, groups = await check(adapter, database, request, groups=["web", "default"])
    assert groups == [web.id, default]
    assert (await check(adapter, database, request, groups=[web.id]))[1] == [web.id]


async def test_ports_are_made_once_and_bound(adapter, tasks, database, network):
    request = NetworkRequest(network_id=network.id, fixed_ip="10.0.0.50", tag="front")
    (first,) = await allocate(adapter, tasks, request)
    (again,) = await allocate(adapter, tasks, request)
    assert again == first
    assert first.created
    assert (first.network_name, first.mtu) == ("net", 1442)
    (address,) = first.fixed_ips
    assert (address.address, address.gateway, address.dns) == ("10.0.0.50", "10.0.0.1", ("192.0.2.53",))
    async with database.read() as db:
        port = await db.get(Port, first.port_id)
        assert (port.host, port.device_owner, port.tag) == ("host-a", "compute:nova", "front")
    assert not first.active
    await tasks.settle()
    async with database.read() as db:
        (wired,) = await adapter.bindings(db, SERVER)
    assert wired.active


async def test_made_ports_go_with_the_server_and_given_ones_stay(adapter, tasks, database, network):
    async with tasks.work() as work:
        given = await ports.create(work, network, "p1", name="mine")
    requests = (NetworkRequest(port_id=given.id), NetworkRequest(network_id=network.id))
    bound = await allocate(adapter, tasks, *requests)
    assert [binding.port_id == given.id for binding in bound] == [True, False]
    assert [binding.created for binding in bound] == [False, True]
    for _ in range(2):  # it may be repeated
        async with tasks.work() as work:
            await adapter.release(work, SERVER)
    async with database.read() as db:
        assert await adapter.bindings(db, SERVER) == []
        kept = await db.get(Port, given.id)
        assert (kept.device_id, kept.host, kept.status) == ("", "", Status.DOWN)
        assert await db.get(Port, bound[1].port_id) is None
        assert not await db.exists(FixedIp, FixedIp.c.port_id == bound[1].port_id)


async def test_a_port_taken_meanwhile_is_a_conflict(adapter, tasks, network):
    async with tasks.work() as work:
        port = await ports.create(work, network, "p1")
    await allocate(adapter, tasks, NetworkRequest(port_id=port.id), server_id=OTHER)
    with pytest.raises(Conflict):
        await allocate(adapter, tasks, NetworkRequest(port_id=port.id))


async def test_addresses_of_many_servers_with_floating_ones(adapter, tasks, database, network):
    request = NetworkRequest(network_id=network.id)
    (one,) = await allocate(adapter, tasks, request)
    await allocate(adapter, tasks, request, server_id=OTHER)
    async with tasks.work() as work:
        outside = await networks.create(work, "admin", {"name": "public", "external": True})
        cidr = {"cidr": "172.24.4.0/24", "ip_version": 4, "enable_dhcp": False}
        await subnets.create(work, outside, "admin", cidr)
        router = await routers.create(work, "p1", {"name": "r"}, routers.Gateway(network_id=outside.id))
        subnet = (await ports.subnets_of(work.db, network.id))[0]
        await routers.add_subnet(work, router, subnet)
        floating = await floating_ips.create(work, outside, "p1")
        await floating_ips.associate(work, floating, await work.db.get(Port, one.port_id))
    async with database.read() as db:
        found = await adapter.addresses(db, [SERVER, OTHER, "unknown"])
    assert set(found) == {SERVER, OTHER}
    assert [(line.kind, line.address) for line in found[SERVER]] == [
        ("fixed", one.fixed_ips[0].address),
        ("floating", floating.floating_ip_address),
    ]
    assert [line.kind for line in found[OTHER]] == ["fixed"]
    assert found[SERVER][0].mac == one.mac


async def test_groups_are_put_on_a_server_and_taken_off(adapter, tasks, database, network):
    await allocate(adapter, tasks, NetworkRequest(network_id=network.id))
    async with tasks.work() as work:
        web = await security_groups.create(work, "p1", {"name": "web"})

    async def names():
        async with database.read() as db:
            return (await adapter.security_groups(db, [SERVER]))[SERVER]

    for present, expected in ((True, ["default", "web"]), (True, ["default", "web"]), (False, ["default"])):
        async with tasks.work() as work:
            await adapter.change_security_group(work, SERVER, "web", present=present)
        assert await names() == expected
    for name in (web.id, "unknown"):
        with pytest.raises(NotFound):
            async with tasks.work() as work:
                await adapter.change_security_group(work, SERVER, name, present=False)


async def test_groups_chosen_at_creation_are_the_only_ones(adapter, tasks, database, network):
    async with tasks.work() as work:
        web = await security_groups.create(work, "p1", {"name": "web"})
    await allocate(adapter, tasks, NetworkRequest(network_id=network.id), groups=[web.id])
    async with database.read() as db:
        assert await adapter.security_groups(db, [SERVER]) == {SERVER: ["web"]}


async def test_metadata_knows_networks_of_a_host_and_who_asks(adapter, tasks, database, network):
    (bound,) = await allocate(adapter, tasks, NetworkRequest(network_id=network.id))
    address = bound.fixed_ips[0].address
    async with database.read() as db:
        (served,) = await adapter.metadata_networks(db, "host-a")
        assert (served.network_id, served.cidrs, served.mtu) == (network.id, ("10.0.0.2/24",), 1442)
        assert await adapter.metadata_networks(db, "host-b") == []
        assert await adapter.server_at(db, network.id, address) == SERVER
        assert await adapter.server_at(db, network.id, "10.0.0.99") is None
        assert await adapter.server_at(db, "another", address) is None
        told = await adapter.network_data(db, SERVER)
    (link,) = told["links"]
    assert link["ethernet_mac_address"] == bound.mac
    assert told["networks"][0]["type"] == "ipv4_dhcp"
    assert told["services"] == [{"type": "dns", "address": "192.0.2.53"}]


async def test_a_note_of_a_client_makes_no_port_a_servers(adapter, tasks, database, network):
    """Whoever writes another's server on a port gets neither its place nor its metadata."""
    (bound,) = await allocate(adapter, tasks, NetworkRequest(network_id=network.id))
    async with tasks.work() as work:
        note = {"device_id": SERVER, "device_owner": "compute:nova"}
        port = await ports.create(work, network, "p2", **note)
        held = await work.db.all(FixedIp, FixedIp.c.port_id == port.id)
    async with database.read() as db:
        assert [b.port_id for b in await adapter.bindings(db, SERVER)] == [bound.port_id]
        assert len((await adapter.addresses(db, [SERVER]))[SERVER]) == 1
        assert await adapter.server_at(db, network.id, held[0].address) is None
    async with tasks.work() as work:
        await adapter.release(work, SERVER)
    async with database.read() as db:
        assert (await db.get(Port, port.id)).device_id == SERVER
