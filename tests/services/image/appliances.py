"""Appliances for tests: an OVF descriptor, disks and a manifest in a tar."""

import hashlib
import io
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

OVF = """<?xml version="1.0"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">
 <References>
  <File ovf:href="disk1.vmdk" ovf:id="file1" ovf:size="1"/>
  <File ovf:href="disk2.qcow2" ovf:id="file2"/>
 </References>
 <DiskSection><Info>Disks</Info>
  <Disk ovf:capacity="3" ovf:capacityAllocationUnits="byte * 2^30" ovf:diskId="vmdisk1" ovf:fileRef="file1"
    ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  <Disk ovf:capacity="8388608" ovf:diskId="vmdisk2" ovf:fileRef="file2"/>
 </DiskSection>
 <VirtualSystem ovf:id="box">
  <Name>The Box</Name>
  <VirtualHardwareSection>
   <Item><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType>
    <rasd:VirtualQuantity>2</rasd:VirtualQuantity></Item>
   <Item><rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType>
    <rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits>
    <rasd:VirtualQuantity>512</rasd:VirtualQuantity></Item>
   <Item><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceType>6</rasd:ResourceType></Item>
   <Item><rasd:InstanceID>4</rasd:InstanceID><rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType>
    <rasd:ElementName>Hard Disk 1</rasd:ElementName>
    <rasd:HostResource>ovf:/disk/vmdisk1</rasd:HostResource></Item>
   <Item><rasd:InstanceID>5</rasd:InstanceID><rasd:ResourceType>17</rasd:ResourceType>
    <rasd:HostResource>ovf:/disk/vmdisk2</rasd:HostResource></Item>
   <Item><rasd:InstanceID>6</rasd:InstanceID><rasd:ResourceType>10</rasd:ResourceType>
    <rasd:Address>52:54:00:AA:BB:CC</rasd:Address><rasd:Connection>VM Network</rasd:Connection>
    <rasd:ElementName>Ethernet 1</rasd:ElementName><rasd:ResourceSubType>E1000</rasd:ResourceSubType></Item>
  </VirtualHardwareSection>
 </VirtualSystem>
</Envelope>
"""


def disk(folder: Path, kind: str, options: str = "") -> bytes:
    """Make a disk of 8 MiB with something on it."""
    source, path = folder / "source", folder / f"disk.{kind}"
    source.write_bytes((b"a disk as " + kind.encode()).ljust(8 << 20, b"\0"))
    words = ["-o", options] if options else []
    command = ["qemu-img", "convert", "-f", "raw", "-O", kind, *words, str(source), str(path)]
    subprocess.run(command, check=True)
    return path.read_bytes()


def members(folder: Path, ovf: str = OVF) -> dict[str, bytes]:
    """Return the files of an appliance, its manifest last."""
    files = {
        "box.ovf": ovf.encode(),
        "disk1.vmdk": disk(folder, "vmdk", "subformat=streamOptimized"),
        "disk2.qcow2": disk(folder, "qcow2"),
    }
    hashes = (f"SHA256({name})= {hashlib.sha256(data).hexdigest()}\n" for name, data in files.items())
    return files | {"box.mf": "".join(hashes).encode()}


def pack(files: dict[str, bytes] | Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """Return a tar of files, or of members as they are."""
    written = io.BytesIO()
    pairs = files.items() if isinstance(files, dict) else files
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for member, data in pairs:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return written.getvalue()
