"""What a subnet may be."""

import pytest

from cumulo.services.network.domain import networks, ports, routers, subnets
from cumulo.services.network.errors import (
    GatewayConflictWithAllocationPools,
    GatewayIpInUse,
    InvalidAllocationPool,
    InvalidInput,
    NetworkInUse,
    OutOfBoundsAllocationPool,
    OverlappingAllocationPools,
    SubnetInUse,
)
from cumulo.services.network.model import FixedIp, Owner, Port, Subnet


def pool(start, end):
    return {"start": f"10.0.0.{start}", "end": f"10.0.0.{end}"}


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"allocation_pools": [pool(2, 4), pool(4, 6)]}, OverlappingAllocationPools),
        ({"allocation_pools": [pool(5, 4)]}, InvalidAllocationPool),
        ({"allocation_pools": [{"start": "10.0.0.2"}]}, InvalidAllocationPool),
        ({"allocation_pools": [pool(2, 9)]}, OutOfBoundsAllocationPool),
        ({"allocation_pools": [pool(1, 3)]}, GatewayConflictWithAllocationPools),
        ({"gateway_ip": "10.0.0.0"}, InvalidInput),
        ({"gateway_ip": "10.0.0.7"}, InvalidInput),
        ({"gateway_ip": "fd00::1"}, InvalidInput),
        ({"dns_nameservers": ["nowhere"]}, InvalidInput),
        ({"host_routes": [{"destination": "10.9.0.0/16"}]}, InvalidInput),
        ({"ipv6_ra_mode": "slaac"}, InvalidInput),
    ],
)
async def test_what_makes_no_sense_is_refused(network, subnet_of, values, error):
    with pytest.raises(error):
        await subnet_of(network, **values)


async def test_subnets_of_a_network_do_not_overlap(network, subnet_of):
    await subnet_of(network, "10.0.0.0/24")
    with pytest.raises(InvalidInput, match=r"10\.0\.0\.0/24"):
        await subnet_of(network, "10.0.0.128/25")


async def test_a_network_may_have_the_addresses_of_another(work, network, subnet_of):
    await subnet_of(network)
    await subnet_of(await networks.create(work, "p2", {"name": "other"}))


async def test_no_gateway_is_not_the_same_as_the_default_one(network, subnet_of):
    assert (await subnet_of(network, "10.0.0.0/24")).gateway_ip == "10.0.0.1"
    assert (await subnet_of(network, "10.0.1.0/24", gateway_ip=None)).gateway_ip is None


async def test_the_gateway_stays_while_a_router_has_it(work, network, subnet_of):
    subnet = await subnet_of(network, allocation_pools=[pool(4, 5)])
    router = await routers.create(work, "p1", {"name": "r"})
    await routers.add_subnet(work, router, subnet)
    with pytest.raises(GatewayIpInUse):
        await subnets.update(work, subnet, {"gateway_ip": "10.0.0.2"})
    await routers.remove_interface(work, router, subnet_id=subnet.id, port_id=None)
    assert (await subnets.update(work, subnet, {"gateway_ip": "10.0.0.2"})).gateway_ip == "10.0.0.2"
    with pytest.raises(GatewayConflictWithAllocationPools):
        await subnets.update(work, subnet, {"gateway_ip": "10.0.0.4"})


async def test_a_subnet_or_network_in_use_stays(work, network, subnet_of):
    subnet = await subnet_of(network, dhcp=True)
    port = await ports.create(work, network, "p1")
    with pytest.raises(SubnetInUse):
        await subnets.delete(work, subnet)
    with pytest.raises(NetworkInUse):
        await networks.delete(work, network)
    await ports.delete(work, port)
    await networks.delete(work, network)
    assert await work.db.count(Port) == await work.db.count(Subnet) == await work.db.count(FixedIp) == 0


async def test_metadata_has_one_port_with_an_address_in_each_subnet_with_dhcp(work, network, subnet_of):
    async def addresses():
        where = Port.c.device_owner == Owner.METADATA.value
        found = await work.db.all(Port, where)
        assert len(found) <= 1
        return sorted(ip.address for ip in await work.db.all(FixedIp))

    first = await subnet_of(network, "10.0.0.0/24", dhcp=True)
    second = await subnet_of(network, "10.0.1.0/24", dhcp=True)
    await subnet_of(network, "10.0.2.0/24")
    assert await addresses() == ["10.0.0.2", "10.0.1.2"]
    await subnets.update(work, second, {"enable_dhcp": False})
    assert await addresses() == ["10.0.0.2"]
    await subnets.delete(work, first)
    assert await addresses() == []
    assert await work.db.count(Port) == 0
