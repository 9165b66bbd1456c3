"""Reading an appliance: an OVA, a tar of an OVF descriptor, disks, and hashes of them (DMTF DSP0243).

The descriptor is XML from a stranger: it may have no document type (so no entities), its size is bounded, and
every file it names must be a plain member of the same archive.
"""

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO
from xml.etree import ElementTree as ET

import msgspec

from cumulo.services.image.inspection.reading import Content
from cumulo.services.image.inspection.signatures import ContentMismatch, Malformed, is_tar, recognise
from cumulo.services.image.inspection.tar import BLOCK, Member, read_members

_LARGEST_TEXT = 1 << 20
_DESCRIPTOR = ".ovf"
_HEAD = 64 << 10
_CPUS, _MEMORY, _IDE, _SCSI, _NIC, _DISK, _SATA = "3", "4", "5", "6", "10", "17", "20"
_BUSES = {_IDE: "ide", _SCSI: "scsi", _SATA: "sata"}
_MODELS = {"e1000": "e1000", "e1000e": "e1000e", "vmxnet3": "vmxnet3", "virtio": "virtio", "pcnet32": "pcnet"}
_UNITS = {"byte": 1, "kilobyte": 1 << 10, "megabyte": 1 << 20, "gigabyte": 1 << 30}
_POWER = re.compile(r"^byte\s*\*\s*2\s*\^\s*(\d{1,2})$")
_DIGEST = re.compile(r"^(SHA1|SHA256|SHA512)\s*\(([^()]+)\)\s*=\s*([0-9a-fA-F]+)\s*$")
_MAC = re.compile(r"^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$")
_MIB = 1 << 20
_MOST_BYTES = 1 << 50  # of a disk or of memory: what a descriptor says is no more than a wish
_MOST_CPUS = 1 << 16


class ApplianceDisk(msgspec.Struct, frozen=True):
    """A disk. offset, length: where it is in the archive; capacity: bytes; digest: algorithm and hex."""

    name: str
    offset: int
    length: int
    disk_format: str
    capacity: int
    bus: str = ""
    digest: tuple[str, str] | None = None


class ApplianceNic(msgspec.Struct, frozen=True):
    """A network card: the network's name in the descriptor, its address and model where these are given."""

    name: str
    network: str
    mac: str = ""
    model: str = ""


class Appliance(msgspec.Struct, frozen=True):
    """What an appliance is made of. `memory` in MiB."""

    name: str
    cpus: int
    memory: int
    disks: list[ApplianceDisk]
    nics: list[ApplianceNic]


def read_appliance(file: BinaryIO) -> Appliance:
    """Read an OVA. Runs in a thread. Raises ContentMismatch, Malformed."""
    content = Content(file)
    name, tree, members = _opened(content)
    machine = _Machine(tree, content, members, dict(_digests(content, members)))
    return machine.read(name.rpartition(".")[0])


def check_ova(content: Content) -> None:
    """Refuse what is no appliance: archive, descriptor and what it names. ContentMismatch, Malformed."""
    _, tree, members = _opened(content)
    for file in tree.iter("File"):
        if file.get("href", "") not in members:
            raise Malformed("a file of the appliance is not in its archive")
    for _ in _digests(content, members):
        pass


def check_ovf(content: Content) -> None:
    """Refuse a descriptor that is none, where the content is one at all. ContentMismatch, Malformed."""
    if content.up_to(0, _HEAD).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        _parse(_text(content, Member("the descriptor", 0, content.size)))


def _opened(content: Content) -> tuple[str, ET.Element, dict[str, Member]]:
    """Return an archive's descriptor, its name, and all files."""
    if not is_tar(content.up_to(0, BLOCK)):
        raise ContentMismatch("it is declared as ova but is no tar archive that begins with an .ovf file")
    members = read_members(content)
    texts = [name for name in members if name.lower().endswith(_DESCRIPTOR)]
    if texts[:1] != list(members)[:1]:
        raise ContentMismatch("it is declared as ova but is no tar archive that begins with an .ovf file")
    if len(texts) != 1:
        raise Malformed("the appliance has not exactly one descriptor")
    return texts[0], _parse(_text(content, members[texts[0]])), members


def _text(content: Content, member: Member) -> bytes:
    if member.size > _LARGEST_TEXT:
        raise Malformed(f"{member.name} is too large")
    return content.at(member.offset, member.size, member.name)


def _parse(raw: bytes) -> ET.Element:
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw or b"\0" in raw:
        raise Malformed("the appliance's descriptor has a document type")
    try:
        tree = ET.fromstring(raw)  # noqa: S314  no document type, so no entities; and bounded
    except (ET.ParseError, LookupError, ValueError) as error:  # the latter two of encodings
        raise Malformed("the appliance's descriptor is no XML") from error
    for element in tree.iter():  # names and attributes without their namespaces, of which there are two sets
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    if tree.tag != "Envelope":
        raise ContentMismatch("the appliance's descriptor is no OVF envelope")
    return tree


