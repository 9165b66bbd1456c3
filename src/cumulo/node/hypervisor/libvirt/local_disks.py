"""The disks of guests that no image fills: made once with a file system, and kept while the spec names them.

A larger ephemeral disk grows as a file; the file system on it is the guest's, and nothing on the host reads
what a guest wrote there. Swap holds nothing that lasts, so it is made anew in its new size.
"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from cumulo.contracts.hypervisor import LocalDisk
from cumulo.core.drivers import Permanent
from cumulo.node.commands import Limits, run

MIB = 1 << 20
SUFFIX = ".local"
_PATIENCE = 600.0  # seconds that making a file system may take
_EXT = ("-q", "-F", "-E", "lazy_itable_init=1,nodiscard", "-L")
_MAKERS = {  # format → what makes it: the program's words before label and file
    **{f"ext{number}": (f"mkfs.ext{number}", *_EXT) for number in (2, 3, 4)},
    "vfat": ("mkfs.vfat", "-n"),
    "xfs": ("mkfs.xfs", "-q", "-f", "-K", "-L"),
    "swap": ("mkswap", "-L"),
}


async def ensure(folder: Path, wanted: Sequence[LocalDisk]) -> dict[str, Path]:
    """Have exactly these disks in a server's folder; return their files by name. The guest is off."""
    files = {disk.name: folder / f"{disk.name}{SUFFIX}" for disk in wanted}
    for file in files_in(folder):
        if file not in files.values():
            file.unlink(missing_ok=True)
    for disk in wanted:
        await _ensure(files[disk.name], disk)
    return files


def file_of(folder: Path, name: str) -> Path:
    """Return where a local disk lies in a server's folder. Permanent when `name` is no plain word."""
    if not name.isalnum():
        raise Permanent(f"{name!r} is no local disk's name")
    return folder / f"{name}{SUFFIX}"


def files_in(folder: Path) -> list[Path]:
    """Return the files of a server's local disks."""
    return sorted(folder.glob(f"*{SUFFIX}"))


async def _ensure(file: Path, disk: LocalDisk) -> None:
    size = disk.size_mib * MIB
    have = await asyncio.to_thread(_size, file)
    if have == size or (have is not None and have > size and disk.format != "swap"):
        return
    if have is not None and disk.format != "swap":
        await asyncio.to_thread(os.truncate, file, size)
        return
    partial = file.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    await asyncio.to_thread(_sparse, partial, size)
    await run(*_command(disk, partial), seconds=_PATIENCE, limits=Limits(file_size=size))
    partial.replace(file)


def _size(file: Path) -> int | None:
    return file.stat().st_size if file.exists() else None


def _sparse(file: Path, size: int) -> None:
    with file.open("wb") as opened:
        os.fchmod(opened.fileno(), 0o600)
        opened.truncate(size)


def _command(disk: LocalDisk, file: Path) -> tuple[str, ...]:
    maker = _MAKERS.get(disk.format)
    if maker is None:
        raise Permanent(f"{disk.format} is no format of local disks")
    return (*maker, disk.name, str(file))
