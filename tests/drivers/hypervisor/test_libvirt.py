"""The libvirt driver passes the contract with a real libvirtd and real (diskless) guests."""

import uuid
from collections.abc import AsyncIterator

import libvirt
import pytest

from cumulo.contracts.hypervisor import DiskSpec, GuestSpec
from cumulo.node.hypervisor.libvirt import LibvirtHypervisor
from cumulo.node.ports.wiring import NoWiring
from cumulo.node.settings import Acceleration, NodeSettings, Place
from cumulo.testing.hypervisor import HypervisorContract, StopGuest
from cumulo.testing.libvirtd import PrivateLibvirt

pytestmark = pytest.mark.engines

SETTINGS = NodeSettings(acceleration=Acceleration.TCG, soft_reboot_timeout=1.0, translation_cache_mib=32)


@pytest.fixture
def place(libvirt_daemon: PrivateLibvirt) -> Place:
    return Place(
        state=libvirt_daemon.state,
        instance=libvirt_daemon.instance,
        libvirt_uri=libvirt_daemon.uri,
        qemu_logs=libvirt_daemon.state / "libvirt/log/qemu",
    )


@pytest.fixture
async def hypervisor(place: Place) -> AsyncIterator[LibvirtHypervisor]:
    driver = LibvirtHypervisor("host1", place, NoWiring(), SETTINGS)
    await driver.start()
    yield driver
    for state in await driver.guests():
        await driver.remove(state.server_id)
    await driver.stop()


@pytest.fixture
def spec() -> GuestSpec:
    return GuestSpec(
        server_id=str(uuid.uuid4()),
        name="small\n<&>\x00",
        project_id="p",
        vcpus=1,
        memory_mib=16,
        root=DiskSpec(),
    )


@pytest.fixture
def stop_guest(libvirt_daemon: PrivateLibvirt) -> StopGuest:
    async def stop(server_id: str) -> None:
        connection = libvirt.open(libvirt_daemon.uri)
        connection.lookupByUUIDString(server_id).destroy()
        connection.close()

    return stop


class TestLibvirt(HypervisorContract):
    pass
