"""The disk that is a guest's own: snapshots of it, a copy set aside, its way to another host."""

import asyncio
import os
import shutil
from pathlib import Path

from cumulo.contracts.hypervisor import GuestMissing
from cumulo.core.drivers import Permanent
from cumulo.node.commands import Limits, run
from cumulo.node.hypervisor.libvirt import disks, local_disks, snapshots
from cumulo.node.hypervisor.libvirt.domains import ALIVE
from cumulo.node.hypervisor.libvirt.guests import Guests, checked

KEPT = "kept.qcow2"
KEPT_TOO = ".kept"  # after the name of a local disk's file
COMING = "coming.qcow2"
_COPYING = 3600.0  # seconds that copying a disk may take


class OwnDisks(Guests):
    """The verbs that work on guests' own disks."""

    async def snapshot(self, server_id: str, name: str, *, disk: str = "", fence: int = 0) -> int:
        """Keep a disk's content as it is now as a whole qcow2 file; return its length in bytes."""
        async with self._alone_with(server_id, fence):
            file, target = self._disk(server_id, disk), self._snapshot(server_id, name)
            if not await asyncio.to_thread(file.exists):
                raise GuestMissing(server_id)
            partial = target.with_suffix(".partial")
            alive = (await self._domains.state(server_id)).power in ALIVE
            if disk and alive:
                raise Permanent("local disks are kept while their guest is off")
            if alive:
                domain = self._domains.name(server_id)
                await snapshots.copy_live(self._connection, domain, file, partial)
            else:
                await snapshots.copy_off(file, partial, written="raw" if disk else "qcow2")
            partial.replace(target)
            return target.stat().st_size

    async def read_snapshot(self, server_id: str, name: str, offset: int, length: int) -> bytes:
        """Return a piece of a snapshot's file. Gone when there is none."""
        file = self._snapshot(server_id, name)
        return await asyncio.to_thread(snapshots.read, file, offset, length)

    async def drop_snapshot(self, server_id: str, name: str) -> None:
        """Remove a snapshot's file; none is no error."""
        file = self._snapshot(server_id, name)
        for left in (file, file.with_suffix(".partial")):
            left.unlink(missing_ok=True)

    async def keep_disk(self, server_id: str, *, fence: int = 0) -> None:
        """Stop the guest and put copies of its own disks aside, unless they are there already."""
        async with self._alone_with(server_id, fence):
            await self._domains.stop(server_id)
            folder, disk = self._place.server(server_id), self._disk(server_id)
            own = {file: file.with_name(file.name + KEPT_TOO) for file in local_disks.files_in(folder)}
            if await asyncio.to_thread(disk.exists):  # else it boots from a volume
                own[disk] = folder / KEPT
            for file, kept in own.items():
                if not await asyncio.to_thread(kept.exists):
                    await copy(file, kept)

    async def restore_disk(self, server_id: str, *, fence: int = 0) -> None:
        """Stop the guest and put what was set aside back in the disk's place; none is no error."""
        async with self._alone_with(server_id, fence):
            await self._domains.stop(server_id)
            kept = self._place.server(server_id) / KEPT
            for file in self._kept_too(server_id):
                file.replace(file.with_suffix(""))
            if kept.exists():
                kept.replace(self._disk(server_id))

    async def release_disk(self, server_id: str, *, fence: int = 0) -> None:
        """Remove what was set aside; none is no error."""
        async with self._alone_with(server_id, fence):
            for file in (*self._kept_too(server_id), self._place.server(server_id) / KEPT):
                file.unlink(missing_ok=True)

    async def receive_disk(
        self, server_id: str, offset: int, data: bytes, *, last: bool, disk: str = "", fence: int = 0
    ) -> None:
        """Take a piece of a disk that comes from another host; it is the guest's once the last is there."""
        async with self._alone_with(server_id, fence):
            folder = self._place.server(server_id)
            coming, file = folder / COMING, self._disk(server_id, disk)
            if file.exists():
                return  # the last piece came in a call whose answer was lost
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            await asyncio.to_thread(_write, coming, offset, data)
            if last:
                await _check_whole(coming)
                await (_unpack(coming, file) if disk else asyncio.to_thread(coming.replace, file))

    def _kept_too(self, server_id: str) -> list[Path]:
        return list(self._place.server(server_id).glob(f"*{KEPT_TOO}"))

    def _disk(self, server_id: str, name: str = "") -> Path:
        folder = self._place.server(server_id)
        return local_disks.file_of(folder, name) if name else folder / disks.DISK

    def _snapshot(self, server_id: str, name: str) -> Path:
        return snapshots.file_of(self._place.server(checked(server_id)), name)


async def copy(source: Path, target: Path) -> None:
    """Copy a file with its holes, sharing blocks where the file system can; whole or not at all."""
    partial = target.with_suffix(".partial")
    words = ("--reflink=auto", "--sparse=always", "--", str(source), str(partial))
    await run("cp", *words, seconds=_COPYING, limits=Limits())
    partial.replace(target)


async def _check_whole(coming: Path) -> None:
    """Refuse a disk that lies on another. Permanent."""
    if (await disks.inspect(coming, "qcow2")).backing_filename:
        raise Permanent("the disk that came from the other host is not whole")


async def _unpack(coming: Path, file: Path) -> None:
    """Have a local disk of what came, in the raw form that such disks have; whole or not at all."""
    partial = file.with_suffix(".partial")
    await snapshots.copy_off(coming, partial, wanted="raw")
    await asyncio.to_thread(_take_place, partial, file)
    await asyncio.to_thread(coming.unlink, missing_ok=True)


def _take_place(partial: Path, file: Path) -> None:
    partial.chmod(0o600)
    partial.replace(file)


async def grow(disk: Path, size_gib: int) -> None:
    """Have a disk be at least so large; it never shrinks. Its guest is off."""
    size = size_gib * disks.GIB
    if size > (await disks.inspect(disk, "qcow2")).virtual_size:
        await run("qemu-img", "resize", "-q", "-f", "qcow2", str(disk), str(size), limits=Limits())


def discard(folder: Path) -> None:
    """Remove a guest's own disks, so that its next start makes them anew."""
    own = [folder / name for name in (disks.DISK, disks.USED_BASE, KEPT, COMING)]
    for file in (*own, *local_disks.files_in(folder), *folder.glob(f"*{KEPT_TOO}")):
        file.unlink(missing_ok=True)
    shutil.rmtree(folder / disks.RESCUE, ignore_errors=True)


def _write(file: Path, offset: int, data: bytes) -> None:
    with file.open("r+b" if file.exists() and offset else "wb") as opened:
        os.pwrite(opened.fileno(), data, offset)
        opened.flush()
        os.fsync(opened.fileno())
