"""Volumes as a domain's disks: libvirt's XML for each way QEMU reaches one (libvirt.org/formatdomain).

Passwords never stand in a definition: it names a secret of libvirtd by UUID, which libvirtd keeps in
memory only. After its restart they are given anew before a guest needs them.
"""

import base64
import json
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator

import msgspec

from cumulo.contracts.hypervisor import VolumeDisk
from cumulo.contracts.volumes import BlockAccess
from cumulo.core.drivers import Permanent
from cumulo.node.hypervisor.libvirt.definitions import parse

Element = ET.Element

_SECRETS = uuid.UUID("5f0c7d7e-7d0b-5c0a-9d5f-0d6c1b8e4a11")  # the namespace of our secrets' UUIDs
EXCHANGED = "https://cumulo.invalid/xmlns/exchanged/1"  # in a domain's metadata: what its disks hold since
_PORTS = {"nbd": "10809", "iscsi": "3260", "nfs": "2049"}  # libvirt's, where none is named
_AUTHENTICATED = {"rbd": "ceph", "iscsi": "iscsi"}  # protocol → libvirt's type of the secret


class Secret(msgspec.Struct, frozen=True):
    """A value that libvirtd keeps for a disk."""

    id: str
    owner: str  # whose disk: `owner_of`
    value: bytes

    def __repr__(self) -> str:
        return f"Secret({self.id})"

    def definition(self) -> str:
        """Return it as libvirt defines secrets: kept in memory, shown to nobody."""
        secret = Element("secret", ephemeral="yes", private="yes")
        ET.SubElement(secret, "uuid").text = self.id
        ET.SubElement(secret, "description").text = self.owner
        return ET.tostring(secret, encoding="unicode")


def owner_of(server_id: str, volume_id: str = "") -> str:
    """Return how the secrets of a guest's disk say whose they are; without a volume, what they begin with."""
    return f"cumulo {server_id} {volume_id}"


def secrets_of(server_id: str, disk: VolumeDisk) -> list[Secret]:
    """Return what libvirtd must know to open a guest's disk."""
    access = disk.access
    # A key of Ceph is Base64, which QEMU makes of the secret by itself.
    given = base64.b64decode(access.secret) if access.protocol == "rbd" else access.secret.encode()
    values = {"access": given, "luks": access.passphrase.encode()}
    owner = owner_of(server_id, disk.volume_id)
    return [
        Secret(_secret_id(server_id, disk.volume_id, purpose), owner, value)
        for purpose, value in values.items()
        if value
    ]


def disk_element(server_id: str, disk: VolumeDisk, cache_mode: str) -> Element:
    """Return a guest's disk. Permanent when this hypervisor knows no such way to reach one."""
    access = disk.access
    make = _SOURCES.get(access.protocol)
    if make is None:
        raise Permanent(f"a volume reached by {access.protocol} cannot be attached")
    element = Element("disk", type="file" if access.protocol == "file" else "network", device="disk")
    format_ = "raw" if access.format == "luks" else access.format
    cache = cache_mode if access.protocol == "file" else "none"
    ET.SubElement(element, "driver", name="qemu", type=format_, cache=cache, discard="unmap")
    source = make(access)
    element.append(source)
    if access.secret and access.protocol in _AUTHENTICATED:
        auth = ET.SubElement(source, "auth", username=access.user)
        kind = _AUTHENTICATED[access.protocol]
        ET.SubElement(auth, "secret", type=kind, uuid=_secret_id(server_id, disk.volume_id, "access"))
    if access.passphrase:
        encryption = ET.SubElement(source, "encryption", format="luks")
        secret_id = _secret_id(server_id, disk.volume_id, "luks")
        ET.SubElement(encryption, "secret", type="passphrase", uuid=secret_id)
    ET.SubElement(element, "target", dev=disk.device, bus=disk.bus)
    if disk.limits:
        limits = ET.SubElement(element, "iotune")
        for name, amount in sorted(disk.limits.items()):
            ET.SubElement(limits, name).text = str(amount)
    ET.SubElement(element, "serial").text = disk.volume_id
    if access.read_only:
        ET.SubElement(element, "readonly")
    return element


def disk_of(definition: str, volume_id: str) -> Element | None:
    """Return the disk of a volume in a domain's XML."""
    disks = named(parse(definition))
    return next((disk for disk, name in disks if name == volume_id), None)


def named(domain: Element) -> Iterator[tuple[Element, str]]:
    """Yield a domain's disks, each with the volume it holds: not the one it is named after once exchanged."""
    names = {
        (known.get("device"), known.get("serial")): known.get("volume")
        for known in domain.iterfind(f"metadata/{{{EXCHANGED}}}disks/{{{EXCHANGED}}}disk")
    }
    for disk in domain.iterfind("devices/disk"):
        target, serial = disk.find("target"), disk.findtext("serial")
        device = None if target is None else target.get("dev")
        yield disk, names.get((device, serial)) or serial or ""


def place_of(disk: Element) -> str:
    """Return where a disk lies, as one word: the same for what we define and for what libvirt tells of it."""
    source = disk.find("source")
    if source is None:
        return ""
    protocol = source.get("protocol", "file")
    hosts = [
        (host.get("name", ""), host.get("port", _PORTS.get(protocol, "")), host.get("socket", ""))
        for host in source.iterfind("host")
    ]
    return json.dumps([protocol, source.get("file") or source.get("name"), hosts])


def _secret_id(server_id: str, volume_id: str, purpose: str) -> str:
    return str(uuid.uuid5(_SECRETS, f"{server_id}/{volume_id}/{purpose}"))


def _file(access: BlockAccess) -> Element:
    return Element("source", file=access.path)


def _nbd(access: BlockAccess) -> Element:
    source = Element("source", protocol="nbd", name=access.name)
    if access.tls:
        source.set("tls", "yes")
    if access.path:
        ET.SubElement(source, "host", transport="unix", socket=access.path)
    else:
        _hosts(source, access)
    return source


def _named(access: BlockAccess) -> Element:
    source = Element("source", protocol=access.protocol, name=access.name)
    _hosts(source, access)
    return source


def _hosts(source: Element, access: BlockAccess) -> None:
    for name, port in access.hosts:
        host = ET.SubElement(source, "host", name=name)
        if port:
            host.set("port", str(port))


_SOURCES: dict[str, Callable[[BlockAccess], Element]] = {
    "file": _file,
    "nbd": _nbd,
    "rbd": _named,
    "iscsi": _named,
    "nfs": _named,
}
