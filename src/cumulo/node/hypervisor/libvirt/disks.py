"""Guests' disks: read-only bases made once from an image, and a qcow2 overlay for each server.

Every file is made under a temporary name and renamed when whole, so a killed process leaves none
that looks ready. An image was inspected when it was uploaded; what could make QEMU open other files
(a backing file, an external data file) is refused here once more, before anything uses it.
"""

import asyncio
import fcntl
import os
import shutil
import uuid
from pathlib import Path

import msgspec

from cumulo.contracts.hypervisor import DiskSpec
from cumulo.core.drivers import Permanent
from cumulo.node.commands import Limits, run
from cumulo.node.files import write_atomically

GIB = 1 << 30
FICLONE = 0x40049409  # Linux's ioctl that shares a file's blocks with another
FORMATS = {
    "qcow2": "qcow2",
    "raw": "raw",
    "gpt": "raw",
    "iso": "raw",
}  # what a base keeps as it is, as QEMU calls it
CONVERTED = {"vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vhdx": "vhdx", "ploop": "parallels"}
_SPARE = 1 << 26  # bytes that a qcow2's own tables may take, beside a part of the disk's size
_PATIENCE = 3600.0  # seconds that a conversion may take
USED_BASE = "base"  # in a server's folder: the name of the base that its disk lies on
DISK = "disk.qcow2"
RESCUE = "rescue"  # in a server's folder: one with the disk that it is rescued by


class ImageInfo(msgspec.Struct):
    """What `qemu-img info --output=json` says, as far as it matters here."""

    virtual_size: int = msgspec.field(name="virtual-size")
    format: str
    backing_filename: str | None = msgspec.field(name="backing-filename", default=None)
    format_specific: dict[str, object] = msgspec.field(name="format-specific", default_factory=dict)


async def inspect(path: Path, image_format: str) -> ImageInfo:
    """Return what an image of a known format is; its content never chooses the format."""
    text = await run(*("qemu-img", "info", "--output=json", "-f", image_format, str(path)), limits=Limits())
    return msgspec.json.decode(text, type=ImageInfo)


