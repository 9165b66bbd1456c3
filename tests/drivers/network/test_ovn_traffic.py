"""Real packets through real OVN: what the rows mean to guests.

Guests are network namespaces on a private switch. TCP answers are larger than one packet: with a wrong
checksum or segment offload on the way, pings pass and every connection dies.
"""

import asyncio
import sys

import msgspec
import pytest

from cumulo.services.network.drivers.specs import (
    GatewaySpec,
    InterfaceSpec,
    Kind,
    NetworkSpec,
    PortSpec,
    RouterSpec,
    SubnetSpec,
    Use,
)
from cumulo.testing import ovn
from cumulo.testing.network import FLOATING, GROUP, INSIDE, OUTSIDE, ROUTER, SUBNET, port
from cumulo.testing.site import DHCP, HOST, OTHERS, SIZE

pytestmark = pytest.mark.engines

NEAR = NetworkSpec(id="net-near", name="near", mtu=1442)
NEAR_SUBNET = SubnetSpec(
    id="sub-near", network_id="net-near", version=4, cidr="10.51.0.0/24", mtu=1442, dhcp=True,
    gateway="10.51.0.1",
)  # fmt: skip
NEAR_PORT = PortSpec(
    id="port-near", network_id="net-near", mac="fa:16:3e:00:05:0b",
    addresses=(("sub-near", "10.51.0.11"),), dhcp_subnet_v4="sub-near", security_groups=(OTHERS.id,),
)  # fmt: skip


async def test_guests_of_a_group_talk_and_strangers_are_shut_out(site):
    friends = [port(number, security_groups=(OTHERS.id,)) for number in (11, 12)]
    stranger = port(13)
    await site.realise(INSIDE, SUBNET, GROUP, OTHERS, *friends, stranger)
    one, two = [await site.guest(spec) for spec in friends]
    three = await site.guest(stranger)
    await site.settle()
    assert await site.driver.up() == {"port-11": True, "port-12": True, "port-13": True}
    assert site.driver.take_changed() == {"port-11", "port-12", "port-13"}
    await site.serve(one, 8000)
    assert await site.fetch(two, "10.50.0.11", 8000) == (SIZE, "10.50.0.12")
    assert await site.fetch(three, "10.50.0.11", 8000, patience=1) is None
    assert await site.pings(three, "10.50.0.11")  # only ping is allowed to all of 10.0.0.0/8
    await site.serve(three, 8000)
    assert await site.fetch(one, "10.50.0.13", 8000, patience=1) is None
    # The stranger joins.
    await site.driver.ensure(port(13, security_groups=(OTHERS.id,)))
    await site.settle()
    assert await site.fetch(three, "10.50.0.11", 8000) == (SIZE, "10.50.0.13")


async def test_the_host_reaches_a_floating_ip_and_the_guest_gets_out(site):
    await site.realise(INSIDE, OUTSIDE, SUBNET, GROUP, port(11), ROUTER, FLOATING)
    guest = await site.guest(port(11))
    await site.serve(guest, 22)
    await site.serve(guest, 23)
    await site.serve(site.host.namespace, 9000)
    await site.settle()
    assert await site.fetch(site.host.namespace, "172.31.254.20", 22) == (SIZE, HOST)
    assert await site.fetch(site.host.namespace, "172.31.254.20", 23, patience=1) is None
    assert await site.fetch(guest, HOST, 9000) == (SIZE, "172.31.254.20")
    # Without its floating IP the guest is hidden behind the router's own address.
    await site.driver.remove(Kind.FLOATING_IP, FLOATING.id)
    await site.settle()
    assert await site.fetch(site.host.namespace, "172.31.254.20", 22, patience=1) is None
    assert await site.fetch(guest, HOST, 9000) == (SIZE, "172.31.254.10")


async def test_guests_reach_each_others_floating_ip(site):
    asker = port(12)
    await site.realise(INSIDE, OUTSIDE, SUBNET, GROUP, port(11), asker, ROUTER, FLOATING)
    one, two = await site.guest(port(11)), await site.guest(asker)
    await site.serve(one, 22)
    await site.settle()
    assert await site.fetch(two, "172.31.254.20", 22) == (SIZE, "172.31.254.10")


