"""The fake hypervisor passes the contract, and fails or dawdles when told to."""

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


@pytest.mark.looptime
async def test_it_is_as_slow_as_told(hypervisor: FakeHypervisor, spec: GuestSpec, looptime: float):
    hypervisor.slow("ensure", 5)
    await hypervisor.ensure(spec)
    assert looptime == 5
