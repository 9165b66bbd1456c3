"""Taps and their ports on a real Open vSwitch in user space."""

import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cumulo.contracts.hypervisor import NicSpec
from cumulo.core.drivers import Permanent, Unsupported
from cumulo.node.commands import run
from cumulo.node.ports import taps
from cumulo.node.ports.switch import Switch
from cumulo.node.ports.wiring import NoWiring, SwitchWiring
from cumulo.testing.vswitch import PrivateSwitch

# Of this process alone, for the suite runs on several workers at once.
INSTANCE = f"{os.getpid() & 0xFFFF:04x}"


def a_nic(mtu: int = 1442) -> NicSpec:
    return NicSpec(port_id=str(uuid.uuid4()), mac="fa:16:3e:00:00:01", mtu=mtu)


def exists(name: str) -> bool:
    return Path("/sys/class/net", name).exists()


@pytest.fixture
async def wiring(private_switch: PrivateSwitch) -> AsyncIterator[SwitchWiring]:
    switch = Switch(private_switch.address, private_switch.bridge)
    await switch.start()
    wiring = SwitchWiring(switch, INSTANCE)
    yield wiring
    await wiring.unwire_strangers(lambda _: False)
    await switch.stop()


@pytest.mark.engines
class TestSwitchWiring:
    async def test_a_card_becomes_a_tap_on_the_bridge(
        self, wiring: SwitchWiring, private_switch: PrivateSwitch
    ):
        server, nic = str(uuid.uuid4()), a_nic(1400)
        for _ in range(2):
            await wiring.wire(server, [nic])
        device = Path("/sys/class/net", nic.tap)
        assert (device / "mtu").read_text().strip() == "1400"
        assert int((device / "flags").read_text(), 16) & taps.IFF_UP
        assert (device / "ifalias").read_text().strip() == f"cumulo:{INSTANCE}:{server}"
        assert private_switch.vsctl("port-to-br", nic.tap).strip() == private_switch.bridge
        ids = private_switch.vsctl("get", "interface", nic.tap, "external_ids")
        assert f'iface-id="{nic.port_id}"' in ids
        assert f'attached-mac="{nic.mac}"' in ids

    async def test_a_card_that_left_the_server_is_removed(self, wiring: SwitchWiring):
        server, first, second = str(uuid.uuid4()), a_nic(), a_nic()
        await wiring.wire(server, [first, second])
        await wiring.wire(server, [second])
        assert not exists(first.tap)
        assert exists(second.tap)

    async def test_unwire_removes_ports_and_taps_and_may_be_repeated(
        self, wiring: SwitchWiring, private_switch: PrivateSwitch
    ):
        server, nic = str(uuid.uuid4()), a_nic()
        await wiring.wire(server, [nic])
        for _ in range(2):
            await wiring.unwire(server)
        assert not exists(nic.tap)
        assert nic.tap not in private_switch.vsctl("list-ports", private_switch.bridge)

    async def test_a_tap_without_a_port_is_found_again(self, wiring: SwitchWiring):
        """As after a kill between the two."""
        server, nic = str(uuid.uuid4()), a_nic()
        taps.ensure(nic.tap, mtu=1442, owner=f"cumulo:{INSTANCE}:{server}")
        await wiring.unwire(server)
        assert not exists(nic.tap)

    async def test_a_port_without_a_tap_is_completed(self, wiring: SwitchWiring):
        """As after a restart of the machine."""
        server, nic = str(uuid.uuid4()), a_nic()
        await wiring.wire(server, [nic])
        await taps.remove(nic.tap)
        await wiring.wire(server, [nic])
        assert exists(nic.tap)

    async def test_only_strangers_are_removed(self, wiring: SwitchWiring):
        kept, gone = str(uuid.uuid4()), str(uuid.uuid4())
        mine, strange = a_nic(), a_nic()
        await wiring.wire(kept, [mine])
        await wiring.wire(gone, [strange])
        assert await wiring.unwire_strangers(kept.__eq__) == [strange.tap]
        assert exists(mine.tap)
        assert not exists(strange.tap)

    async def test_a_device_of_somebody_else_is_left_alone(self, wiring: SwitchWiring):
        nic = a_nic()
        await run("ip", "tuntap", "add", "dev", nic.tap, "mode", "tap")
        try:
            with pytest.raises(Permanent, match="somebody else"):
                await wiring.wire(str(uuid.uuid4()), [nic])
            assert exists(nic.tap)
        finally:
            await taps.remove(nic.tap)


async def test_a_host_without_a_network_refuses_cards_only():
    wiring = NoWiring()
    await wiring.wire("s", [])
    with pytest.raises(Unsupported):
        await wiring.wire("s", [a_nic()])
