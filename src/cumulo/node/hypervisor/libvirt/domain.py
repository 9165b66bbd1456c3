"""A guest's definition for libvirt, as XML built from a spec (libvirt.org/formatdomain)."""

import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import msgspec

from cumulo.contracts.hypervisor import DiskSpec, GuestSpec, LocalDisk, NicSpec, RescueSpec
from cumulo.node.hypervisor.libvirt import followed, hardware
from cumulo.node.hypervisor.libvirt.disks import base_format
from cumulo.node.hypervisor.libvirt.hardware import Processors
from cumulo.node.hypervisor.libvirt.hardware import add as _add
from cumulo.node.hypervisor.libvirt.volumes import disk_element

Element = ET.Element

NAMESPACE = "https://cumulo.invalid/xmlns/server/1"  # only a name; `.invalid` never resolves
PRODUCT = "OpenStack Nova"  # cloud-init's OpenStack source asks the firmware for this
MACHINES = {"bios": "pc", "uefi": "q35"}  # under UEFI, `pc` shows guests no working IDE
LONGEST_TITLE = 200
FREE_SLOTS = 8  # devices that a running q35 guest can be given; `pc` has them on its bus anyway
STATISTICS_PERIOD = 10  # seconds between two memory statistics of a guest

# Nothing of a frame's checksum and segmentation may be left for later: a frame that leaves a tap
# unfinished is lost in a switch that works in user space.
HOST_OFFLOADS = ("csum", "gso", "tso4", "tso6", "ecn", "ufo")
GUEST_OFFLOADS = ("csum", "tso4", "tso6", "ecn", "ufo")

LAST_LETTER = {"ide": "c"}  # the name of a disk that comes after all others; `hdd` is the config drive
BOOT_MENU = 5000  # milliseconds in which a person may choose what to boot
PREFIXES = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd"}


class Machine(msgspec.Struct, frozen=True):
    """How this host executes guests."""

    kvm: bool = False
    translation_cache_mib: int = 64
    cache_mode: str = "none"
    processors: Processors = Processors()


class GuestFiles(msgspec.Struct, frozen=True):
    """Where a guest's files are. `disk`: None where it boots from a volume."""

    disk: Path | None
    base: Path | None
    config_drive: Path | None
    console_log: Path
    vnc_socket: Path
    rescue: tuple[Path, Path | None] | None = None  # the rescue disk and its base
    local: dict[str, Path] = {}  # name of a local disk → its file


def device_xml(nic: NicSpec) -> str:
    """Return a network card's definition, to be given to a running guest."""
    holder = Element("devices")
    _interface(holder, nic, None)
    return ET.tostring(holder[0], encoding="unicode")


def domain_xml(
    name: str, spec: GuestSpec, files: GuestFiles, machine: Machine, pinning: Sequence[int] = ()
) -> str:
    """Return the definition of the guest `spec` under the libvirt name `name`.

    `pinning`: the host's processor of each of the guest's pinned ones.
    """
    domain = Element("domain", type="kvm" if machine.kvm else "qemu")
    _add(domain, "name", name)
    _add(domain, "uuid", spec.server_id)
    _add(domain, "title", title_of(spec.name))
    metadata(domain, spec)
    _add(domain, "memory", str(spec.memory_mib), unit="MiB")
    hardware.memory_backing(domain, spec.hardware)
    hardware.processors(domain, spec, machine.processors, pinning)
    _sysinfo(domain, spec)
    _boot(domain, spec)
    _processor(domain, spec, machine)
    hardware.clock(domain, spec.hardware)
    for event, action in (("poweroff", "destroy"), ("reboot", "restart"), ("crash", "destroy")):
        _add(domain, f"on_{event}", action)
    devices = _add(domain, "devices")
    _disks(devices, spec, files, machine)
    for nic in spec.nics:
        _interface(devices, nic, spec)
    _consoles(devices, spec, files)
    hardware.devices(devices, spec)
    _add(_add(devices, "memballoon", model="virtio"), "stats", period=str(STATISTICS_PERIOD))
    if spec.agent:
        channel = _add(devices, "channel", type="unix")
        _add(channel, "target", type="virtio", name="org.qemu.guest_agent.0")
    if "q35" in machine_of(spec):
        _free_slots(devices)
    if not machine.kvm and not spec.hardware.secure_boot and not spec.hardware.cells:
        followed.follow(domain, spec.memory_mib)
    return ET.tostring(domain, encoding="unicode")


