"""Address scopes and domains on the wire: what a router drops, and what DHCP tells."""

import asyncio
import sys

import msgspec
import pytest

from cumulo.services.network.drivers.specs import InterfaceSpec, NetworkSpec, PortSpec, SubnetSpec
from cumulo.testing import ovn
from cumulo.testing.network import GROUP, INSIDE, OUTSIDE, ROUTER, SUBNET, port
from cumulo.testing.site import DHCP, OTHERS, SIZE

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


async def test_a_router_passes_nothing_between_scopes(site):
    here = port(11, security_groups=(OTHERS.id,))
    inner = InterfaceSpec(
        port_id="port-gw2", network_id="net-near", mac="fa:16:3e:00:01:02", networks=("10.51.0.1/24",)
    )
    joined = msgspec.structs.replace(ROUTER, interfaces=(*ROUTER.interfaces, inner))
    pairs = (("10.50.0.0/24", "10.51.0.0/24"), ("10.51.0.0/24", "10.50.0.0/24"))
    apart = msgspec.structs.replace(joined, barred=pairs)
    await site.realise(INSIDE, SUBNET, NEAR, NEAR_SUBNET, OUTSIDE, GROUP, OTHERS, here, NEAR_PORT, joined)
    one, two = await site.guest(here), await site.guest(NEAR_PORT)
    await site.serve(two, 8000)
    await site.settle()
    assert await site.fetch(one, "10.51.0.11", 8000) == (SIZE, "10.50.0.11")
    await site.driver.ensure(apart)
    await site.settle()
    assert await site.fetch(one, "10.51.0.11", 8000, patience=1) is None
    assert not await site.pings(two, "10.50.0.11", patience=1)
    await site.driver.ensure(joined)
    await site.settle()
    assert await site.fetch(one, "10.51.0.11", 8000) == (SIZE, "10.50.0.11")


async def test_dhcp_tells_the_domain(site):
    await site.realise(INSIDE, msgspec.structs.replace(SUBNET, domain="home.example"), GROUP, port(11))
    guest = await site.guest(port(11), static=False)
    await site.settle()
    asks = DHCP.replace("55, 5, 1, 3,", "55, 6, 1, 15, 3,")
    command = ["ip", "netns", "exec", guest, sys.executable, "-c", asks, port(11).mac]
    _, options = (await asyncio.to_thread(ovn.run, *command)).split(maxsplit=1)
    assert bytes.fromhex(msgspec.json.decode(options)["15"]) == b"home.example"
