"""A libvirtd of the tests' own."""

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cumulo.contracts.hypervisor import DiskSpec, GuestSpec
from cumulo.node.hypervisor.libvirt import LibvirtHypervisor
from cumulo.node.ports.wiring import NoWiring
from cumulo.node.settings import Acceleration, NodeSettings, Place
from cumulo.testing.libvirtd import PrivateLibvirt

SETTINGS = NodeSettings(acceleration=Acceleration.TCG, soft_reboot_timeout=1.0, translation_cache_mib=32)


@pytest.fixture(scope="session")
def libvirt_daemon() -> Iterator[PrivateLibvirt]:
    if os.geteuid() != 0 or shutil.which("libvirtd") is None:
        pytest.skip("needs root and libvirtd")
    state = Path(tempfile.mkdtemp(prefix="node-"))
    daemon = PrivateLibvirt(state, state.name[-4:])
    try:
        daemon.prepare()
        daemon.start()
        yield daemon
    finally:
        daemon.remove()


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
