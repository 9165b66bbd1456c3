"""The local disks that a request asks for: how it divides the ephemeral space of its flavor, and its swap."""

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from cumulo.services.compute.disks import PREFIXES
from cumulo.services.compute.errors import BadBlockDevice, LocalDisksTooLarge
from cumulo.services.compute.local_disks import FORMATS, SWAP
from cumulo.services.compute.model import Flavor
from cumulo.services.compute.model.servers import AskedDisk
from cumulo.services.compute.schema.bodies import ServerBody


def is_local(entry: Any) -> bool:
    """Say whether an entry of the mapping is a disk of the host's own."""
    return entry.source_type == "blank" and entry.destination_type in ("local", UNSET)


def asked(body: ServerBody, flavor: Flavor) -> list[AskedDisk]:
    """Return the local disks of a request. LocalDisksTooLarge, BadBlockDevice."""
    entries = [] if body.block_device_mapping_v2 is UNSET else body.block_device_mapping_v2
    found = [_disk(entry, flavor) for entry in entries if is_local(entry)]
    swaps = [disk for disk in found if disk.format == SWAP]
    if len(swaps) > 1:
        raise BadBlockDevice(reason="More than one swap drive requested.")
    if swaps and swaps[0].size > flavor.swap_mib:
        raise LocalDisksTooLarge(kind="Swap (MiB)", wanted=swaps[0].size, have=flavor.swap_mib)
    _check_ephemeral([disk for disk in found if disk.format != SWAP], flavor)
    return found


def _check_ephemeral(disks: Sequence[AskedDisk], flavor: Flavor) -> None:
    wanted = sum(disk.size for disk in disks)
    if wanted > flavor.ephemeral_gib:
        raise LocalDisksTooLarge(kind="Ephemeral disk (GiB)", wanted=wanted, have=flavor.ephemeral_gib)
    if any(disk.size == 0 for disk in disks):
        raise BadBlockDevice(reason="the flavor has no ephemeral disk")


def _disk(entry: Any, flavor: Flavor) -> AskedDisk:
    format_, bus = _text(entry.guest_format), _text(entry.disk_bus)
    if format_ and format_ not in FORMATS:
        raise BadBlockDevice(reason=f"guest_format '{format_}' is none of {', '.join(FORMATS)}")
    if bus and bus not in PREFIXES:
        raise BadBlockDevice(reason=f"disk_bus '{bus}' is unknown")
    all_of_it = flavor.swap_mib if format_ == SWAP else flavor.ephemeral_gib
    return AskedDisk(_size(entry.volume_size, all_of_it), format_, bus)


def _size(value: Any, default: int) -> int:
    if value is UNSET or value is None or value == "":
        return default
    try:
        size = int(value)
    except ValueError:
        size = -1
    if size < 0:
        raise BadBlockDevice(reason=f"volume_size '{value}' is no size")
    return size


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
