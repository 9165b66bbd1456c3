"""What `Hardware` says of a machine, as parts of libvirt's definition (libvirt.org/formatdomain)."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence

import msgspec

from cumulo.contracts.hardware import Hardware
from cumulo.contracts.hypervisor import GuestSpec

Element = ET.Element
KIB = 1 << 10
WATCHDOG = "i6300esb"  # a PCI device that both machine types take


class Processors(msgspec.Struct, frozen=True):
    """The host's processors: those that guests share (none: all of them), and how many NUMA nodes it has."""

    shared: tuple[int, ...] = ()
    cells: int = 1


def add(parent: Element, tag: str, text: str | None = None, /, **attributes: str) -> Element:
    """Add an element."""
    child = ET.SubElement(parent, tag, attributes)
    child.text = text
    return child


def numbers(values: Sequence[int]) -> str:
    """Return numbers as libvirt writes sets of processors."""
    return ",".join(map(str, sorted(values)))


def memory_backing(domain: Element, hardware: Hardware) -> None:
    """Say what backs the guest's memory, after `memory`."""
    if not hardware.page_kib and not hardware.locked_memory:
        return
    backing = add(domain, "memoryBacking")
    if hardware.page_kib:
        add(add(backing, "hugepages"), "page", size=str(hardware.page_kib), unit="KiB")
    if hardware.locked_memory:
        add(backing, "locked")
        size = domain.find("memory")
        limit = int(size.text or 0) * 2 if size is not None else 0  # QEMU's own memory, too
        tune = add(domain, "memtune")
        add(tune, "hard_limit", str(limit + KIB), unit="MiB")


def processors(domain: Element, spec: GuestSpec, host: Processors, pinning: Sequence[int]) -> None:
    """Say how many processors the guest has, on which of the host's, and what share of them.

    `pinning`: the host's processor of each of the guest's pinned ones, in their order.
    """
    hardware = spec.hardware
    vcpu = add(domain, "vcpu", str(spec.vcpus))
    if host.shared:
        vcpu.set("cpuset", numbers(host.shared))
    tune = Element("cputune")
    if hardware.cpu_shares:
        add(tune, "shares", str(hardware.cpu_shares))
    if hardware.cpu_period:
        add(tune, "period", str(hardware.cpu_period))
    if hardware.cpu_quota:
        add(tune, "quota", str(hardware.cpu_quota))
    for own, of_host in zip(hardware.pinned, pinning, strict=True):
        add(tune, "vcpupin", vcpu=str(own), cpuset=str(of_host))
    if len(hardware.pinned) == spec.vcpus:
        add(tune, "emulatorpin", cpuset=numbers(pinning))
    if len(tune):
        domain.append(tune)
    if len(hardware.cells) > 1 and host.cells >= len(hardware.cells):
        memory = add(domain, "numatune")
        for number in range(len(hardware.cells)):
            add(memory, "memnode", cellid=str(number), mode="preferred", nodeset=str(number))


def topology(cpu: Element, spec: GuestSpec) -> None:
    """Say how the guest's processors are arranged, and its NUMA nodes."""
    sockets, cores, threads = spec.hardware.topology or (spec.vcpus, 1, 1)
    add(cpu, "topology", sockets=str(sockets), cores=str(cores), threads=str(threads))
    if spec.hardware.hides_hypervisor:
        add(cpu, "feature", policy="disable", name="hypervisor")
    if spec.hardware.cells:
        numa = add(cpu, "numa")
        for number, cell in enumerate(spec.hardware.cells):
            attributes = {"id": str(number), "cpus": numbers(cell.cpus), "unit": "MiB"}
            add(numa, "cell", **attributes, memory=str(cell.memory_mib))


def features(parent: Element, hardware: Hardware, *, kvm: bool) -> None:
    """Add what the machine can or hides."""
    if hardware.hides_hypervisor and kvm:
        add(add(parent, "kvm"), "hidden", state="on")
    if hardware.performance_unit is not None:
        add(parent, "pmu", state="on" if hardware.performance_unit else "off")
    if hardware.secure_boot:
        add(parent, "smm", state="on")
    if hardware.windows and kvm:
        hyperv = add(parent, "hyperv")
        for name in ("relaxed", "vapic"):
            add(hyperv, name, state="on")
        add(hyperv, "spinlocks", state="on", retries="8191")


def clock(domain: Element, hardware: Hardware) -> None:
    """Say what time the machine's clock tells: Windows expects local time."""
    add(domain, "clock", offset="localtime" if hardware.windows else "utc")


def limits(disk: Element, hardware: Hardware) -> None:
    """Limit a disk."""
    if hardware.disk_limits:
        tune = add(disk, "iotune")
        for name, amount in sorted(hardware.disk_limits.items()):
            add(tune, name, str(amount))


def devices(parent: Element, spec: GuestSpec) -> None:
    """Add the screen, entropy, and what watches, measures or points."""
    hardware = spec.hardware
    model = add(add(parent, "video"), "model", type=hardware.video)
    if hardware.video_mib:
        model.set("vram", str(hardware.video_mib * KIB))
    if hardware.rng:
        rng = add(parent, "rng", model="virtio")
        if hardware.rng_bytes:
            rate = add(rng, "rate", bytes=str(hardware.rng_bytes))
            rate.set("period", str(hardware.rng_period_ms or 1000))
        add(rng, "backend", "/dev/urandom", model="random")
        _packed(rng, hardware)
    if hardware.watchdog:
        add(parent, "watchdog", model=WATCHDOG, action=hardware.watchdog)
    if hardware.tpm is not None:
        tpm = add(parent, "tpm", model=hardware.tpm.model)
        add(tpm, "backend", type="emulator", version=hardware.tpm.version)
    if hardware.pointer:
        add(parent, "input", type="tablet", bus=hardware.pointer)


def _packed(device: Element, hardware: Hardware) -> None:
    if hardware.packed_ring:
        add(device, "driver", packed="on")
