"""A guest's disk moves to another place while the guest writes: QEMU copies it, then works there alone.

Each write of the guest goes to both places until then (QEMU's `write-blocking` mirror), so the copy ends
however busy the guest is. libvirt says how far it is: `mirror` in the definition of the running guest, and,
also of one that went off since, where its disk lies (libvirt.org/formatdomain). So nothing is kept here, and
a process that is killed goes on with what it finds.

A disk keeps the serial number that it was plugged in with. That it holds another volume since stands in the
domain's metadata, which ends with the guest's run as the serial number does.
"""

import copy
import xml.etree.ElementTree as ET

import libvirt

from cumulo.contracts.volumes import Exchange
from cumulo.core.drivers import Permanent
from cumulo.node.hypervisor.libvirt import lasting
from cumulo.node.hypervisor.libvirt.connection import Domain
from cumulo.node.hypervisor.libvirt.definitions import parse
from cumulo.node.hypervisor.libvirt.volumes import EXCHANGED, Element, disk_of, place_of

COPYING = (
    libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT
    | libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
    | libvirt.VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES
)
_ELEMENT = libvirt.VIR_DOMAIN_METADATA_ELEMENT
_LIVE, _CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
_OF_THE_RUN = ("alias", "address", "backingStore", "mirror")  # what only a running guest's disk has


def look(domain: Domain, old_id: str, new_id: str, goal: str) -> tuple[Exchange, Element]:
    """Say how far a disk of the guest is on its way to `goal` (`place_of`), and return the disk.

    Permanent when the guest has no such disk, or went off before the disk was there.
    """
    disk = find(domain, old_id, new_id, goal)
    if disk is None:
        raise Permanent(f"the guest has no volume {old_id}", public="the guest does not have the volume")
    if place_of(disk) == goal:
        return Exchange.DONE, disk
    if not domain.isActive():
        raise Permanent("the guest is off", public="the server is not running: its disk cannot be copied")
    mirror = disk.find("mirror")
    if mirror is None:
        return Exchange.NONE, disk
    return (Exchange.READY if mirror.get("ready") == "yes" else Exchange.COPYING), disk


def find(domain: Domain, old_id: str, new_id: str, goal: str) -> Element | None:
    """Return the guest's disk of a volume: that at its goal, else that of the old volume."""
    definition = domain.XMLDesc(0 if domain.isActive() else libvirt.VIR_DOMAIN_XML_INACTIVE)
    disk = disk_of(definition, new_id)
    return disk if disk is not None and place_of(disk) == goal else disk_of(definition, old_id)


def begin(domain: Domain, disk: Element, target: str) -> None:
    """Begin to copy a disk to the one that `target` defines, which is there, of the same size."""
    _have_persistent(domain, disk)
    domain.blockCopy(_device(disk), target, None, COPYING)


def switch(domain: Domain, disk: Element) -> None:
    """Have the guest work on the copy alone, which is complete."""
    domain.blockJobAbort(_device(disk), libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
    lasting.forget(domain, disk)


def settle(domain: Domain, disk: Element, volume_id: str) -> None:
    """Do what a disk at its new place needs yet: to wait for its export, to be known as what it is."""
    if not domain.isActive():
        return
    lasting.make_lasting(domain)
    _name(domain, disk, volume_id)


def give_up(domain: Domain, disk: Element) -> None:
    """End the copying; the guest works on where it did."""
    if disk.find("mirror") is None:
        return
    try:
        domain.blockJobAbort(_device(disk), 0)
    except libvirt.libvirtError:
        now = _at(domain.XMLDesc(), _device(disk)) if domain.isActive() else None
        if now is not None and now.find("mirror") is not None:
            raise


def _device(disk: Element) -> str:
    target = disk.find("target")
    return "" if target is None else target.get("dev", "")


def _have_persistent(domain: Domain, disk: Element) -> None:
    """Have the persistent definition know a disk as it is.

    libvirt writes the new place there when the guest changes over, which tells it to us even if the guest is
    off by the time that we ask.
    """
    definition = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    there = _at(definition, _device(disk))
    if there is not None and place_of(there) == place_of(disk):
        return
    if there is not None:
        domain.detachDeviceFlags(ET.tostring(there, encoding="unicode"), _CONFIG)
    plain = copy.deepcopy(disk)
    for name in _OF_THE_RUN:
        for found in plain.findall(name):
            plain.remove(found)
    domain.attachDeviceFlags(ET.tostring(plain, encoding="unicode"), _CONFIG)


def _at(definition: str, device: str) -> Element | None:
    return parse(definition).find(f"devices/disk/target[@dev='{device}']/..")


def _name(domain: Domain, disk: Element, volume_id: str) -> None:
    """Write down which volume a disk holds, where its serial number tells another."""
    root = parse(domain.XMLDesc()).find(f"metadata/{{{EXCHANGED}}}disks")
    names = Element(f"{{{EXCHANGED}}}disks") if root is None else root
    for known in list(names):
        if known.get("device") == _device(disk):
            names.remove(known)
    if disk.findtext("serial") != volume_id:
        ET.SubElement(
            names,
            f"{{{EXCHANGED}}}disk",
            device=_device(disk),
            serial=disk.findtext("serial", ""),
            volume=volume_id,
        )
    elif root is None:
        return
    domain.setMetadata(_ELEMENT, ET.tostring(names, encoding="unicode"), "cumulo", EXCHANGED, _LIVE)
