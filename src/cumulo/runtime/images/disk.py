"""A whole disk: master boot record, two partitions, and its qcow2 form."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from cumulo.runtime.images.tools import run

SECTOR = 512
FIRST_SECTOR = 2048  # 1 MiB: aligned for any storage
_TABLE = 446
_BLOCK = 1 << 20


class Partition(msgspec.Struct, frozen=True):
    """A partition with the file that fills it. `kind` is the MBR's type byte."""

    content: Path
    kind: int
    bootable: bool = False


def write_disk(target: Path, partitions: Sequence[Partition], *, boot_code: bytes, identity: int) -> None:
    """Make `target` a raw disk with an MBR and these partitions one after another, holes kept."""
    entries = b""
    sector = FIRST_SECTOR
    with target.open("wb") as disk:
        for partition in partitions:
            size = partition.content.stat().st_size
            entries += _entry(partition, sector, size // SECTOR)
            _copy_with_holes(partition.content, disk, sector * SECTOR)
            sector += size // SECTOR
        disk.truncate(sector * SECTOR)
        disk.seek(0)
        head = boot_code[:440].ljust(440, b"\0") + struct.pack("<IH", identity, 0)
        disk.write(head + entries.ljust(64, b"\0") + b"\x55\xaa")


def _entry(partition: Partition, start: int, sectors: int) -> bytes:
    """Return a table entry; the cylinder fields say "use the sector numbers" as every firmware does."""
    beyond = b"\xfe\xff\xff"
    flag = 0x80 if partition.bootable else 0
    return bytes([flag]) + beyond + bytes([partition.kind]) + beyond + struct.pack("<II", start, sectors)


def _copy_with_holes(source: Path, disk: BinaryIO, offset: int) -> None:
    with source.open("rb") as file:
        while block := file.read(_BLOCK):
            if block.strip(b"\0"):
                disk.seek(offset)
                disk.write(block)
            offset += len(block)


def write_qcow2(raw: Path, target: Path, *, compress: bool = False) -> None:
    """Convert a raw disk; one coroutine, so that the clusters lie in the same order each time."""
    options = ["-c"] if compress else []
    run(["qemu-img", "convert", "-m", "1", *options, "-f", "raw", "-O", "qcow2", raw, target])
