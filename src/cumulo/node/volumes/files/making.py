"""Making the layers of new volumes and of snapshots, and the records by which they count."""

import asyncio

import msgspec

from cumulo.contracts.volumes import BlockAccess, VolumeSpec
from cumulo.node.volumes import images, luks
from cumulo.node.volumes.driver import GIB, check_fits
from cumulo.node.volumes.files.exporting import Exporting, topped
from cumulo.node.volumes.files.layers import Layers
from cumulo.node.volumes.files.records import Records, SnapshotRecord, Switch, VolumeRecord

_PLAIN = VolumeSpec(volume_id="", size_gib=0)


class Making:
    """What makes layers. The caller works on the volume alone."""

    def __init__(self, records: Records, layers: Layers, exporting: Exporting) -> None:
        self._records = records
        self._layers = layers
        self._exporting = exporting

    async def make(self, spec: VolumeSpec, source: BlockAccess | None = None) -> None:
        """Make a volume that is empty or holds a source's content, in place of what it held before."""
        header = await asyncio.to_thread(luks.header, spec)
        name = self._layers.new_name()
        size = spec.size_gib * GIB + len(header)
        with self._layers.holding(name):
            await self._layers.make(name, size, header=header, thick=_is_thick(spec))
            if source is not None:
                await self._copy(source, name, spec)
            await self._keep(spec, name, len(header))

    async def make_from(self, spec: VolumeSpec, layer: str, header: int, size: int) -> None:
        """Make a volume with a held layer's content: on it, or where it must be thick a copy of it.

        header: bytes that lie before the layer's content, size: with them, how many it has.
        """
        check_fits(size - header, spec.size_gib * GIB)
        name = self._layers.new_name()
        whole = spec.size_gib * GIB + header
        with self._layers.holding(name):
            if _is_thick(spec):
                await self._layers.make(name, whole, thick=True)
                await self._copy(self._layers.access(layer), name, _PLAIN)
            else:
                await self._layers.put_over(layer, name, whole)
            await self._keep(spec, name, header)

    async def cover(self, record: VolumeRecord, snapshot: str | None) -> str:
        """Put a new layer on a volume's top; return the one with what it held, perhaps as a snapshot."""
        await self._exporting.end_own(record.volume_id)
        name = self._layers.new_name()
        with self._layers.holding(name, record.head):
            await self._layers.put_over(record.head, name, record.size)
            if in_use(record):
                record = msgspec.structs.replace(record, switch=Switch(head=name, snapshot=snapshot))
                await self._records.save(record)
                await self._exporting.finish_switch(record)
            else:
                await self._records.save(topped(record, name, snapshot))
        return record.head

    async def put_back(self, record: VolumeRecord, snapshot: SnapshotRecord) -> None:
        """Have a volume hold what a snapshot holds; it keeps its size."""
        name = self._layers.new_name()
        with self._layers.holding(name):
            await self._layers.put_over(snapshot.layer, name, record.size)
            await self._records.save(msgspec.structs.replace(record, head=name))

    async def _copy(self, source: BlockAccess, name: str, spec: VolumeSpec) -> None:
        target = images.Target(lambda _: self._layers.target(name), reads_zeroes=True)
        await images.copy(source, target, spec, self._exporting.tls_folder)
        await self._layers.flush(name)

    async def _keep(self, spec: VolumeSpec, head: str, header: int) -> None:
        """Make a layer the volume's own."""
        size = spec.size_gib * GIB + header
        new = VolumeRecord(volume_id=spec.volume_id, head=head, size=size, header=header)
        old = self._records.known.get(spec.volume_id)
        if old is not None:
            new = msgspec.structs.replace(old, head=head, size=size, header=header)
        await self._records.save(new)


def in_use(record: VolumeRecord) -> bool:
    """Say whether the volume itself (not only a snapshot) is exported."""
    return any(export.snapshot is None for export in record.exports.values())


def _is_thick(spec: VolumeSpec) -> bool:
    return spec.provisioning == "thick"
