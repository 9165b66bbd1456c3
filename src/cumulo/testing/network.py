"""What every network driver must do: the contract suite that the fake and the real ones pass.

A test module subclasses `NetworkDriverContract` and gives the fixture `driver`, a started driver with
nothing realised. `ALL` is a small cloud's worth of specs, in the order in which they can be realised.
"""

import asyncio
from typing import Any

import msgspec
import pytest

from cumulo.core.drivers import Temporary
from cumulo.services.network.drivers.specs import (
    Driver,
    FloatingIpSpec,
    GatewaySpec,
    InterfaceSpec,
    Kind,
    NetworkSpec,
    PortSpec,
    RouterSpec,
    RuleSpec,
    SecurityGroupSpec,
    Spec,
    SubnetSpec,
)

INSIDE = NetworkSpec(id="net-in", name="inside", mtu=1442)
OUTSIDE = NetworkSpec(id="net-ex", name="outside", mtu=1500, physical_network="external")
SUBNET = SubnetSpec(
    id="sub-in",
    network_id="net-in",
    version=4,
    cidr="10.50.0.0/24",
    mtu=1442,
    dhcp=True,
    gateway="10.50.0.1",
    dns=("192.0.2.53",),
    routes=(("10.60.0.0/24", "10.50.0.9"),),
    metadata_address="10.50.0.2",
)
GROUP = SecurityGroupSpec(
    id="11111111-2222-3333-4444-555555555555",
    name="web",
    rules=(
        RuleSpec(id="r-out", ingress=False, version=4),
        RuleSpec(id="r-ssh", ingress=True, version=4, protocol="tcp", first=22, last=22),
    ),
)


def port(number: int, **changes: Any) -> PortSpec:
    """Return the port with address 10.50.0.<number>."""
    values: dict[str, Any] = {
        "id": f"port-{number}",
        "network_id": "net-in",
        "mac": f"fa:16:3e:00:00:{number:02x}",
        "addresses": (("sub-in", f"10.50.0.{number}"),),
        "dhcp_subnet_v4": "sub-in",
        "security_groups": (GROUP.id,),
    }
    return PortSpec(**(values | changes))


ROUTER = RouterSpec(
    id="router",
    name="edge",
    interfaces=(
        InterfaceSpec(
            port_id="port-gw",
            network_id="net-in",
            mac="fa:16:3e:00:01:01",
            networks=("10.50.0.1/24",),
        ),
    ),
    gateway=GatewaySpec(
        interface=InterfaceSpec(
            port_id="port-ex",
            network_id="net-ex",
            mac="fa:16:3e:00:02:01",
            networks=("172.31.254.10/24",),
        ),
        next_hops=("172.31.254.1",),
        snat_address="172.31.254.10",
        snat_cidrs=("10.50.0.0/24",),
    ),
    routes=(("10.60.0.0/24", "10.50.0.9"),),
)
FLOATING = FloatingIpSpec(id="fip", router_id="router", address="172.31.254.20", fixed_address="10.50.0.11")
ALL: tuple[Spec, ...] = (INSIDE, OUTSIDE, SUBNET, GROUP, port(11), port(12), ROUTER, FLOATING)


class NetworkDriverContract:
    """The tests; subclass as `class TestMyDriver(NetworkDriverContract)`."""

    async def test_what_is_ensured_is_described(self, driver: Driver) -> None:
        """Orphans are found by this list."""
        for spec in ALL:
            await driver.ensure(spec)
        assert await driver.describe() == {(spec.kind, spec.id) for spec in ALL}

    async def test_ensure_may_be_repeated(self, driver: Driver) -> None:
        """The second time everything is found in place."""
        for spec in ALL + ALL:
            await driver.ensure(spec)
        assert await driver.describe() == {(spec.kind, spec.id) for spec in ALL}

    async def test_what_is_removed_is_gone_and_may_be_removed_again(self, driver: Driver) -> None:
        """Also what never was."""
        for spec in ALL:
            await driver.ensure(spec)
        for spec in reversed(ALL + ALL):
            await driver.remove(spec.kind, spec.id)
        assert await driver.describe() == set()
        await driver.remove(Kind.PORT, "never was")

    async def test_a_port_needs_its_network(self, driver: Driver) -> None:
        """Temporary, because the network may be realised a moment later."""
        await driver.ensure(GROUP)
        with pytest.raises(Temporary):
            await driver.ensure(port(11, dhcp_subnet_v4=None))
        await driver.ensure(INSIDE)
        await driver.ensure(port(11, dhcp_subnet_v4=None))

    async def test_ports_go_with_their_network(self, driver: Driver) -> None:
        """However the removals are ordered, nothing stays."""
        for spec in (INSIDE, SUBNET, GROUP, port(11)):
            await driver.ensure(spec)
        await driver.remove(Kind.NETWORK, INSIDE.id)
        assert (Kind.PORT, "port-11") not in await driver.describe()
        await driver.remove(Kind.PORT, "port-11")

    async def test_many_ports_may_be_ensured_at_once(self, driver: Driver) -> None:
        """The reconciler realises resources of one kind side by side."""
        for spec in (INSIDE, SUBNET, GROUP):
            await driver.ensure(spec)
        ports = [port(number) for number in range(10, 60)]
        await asyncio.gather(*map(driver.ensure, ports))
        described = await driver.describe()
        assert {(Kind.PORT, spec.id) for spec in ports} <= described

    async def test_a_port_without_a_host_is_not_up(self, driver: Driver) -> None:
        """And an unknown one is left out."""
        for spec in (INSIDE, SUBNET, GROUP, port(11)):
            await driver.ensure(spec)
        assert await driver.up(["port-11", "unknown"]) == {"port-11": False}
        assert await driver.up() == {"port-11": False}

    async def test_a_floating_ip_moves_to_another_router(self, driver: Driver) -> None:
        """Its old router forgets it."""
        for spec in ALL:
            await driver.ensure(spec)
        other = RouterSpec(id="other", name="other")
        await driver.ensure(other)
        await driver.ensure(msgspec.structs.replace(FLOATING, router_id="other"))
        await driver.remove(Kind.ROUTER, "router")
        assert (Kind.FLOATING_IP, "fip") in await driver.describe()
