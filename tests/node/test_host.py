"""A node on a bus: verbs, reports, events, and metadata that follows the guests."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from cumulo.contracts.hypervisor import (
    DiskSpec,
    GuestMissing,
    GuestSpec,
    HostReport,
    Hypervisor,
    LifecycleEvent,
    PowerState,
)
from cumulo.core import errors
from cumulo.core.bus import LocalBus, remote
from cumulo.core.drivers import Permanent, Temporary
from cumulo.node.host import LIFECYCLE, REPORT, Node
from cumulo.node.hypervisor.fake import FakeHypervisor
from cumulo.node.settings import NodeSettings


class CountingMetadata:
    """Stands for the metadata server: counts its rounds."""

    def __init__(self) -> None:
        self.rounds: asyncio.Queue[None] = asyncio.Queue()
        self.error: Exception | None = None

    async def realise(self) -> None:
        self.rounds.put_nowait(None)
        if self.error is not None:
            raise self.error

    async def stop(self) -> None:
        pass


@pytest.fixture
def bus() -> LocalBus:
    return LocalBus()


@pytest.fixture
def fake() -> FakeHypervisor:
    return FakeHypervisor("host1")


@pytest.fixture
def metadata() -> CountingMetadata:
    return CountingMetadata()


@pytest.fixture
async def node(bus: LocalBus, fake: FakeHypervisor, metadata: CountingMetadata) -> AsyncIterator[Node]:
    settings = NodeSettings(report_every=10, reconcile_every=3600)
    node = Node("host1", bus, fake, settings, metadata=metadata)  # type: ignore[arg-type]
    yield node
    await node.stop()


def a_spec() -> GuestSpec:
    return GuestSpec(
        server_id=str(uuid.uuid4()),
        name="small",
        project_id="p",
        vcpus=1,
        memory_mib=64,
        root=DiskSpec(),
    )


async def test_the_hypervisor_is_reached_through_the_bus(bus: LocalBus, node: Node):
    await node.start()
    there = remote(bus, "host1", Hypervisor)
    spec = a_spec()
    assert (await there.ensure(spec, fence=3)).power is PowerState.RUNNING
    assert [state.server_id for state in await there.guests()] == [spec.server_id]
    with pytest.raises(GuestMissing):
        await there.console(str(uuid.uuid4()))


async def test_a_stale_fence_stays_permanent_across_the_bus(bus: LocalBus, node: Node):
    await node.start()
    there = remote(bus, "host1", Hypervisor)
    spec = a_spec()
    await there.ensure(spec, fence=3)
    with pytest.raises(Permanent):
        await there.remove(spec.server_id, fence=2)


async def test_a_stopped_node_is_not_there(bus: LocalBus, node: Node):
    await node.start()
    await node.stop()
    with pytest.raises(errors.Unavailable):
        await remote(bus, "host1", Hypervisor).guests()


@pytest.mark.looptime
async def test_it_reports_at_once_and_then_every_period(bus: LocalBus, node: Node, looptime: float):
    heard: asyncio.Queue[HostReport] = asyncio.Queue()
    bus.subscribe(REPORT, HostReport, heard.put)
    await node.start()
    assert (await heard.get()).host == "host1"
    assert looptime < 1
    await heard.get()
    assert looptime == pytest.approx(10)


@pytest.mark.looptime
async def test_a_failed_report_is_made_up_for_in_the_next_round(
    bus: LocalBus, node: Node, fake: FakeHypervisor
):
    heard: asyncio.Queue[HostReport] = asyncio.Queue()
    bus.subscribe(REPORT, HostReport, heard.put)
    fake.fail("report", Temporary("libvirt is away"), times=2)
    await node.start()
    assert (await heard.get()).host == "host1"


async def test_what_guests_do_by_themselves_is_published(bus: LocalBus, node: Node, fake: FakeHypervisor):
    heard: asyncio.Queue[LifecycleEvent] = asyncio.Queue()
    bus.subscribe(LIFECYCLE, LifecycleEvent, heard.put)
    await node.start()
    spec = a_spec()
    await fake.ensure(spec)
    await fake.happen(spec.server_id, PowerState.CRASHED, "it panicked")
    assert (await heard.get()).power is PowerState.CRASHED


@pytest.mark.looptime
async def test_networks_are_looked_at_when_a_guest_comes(
    bus: LocalBus, node: Node, metadata: CountingMetadata, looptime: float
):
    await node.start()
    await metadata.rounds.get()
    metadata.error = RuntimeError("control plane is away")
    await remote(bus, "host1", Hypervisor).ensure(a_spec())
    await metadata.rounds.get()
    await remote(bus, "host1", Hypervisor).ensure(a_spec())
    await metadata.rounds.get()
    assert looptime < 1
