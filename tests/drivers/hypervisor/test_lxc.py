"""Containers pass the contract of guests, with a real libvirtd; what they cannot is refused in words."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import libvirt
import msgspec
import pytest

from cumulo.contracts.hypervisor import (
    DiskSpec,
    GuestMissing,
    GuestSpec,
    PowerState,
    RescueSpec,
)
from cumulo.core.drivers import Permanent, Unsupported
from cumulo.node.hypervisor.fake import FakeHypervisor
from cumulo.node.hypervisor.hypervisors import CONTAINERS, Hypervisors
from cumulo.node.hypervisor.lxc.container import first_id
from cumulo.node.hypervisor.lxc.driver import LxcHypervisor
from cumulo.node.ports.wiring import NoWiring
from cumulo.node.settings import NodeSettings, Place
from cumulo.testing import rootfs
from cumulo.testing.hypervisor import GuestContract, StopGuest, volume_in
from cumulo.testing.libvirtd import PrivateLibvirt
from cumulo.testing.metadata import a_guest

pytestmark = pytest.mark.engines


@pytest.fixture
def place(libvirt_daemon: PrivateLibvirt) -> Place:
    return Place(
        state=libvirt_daemon.state,
        instance=libvirt_daemon.instance,
        libvirt_uri=libvirt_daemon.uri,
        qemu_logs=libvirt_daemon.state / "libvirt/log/qemu",
    )


@pytest.fixture
def machines() -> FakeHypervisor:
    return FakeHypervisor("host1")


@pytest.fixture
async def hypervisor(place: Place, machines: FakeHypervisor) -> AsyncIterator[Hypervisors]:
    driver = Hypervisors(
        machines, LxcHypervisor("host1", place, NoWiring(), NodeSettings(soft_reboot_timeout=5))
    )
    await driver.start()
    yield driver
    for state in await driver.guests():
        await driver.remove(state.server_id)
    await driver.stop()


@pytest.fixture
def spec(tmp_path: Path) -> GuestSpec:
    return GuestSpec(
        server_id=str(uuid.uuid4()),
        name="box",
        project_id="p",
        vcpus=1,
        memory_mib=64,
        root=DiskSpec(
            image_id="i",
            image_path=str(rootfs.archive(tmp_path / "root.tar.gz")),
            image_format="raw",
            size_gib=1,
        ),
        container=True,
    )


@pytest.fixture
def stop_guest(place: Place) -> StopGuest:
    async def stop(server_id: str) -> None:
        connection = libvirt.open(place.libvirt_uri.replace("qemu:", "lxc:"))
        connection.lookupByUUIDString(server_id).destroy()
        connection.close()

    return stop


class TestLxc(GuestContract):
    pass


async def says(hypervisor: Hypervisors, server_id: str, words: str) -> str:
    """Wait until a container's console says something; return all that it says."""
    async with asyncio.timeout(30):
        while words not in (told := await hypervisor.console_log(server_id)):  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(0.1)
    return str(told)


async def test_a_container_is_root_inside_and_nobody_outside(
    hypervisor: Hypervisors, spec: GuestSpec, place: Place
):
    told = a_guest()
    await hypervisor.ensure(msgspec.structs.replace(spec, config_drive=told))
    assert "container's user: 0" in await says(hypervisor, spec.server_id, "user")
    home = place.containers / spec.server_id
    assert (home / "rootfs").stat().st_uid == first_id(spec.server_id) > 65535
    document = msgspec.json.decode((home / "config/openstack/latest/meta_data.json").read_bytes())
    assert document["uuid"] == told.server_id
    await hypervisor.power_off(spec.server_id, timeout=10)
    await says(hypervisor, spec.server_id, "going down")
    await hypervisor.remove(spec.server_id)
    left = [file for file in place.state.rglob(f"*{spec.server_id}*") if file.parent != place.fences]
    assert left == []


async def test_what_a_container_cannot_do_is_refused_in_words(
    hypervisor: Hypervisors, spec: GuestSpec, tmp_path: Path
):
    await hypervisor.ensure(spec)
    server_id = spec.server_id
    assert spec.root is not None
    rescued = msgspec.structs.replace(spec, rescue=RescueSpec(disk=spec.root))
    for refused, words in (
        (hypervisor.suspend(server_id), "memory"),
        (hypervisor.attach_volume(server_id, volume_in(tmp_path)), "volumes"),
        (hypervisor.snapshot(server_id, "x"), "image"),
        (hypervisor.console(server_id), "screen"),
        (hypervisor.crash(server_id), "kernel"),
        (hypervisor.set_password(server_id, "root", "x"), "agent"),
        (hypervisor.reboot(rescued, hard=True), "rescued"),
    ):
        with pytest.raises(Unsupported, match=words):
            await refused
    assert (await hypervisor.describe(server_id)).power is PowerState.RUNNING
    with pytest.raises(GuestMissing):
        await hypervisor.suspend(str(uuid.uuid4()))


async def test_what_is_no_archive_starts_nothing(hypervisor: Hypervisors, spec: GuestSpec, tmp_path: Path):
    bad = tmp_path / "bad"
    bad.write_bytes(b"\x7fELF" * 1000)
    assert spec.root is not None
    broken = msgspec.structs.replace(spec, root=msgspec.structs.replace(spec.root, image_path=str(bad)))
    with pytest.raises(Permanent, match="tar archive"):
        await hypervisor.ensure(broken)
    assert (await hypervisor.describe(spec.server_id)).power is PowerState.MISSING
    assert (await hypervisor.ensure(spec)).power is PowerState.RUNNING


async def test_machines_and_containers_share_a_host(
    hypervisor: Hypervisors, machines: FakeHypervisor, spec: GuestSpec
):
    machine = msgspec.structs.replace(spec, server_id=str(uuid.uuid4()), container=False)
    for each in (machine, spec):
        await hypervisor.ensure(each)
    assert {state.server_id for state in await hypervisor.guests()} == {machine.server_id, spec.server_id}
    assert set(machines.guests_by_id) == {machine.server_id}
    report = await hypervisor.report()
    assert CONTAINERS in report.traits
    assert ("x86_64", "lxc", "exe") in report.supported_instances
