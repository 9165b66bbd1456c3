"""What a host has and is, as compute and placement want to know it."""

import json
import os
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from cumulo.contracts.hypervisor import HostReport
from cumulo.node.hypervisor.libvirt import capabilities
from cumulo.node.hypervisor.libvirt.definitions import parse
from cumulo.node.hypervisor.libvirt.hardware import Processors

MIB = 1 << 20
GIB = 1 << 30
NODES = Path("/sys/devices/system/node")

# Linux's name of a processor feature → the trait's word (os-traits, `hw/cpu/x86`).
FEATURES = {
    "aes": "AESNI",
    "avx": "AVX",
    "avx2": "AVX2",
    "avx512f": "AVX512F",
    "bmi1": "BMI",
    "bmi2": "BMI2",
    "f16c": "F16C",
    "fma": "FMA3",
    "mmx": "MMX",
    "pclmulqdq": "CLMUL",
    "sha_ni": "SHA",
    "sse": "SSE",
    "sse2": "SSE2",
    "ssse3": "SSSE3",
    "sse4_1": "SSE41",
    "sse4_2": "SSE42",
    "sse4a": "SSE4A",
    "svm": "SVM",
    "vmx": "VMX",
}
QEMU64 = frozenset({"mmx", "sse", "sse2"})  # what the emulated processor offers to guests


def traits(features: frozenset[str]) -> frozenset[str]:
    """Return the traits of a host whose guests see these processor features."""
    return frozenset(f"HW_CPU_X86_{word}" for name, word in FEATURES.items() if name in features)


def dedicated(text: str) -> frozenset[int]:
    """Return the processors that a setting such as `2-5,7` names and this machine has. ValueError."""
    named: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        named.update(range(int(first), int(last or first) + 1))
    return frozenset(named & os.sched_getaffinity(0))


def processors(text: str) -> Processors:
    """Return the processors that guests share beside those that the setting `text` dedicates."""
    cells = len(list(NODES.glob("node[0-9]*"))) or 1
    taken = dedicated(text)
    shared = tuple(sorted(os.sched_getaffinity(0) - taken)) if taken else ()
    return Processors(shared=shared, cells=cells)


def host_features() -> frozenset[str]:
    """Return the processor features that Linux lists for this machine."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


def memory_mib() -> int:
    """Return the machine's memory by the kernel: libvirt's own count misses what was added to it."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MIB


def report(
    connection: Any,
    *,
    host: str,
    kvm: bool,
    folder: Path,
    host_ip: str,
    dedicated: frozenset[int] = frozenset(),
    cards: frozenset[str] = frozenset(),
) -> HostReport:
    """Ask libvirt and the kernel. `folder` lies on the disk that guests' disks are made on."""
    vcpus = connection.getInfo()[2] - len(dedicated)
    features = host_features() if kvm else QEMU64
    processor = parse(connection.getCapabilities()).find("./host/cpu")
    return HostReport(
        host=host,
        hypervisor_type="QEMU",
        hypervisor_version=connection.getVersion(),
        vcpus=vcpus,
        memory_mib=memory_mib(),
        disk_gib=shutil.disk_usage(folder).total // GIB,
        cpu_info=json.dumps(_cpu_info(processor, features)),
        traits=tuple(sorted(traits(features) | capabilities.traits(connection, cards))),
        host_ip=host_ip,
        supported_instances=(("x86_64", "kvm" if kvm else "qemu", "hvm"),),
        dedicated=len(dedicated),
        huge_pages=capabilities.huge_pages(),
    )


def _cpu_info(processor: ET.Element | None, features: frozenset[str]) -> dict[str, Any]:
    """Return Nova's `cpu_info`: arch, model, vendor, topology, features."""

    def text(tag: str) -> str:
        return (processor.findtext(tag) if processor is not None else None) or "unknown"

    topology = processor.find("topology") if processor is not None else None
    counts = topology.attrib if topology is not None else {}
    return {
        "arch": text("arch"),
        "model": text("model"),
        "vendor": text("vendor"),
        "topology": {
            "cells": 1,
            **{key: int(counts.get(key, 1)) for key in ("sockets", "cores", "threads")},
        },
        "features": sorted(features),
    }
