"""IPv6 through real OVN: guests make their own addresses from what the router advertises."""

import asyncio
from contextlib import ExitStack

import msgspec
import pytest

from cumulo.services.network.drivers.specs import (
    InterfaceSpec,
    NetworkSpec,
    PortSpec,
    RouterSpec,
    RuleSpec,
    SecurityGroupSpec,
    SubnetSpec,
)
from cumulo.testing import ovn

pytestmark = pytest.mark.engines

NETWORK = NetworkSpec(id="net-six", name="six", mtu=1442)
SUBNET = SubnetSpec(
    id="sub-six",
    network_id="net-six",
    version=6,
    cidr="fd00:5::/64",
    mtu=1442,
    dhcp=True,
    gateway="fd00:5::1",
    dns=("fd00:5::53",),
    ra_mode="slaac",
)
GROUP = SecurityGroupSpec(
    id="77777777-2222-3333-4444-555555555555",
    name="six",
    rules=(RuleSpec(id="out", ingress=False, version=6),),
)
ADDRESS = "fd00:5::f816:3eff:fe00:b"
PORT = PortSpec(
    id="port-six",
    network_id="net-six",
    mac="fa:16:3e:00:00:0b",
    addresses=(("sub-six", ADDRESS),),
    security_groups=(GROUP.id,),
)
ROUTER = RouterSpec(
    id="router-six",
    name="six",
    interfaces=(
        InterfaceSpec(
            port_id="port-six-gw",
            network_id="net-six",
            mac="fa:16:3e:00:01:06",
            networks=("fd00:5::1/64",),
            mtu=1442,
            ra_mode="slaac",
        ),
    ),
)


async def test_a_guest_makes_its_address_from_the_routers_advertisement(ovn_driver, central, folder):
    with ExitStack() as stack:
        host = await asyncio.to_thread(
            stack.enter_context, ovn.chassis(folder, central[1], "172.31.254.1/24")
        )
        for spec in (NETWORK, SUBNET, GROUP, PORT, ROUTER):
            await ovn_driver.ensure(spec)
        guest = await asyncio.to_thread(stack.enter_context, host.guest("six", PORT.id, PORT.mac))
        async with asyncio.timeout(30):
            await own_address(guest)
        assert " mtu 1442 " in await ip(guest, "link", "show", "eth0")
        assert "default via fe80::f816:3eff:fe00:106" in await ip(guest, "-6", "route", "show")
        await asyncio.to_thread(
            ovn.run, "ip", "netns", "exec", guest, "ping", "-c1", "-W5", "-q", "fd00:5::1"
        )


async def own_address(guest):
    """Wait until the guest has its address, and has made sure that nobody else has."""
    while True:
        shown = await ip(guest, "-6", "address", "show", "eth0", "-tentative")
        if f" {ADDRESS}/64 " in shown:
            return
        await asyncio.sleep(0.1)


async def ip(namespace, *words):
    return await asyncio.to_thread(ovn.run, "ip", "-n", namespace, *words)


async def test_dhcpv6_answers_are_written_by_mode(ovn_driver):
    await ovn_driver.ensure(NETWORK)
    told = {}
    for mode in ("dhcpv6-stateless", "dhcpv6-stateful"):
        await ovn_driver.ensure(msgspec.structs.replace(SUBNET, ra_mode=mode))
        (row,) = ovn_driver._north.rows("DHCP_Options").values()
        told[mode] = dict(row["options"])
    mac = told["dhcpv6-stateful"]["server_id"]
    assert mac.startswith("fa:16:3e:")
    assert told["dhcpv6-stateful"] == {"server_id": mac, "dns_server": "{fd00:5::53}"}
    assert told["dhcpv6-stateless"] == told["dhcpv6-stateful"] | {"dhcpv6_stateless": "true"}
