"""What guests of this host can have, by what libvirt and QEMU say, as traits (os-traits' names)."""

import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cumulo.node.commands import run
from cumulo.node.hypervisor.libvirt.definitions import parse

ARCH = "x86_64"
MACHINES = ("pc", "q35")
EMULATOR = "qemu-system-x86_64"
HUGE_PAGES = Path("/sys/kernel/mm/hugepages")
SMT = Path("/sys/devices/system/cpu/smt/active")

ALWAYS = (
    "COMPUTE_NODE",
    "COMPUTE_ARCH_X86_64",
    "COMPUTE_FIRMWARE_BIOS",
    "COMPUTE_IMAGE_TYPE_ISO",
    "COMPUTE_IMAGE_TYPE_QCOW2",
    "COMPUTE_IMAGE_TYPE_RAW",
    "COMPUTE_NET_ATTACH_INTERFACE",
    "COMPUTE_VOLUME_EXTEND",
    "COMPUTE_VOLUME_MULTI_ATTACH",
    "HW_ARCH_X86_64",
)
BUSES = ("ide", "sata", "scsi", "usb", "virtio")
VIDEOS = ("bochs", "cirrus", "none", "vga", "virtio")
CARDS = {  # a guest's word for a card → QEMU's name of the device
    "e1000": "e1000",
    "e1000e": "e1000e",
    "ne2k_pci": "ne2k_pci",
    "pcnet": "pcnet",
    "rtl8139": "rtl8139",
    "virtio": "virtio-net-pci",
    "vmxnet3": "vmxnet3",
}


async def cards() -> frozenset[str]:
    """Return the network cards that QEMU can be, by guests' words for them."""
    listed = await run(EMULATOR, "-device", "help", seconds=30)
    return frozenset(word for word, device in CARDS.items() if f'name "{device}"' in listed)


def traits(connection: Any, network_cards: Iterable[str]) -> frozenset[str]:
    """Return the traits of what a host's guests can have. Blocks; for the thread pool."""
    found = {*ALWAYS, *(f"COMPUTE_NET_VIF_MODEL_{card.upper()}" for card in network_cards)}
    for machine in MACHINES:
        told = connection.getDomainCapabilities(None, ARCH, machine, "qemu")
        found |= of_machine(parse(told))
    if SMT.exists() and SMT.read_text().strip() == "1":
        found.add("HW_CPU_HYPERTHREADING")
    return frozenset(found)


def of_machine(capabilities: ET.Element) -> set[str]:
    """Return the traits of what libvirt says that a machine type can have."""
    buses = _values(capabilities, "devices/disk", "bus")
    videos = _values(capabilities, "devices/video", "modelType")
    found = {f"COMPUTE_STORAGE_BUS_{bus.upper()}" for bus in BUSES if bus in buses}
    found |= {f"COMPUTE_GRAPHICS_MODEL_{model.upper()}" for model in VIDEOS if model in videos}
    if "efi" in _values(capabilities, "os", "firmware"):
        found.add("COMPUTE_FIRMWARE_UEFI")
        signed = any(".ms." in (loader.text or "") for loader in capabilities.iterfind("os/loader/value"))
        if signed and "yes" in _values(capabilities, "os/loader", "secure"):
            found.add("COMPUTE_SECURITY_UEFI_SECURE_BOOT")
    if "emulator" in _values(capabilities, "devices/tpm", "backendModel") and shutil.which("swtpm_setup"):
        found |= {"COMPUTE_SECURITY_TPM_2_0", "COMPUTE_SECURITY_TPM_1_2"}
    return found


def _values(capabilities: ET.Element, device: str, name: str) -> set[str]:
    return {value.text or "" for value in capabilities.iterfind(f"{device}/enum[@name='{name}']/value")}


def huge_pages(folder: Path = HUGE_PAGES) -> tuple[tuple[int, int], ...]:
    """Return the huge pages that the host keeps: their size in KiB, and how many."""
    found = []
    for pages in sorted(folder.glob("hugepages-*kB")) if folder.exists() else []:
        size = int(pages.name.removeprefix("hugepages-").removesuffix("kB"))
        count = int((pages / "nr_hugepages").read_text())
        if count:
            found.append((size, count))
    return tuple(found)
