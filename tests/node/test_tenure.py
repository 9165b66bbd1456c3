"""A host that was away asks whose guests it has before it says that it is there."""

import asyncio
import uuid

import pytest

from cumulo.contracts.hypervisor import GuestSpec, HostReport
from cumulo.core.bus import LocalBus
from cumulo.core.errors import Unavailable
from cumulo.node.host import REPORT, Node
from cumulo.node.hypervisor.fake import FakeHypervisor
from cumulo.node.settings import NodeSettings

FENCE = 7


class Register:
    """Stands for the control plane, which knows whose guests are whose."""

    def __init__(self, *strangers: str) -> None:
        self.gone = frozenset(strangers)
        self.away = False
        self.asked = asyncio.Event()

    async def strangers(self, host: str, server_ids: list[str]) -> dict[str, int]:
        """Return those of these guests that are another host's, with fences to remove them by."""
        assert host == "host1"
        self.asked.set()
        if self.away:
            raise Unavailable("The control plane is not there.")
        return {each: FENCE for each in server_ids if each in self.gone}


def guest() -> GuestSpec:
    return GuestSpec(server_id=str(uuid.uuid4()), name="g", project_id="p", vcpus=1, memory_mib=64)


@pytest.fixture
def fake() -> FakeHypervisor:
    return FakeHypervisor("host1")


async def test_a_guest_that_is_another_hosts_is_gone_before_the_first_report(fake: FakeHypervisor) -> None:
    """The others stay."""
    mine, lost = guest(), guest()
    for spec in (mine, lost):
        await fake.ensure(spec)
    bus, came = LocalBus(), asyncio.Event()
    there: list[set[str]] = []

    async def hear(_report: HostReport) -> None:
        there.append(set(fake.guests_by_id))
        came.set()

    bus.subscribe(REPORT, HostReport, hear)
    node = Node("host1", bus, fake, NodeSettings(), tenure=Register(lost.server_id))
    await node.start()
    async with asyncio.timeout(10):
        await came.wait()
    await node.stop()
    assert there[0] == {mine.server_id}


async def test_a_host_that_cannot_ask_does_not_say_that_it_is_there(fake: FakeHypervisor) -> None:
    """So nothing new comes to it."""
    bus, register = LocalBus(), Register()
    register.away = True
    reports: list[HostReport] = []

    async def hear(report: HostReport) -> None:
        reports.append(report)

    bus.subscribe(REPORT, HostReport, hear)
    node = Node("host1", bus, fake, NodeSettings(), tenure=register)
    await node.start()
    async with asyncio.timeout(10):
        await register.asked.wait()
    await node.stop()
    await bus.settle()
    assert reports == []
