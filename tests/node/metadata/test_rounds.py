"""The rounds in which networks' metadata is served, whatever becomes of one network."""

import socket
from collections.abc import AsyncIterator

import pytest

from cumulo.contracts.metadata import MetadataNetwork
from cumulo.core.drivers import Permanent
from cumulo.node.metadata import server as served
from cumulo.node.metadata.server import MetadataServer
from cumulo.testing.metadata import FakeMetadata


class Namespaces:
    """Namespaces in memory. `stuck`: those that cannot be removed."""

    def __init__(self) -> None:
        self.there: set[str] = set()
        self.stuck: set[str] = set()
        self.ensured: list[str] = []

    def name(self, network_id: str) -> str:
        return f"cu-{network_id}"

    def existing(self) -> set[str]:
        return set(self.there)

    async def ensure(self, network: MetadataNetwork) -> None:
        self.ensured.append(network.network_id)
        self.there.add(self.name(network.network_id))

    async def remove(self, name: str) -> None:
        if name in self.stuck:
            raise Permanent("Device or resource busy")
        self.there.discard(name)


def a_network(name: str) -> MetadataNetwork:
    return MetadataNetwork(network_id=name, port_id=name, mac="fa:16:3e:00:00:02", cidrs=(), mtu=1442)


@pytest.fixture
def namespaces(monkeypatch: pytest.MonkeyPatch) -> Namespaces:
    monkeypatch.setattr(served, "listen", lambda _: socket.create_server(("127.0.0.1", 0)))
    monkeypatch.setattr(served, "CHECK_EVERY", 0.0)
    return Namespaces()


@pytest.fixture
def source() -> FakeMetadata:
    return FakeMetadata()


@pytest.fixture
async def server(namespaces: Namespaces, source: FakeMetadata) -> AsyncIterator[MetadataServer]:
    server = MetadataServer("host1", namespaces, source)  # type: ignore[arg-type]
    yield server
    await server.stop()


async def test_a_namespace_that_cannot_go_keeps_no_network_from_its_guests(
    server: MetadataServer, namespaces: Namespaces, source: FakeMetadata
) -> None:
    namespaces.there = {"cu-old", "cu-stuck"}
    namespaces.stuck = {"cu-stuck"}
    source.known_networks = [a_network("new")]
    await server.realise()
    assert namespaces.there == {"cu-stuck", "cu-new"}


async def test_a_network_with_its_first_guest_comes_before_those_that_are_only_looked_at(
    server: MetadataServer, namespaces: Namespaces, source: FakeMetadata
) -> None:
    source.known_networks = [a_network("a"), a_network("b")]
    await server.realise()
    source.known_networks.append(a_network("new"))
    namespaces.ensured.clear()
    await server.realise()
    assert namespaces.ensured == ["new", "a", "b"]
