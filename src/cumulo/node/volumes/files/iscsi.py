"""Volumes as raw files that tgtd exports: snapshots are copies, as tgtd writes to one file only.

Where the file system shares blocks between files (XFS, btrfs), a copy takes a moment; elsewhere it takes as
long as the data is long, and who has the volume attached waits meanwhile.
"""

import asyncio
import secrets as randomness
from contextlib import AbstractContextManager

import msgspec

from cumulo.contracts.volumes import BlockAccess, VolumeSpec
from cumulo.node.volumes import luks
from cumulo.node.volumes.driver import GIB, check_fits
from cumulo.node.volumes.files.exporting import Exporting
from cumulo.node.volumes.files.making import Making
from cumulo.node.volumes.files.merging import named
from cumulo.node.volumes.files.records import ExportRecord, SnapshotRecord, VolumeRecord
from cumulo.node.volumes.files.tgt import TargetDaemon

_NAME = "iqn.2026-01.cloud.cumulo:"


class TargetExporting(Exporting):
    """Exports by one tgtd a volume, with a target and a password of its own for each."""

    protocol = "iscsi"

    def new_export(self, *, read_only: bool, snapshot: str | None) -> ExportRecord:
        """Return the record of a new export."""
        return ExportRecord(read_only=read_only, snapshot=snapshot, password=randomness.token_hex(8))

    def port_key(self, snapshot: str | None) -> str:
        """Return the key of the volume's only daemon, which has the snapshots' exports too."""
        del snapshot
        return ""

    async def realise(self, record: VolumeRecord) -> None:
        """Have running what a record's exports ask for, and nothing else."""
        daemon = TargetDaemon(self._run, record.volume_id)
        daemon.thaw()
        if not record.exports:
            await daemon.end()
            return
        await daemon.start(self._address.host, record.ports[""])
        there = await daemon.targets()
        for name, number in there.items():
            if name.removeprefix(_NAME) not in record.exports:
                await daemon.remove(number, name.removeprefix(_NAME))
        for key, export in record.exports.items():
            if _NAME + key not in there:
                file = self._layers.access(self._top(record, f"@{export.snapshot or ''}")).path
                read_only = export.read_only or export.snapshot is not None
                await daemon.add(_NAME + key, file, key, export.password, read_only=read_only)

    async def resize(self, record: VolumeRecord, size: int) -> None:
        """Grow an exported volume. tgtd knows a file's size from when it opened it, so it begins anew.

        Who is connected waits and connects again by itself, and asks for the new size when it is told to.
        """
        await TargetDaemon(self._run, record.volume_id).end()
        await self._layers.grow(record.head, size)

    def access(self, record: VolumeRecord, export_id: str) -> BlockAccess:
        """Return how QEMU reaches an export."""
        export = record.exports[export_id]
        return BlockAccess(
            protocol="iscsi",
            name=f"{_NAME}{export_id}/1",
            hosts=((self._address.host, record.ports[""]),),
            user=export_id,
            secret=export.password,
            read_only=export.read_only or export.snapshot is not None,
        )

    def still(self, record: VolumeRecord) -> AbstractContextManager[None]:
        """Keep who has a volume attached from writing meanwhile."""
        return TargetDaemon(self._run, record.volume_id).frozen()


class Copying(Making):
    """What makes raw files, and copies of them."""

    async def make(self, spec: VolumeSpec, source: BlockAccess | None = None) -> None:
        """Make a volume that is empty or holds a source's content."""
        header = await asyncio.to_thread(luks.header, spec)
        name = self._layers.new_name()
        size = spec.size_gib * GIB + len(header)
        with self._layers.holding(name):
            await self._layers.make_raw(name, size, header=header, reserve=spec.provisioning == "thick")
            if source is not None:
                await self._copy(source, name, spec)
            await self._keep(spec, name, len(header))

    async def make_from(self, spec: VolumeSpec, layer: str, header: int, size: int) -> None:
        """Make a volume of a held file that is nobody's, or of a copy of it."""
        check_fits(size - header, spec.size_gib * GIB)
        name = self._layers.new_name() if layer in named(self._records) else layer
        with self._layers.holding(name):
            if name != layer:
                await self._layers.copy(layer, name)
            await self._layers.grow(name, spec.size_gib * GIB + header)
            await self._layers.flush(name)
            await self._keep(spec, name, header)

    async def cover(self, record: VolumeRecord, snapshot: str | None) -> str:
        """Copy a volume as it is now, perhaps as a snapshot; return the copy."""
        await self._exporting.end_own(record.volume_id)
        name = self._layers.new_name()
        with self._layers.holding(name):
            with self._exporting.still(record):
                await self._layers.copy(record.head, name)
            if snapshot is not None:
                kept = record.snapshots | {snapshot: SnapshotRecord(layer=name, size=record.size)}
                await self._records.save(msgspec.structs.replace(record, snapshots=kept))
        return name

    async def put_back(self, record: VolumeRecord, snapshot: SnapshotRecord) -> None:
        """Have a volume hold what a snapshot holds."""
        name = self._layers.new_name()
        with self._layers.holding(name):
            await self._layers.copy(snapshot.layer, name)
            await self._layers.grow(name, record.size)
            await self._records.save(msgspec.structs.replace(record, head=name))
