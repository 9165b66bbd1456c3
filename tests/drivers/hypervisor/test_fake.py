"""The fake hypervisor passes the contract, and fails or waits when told to."""

import asyncio
import uuid

import pytest

from cumulo.contracts.hypervisor import DiskSpec, GuestSpec, PowerState
from cumulo.core.drivers import Temporary
from cumulo.node.hypervisor.fake import FakeHypervisor
from cumulo.testing.hypervisor import HypervisorContract, StopGuest


@pytest.fixture
def hypervisor() -> FakeHypervisor:
    return FakeHypervisor("host1")


@pytest.fixture
def spec() -> GuestSpec:
    return GuestSpec(
        server_id=str(uuid.uuid4()),
        name="small",
        project_id="p",
        vcpus=1,
        memory_mib=64,
        root=DiskSpec(),
    )


@pytest.fixture
def stop_guest(hypervisor: FakeHypervisor) -> StopGuest:
    async def stop(server_id: str) -> None:
        await hypervisor.happen(server_id, PowerState.SHUTDOWN)

    return stop


class TestFake(HypervisorContract):
    pass


async def test_it_fails_as_often_as_told(hypervisor: FakeHypervisor, spec: GuestSpec):
    hypervisor.fail("ensure", Temporary("busy"), times=2)
    for _ in range(2):
        with pytest.raises(Temporary):
            await hypervisor.ensure(spec)
    assert (await hypervisor.ensure(spec)).power is PowerState.RUNNING


async def test_it_waits_as_long_as_told(hypervisor: FakeHypervisor, spec: GuestSpec):
    with hypervisor.holding("ensure"):
        waiting = asyncio.create_task(hypervisor.ensure(spec))
        await asyncio.sleep(0)
        assert not hypervisor.guests_by_id
    await waiting
    assert list(hypervisor.guests_by_id) == [spec.server_id]