def _digests(content: Content, members: Mapping[str, Member]) -> Iterator[tuple[str, tuple[str, str]]]:
    for name, member in members.items():
        if name.lower().endswith(".mf"):
            for line in _text(content, member).decode("utf-8", "replace").splitlines():
                if found := _DIGEST.match(line.strip()):
                    yield found[2].strip(), (found[1].lower(), found[3].lower())


class _Machine:
    """The one virtual system of a descriptor."""

    def __init__(
        self,
        tree: ET.Element,
        content: Content,
        members: Mapping[str, Member],
        digests: Mapping[str, tuple[str, str]],
    ) -> None:
        self._tree = tree
        self._content = content
        self._members = members
        self._digests = digests
        self._items: list[dict[str, str]] = []
        self._disks = {each.get("diskId", ""): each for each in tree.iter("Disk")}
        self._files = {each.get("id", ""): each for each in tree.iter("File")}
        self._controllers: dict[str, str] = {}

    def read(self, name: str) -> Appliance:
        systems = list(self._tree.iter("VirtualSystem"))
        if len(systems) != 1:
            raise Malformed("the appliance has not exactly one virtual system")
        kinds = ("Item", "StorageItem", "EthernetPortItem")
        parts = (part for part in systems[0].iter() if part.tag in kinds)
        self._items = [{each.tag: (each.text or "").strip() for each in part} for part in parts]
        self._controllers = {
            item.get("InstanceID", ""): _BUSES[kind]
            for item in self._items
            if (kind := item.get("ResourceType", "")) in _BUSES
        }
        disks = [self._disk(item) for item in self._of(_DISK)]
        if not disks:
            raise Malformed("the appliance has no disk")
        cpus = sum(_number(item.get("VirtualQuantity", "")) for item in self._of(_CPUS))
        memory = sum(_bytes(item) for item in self._of(_MEMORY))
        return Appliance(
            name=(systems[0].findtext("Name") or systems[0].get("id") or name).strip()[:200],
            cpus=max(1, _bounded(cpus, _MOST_CPUS, "processors")),
            memory=max(1, _bounded(memory, _MOST_BYTES, "memory") // _MIB),
            disks=disks,
            nics=[self._nic(item) for item in self._of(_NIC)],
        )

    def _of(self, kind: str) -> list[dict[str, str]]:
        return [item for item in self._items if item.get("ResourceType") == kind]

    def _disk(self, item: dict[str, str]) -> ApplianceDisk:
        wanted = item.get("HostResource", "").rpartition("/")[2]
        disk = self._disks.pop(wanted, None)
        if disk is None:
            raise Malformed("the appliance's hardware names a disk that is not described, or twice")
        if disk.get("parentRef"):
            raise Malformed("a disk of the appliance has a parent")
        file = self._files.pop(disk.get("fileRef", ""), None)
        member = self._members.get(file.get("href", "")) if file is not None else None
        if file is None or member is None:
            raise Malformed("a disk of the appliance is not in its archive, or is there for two")
        if file.get("compression", "identity") not in ("", "identity") or file.get("chunkSize"):
            raise Malformed("a disk of the appliance is compressed or in pieces")
        self._content.at(member.offset + member.size - 1, 1, member.name)
        head = self._content.up_to(member.offset, min(_HEAD, member.size))
        capacity = _number(disk.get("capacity", "")) * _unit(disk.get("capacityAllocationUnits", "byte"))
        return ApplianceDisk(
            name=item.get("ElementName") or wanted,
            offset=member.offset,
            length=member.size,
            disk_format=recognise(head) or "raw",
            capacity=_bounded(capacity, _MOST_BYTES, "disk"),
            bus=self._controllers.get(item.get("Parent", ""), ""),
            digest=self._digests.get(member.name),
        )

    def _nic(self, item: dict[str, str]) -> ApplianceNic:
        mac = item.get("Address", "")
        return ApplianceNic(
            name=item.get("ElementName", ""),
            network=item.get("Connection", ""),
            mac=mac.lower() if _MAC.match(mac) else "",
            model=_MODELS.get(item.get("ResourceSubType", "").lower(), ""),
        )


def _number(text: str) -> int:
    """Read a number of at most 18 digits; 0 for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0  # noqa: PLR2004  64 bits


def _bounded(amount: int, most: int, what: str) -> int:
    if amount > most:
        raise Malformed(f"the appliance asks for more {what} than there is anywhere")
    return amount


def _bytes(item: Mapping[str, str]) -> int:
    return _number(item.get("VirtualQuantity", "")) * _unit(item.get("AllocationUnits", "byte * 2^20"))


def _unit(text: str) -> int:
    """Return how many bytes a unit has: `byte * 2^20`, or the older `MegaBytes`."""
    if found := _POWER.match(text.strip()):
        return 1 << int(found[1])
    return _UNITS.get(text.strip().lower().removesuffix("s"), 1)
