"""What a pool of files knows of its volumes: a small file each, replaced at once, which is the truth.

Whatever a killed process left half done is finished or forgotten by these records alone: a layer that
no record leads to is nobody's.
"""

import asyncio
from collections.abc import Coroutine

import msgspec

from cumulo.core.drivers import Permanent
from cumulo.node.volumes.driver import GIB
from cumulo.node.volumes.files.folder import Folder

FOLDER = "volumes"


class SnapshotRecord(msgspec.Struct, kw_only=True):
    """A snapshot: the layer that holds its moment, and how many bytes the volume had."""

    layer: str
    size: int
    managed: bool = True


class ExportRecord(msgspec.Struct, kw_only=True):
    """An export that was opened and not closed. password: by which it is reached, where there is one."""

    read_only: bool = False
    snapshot: str | None = None
    password: str = ""

    def __repr__(self) -> str:
        return f"ExportRecord({self.snapshot})"


class Switch(msgspec.Struct, kw_only=True):
    """That a running daemon is being moved to a new top layer; it ends with `snapshot` (if any) below it."""

    head: str
    snapshot: str | None = None


class VolumeRecord(msgspec.Struct, kw_only=True):
    """A volume. Sizes in bytes; `header` of them lie before an encrypted volume's content.

    head: the layer that is written to. adopting: the file in the pool that is to become it. ports:
    of its daemons, by snapshot (empty: the volume's own), where they listen on an address.
    """

    volume_id: str
    head: str
    size: int
    header: int = 0
    managed: bool = True
    snapshots: dict[str, SnapshotRecord] = {}
    exports: dict[str, ExportRecord] = {}
    switch: Switch | None = None
    adopting: str = ""
    ports: dict[str, int] = {}

    @property
    def size_gib(self) -> int:
        """The size as the service knows it."""
        return (self.size - self.header) // GIB

    @property
    def layers(self) -> set[str]:
        """The layers that it names itself."""
        named = {self.head, *(one.layer for one in self.snapshots.values())}
        return named | {self.switch.head} if self.switch else named


class Records:
    """All records of a pool, by the volumes' ids."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.known: dict[str, VolumeRecord] = {}

    async def load(self) -> None:
        """Read them all."""
        self.known = {}
        for name in await self._folder.names(FOLDER):
            if name.startswith("."):  # a killed process's, perhaps with a password
                await self._folder.remove(f"{FOLDER}/{name}")
                continue
            if not name.endswith(".json"):
                continue
            text = await self._folder.start_of(f"{FOLDER}/{name}", 1 << 22)
            try:
                record = msgspec.json.decode(text, type=VolumeRecord)
            except msgspec.DecodeError as error:
                raise Permanent(f"the record {name} of a volume is damaged: {error}") from error
            self.known[record.volume_id] = record

    async def save(self, record: VolumeRecord) -> None:
        """Make a record durable."""

        async def save() -> None:
            await self._folder.replace(_name(record.volume_id), msgspec.json.encode(record))
            self.known[record.volume_id] = record

        await _whole(save())

    async def remove(self, volume_id: str) -> None:
        """Remove a volume's record."""

        async def remove() -> None:
            await self._folder.remove(_name(volume_id))
            self.known.pop(volume_id, None)

        await _whole(remove())


async def _whole(work: Coroutine[None, None, None]) -> None:
    """Do it to its end, also when the caller gives up meanwhile: memory and file must not differ."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _name(volume_id: str) -> str:
    if not volume_id.replace("-", "").isalnum():
        raise Permanent("an id consists of letters, digits and dashes")
    return f"{FOLDER}/{volume_id}.json"
