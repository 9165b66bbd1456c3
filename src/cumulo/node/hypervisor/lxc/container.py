"""A container's definition for libvirt's LXC driver, as XML built from a spec (libvirt.org/drvlxc)."""

import hashlib
import xml.etree.ElementTree as ET
from pathlib import Path

from cumulo.contracts.hypervisor import GuestSpec
from cumulo.node.hypervisor.libvirt.domain import metadata, title_of
from cumulo.node.hypervisor.libvirt.hardware import add
from cumulo.node.hypervisor.lxc.unpack import IDS

EMULATOR = "/usr/lib/libvirt/libvirt_lxc"
INIT = "/sbin/init"
SEED = "/var/lib/cloud/seed/config_drive"  # where cloud-init looks for what a config drive would hold
_FIRST, _RANGES = 1 << 28, 1 << 12  # no system gives out user ids from there on


def first_id(server_id: str) -> int:
    """Return the host's user id that is root in a server's container; others follow it."""
    number = int.from_bytes(hashlib.sha256(server_id.encode()).digest()[:4], "big") % _RANGES
    return _FIRST + number * IDS


def container_xml(name: str, spec: GuestSpec, root: Path, seed: Path | None) -> str:
    """Return the definition of the container `spec`; `seed`: the folder of its config drive's files."""
    domain = ET.Element("domain", type="lxc")
    add(domain, "name", name)
    add(domain, "uuid", spec.server_id)
    add(domain, "title", title_of(spec.name))
    metadata(domain, spec)
    add(domain, "memory", str(spec.memory_mib), unit="MiB")
    add(domain, "vcpu", str(spec.vcpus))
    hardware = spec.hardware
    tune = ET.Element("cputune")
    for tag in ("shares", "period", "quota"):
        if amount := getattr(hardware, f"cpu_{tag}"):
            add(tune, tag, str(amount))
    if len(tune):
        domain.append(tune)
    system = add(domain, "os")
    add(system, "type", "exe", arch="x86_64")
    add(system, "init", INIT)
    ids = add(domain, "idmap")
    for kind in ("uid", "gid"):
        add(ids, kind, start="0", target=str(first_id(spec.server_id)), count=str(IDS))
    add(add(domain, "features"), "privnet")
    for event, action in (("poweroff", "destroy"), ("reboot", "restart"), ("crash", "destroy")):
        add(domain, f"on_{event}", action)
    devices = add(domain, "devices")
    add(devices, "emulator", EMULATOR)
    _folder(devices, root, "/")
    if seed is not None:
        add(_folder(devices, seed, SEED), "readonly")
    for number, nic in enumerate(spec.nics):
        interface = add(devices, "interface", type="ethernet")
        add(interface, "mac", address=nic.mac)
        add(interface, "target", dev=nic.tap)
        add(interface, "guest", dev=f"eth{number}")
        add(interface, "mtu", size=str(nic.mtu))
        add(interface, "link", state="up")
    add(devices, "console", type="pty")
    return ET.tostring(domain, encoding="unicode")


def _folder(devices: ET.Element, source: Path, target: str) -> ET.Element:
    element = add(devices, "filesystem", type="mount", accessmode="passthrough")
    add(element, "source", dir=str(source))
    add(element, "target", dir=target)
    return element
