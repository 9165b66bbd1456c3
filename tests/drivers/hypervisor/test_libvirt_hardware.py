"""What flavors and images ask for is in the machines that libvirt really runs."""

import uuid
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from pathlib import Path

import libvirt
import msgspec
import pytest

from cumulo.contracts.hardware import Cell, Hardware, Tpm
from cumulo.contracts.hypervisor import DiskSpec, GuestSpec, LocalDisk, PowerState
from cumulo.core.drivers import Permanent
from cumulo.node.commands import run
from cumulo.node.hypervisor.libvirt import LibvirtHypervisor
from cumulo.node.ports.wiring import NoWiring
from cumulo.node.settings import Acceleration, NodeSettings, Place
from cumulo.testing.libvirtd import PrivateLibvirt

pytestmark = pytest.mark.engines

SETTINGS = NodeSettings(acceleration=Acceleration.TCG, translation_cache_mib=32, dedicated_cpus="1")


@pytest.fixture
def place(libvirt_daemon: PrivateLibvirt) -> Place:
    return Place(state=libvirt_daemon.state, instance=libvirt_daemon.instance, libvirt_uri=libvirt_daemon.uri)


@pytest.fixture
async def hypervisor(place: Place) -> AsyncIterator[LibvirtHypervisor]:
    driver = LibvirtHypervisor("host1", place, NoWiring(), SETTINGS)
    await driver.start()
    yield driver
    for state in await driver.guests():
        await driver.remove(state.server_id)
    await driver.stop()


def spec(hardware: Hardware, **changes: object) -> GuestSpec:
    plain = GuestSpec(
        server_id=str(uuid.uuid4()),
        name="guest",
        project_id="p",
        vcpus=1,
        memory_mib=32,
        root=DiskSpec(),
        hardware=hardware,
    )
    return msgspec.structs.replace(plain, **changes)


def live(place: Place, server_id: str) -> ET.Element:
    """Return the definition of a running guest, as libvirt says it is."""
    connection = libvirt.open(place.libvirt_uri)
    try:
        return ET.fromstring(connection.lookupByUUIDString(server_id).XMLDesc())  # noqa: S314  libvirtd's
    finally:
        connection.close()


def value(found: ET.Element, path: str, name: str) -> str | None:
    element = found.find(path)
    return None if element is None else element.get(name)


async def test_devices_are_there(hypervisor: LibvirtHypervisor, place: Place):
    wanted = spec(
        Hardware(
            watchdog="poweroff",
            rng_bytes=2048,
            rng_period_ms=500,
            tpm=Tpm("2.0", "tpm-crb"),
            video="virtio",
            pointer="usb",
            serial_ports=2,
            boot_menu=True,
            performance_unit=False,
            packed_ring=True,
            disk_limits={"read_iops_sec": 10, "write_bytes_sec": 100_000},
        ),
        machine="q35",
    )
    assert (await hypervisor.ensure(wanted)).power is PowerState.RUNNING
    found = live(place, wanted.server_id)
    assert value(found, "devices/watchdog", "action") == "poweroff"
    assert value(found, "devices/rng/rate", "bytes") == "2048"
    assert value(found, "devices/tpm", "model") == "tpm-crb"
    assert value(found, "devices/video/model", "type") == "virtio"
    assert value(found, "devices/input[@type='tablet']", "bus") == "usb"
    assert len(found.findall("devices/serial")) == 2
    assert value(found, "os/bootmenu", "enable") == "yes"
    assert found.findtext("devices/disk/iotune/read_iops_sec") == "10"
    assert value(found, "features/pmu", "state") == "off"
    await hypervisor.remove(wanted.server_id)
    kept = (hypervisor_state := place.state) / "libvirt/lib/swtpm"
    assert not list(kept.rglob(f"*{wanted.server_id}*")), hypervisor_state


async def test_what_a_flavor_forbids_is_not_there(hypervisor: LibvirtHypervisor, place: Place):
    wanted = spec(Hardware(rng=False, hides_hypervisor=True))
    await hypervisor.ensure(wanted)
    found = live(place, wanted.server_id)
    assert found.find("devices/rng") is None
    assert found.find("devices/watchdog") is None
    assert value(found, "cpu/feature[@name='hypervisor']", "policy") == "disable"


async def test_shares_topology_and_nodes_are_in_force(hypervisor: LibvirtHypervisor, place: Place):
    cells = (Cell((0, 1), 32), Cell((2, 3), 32))
    machine = Hardware(
        cpu_shares=77,
        cpu_period=50_000,
        cpu_quota=10_000,
        topology=(1, 2, 2),
        cells=cells,
        locked_memory=False,
    )
    wanted = spec(machine, vcpus=4, memory_mib=64)
    await hypervisor.ensure(wanted)
    connection = libvirt.open(place.libvirt_uri)
    limits = connection.lookupByUUIDString(wanted.server_id).schedulerParameters()
    connection.close()
    assert (limits["cpu_shares"], limits["vcpu_period"], limits["vcpu_quota"]) == (77, 50_000, 10_000)
    found = live(place, wanted.server_id)
    assert value(found, "cpu/topology", "threads") == "2"
    assert [cell.get("cpus") for cell in found.iterfind("cpu/numa/cell")] == ["0-1", "2-3"]