class Bases:
    """The folder of bases. Requests for the same one share its making."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._making: dict[str, asyncio.Task[Path]] = {}

    async def under(self, folder: Path, disk: DiskSpec) -> Path | None:
        """Return the base of a server's disk; None: an empty disk.

        A disk that exists keeps its base, even when the image is gone since.
        """
        if (folder / DISK).exists():
            noted = folder / USED_BASE
            return self._folder / noted.read_text() if noted.exists() else None
        return await self.ensure(disk) if disk.image_id else None

    async def ensure(self, disk: DiskSpec) -> Path:
        """Return the path of the base of `disk`'s image, made when it is not there yet."""
        name = base_name(disk)
        path = self._folder / name
        if _touch(path):
            return path
        task = self._making.get(name)
        if task is None:
            task = asyncio.create_task(self._make(disk, path), name=f"base {name}")
            self._making[name] = task
            task.add_done_callback(lambda _: self._making.pop(name, None))
        return await asyncio.shield(task)

    async def forget_unused(self, servers: Path, before: float) -> list[str]:
        """Delete bases that no server in `servers` uses and that were last asked for before `before`."""
        old = await asyncio.to_thread(self._old, servers, before)
        # Whoever asks for one meanwhile touches it first, on this loop: so it is looked at once more here.
        unasked = [file for file in old if _is_older(file, before)]
        for file in unasked:
            file.unlink(missing_ok=True)
        return [file.name for file in unasked]

    def _old(self, servers: Path, before: float) -> list[Path]:
        """Return the bases to delete. Blocks: there may be many servers."""
        noted = (*servers.glob(f"*/{USED_BASE}"), *servers.glob(f"*/{RESCUE}/{USED_BASE}"))
        used = {_text(file) for file in noted}
        return [file for file in self._folder.glob("*") if file.name not in used and _is_older(file, before)]

    async def _make(self, disk: DiskSpec, path: Path) -> Path:
        source = Path(disk.image_path or "")
        if not await asyncio.to_thread(source.is_file):
            raise Permanent(f"image {disk.image_id} has no file on this host")
        info = await inspect(source, CONVERTED.get(disk.image_format) or FORMATS[disk.image_format])
        if info.backing_filename or _data(info).get("data-file"):
            raise Permanent(f"image {disk.image_id} refers to another file")
        self._folder.mkdir(parents=True, exist_ok=True)
        for leftover in self._folder.glob(f".{path.name}.*"):  # of a process that was killed here
            leftover.unlink(missing_ok=True)
        temporary = self._folder / f".{path.name}.{uuid.uuid4().hex[:8]}"
        try:
            if disk.image_format in CONVERTED:
                await _convert(source, disk.image_format, temporary, info.virtual_size)
            else:
                await asyncio.to_thread(_duplicate, source, temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _touch(path)
        return path


def _touch(path: Path) -> bool:
    """Note that a base was asked for; say whether it exists."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _is_older(file: Path, before: float) -> bool:
    try:
        return file.stat().st_mtime < before
    except FileNotFoundError:
        return False


def _text(file: Path) -> str:
    """Return what a file holds, nothing when its server has just been removed."""
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""


def base_name(disk: DiskSpec) -> str:
    """Return the name of the base of a disk's image."""
    kept_as = base_format(disk.image_format)
    source = disk.image_digest or disk.image_id or ""
    if not source.replace("-", "").isalnum():
        raise Permanent("the image has neither a hash nor an id")
    return f"{source[:64]}.{kept_as}"


def base_format(image_format: str) -> str:
    """Return what QEMU calls the format of the base of an image. Permanent when it can have none."""
    if image_format in CONVERTED:
        return "qcow2"
    if image_format not in FORMATS:
        raise Permanent(f"images of format {image_format} cannot be booted from")
    return FORMATS[image_format]


async def _convert(source: Path, image_format: str, target: Path, size: int) -> None:
    """Make a qcow2 of an image in a format that QEMU only reads well."""
    name = str(source).replace(",", ",,")
    read = f"driver={CONVERTED[image_format]},file.driver=file,file.filename={name}"
    limits = Limits(file_size=size + size // 64 + _SPARE)
    words = ("convert", "--image-opts", read, "-O", "qcow2", f"file:{target}")
    await run("qemu-img", *words, seconds=_PATIENCE, limits=limits)


async def ensure_overlay(folder: Path, disk: DiskSpec, base: Path | None) -> Path:
    """Have a server's disk: an overlay on `base`, or an empty one of at least 1 MiB."""
    path = folder / DISK
    if path.exists():
        return path
    size = disk.size_gib * GIB
    words: tuple[str, ...] = ()
    if base is not None:
        smallest = (await inspect(base, base_format(disk.image_format))).virtual_size
        if size and size < smallest:
            raise Permanent(f"the image needs {smallest} bytes of disk, the flavor gives {disk.size_gib} GiB")
        size = max(size, smallest)
        words = ("-b", str(base), "-F", base_format(disk.image_format))
        write_atomically(folder / USED_BASE, base.name.encode())
    temporary = folder / f".{DISK}"
    temporary.unlink(missing_ok=True)
    await run(
        *("qemu-img", "create", "-q", "-f", "qcow2", *words, str(temporary), str(size or 1 << 20)),
        limits=Limits(),
    )
    temporary.replace(path)
    return path


def can_bypass_cache(folder: Path) -> bool:
    """Say whether the file system lets QEMU use O_DIRECT (tmpfs does not)."""
    probe = folder / f".direct.{uuid.uuid4().hex[:8]}"
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_RDWR | os.O_DIRECT, 0o600))
    except OSError:
        return False
    finally:
        probe.unlink(missing_ok=True)
    return True


def _data(info: ImageInfo) -> dict[str, object]:
    data = info.format_specific.get("data")
    return data if isinstance(data, dict) else {}


def _duplicate(source: Path, target: Path) -> None:
    """Share the source's blocks where the file system can, else its inode, else copy its bytes.

    The image store never changes a file once it is whole, so sharing the inode is safe.
    """
    with source.open("rb") as read, target.open("wb") as write:
        try:
            fcntl.ioctl(write, FICLONE, read.fileno())
        except OSError:
            pass
        else:
            os.fsync(write)
            return
    target.unlink()
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
        with target.open("rb+") as write:
            os.fsync(write)
        target.chmod(0o444)
