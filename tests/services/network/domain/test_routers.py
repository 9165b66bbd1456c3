"""What routers connect, and what they refuse to let go."""

import pytest

from cumulo.services.network.domain import floating_ips, networks, ports, routers
from cumulo.services.network.domain.routers import Gateway
from cumulo.services.network.errors import (
    BadRequest,
    ExternalGatewayForFloatingIPNotFound,
    FloatingIPPortAlreadyAssociated,
    InvalidRoutes,
    PortInUse,
    RouterExternalGatewayInUseByFloatingIp,
    RouterInterfaceInUseByFloatingIP,
    RouterInterfaceInUseByRoute,
    RouterInterfaceNotFound,
    RouterInterfaceNotFoundForSubnet,
    RouterInUse,
    ServicePortInUse,
)
from cumulo.services.network.model import FixedIp, FloatingIp, Port, Status


@pytest.fixture
async def subnet(network, subnet_of):
    return await subnet_of(network, "10.0.0.0/24")


@pytest.fixture
async def router(work, outside, subnet):
    made = await routers.create(work, "p1", {"name": "r"}, Gateway(network_id=outside.id))
    await routers.add_subnet(work, made, subnet)
    return made


@pytest.fixture
async def guest(work, network, subnet):
    return await ports.create(work, network, "p1", device_owner="compute:nova", device_id="s1")


async def test_an_interface_takes_the_gateway_address_and_its_port_is_the_routers(work, router, subnet):
    (port,) = await work.db.all(Port, Port.c.device_id == router.id, Port.c.project_id == "p1")
    assert [ip.address for ip in await work.db.all(FixedIp, FixedIp.c.port_id == port.id)] == ["10.0.0.1"]
    assert port.status is Status.ACTIVE
    assert not port.port_security_enabled
    with pytest.raises(ServicePortInUse):
        await ports.delete(work, port)


async def test_a_subnet_is_connected_once_and_not_beside_one_that_overlaps(work, router, subnet, subnet_of):
    with pytest.raises(BadRequest):
        await routers.add_subnet(work, router, subnet)
    other = await networks.create(work, "p1", {"name": "other"})
    with pytest.raises(BadRequest, match="overlaps"):
        await routers.add_subnet(work, router, await subnet_of(other, "10.0.0.0/25"))
    with pytest.raises(BadRequest, match="no gateway"):
        await routers.add_subnet(work, router, await subnet_of(other, "10.2.0.0/24", gateway_ip=None))


async def test_a_port_becomes_an_interface_unless_it_is_in_use(work, network, router, guest, subnet):
    with pytest.raises(PortInUse):
        await routers.add_port(work, router, guest)
    second = await routers.create(work, "p1", {"name": "r2"})
    free = await ports.create(work, network, "p1")
    answer = await routers.add_port(work, second, free)
    assert answer.port_id == free.id
    assert answer.subnet_ids == [subnet.id]
    with pytest.raises(RouterInUse):
        await routers.delete(work, second)
    await routers.remove_interface(work, second, subnet_id=None, port_id=free.id)
    with pytest.raises(RouterInterfaceNotFound):
        await routers.remove_interface(work, second, subnet_id=None, port_id=free.id)
    with pytest.raises(RouterInterfaceNotFoundForSubnet):
        await routers.remove_interface(work, second, subnet_id=subnet.id, port_id=None)
    await routers.delete(work, second)


async def test_only_an_external_network_leads_out(work, network, router):
    with pytest.raises(BadRequest, match="not an external network"):
        await routers.set_gateway(work, router, Gateway(network_id=network.id))


async def test_a_gateway_is_set_again_without_a_new_port(work, outside, router):
    before = router.gateway_port_id
    await routers.set_gateway(work, router, Gateway(network_id=outside.id, enable_snat=False))
    assert router.gateway_port_id == before
    assert router.enable_snat is False


async def test_routes_lead_to_neighbours_only(work, router, subnet):
    way = {"destination": "10.9.0.0/16", "nexthop": "10.0.0.9"}
    await routers.add_routes(work, router, [way, way])
    assert router.routes == [way]
    for wrong in ({"nexthop": "10.7.0.1"}, {"nexthop": "10.0.0.1"}, {"destination": "somewhere"}):
        with pytest.raises(InvalidRoutes):
            await routers.add_routes(work, router, [way | wrong])
    with pytest.raises(RouterInterfaceInUseByRoute):
        await routers.remove_interface(work, router, subnet_id=subnet.id, port_id=None)
    await routers.remove_routes(work, router, [way])
    assert router.routes == []


async def test_a_floating_ip_holds_its_way(work, outside, router, guest, subnet):
    address = await floating_ips.create(work, outside, "p1")
    assert address.status is Status.DOWN
    await floating_ips.associate(work, address, guest)
    assert (address.status, address.router_id) == (Status.ACTIVE, router.id)
    with pytest.raises(RouterInterfaceInUseByFloatingIP):
        await routers.remove_interface(work, router, subnet_id=subnet.id, port_id=None)
    with pytest.raises(RouterExternalGatewayInUseByFloatingIp):
        await routers.clear_gateway(work, router)
    second = await floating_ips.create(work, outside, "p1")
    with pytest.raises(FloatingIPPortAlreadyAssociated):
        await floating_ips.associate(work, second, guest)


async def test_a_floating_ip_leads_nowhere_once_its_port_is_gone(work, outside, router, guest):
    address = await floating_ips.create(work, outside, "p1")
    await floating_ips.associate(work, address, guest)
    await ports.delete(work, guest)
    left = await work.db.get(FloatingIp, address.id)
    assert (left.port_id, left.router_id, left.status) == (None, None, Status.DOWN)


async def test_a_floating_ip_needs_a_router_between(work, outside, network, subnet, guest):
    address = await floating_ips.create(work, outside, "p1")
    with pytest.raises(ExternalGatewayForFloatingIPNotFound):
        await floating_ips.associate(work, address, guest)


async def test_a_floating_ip_is_of_an_external_network_and_gives_its_address_back(work, outside, network):
    with pytest.raises(BadRequest):
        await floating_ips.create(work, network, "p1")
    address = await floating_ips.create(work, outside, "p1", address="172.24.4.77")
    assert address.floating_ip_address == "172.24.4.77"
    await floating_ips.delete(work, address)
    assert await work.db.count(FixedIp) == await work.db.count(Port) == 0


async def test_a_networks_ipv6_subnets_share_a_routers_port(work, network, router, subnet_of):
    """A router with two ports on a network would advertise one prefix to some guests, and one to others."""
    prefixes = [await subnet_of(network, f"fd00:{number}::/64", ip_version=6) for number in (1, 2)]
    first, second = [await routers.add_subnet(work, router, prefix) for prefix in prefixes]
    assert first.port_id == second.port_id
    assert second.subnet_ids == [prefixes[1].id]

    async def held():
        return sorted(ip.address for ip in await work.db.all(FixedIp, FixedIp.c.port_id == first.port_id))

    assert await held() == ["fd00:1::1", "fd00:2::1"]
    gone = await routers.remove_interface(work, router, subnet_id=prefixes[0].id, port_id=None)
    assert (gone.port_id, gone.subnet_ids) == (first.port_id, [prefixes[0].id])
    assert await held() == ["fd00:2::1"]
    await routers.remove_interface(work, router, subnet_id=prefixes[1].id, port_id=None)
    assert await work.db.get(Port, first.port_id) is None