async def test_a_dedicated_processor_has_one_guest(hypervisor: LibvirtHypervisor, place: Place):
    report = await hypervisor.report()
    assert (report.dedicated, report.vcpus) == (1, libvirt_processors(place) - 1)
    first, second = (spec(Hardware(pinned=(0,))) for _ in range(2))
    await hypervisor.ensure(first)
    assert value(live(place, first.server_id), "cputune/vcpupin", "cpuset") == "1"
    with pytest.raises(Permanent, match="0 dedicated processors left"):
        await hypervisor.ensure(second)
    others = spec(Hardware())
    await hypervisor.ensure(others)
    assert "1" not in (value(live(place, others.server_id), "vcpu", "cpuset") or "").split(",")
    await hypervisor.reboot(first, hard=True)
    assert value(live(place, first.server_id), "cputune/vcpupin", "cpuset") == "1"
    await hypervisor.remove(first.server_id)
    await hypervisor.ensure(second)


def libvirt_processors(place: Place) -> int:
    connection = libvirt.open(place.libvirt_uri)
    number = int(connection.getInfo()[2])
    connection.close()
    return number


@pytest.mark.parametrize("secure", [False, True])
async def test_firmware_is_uefi_and_checks_signatures(
    hypervisor: LibvirtHypervisor, place: Place, secure: bool
):
    wanted = spec(Hardware(secure_boot=secure), firmware="uefi", memory_mib=128)
    await hypervisor.ensure(wanted)
    loader = live(place, wanted.server_id).find("os/loader")
    assert loader is not None
    assert loader.get("type") == "pflash"
    assert (loader.get("secure") == "yes") is secure
    assert (".ms." in (loader.text or "")) is secure


async def test_local_disks_are_formatted_kept_and_grow(hypervisor: LibvirtHypervisor, place: Place):
    disks = (
        LocalDisk(name="ephemeral0", size_mib=64, format="ext4", device="vdb"),
        LocalDisk(name="ephemeral1", size_mib=64, format="vfat", device="vdc"),
        LocalDisk(name="swap", size_mib=16, format="swap", device="vdd"),
    )
    wanted = spec(Hardware(disk_limits={"total_iops_sec": 9}), local_disks=disks)
    await hypervisor.ensure(wanted)
    found = live(place, wanted.server_id)
    assert [target.get("dev") for target in found.iterfind("devices/disk/target")] == [
        "vda",
        "vdb",
        "vdc",
        "vdd",
    ]
    assert {tune.text for tune in found.iterfind("devices/disk/iotune/total_iops_sec")} == {"9"}
    await hypervisor.power_off(wanted.server_id)
    folder = place.server(wanted.server_id)
    kinds = [await kind(folder / f"{disk.name}.local") for disk in disks]
    assert kinds == [("ext4", "ephemeral0"), ("vfat", "ephemeral1"), ("swap", "swap")]
    ext4 = folder / "ephemeral0.local"
    mark(ext4)
    await hypervisor.keep_disk(wanted.server_id)
    larger = (msgspec.structs.replace(disks[0], size_mib=96), msgspec.structs.replace(disks[2], size_mib=32))
    await hypervisor.power_on(msgspec.structs.replace(wanted, local_disks=larger))
    assert ext4.stat().st_size == 96 << 20
    assert marked(ext4)
    assert (folder / "swap.local").stat().st_size == 32 << 20
    assert not (folder / "ephemeral1.local").exists()
    await hypervisor.restore_disk(wanted.server_id)
    assert ext4.stat().st_size == 64 << 20
    assert marked(ext4)
    await hypervisor.rebuild(wanted)
    assert not marked(ext4)
    await hypervisor.remove(wanted.server_id)
    assert not folder.exists()


async def kind(file: Path) -> tuple[str, str]:
    """Return a file's file system and label."""
    told = dict(
        line.split("=", 1) for line in (await run("blkid", "-p", "-o", "export", str(file))).splitlines()
    )
    return told["TYPE"], told["LABEL"]


MARK_AT = 48 << 20  # where nothing of the file system lies


def mark(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(MARK_AT)
        opened.write(b"mine")


def marked(file: Path) -> bool:
    with file.open("rb") as opened:
        opened.seek(MARK_AT)
        return opened.read(4) == b"mine"


async def test_the_host_says_what_its_guests_can_have(hypervisor: LibvirtHypervisor):
    traits = set((await hypervisor.report()).traits)
    assert {"COMPUTE_NODE", "COMPUTE_STORAGE_BUS_VIRTIO", "COMPUTE_NET_VIF_MODEL_E1000"} <= traits
    assert {
        "COMPUTE_FIRMWARE_UEFI",
        "COMPUTE_SECURITY_TPM_2_0",
        "COMPUTE_SECURITY_UEFI_SECURE_BOOT",
    } <= traits
    assert "HW_CPU_X86_AMD_SEV" not in traits
