"""Converting disks between formats: qemu-img, in a process that cannot take more than its share.

Only inspected files come here. Even so the process gets no more memory, processor time and file length than
it needs, and the file's name and format are given as options, so that neither its content nor its name is
read as anything else.
"""

import asyncio
import os
import shutil
from pathlib import Path

import msgspec

from cumulo.core.drivers import Permanent, Temporary

QEMU_NAMES = {
    "raw": "raw",
    "gpt": "raw",
    "qcow2": "qcow2",
    "vmdk": "vmdk",
    "vdi": "vdi",
    "vhd": "vpc",
    "vhdx": "vhdx",
    "ploop": "parallels",
}
"""Formats that can be converted from and to, and what QEMU calls them."""

_SPARE = 1 << 26  # bytes that a format's own tables may add, beside a part of the disk's size
_ONE_HEAP = {"MALLOC_ARENA_MAX": "1"}  # else each of its threads, as many as it likes, reserves 64 MiB more
_PATIENCE = 4  # a process may wait for the disk longer than it computes


class Bounds(msgspec.Struct, frozen=True):
    """What a conversion may use: bytes of memory, seconds of processor time, bytes of the disk's size."""

    memory: int
    seconds: int
    virtual_size: int


async def convert(source: Path, source_format: str, target: Path, target_format: str, bounds: Bounds) -> None:
    """Convert a disk into a new file; one that is there is replaced. Raises Permanent, Temporary.

    Formats are Glance's names.
    """
    forget(target)
    try:
        await _run(bounds, *_command(source, source_format, _partial(target), target_format))
        _partial(target).rename(target)
    finally:
        forget(target)


def forget(target: Path) -> None:
    """Remove what a conversion that was killed left beside its target."""
    _partial(target).unlink(missing_ok=True)


def _partial(target: Path) -> Path:
    return target.with_name(f"{target.name}.partial")


def _command(source: Path, source_format: str, target: Path, target_format: str) -> tuple[str, ...]:
    """Return the words; no other file is opened below the source, whatever its header says."""
    file = {"driver": "file", "filename": str(source)}
    read = {"driver": QEMU_NAMES[source_format], "backing": None, "file": file}
    kind = QEMU_NAMES[target_format]
    return ("qemu-img", "convert", "-O", kind, f"json:{msgspec.json.encode(read).decode()}", f"file:{target}")


async def _run(bounds: Bounds, *command: str) -> None:
    limiter = shutil.which("prlimit")
    if limiter is None:
        raise Permanent("prlimit is not installed", public="images cannot be converted here")
    length = bounds.virtual_size + bounds.virtual_size // 64 + _SPARE
    limits = (
        f"--as={bounds.memory}",
        f"--cpu={bounds.seconds}",
        f"--fsize={length}",
        "--core=0",
        "--nofile=64",
    )
    process = await asyncio.create_subprocess_exec(
        *(limiter, *limits, "--", *command),
        env=os.environ | _ONE_HEAP,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(bounds.seconds * _PATIENCE):
            _, complaint = await process.communicate()
    except TimeoutError:
        raise Temporary("the conversion took too long") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        words = " ".join(complaint.decode(errors="replace").split())[-300:]
        raise Permanent(f"{command[0]} failed: {words}", public="the image could not be converted")
