"""Which addresses ports get."""

import ipaddress

import pytest

from cumulo.services.network.domain import addresses, ports, subnets
from cumulo.services.network.domain.addresses import Asked
from cumulo.services.network.errors import (
    InvalidInput,
    InvalidIpForNetwork,
    InvalidIpForSubnet,
    IpAddressAlreadyAllocated,
    IpAddressGenerationFailure,
    MacAddressInUse,
)
from cumulo.services.network.model import FixedIp


async def held(work, port):
    rows = await work.db.all(FixedIp, FixedIp.c.port_id == port.id, order_by=[FixedIp.c.position])
    return [row.address for row in rows]


async def give(work, network, *asked):
    port = await ports.create(work, network, "p1", fixed_ips=asked or None)
    return port, await held(work, port)


async def test_ports_get_one_address_after_the_other(work, network, subnet_of):
    await subnet_of(network)
    assert [(await give(work, network))[1] for _ in range(3)] == [
        ["10.0.0.2"],
        ["10.0.0.3"],
        ["10.0.0.4"],
    ]


async def test_a_full_subnet_says_so(work, network, subnet_of):
    await subnet_of(network)
    for _ in range(5):
        await give(work, network)
    with pytest.raises(IpAddressGenerationFailure):
        await give(work, network)


async def test_gaps_are_filled_lowest_first(work, network, subnet_of):
    await subnet_of(network)
    made = [(await give(work, network))[0] for _ in range(5)]  # .2 to .6: all
    await ports.remove(work, made[3])
    await ports.remove(work, made[1])
    assert (await give(work, network))[1] == ["10.0.0.3"]
    assert (await give(work, network))[1] == ["10.0.0.5"]
    await ports.remove(work, made[0])
    assert (await give(work, network))[1] == ["10.0.0.2"]


async def test_pools_are_used_in_order_and_only_they(work, network, subnet_of):
    pools = [{"start": "10.0.0.5", "end": "10.0.0.5"}, {"start": "10.0.0.2", "end": "10.0.0.3"}]
    await subnet_of(network, allocation_pools=pools)
    assert [(await give(work, network))[1] for _ in range(3)] == [
        ["10.0.0.2"],
        ["10.0.0.3"],
        ["10.0.0.5"],
    ]


async def test_a_second_subnet_takes_over_when_the_first_is_full(work, network, subnet_of):
    await subnet_of(network, "10.0.0.0/30")
    await subnet_of(network, "10.1.0.0/30")
    assert (await give(work, network))[1] == ["10.0.0.2"]
    assert (await give(work, network))[1] == ["10.1.0.2"]


async def test_a_chosen_address_may_lie_outside_the_pools(work, network, subnet_of):
    pools = [{"start": "10.0.0.2", "end": "10.0.0.3"}]
    await subnet_of(network, allocation_pools=pools)
    assert (await give(work, network, Asked(address="10.0.0.6")))[1] == ["10.0.0.6"]


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("10.0.0.0", InvalidIpForSubnet),
        ("10.0.0.7", InvalidIpForSubnet),
        ("10.9.0.1", InvalidIpForNetwork),
        ("ten", InvalidInput),
        ("10.0.0.2", IpAddressAlreadyAllocated),
    ],
)
async def test_an_address_that_cannot_be_is_refused(work, network, subnet_of, address, error):
    await subnet_of(network)
    await give(work, network)
    with pytest.raises(error):
        await give(work, network, Asked(address=address))


async def test_a_network_without_subnets_gives_no_address(work, network, subnet_of):
    assert (await give(work, network))[1] == []


async def test_each_version_gives_one_address(work, network, subnet_of):
    await subnet_of(network)
    await subnet_of(network, "fd00::/64")
    assert (await give(work, network))[1] == ["10.0.0.2", "fd00::2"]


async def test_a_slaac_address_follows_from_the_mac(work, network, subnet_of):
    await subnet_of(network, "fd00::/64", ipv6_ra_mode="slaac", ipv6_address_mode="slaac")
    port = await ports.create(work, network, "p1", mac="FA:16:3E:00:00:01")
    assert port.mac_address == "fa:16:3e:00:00:01"
    assert await held(work, port) == ["fd00::f816:3eff:fe00:1"]


async def test_an_update_keeps_what_stays_and_gives_what_is_new(work, network, subnet_of):
    subnet = await subnet_of(network)
    port, _ = await give(work, network)
    await ports.update(work, port, {}, fixed_ips=[Asked(subnet.id), Asked(address="10.0.0.5")])
    assert await held(work, port) == ["10.0.0.2", "10.0.0.5"]
    await ports.update(work, port, {}, fixed_ips=[Asked(address="10.0.0.5")])
    assert await held(work, port) == ["10.0.0.5"]
    assert port.revision_number == 3


async def test_a_mac_is_made_up_unless_chosen_and_is_its_networks_only_one(work, network, subnet_of):
    port = await ports.create(work, network, "p1", mac="fa:16:3e:00:00:01")
    with pytest.raises(MacAddressInUse):
        await ports.create(work, network, "p1", mac=port.mac_address)
    with pytest.raises(InvalidInput):
        await ports.create(work, network, "p1", mac="no mac")
    other = await ports.create(work, network, "p1")
    assert other.mac_address.startswith("fa:16:3e:")


async def test_metadata_takes_the_first_address_of_a_subnet_with_dhcp(work, network, subnet_of):
    await subnet_of(network, dhcp=True)
    assert (await give(work, network))[1] == ["10.0.0.3"]


@pytest.mark.parametrize(
    ("cidr", "gateway", "pools"),
    [
        ("10.0.0.0/24", "10.0.0.1", [("10.0.0.2", "10.0.0.254")]),
        ("10.0.0.0/24", "10.0.0.254", [("10.0.0.1", "10.0.0.253")]),
        ("10.0.0.0/24", "10.0.0.9", [("10.0.0.1", "10.0.0.8"), ("10.0.0.10", "10.0.0.254")]),
        ("10.0.0.0/24", None, [("10.0.0.1", "10.0.0.254")]),
        ("10.0.0.0/31", "10.0.0.0", [("10.0.0.1", "10.0.0.1")]),
        ("10.0.0.4/32", None, [("10.0.0.4", "10.0.0.4")]),
        ("fd00::/126", "fd00::1", [("fd00::2", "fd00::3")]),
    ],
)
def test_all_but_network_broadcast_and_gateway_is_pool(cidr, gateway, pools):
    made = subnets.default_pools(ipaddress.ip_network(cidr), gateway)
    assert [(pool["start"], pool["end"]) for pool in made] == pools


def test_far_offsets_are_not_counted():
    net = ipaddress.ip_network("fd00::/64")
    assert addresses.offset(net, "fd00::5") == 5
    assert addresses.offset(net, "fd00::f816:3eff:fe00:1") is None
