import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest

from cumulo.contracts.hypervisor import DiskSpec, GuestSpec, NicSpec
from cumulo.node.hypervisor.libvirt.domain import NAMESPACE, GuestFiles, Machine, domain_xml

SPEC = GuestSpec(
    server_id="0b7e3a52-93a4-4f1a-8b0e-6f2a1d9c7e11",
    name="web",
    project_id="p",
    vcpus=2,
    memory_mib=128,
    root=DiskSpec(image_id="i", image_format="qcow2"),
    nics=(NicSpec(port_id="11111111-2222-3333-4444-555555555555", mac="fa:16:3e:00:00:01", mtu=1442),),
)
FILES = GuestFiles(
    disk=Path("/s/disk.qcow2"),
    base=Path("/b/base.qcow2"),
    config_drive=None,
    console_log=Path("/s/console.log"),
    vnc_socket=Path("/s/vnc"),
)


def domain(machine: Machine = Machine(), files: GuestFiles = FILES, **changes: object) -> ET.Element:  # noqa: B008
    spec = msgspec.structs.replace(SPEC, **changes)
    return ET.fromstring(domain_xml("cu0000-x", spec, files, machine))  # noqa: S314


def text(element: ET.Element, path: str) -> str | None:
    return element.findtext(path)


def attribute(element: ET.Element, path: str, name: str) -> str | None:
    found = element.find(path)
    return None if found is None else found.get(name)


def test_an_emulated_guest_has_a_bounded_translation_cache():
    guest = domain(Machine(translation_cache_mib=64))
    assert guest.get("type") == "qemu"
    assert text(guest, "features/tcg/tb-cache") == "64"
    assert text(guest, "cpu/model") == "qemu64"


def test_a_guest_under_kvm_sees_the_hosts_processor():
    guest = domain(Machine(kvm=True))
    assert guest.get("type") == "kvm"
    assert attribute(guest, "cpu", "mode") == "host-model"
    assert guest.find("features/tcg") is None


def test_cloud_init_recognises_the_firmware():
    guest = domain()
    assert text(guest, "sysinfo/system/entry[@name='product']") == "OpenStack Nova"
    assert attribute(guest, "os/smbios", "mode") == "sysinfo"
    assert text(guest, "sysinfo/system/entry[@name='uuid']") == SPEC.server_id


def test_cards_leave_nothing_to_offload_and_use_our_tap():
    guest = domain()
    assert guest.find("devices/interface").get("type") == "ethernet"  # type: ignore[union-attr]
    assert attribute(guest, "devices/interface/target", "dev") == "tap11111111-22"
    assert attribute(guest, "devices/interface/target", "managed") == "no"
    assert attribute(guest, "devices/interface/mtu", "size") == "1442"
    for side in ("host", "guest"):
        flags = guest.find(f"devices/interface/driver/{side}")
        assert flags is not None
        assert set(flags.attrib.values()) == {"off"}
        assert {"csum", "tso4", "tso6"} <= set(flags.keys())


def test_the_whole_chain_of_a_disk_is_named():
    guest = domain(Machine(cache_mode="writeback"))
    disk = guest.find("devices/disk")
    assert disk is not None
    assert attribute(disk, "driver", "type") == "qcow2"
    assert attribute(disk, "driver", "cache") == "writeback"
    assert attribute(disk, "backingStore/format", "type") == "qcow2"
    assert attribute(disk, "backingStore/source", "file") == "/b/base.qcow2"
    assert disk.find("backingStore/backingStore") is not None


@pytest.mark.parametrize(
    ("bus", "device"), [("virtio", "vda"), ("scsi", "sda"), ("ide", "hda"), ("sata", "sda")]
)
def test_a_disk_is_named_after_its_bus(bus: str, device: str):
    guest = domain(root=DiskSpec(bus=bus))
    assert attribute(guest, "devices/disk/target", "dev") == device
    assert (guest.find("devices/controller[@type='scsi']") is not None) == (bus == "scsi")


def test_the_config_drive_is_one_that_small_kernels_can_read():
    files = msgspec.structs.replace(FILES, config_drive=Path("/s/config.iso"))
    drive = domain(files=files).findall("devices/disk")[1]
    assert (drive.get("device"), attribute(drive, "target", "bus")) == ("cdrom", "ide")
    drive = domain(files=files, machine=Machine()).findall("devices/disk")[1]
    assert drive.find("readonly") is not None


def test_on_q35_the_config_drive_is_a_disk():
    files = msgspec.structs.replace(FILES, config_drive=Path("/s/config.iso"))
    spec = msgspec.structs.replace(SPEC, machine="q35")
    guest = ET.fromstring(domain_xml("n", spec, files, Machine()))  # noqa: S314
    drive = guest.findall("devices/disk")[1]
    assert (drive.get("device"), attribute(drive, "target", "bus")) == ("disk", "virtio")


def test_uefi_is_asked_for_without_secure_boot():
    guest = domain(firmware="uefi")
    assert attribute(guest, "os", "firmware") == "efi"
    assert attribute(guest, "os/type", "machine") == "q35"
    assert attribute(domain(), "os/type", "machine") == "pc"
    assert attribute(guest, "os/firmware/feature", "enabled") == "no"


@pytest.mark.parametrize("name", ["<b>&'\"", "a\nb\x00\x1b[31m", "名前", "", "x" * 300])
def test_any_name_gives_a_definition(name: str):
    title = text(domain(name=name), "title")
    assert title
    assert len(title) <= 200
    assert "\n" not in title


def test_the_host_is_told_whose_guest_it_is():
    guest = domain(told={"name": "web \x01\ufffe<1>", "flavor": "m1.small"})
    server = guest.find(f"metadata/{{{NAMESPACE}}}server")
    assert server is not None
    assert server.attrib == {"project": "p", "name": "web   <1>", "flavor": "m1.small"}