async def test_a_guest_behind_another_router_reaches_a_floating_ip(site):
    inner = InterfaceSpec(
        port_id="port-gw2", network_id="net-near", mac="fa:16:3e:00:01:02", networks=("10.51.0.1/24",)
    )
    outer = InterfaceSpec(
        port_id="port-ex2", network_id="net-ex", mac="fa:16:3e:00:02:02", networks=("172.31.254.11/24",)
    )
    other = RouterSpec(
        id="other",
        name="other",
        interfaces=(inner,),
        gateway=GatewaySpec(
            interface=outer, next_hops=(HOST,), snat_address="172.31.254.11", snat_cidrs=("10.51.0.0/24",)
        ),
    )
    await site.realise(INSIDE, OUTSIDE, SUBNET, GROUP, OTHERS, port(11), ROUTER, FLOATING)
    await site.realise(NEAR, NEAR_SUBNET, NEAR_PORT, other)
    one, two = await site.guest(port(11)), await site.guest(NEAR_PORT)
    await site.serve(one, 22)
    await site.settle()
    assert await site.fetch(two, "172.31.254.20", 22) == (SIZE, "172.31.254.11")


async def test_taking_a_rule_away_cuts_the_way(site):
    await site.realise(INSIDE, OUTSIDE, SUBNET, GROUP, port(11), ROUTER, FLOATING)
    guest = await site.guest(port(11))
    await site.serve(guest, 22)
    await site.settle()
    assert await site.fetch(site.host.namespace, "172.31.254.20", 22) == (SIZE, HOST)
    await site.driver.ensure(msgspec.structs.replace(GROUP, rules=GROUP.rules[:1]))
    await site.settle()
    assert await site.fetch(site.host.namespace, "172.31.254.20", 22, patience=1) is None


async def test_two_networks_meet_only_at_a_router(site):
    here = port(11, security_groups=(OTHERS.id,))
    await site.realise(INSIDE, SUBNET, NEAR, NEAR_SUBNET, OUTSIDE, GROUP, OTHERS, here, NEAR_PORT, ROUTER)
    one, two = await site.guest(here), await site.guest(NEAR_PORT)
    await site.serve(two, 8000)
    await site.settle()
    assert await site.fetch(one, "10.51.0.11", 8000, patience=1) is None
    other = InterfaceSpec(
        port_id="port-gw2", network_id="net-near", mac="fa:16:3e:00:01:02", networks=("10.51.0.1/24",)
    )
    joined = msgspec.structs.replace(ROUTER, interfaces=(*ROUTER.interfaces, other))
    await site.driver.ensure(joined)
    await site.settle()
    assert await site.fetch(one, "10.51.0.11", 8000) == (SIZE, "10.50.0.11")


async def test_a_guest_gets_its_address_routes_and_mtu_by_dhcp(site):
    await site.realise(INSIDE, SUBNET, GROUP, port(11))
    guest = await site.guest(port(11), static=False)
    await site.settle()
    command = ["ip", "netns", "exec", guest, sys.executable, "-c", DHCP, port(11).mac]
    address, options = (await asyncio.to_thread(ovn.run, *command)).split(maxsplit=1)
    told = {int(key): value for key, value in msgspec.json.decode(options).items()}
    assert address == "10.50.0.11"
    assert told[26] == "05a2"  # 1442
    assert told[3] == "0a320001"
    assert told[6] == "c0000235"
    link_local, routed, default = "20a9fea9fe0a320002", "180a3c000a320009", "000a320001"
    assert told[121] == link_local + routed + default


async def test_metadata_is_served_through_the_localport(site):
    metadata = port(2, use=Use.METADATA, security_groups=(), port_security=False)
    await site.realise(INSIDE, SUBNET, GROUP, metadata, port(11))
    served = await site.guest(metadata)
    guest = await site.guest(port(11))
    await site.ip(served, "address", "add", "169.254.169.254/32", "dev", "eth0")
    await site.ip(guest, "route", "add", "169.254.169.254/32", "via", "10.50.0.2")
    await site.serve(served, 80)
    await site.settle()
    assert await site.fetch(guest, "169.254.169.254", 80) == (SIZE, "10.50.0.11")
