"""The disks of a server that are its host's, beside the root: ephemeral ones and swap.

A flavor says how large they may be. A request may divide the ephemeral space (`block_device_mapping_v2` with
a blank source on a local destination); without, there is one disk of each kind that the flavor has room for.
Ephemeral disks come formatted: by `guest_format`, else for the image's `os_type` (docs.openstack.org/nova).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from cumulo.contracts.hypervisor import LocalDisk
from cumulo.services.compute.disks import PREFIXES
from cumulo.services.compute.model import EmbeddedFlavor, Server
from cumulo.services.compute.model.servers import AskedDisk

GIB = 1024  # MiB
SWAP = "swap"
_LETTERS = "bcdefghijklmnopqrstuvw"  # `a` is the root's, the last ones are kept for rescue and config drive
FORMATS = ("ext2", "ext3", "ext4", "vfat", "xfs", "swap")
_BY_SYSTEM = {"linux": "ext4", "windows": "vfat"}
_PROPERTIES = msgspec.json.Decoder(dict[str, Any])


def of(
    server: Server, flavor: EmbeddedFlavor, asked: Sequence[AskedDisk], bus: str, taken: Iterable[str] = ()
) -> tuple[LocalDisk, ...]:
    """Return a server's local disks as its guest has them: ephemeral ones first, then swap.

    `taken`: the devices that its volumes are (`/dev/vdc`).
    """
    system = _PROPERTIES.decode(server.image_properties).get("os_type")
    used = {name[-1:] for name in taken}
    letters = (letter for letter in _LETTERS if letter not in used)
    return tuple(
        LocalDisk(
            name=name,
            size_mib=size,
            format=format_ or _BY_SYSTEM.get(str(system), "vfat"),
            device=f"{PREFIXES.get(disk_bus or bus, 'vd')}{next(letters)}",
            bus=disk_bus or bus,
        )
        for name, size, format_, disk_bus in _sizes(flavor, asked)
    )


def _sizes(flavor: EmbeddedFlavor, asked: Sequence[AskedDisk]) -> Iterator[tuple[str, int, str, str]]:
    """Yield name, MiB, format and bus ("": the image's) of each."""
    ephemeral = [disk for disk in asked if disk.format != SWAP]
    for number, disk in enumerate(ephemeral):
        yield f"ephemeral{number}", disk.size * GIB, disk.format, disk.bus
    if not ephemeral and flavor.ephemeral:
        yield "ephemeral0", flavor.ephemeral * GIB, "", ""
    swaps = [disk for disk in asked if disk.format == SWAP]
    size = min(swaps[0].size, flavor.swap) if swaps else flavor.swap
    if size:
        yield SWAP, size, SWAP, swaps[0].bus if swaps else ""
