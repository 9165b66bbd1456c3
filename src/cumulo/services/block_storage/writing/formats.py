"""The formats that an image of a volume can have."""

from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from cumulo.contracts.volumes import Extent
from cumulo.services.block_storage.writing.ploop import ploop
from cumulo.services.block_storage.writing.qcow2 import qcow2
from cumulo.services.block_storage.writing.runs import Read, raw
from cumulo.services.block_storage.writing.vdi import vdi
from cumulo.services.block_storage.writing.vhd import vhd
from cumulo.services.block_storage.writing.vhdx import vhdx
from cumulo.services.block_storage.writing.vmdk import vmdk


class Format(msgspec.Struct, frozen=True):
    """How images are written: `write` yields the file of a device of so many bytes; at most `largest` GiB."""

    write: Callable[[int, Sequence[Extent], Read], AsyncIterator[bytes]]
    largest: int = 1 << 24


FORMATS = {
    "raw": Format(raw),
    "qcow2": Format(qcow2),
    "vdi": Format(vdi),
    "vhd": Format(vhd, 2040),  # the specification's own limit
    "vhdx": Format(vhdx, 64 << 10),
    "vmdk": Format(vmdk, 2047),  # places in the file are 32 bits of sectors
    "ploop": Format(ploop),
}