def machine_of(spec: GuestSpec) -> str:
    """Return the guest's machine type: emulation of `pc` is the cheaper, where both would do."""
    return spec.machine or MACHINES.get(spec.firmware, "pc")


def title_of(name: str) -> str:
    """Return a server's name without what XML 1.0 or libvirt's titles cannot hold."""
    kept = (" " if unicodedata.category(letter)[0] == "C" else letter for letter in name)
    return "".join(kept).strip()[:LONGEST_TITLE] or "server"


def metadata(domain: Element, spec: GuestSpec) -> None:
    """Tell who looks at the host (`virsh dumpxml`, monitoring) whose guest it is."""
    ET.register_namespace("cumulo", NAMESPACE)
    server = _add(_add(domain, "metadata"), f"{{{NAMESPACE}}}server")
    server.set("project", spec.project_id)
    for key, text in sorted(spec.told.items()):
        server.set(key, title_of(text))


def _sysinfo(domain: Element, spec: GuestSpec) -> None:
    system = _add(_add(domain, "sysinfo", type="smbios"), "system")
    entries = (
        ("manufacturer", "Cumulo"),
        ("product", PRODUCT),
        ("serial", spec.server_id),
        ("uuid", spec.server_id),
        ("family", "Virtual Machine"),
    )
    for key, value in entries:
        _add(system, "entry", value, name=key)


def _boot(domain: Element, spec: GuestSpec) -> None:
    uefi = spec.firmware == "uefi"
    system = _add(domain, "os", **({"firmware": "efi"} if uefi else {}))
    _add(system, "type", "hvm", arch="x86_64", machine=machine_of(spec))
    if uefi:
        checks = "yes" if spec.hardware.secure_boot else "no"
        firmware = _add(system, "firmware")
        _add(firmware, "feature", enabled=checks, name="secure-boot")
        if spec.hardware.secure_boot:
            _add(firmware, "feature", enabled="yes", name="enrolled-keys")
            _add(system, "loader", secure="yes")
    if spec.rescue is None:
        _add(system, "boot", dev="hd")
    if spec.hardware.boot_menu:
        _add(system, "bootmenu", enable="yes", timeout=str(BOOT_MENU))
    _add(system, "smbios", mode="sysinfo")


def _processor(domain: Element, spec: GuestSpec, machine: Machine) -> None:
    features = _add(domain, "features")
    _add(features, "acpi")
    _add(features, "apic")
    hardware.features(features, spec.hardware, kvm=machine.kvm)
    if machine.kvm:
        processor = _add(domain, "cpu", mode="host-model")
    else:
        cache = str(machine.translation_cache_mib)
        _add(_add(features, "tcg"), "tb-cache", cache, unit="MiB")
        processor = _add(domain, "cpu", mode="custom", match="exact")
        _add(processor, "model", "qemu64")
    hardware.topology(processor, spec)


def _disks(devices: Element, spec: GuestSpec, files: GuestFiles, machine: Machine) -> None:
    """Add the disks, the one to boot from first; a stable rescue disk comes last, so that none moves."""
    buses = {volume.bus for volume in spec.volumes}
    if spec.rescue is not None and not spec.rescue.stable:
        _rescue(devices, spec.rescue, files, machine)
    if spec.root is not None and files.disk is not None:
        root = _own(devices, spec.root, (files.disk, files.base), machine)
        hardware.limits(root, spec.hardware)
        letter = "y" if spec.rescue is not None and not spec.rescue.stable else "a"
        _add(root, "target", dev=f"{PREFIXES.get(spec.root.bus, 'vd')}{letter}", bus=spec.root.bus)
        buses.add(spec.root.bus)
    for disk in spec.local_disks:
        _local(devices, disk, spec, files.local[disk.name], machine)
        buses.add(disk.bus)
    for volume in spec.volumes:
        devices.append(disk_element(spec.server_id, volume, machine.cache_mode))
    if spec.rescue is not None:
        buses.add(spec.rescue.disk.bus)
        if spec.rescue.stable:
            _rescue(devices, spec.rescue, files, machine)
    if "scsi" in buses:
        _add(devices, "controller", type="scsi", index="0", model=spec.hardware.scsi_model)
    if files.config_drive is not None:
        _config_drive(devices, spec, files.config_drive)
    if "usb" in {*buses, spec.hardware.pointer}:
        _add(devices, "controller", type="usb", model="qemu-xhci")
    else:  # its polling costs an idle emulated guest dearly
        _add(devices, "controller", type="usb", model="none")


