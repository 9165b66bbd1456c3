"""The metadata server in real namespaces, on a real switch in user space."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator

import pytest

from cumulo.contracts.metadata import MetadataNetwork
from cumulo.node.commands import run
from cumulo.node.metadata.namespaces import NAMESPACES, Namespaces
from cumulo.node.metadata.server import MetadataServer
from cumulo.node.ports import taps
from cumulo.node.ports.switch import Switch
from cumulo.testing.metadata import FakeMetadata, a_guest
from cumulo.testing.vswitch import PrivateSwitch

pytestmark = pytest.mark.engines

# Of this process alone, for the suite runs on several workers at once.
INSTANCE = f"{os.getpid() & 0xFFFF:04x}"
GUEST = f"cu{INSTANCE}-guest"
CARD = f"md{INSTANCE}"


def a_network() -> MetadataNetwork:
    return MetadataNetwork(
        network_id=str(uuid.uuid4()),
        port_id=str(uuid.uuid4()),
        mac="fa:16:3e:00:00:02",
        cidrs=("10.77.0.2/24",),
        mtu=1442,
    )


@pytest.fixture
def source() -> FakeMetadata:
    return FakeMetadata()


@pytest.fixture
async def switch(private_switch: PrivateSwitch) -> AsyncIterator[Switch]:
    switch = Switch(private_switch.address, private_switch.bridge)
    await switch.start()
    yield switch
    await switch.stop()


@pytest.fixture
async def server(switch: Switch, source: FakeMetadata) -> AsyncIterator[MetadataServer]:
    server = MetadataServer("host1", Namespaces(INSTANCE, switch), source)
    yield server
    await server.remove_all()


@pytest.fixture
async def guest(switch: Switch) -> AsyncIterator[None]:
    """A namespace that stands for a guest with 10.77.0.5 on the same bridge."""
    await run("ip", "netns", "add", GUEST)
    await run("ip", "link", "add", CARD, "type", "veth", "peer", "name", "eth0", "netns", GUEST)
    inside = ("ip", "-n", GUEST)
    await run("ip", "netns", "exec", GUEST, "ethtool", "-K", "eth0", "tx", "off")
    await run("ip", "link", "set", CARD, "up")
    await run(*inside, "link", "set", "eth0", "mtu", "1442", "up")
    await run(*inside, "address", "add", "10.77.0.5/24", "dev", "eth0")
    await run(*inside, "route", "add", "169.254.169.254/32", "via", "10.77.0.2")
    await switch.ensure_port(CARD, {})
    yield
    await switch.remove_port(CARD)
    await taps.remove(CARD)
    await run("ip", "netns", "delete", GUEST)


async def fetch(path: str) -> str:
    url = f"http://169.254.169.254{path}"
    words = ("curl", "-s", "--max-time", "10", "--retry", "5", "--retry-connrefused", url)
    return await run("ip", "netns", "exec", GUEST, *words)


@pytest.mark.usefixtures("guest")
async def test_a_guest_reads_its_metadata(server: MetadataServer, source: FakeMetadata):
    network = a_network()
    source.known_networks = [network]
    user_data = b"x" * 60_000  # many frames of the largest size: what unfinished checksums would break
    source.guests[network.network_id, "10.77.0.5"] = a_guest(user_data=user_data)
    await server.realise()
    assert await fetch("/latest/meta-data/hostname") == "web"
    assert await fetch("/latest/user-data") == user_data.decode()


@pytest.mark.usefixtures("guest")
async def test_a_second_process_takes_over_what_the_first_left(
    server: MetadataServer, source: FakeMetadata, switch: Switch
):
    network = a_network()
    source.known_networks = [network]
    source.guests[network.network_id, "10.77.0.5"] = a_guest()
    await server.realise()
    await server.stop()
    second = MetadataServer("host1", Namespaces(INSTANCE, switch), source)
    await second.realise()
    assert await fetch("/latest/meta-data/hostname") == "web"
    await second.remove_all()


@pytest.mark.usefixtures("guest")
async def test_a_namespace_that_somebody_removed_comes_back(
    server: MetadataServer, source: FakeMetadata, switch: Switch
):
    network = a_network()
    source.known_networks = [network]
    source.guests[network.network_id, "10.77.0.5"] = a_guest()
    await server.realise()
    await run("ip", "netns", "delete", f"cu{INSTANCE}-{network.network_id}")
    source.known_networks = [MetadataNetwork(**{**vars_of(network), "mtu": 1400})]
    await server.realise()
    assert await fetch("/latest/meta-data/hostname") == "web"


def vars_of(network: MetadataNetwork) -> dict[str, object]:
    return {name: getattr(network, name) for name in network.__struct_fields__}


async def test_addresses_follow_the_network(server: MetadataServer, source: FakeMetadata):
    network = a_network()
    name = f"cu{INSTANCE}-{network.network_id}"
    source.known_networks = [network]
    await server.realise()
    changed = vars_of(network) | {"cidrs": ("10.78.0.2/24", "10.79.0.2/24")}
    source.known_networks = [MetadataNetwork(**changed)]  # type: ignore[arg-type]
    await server.realise()
    text = await run("ip", "-n", name, "-brief", "address", "show", "dev", "eth0")
    assert "10.78.0.2/24" in text
    assert "169.254.169.254/32" in text
    assert "10.77.0.2" not in text


async def test_a_network_without_guests_here_goes(
    server: MetadataServer, source: FakeMetadata, private_switch: PrivateSwitch
):
    network = a_network()
    source.known_networks = [network]
    await server.realise()
    source.known_networks = []
    await server.realise()
    assert not (NAMESPACES / f"cu{INSTANCE}-{network.network_id}").exists()
    ports = await asyncio.to_thread(private_switch.vsctl, "list-ports", private_switch.bridge)
    assert f"md{INSTANCE}" not in ports


async def test_a_silent_control_plane_changes_nothing(server: MetadataServer, source: FakeMetadata):
    network = a_network()
    source.known_networks = [network]
    await server.realise()
    source.error = RuntimeError("down")
    with pytest.raises(RuntimeError):
        await server.realise()
    assert (NAMESPACES / f"cu{INSTANCE}-{network.network_id}").exists()


async def test_networks_whose_ids_begin_alike_are_kept_apart(
    server: MetadataServer, source: FakeMetadata, private_switch: PrivateSwitch
):
    one = a_network()
    other = MetadataNetwork(
        **{**vars_of(a_network()), "network_id": one.network_id[:9] + a_network().network_id[9:]}
    )
    source.known_networks = [one, other]
    await server.realise()
    await server.realise()
    names = [f"cu{INSTANCE}-{network.network_id}" for network in (one, other)]
    cards = [await run("ip", "-n", name, "-brief", "link", "show", "dev", "eth0") for name in names]
    assert len(set(cards)) == 2
    ports = await asyncio.to_thread(private_switch.vsctl, "list-ports", private_switch.bridge)
    assert ports.count(f"md{INSTANCE}") == 2
    source.known_networks = [other]
    await server.realise()
    assert [(NAMESPACES / name).exists() for name in names] == [False, True]
    assert await run("ip", "-n", names[1], "-brief", "link", "show", "dev", "eth0") == cards[1]
    ports = await asyncio.to_thread(private_switch.vsctl, "list-ports", private_switch.bridge)
    assert ports.count(f"md{INSTANCE}") == 1


@pytest.mark.usefixtures("guest")
async def test_a_namespace_of_the_former_name_gives_way(
    server: MetadataServer, source: FakeMetadata, switch: Switch
):
    network = a_network()
    digits = network.network_id[:8]
    former, card = f"cu{INSTANCE}-{digits}", f"md{INSTANCE}{digits}"
    await run("ip", "netns", "add", former)
    await run("ip", "link", "add", card, "type", "veth", "peer", "name", "eth0", "netns", former)
    await switch.ensure_port(card, {"iface-id": network.port_id})
    source.known_networks = [network]
    source.guests[network.network_id, "10.77.0.5"] = a_guest()
    await server.realise()
    assert await fetch("/latest/meta-data/hostname") == "web"
    assert not (NAMESPACES / former).exists()


async def test_a_device_whose_maker_was_killed_before_it_said_whose_it_is_is_made_anew(
    server: MetadataServer, source: FakeMetadata
):
    network = a_network()
    name, card = f"cu{INSTANCE}-{network.network_id}", f"md{INSTANCE}{network.network_id[:8]}"
    await run("ip", "netns", "add", name)
    await run("ip", "link", "add", card, "type", "veth", "peer", "name", "eth0", "netns", name)
    source.known_networks = [network]
    await server.realise()
    assert taps.alias(card).endswith(network.network_id)
