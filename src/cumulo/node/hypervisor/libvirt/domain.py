"""A guest's definition for libvirt, as XML built from a spec (libvirt.org/formatdomain)."""

import unicodedata
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec

from cumulo.contracts.hypervisor import DiskSpec, GuestSpec, NicSpec, RescueSpec
from cumulo.node.hypervisor.libvirt.disks import base_format
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
PREFIXES = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd"}


class Machine(msgspec.Struct, frozen=True):
    """How this host executes guests."""

    kvm: bool = False
    translation_cache_mib: int = 64
    cache_mode: str = "none"


class GuestFiles(msgspec.Struct, frozen=True):
    """Where a guest's files are. `disk`: None where it boots from a volume."""

    disk: Path | None
    base: Path | None
    config_drive: Path | None
    console_log: Path
    vnc_socket: Path
    rescue: tuple[Path, Path | None] | None = None  # the rescue disk and its base


def device_xml(nic: NicSpec) -> str:
    """Return a network card's definition, to be given to a running guest."""
    holder = Element("devices")
    _interface(holder, nic)
    return ET.tostring(holder[0], encoding="unicode")


def domain_xml(name: str, spec: GuestSpec, files: GuestFiles, machine: Machine) -> str:
    """Return the definition of the guest `spec` under the libvirt name `name`."""
    domain = Element("domain", type="kvm" if machine.kvm else "qemu")
    _add(domain, "name", name)
    _add(domain, "uuid", spec.server_id)
    _add(domain, "title", _title(spec.name))
    _metadata(domain, spec)
    _add(domain, "memory", str(spec.memory_mib), unit="MiB")
    _add(domain, "vcpu", str(spec.vcpus))
    _sysinfo(domain, spec)
    _boot(domain, spec)
    _processor(domain, spec, machine)
    _add(domain, "clock", offset="utc")
    for event, action in (("poweroff", "destroy"), ("reboot", "restart"), ("crash", "destroy")):
        _add(domain, f"on_{event}", action)
    devices = _add(domain, "devices")
    _disks(devices, spec, files, machine)
    for nic in spec.nics:
        _interface(devices, nic)
    _consoles(devices, files)
    _platform(devices)
    if spec.agent:
        channel = _add(devices, "channel", type="unix")
        _add(channel, "target", type="virtio", name="org.qemu.guest_agent.0")
    if "q35" in machine_of(spec):
        _free_slots(devices)
    return ET.tostring(domain, encoding="unicode")


def machine_of(spec: GuestSpec) -> str:
    """Return the guest's machine type: emulation of `pc` is the cheaper, where both would do."""
    return spec.machine or MACHINES.get(spec.firmware, "pc")


def _add(parent: Element, tag: str, text: str | None = None, /, **attributes: str) -> Element:
    child = ET.SubElement(parent, tag, attributes)
    child.text = text
    return child


def _title(name: str) -> str:
    """Return a server's name without what XML 1.0 or libvirt's titles cannot hold."""
    kept = (" " if unicodedata.category(letter)[0] == "C" else letter for letter in name)
    return "".join(kept).strip()[:LONGEST_TITLE] or "server"


def _metadata(domain: Element, spec: GuestSpec) -> None:
    ET.register_namespace("cumulo", NAMESPACE)
    server = _add(_add(domain, "metadata"), f"{{{NAMESPACE}}}server")
    server.set("project", spec.project_id)


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
        _add(_add(system, "firmware"), "feature", enabled="no", name="secure-boot")
    if spec.rescue is None:
        _add(system, "boot", dev="hd")
    _add(system, "smbios", mode="sysinfo")


def _processor(domain: Element, spec: GuestSpec, machine: Machine) -> None:
    features = _add(domain, "features")
    _add(features, "acpi")
    _add(features, "apic")
    if machine.kvm:
        processor = _add(domain, "cpu", mode="host-model")
    else:
        cache = str(machine.translation_cache_mib)
        _add(_add(features, "tcg"), "tb-cache", cache, unit="MiB")
        processor = _add(domain, "cpu", mode="custom", match="exact")
        _add(processor, "model", "qemu64")
    _add(processor, "topology", sockets=str(spec.vcpus), cores="1", threads="1")


def _disks(devices: Element, spec: GuestSpec, files: GuestFiles, machine: Machine) -> None:
    """Add the disks, the one to boot from first; a stable rescue disk comes last, so that none moves."""
    buses = {volume.bus for volume in spec.volumes}
    if spec.rescue is not None and not spec.rescue.stable:
        _rescue(devices, spec.rescue, files, machine)
    if spec.root is not None and files.disk is not None:
        root = _own(devices, spec.root, (files.disk, files.base), machine)
        letter = "y" if spec.rescue is not None and not spec.rescue.stable else "a"
        _add(root, "target", dev=f"{PREFIXES.get(spec.root.bus, 'vd')}{letter}", bus=spec.root.bus)
        buses.add(spec.root.bus)
    for volume in spec.volumes:
        devices.append(disk_element(spec.server_id, volume, machine.cache_mode))
    if spec.rescue is not None:
        buses.add(spec.rescue.disk.bus)
        if spec.rescue.stable:
            _rescue(devices, spec.rescue, files, machine)
    if "scsi" in buses:
        _add(devices, "controller", type="scsi", index="0", model="virtio-scsi")
    if files.config_drive is not None:
        _config_drive(devices, spec, files.config_drive)
    if "usb" in buses:
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


def _interface(devices: Element, nic: NicSpec) -> None:
    interface = _add(devices, "interface", type="ethernet")
    _add(interface, "mac", address=nic.mac)
    _add(interface, "target", dev=nic.tap, managed="no")
    _add(interface, "model", type=nic.model)
    if nic.model == "virtio":
        driver = _add(interface, "driver", name="qemu")
        _add(driver, "host", **dict.fromkeys(HOST_OFFLOADS, "off"))
        _add(driver, "guest", **dict.fromkeys(GUEST_OFFLOADS, "off"))
    _add(interface, "mtu", size=str(nic.mtu))
    _add(interface, "rom", enabled="no")


def _consoles(devices: Element, files: GuestFiles) -> None:
    serial = _add(devices, "serial", type="pty")
    _add(serial, "log", file=str(files.console_log), append="on")
    _add(devices, "console", type="pty")
    graphics = _add(devices, "graphics", type="vnc")
    _add(graphics, "listen", type="socket", socket=str(files.vnc_socket))
    _add(_add(devices, "video"), "model", type="vga")


def _platform(devices: Element) -> None:
    """Entropy and memory statistics."""
    _add(_add(devices, "rng", model="virtio"), "backend", "/dev/urandom", model="random")
    _add(_add(devices, "memballoon", model="virtio"), "stats", period=str(STATISTICS_PERIOD))


def _free_slots(devices: Element) -> None:
    """Add root ports without a device: PCI Express takes none elsewhere while the guest runs."""
    _add(devices, "controller", type="pci", model="pcie-root")
    for _ in range(FREE_SLOTS):
        _add(devices, "controller", type="pci", model="pcie-root-port")