def _own(devices: Element, disk: DiskSpec, files: tuple[Path, Path | None], machine: Machine) -> Element:
    """Add a disk that is a file on this host; its name and kind are yet to be said."""
    file, base = files
    element = _add(devices, "disk", type="file", device="disk")
    _add(element, "driver", name="qemu", type="qcow2", cache=machine.cache_mode, discard="unmap")
    _add(element, "source", file=str(file))
    _backing(element, disk, base)
    return element


def _local(devices: Element, disk: LocalDisk, spec: GuestSpec, file: Path, machine: Machine) -> None:
    """Add a disk that no image fills."""
    element = _add(devices, "disk", type="file", device="disk")
    _add(element, "driver", name="qemu", type="raw", cache=machine.cache_mode, discard="unmap")
    _add(element, "source", file=str(file))
    _add(element, "backingStore")
    _add(element, "target", dev=disk.device, bus=disk.bus)
    hardware.limits(element, spec.hardware)


def _rescue(devices: Element, rescue: RescueSpec, files: GuestFiles, machine: Machine) -> None:
    """Add the disk that is booted from in place of the guest's own."""
    if files.rescue is None:
        return
    bus = rescue.disk.bus
    letter = LAST_LETTER.get(bus, "y") if rescue.stable else "a"
    element = _own(devices, rescue.disk, files.rescue, machine)
    element.set("device", rescue.device)
    _add(element, "target", dev=f"{PREFIXES.get(bus, 'vd')}{letter}", bus=bus)
    _add(element, "boot", order="1")


def _backing(disk: Element, root: DiskSpec, base: Path | None) -> None:
    """Name the whole chain, so that nothing is ever guessed from an image's content."""
    if base is None:
        _add(disk, "backingStore")
        return
    store = _add(disk, "backingStore", type="file")
    _add(store, "format", type=base_format(root.image_format))
    _add(store, "source", file=str(base))
    _add(store, "backingStore")


def _config_drive(devices: Element, spec: GuestSpec, path: Path) -> None:
    """Attach the drive as an IDE cdrom on `pc`; q35 has no IDE, and small kernels no AHCI."""
    legacy = "q35" not in machine_of(spec)
    drive = _add(devices, "disk", type="file", device="cdrom" if legacy else "disk")
    _add(drive, "driver", name="qemu", type="raw")
    _add(drive, "source", file=str(path))
    if legacy:
        _add(drive, "target", dev="hdd", bus="ide")
    else:
        _add(drive, "target", dev="vdz", bus="virtio")
    _add(drive, "readonly")


def _interface(devices: Element, nic: NicSpec, spec: GuestSpec | None) -> None:
    interface = _add(devices, "interface", type="ethernet")
    _add(interface, "mac", address=nic.mac)
    _add(interface, "target", dev=nic.tap, managed="no")
    _add(interface, "model", type=nic.model)
    if nic.model == "virtio":
        driver = _add(interface, "driver", name="qemu")
        if spec is not None and spec.hardware.packed_ring:
            driver.set("packed", "on")
        _add(driver, "host", **dict.fromkeys(HOST_OFFLOADS, "off"))
        _add(driver, "guest", **dict.fromkeys(GUEST_OFFLOADS, "off"))
    _add(interface, "mtu", size=str(nic.mtu))
    _add(interface, "rom", enabled="no")


def _consoles(devices: Element, spec: GuestSpec, files: GuestFiles) -> None:
    serial = _add(devices, "serial", type="pty")
    _add(serial, "log", file=str(files.console_log), append="on")
    for _ in range(1, spec.hardware.serial_ports):
        _add(devices, "serial", type="pty")
    _add(devices, "console", type="pty")
    graphics = _add(devices, "graphics", type="vnc")
    _add(graphics, "listen", type="socket", socket=str(files.vnc_socket))


def _free_slots(devices: Element) -> None:
    """Add root ports without a device: PCI Express takes none elsewhere while the guest runs."""
    _add(devices, "controller", type="pci", model="pcie-root")
    for _ in range(FREE_SLOTS):
        _add(devices, "controller", type="pci", model="pcie-root-port")
