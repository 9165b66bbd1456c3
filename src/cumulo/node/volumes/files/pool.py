"""A pool whose volumes are chains of files in a folder, each exported by a storage daemon over NBD.

A snapshot is the layer that was written to until then, a clone a new layer on another volume's. Every verb
makes its files first and then replaces one record, which is what counts; what a killed process left is
swept. See docs/decisions/0140-volumes-are-chains-of-layers.md.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec
import structlog

from cumulo.contracts.volumes import BlockAccess, Extent, PoolReport, StoredVolume, VolumeSpec
from cumulo.node.hypervisor.fences import Fences
from cumulo.node.volumes import images
from cumulo.node.volumes.driver import (
    GIB,
    PoolName,
    check_fits,
    check_piece,
    exported,
    gone,
    has_snapshots,
    snapshot_gone,
)
from cumulo.node.volumes.files import adoption, layers, records
from cumulo.node.volumes.files.exporting import Address, Exporting
from cumulo.node.volumes.files.folder import Folder
from cumulo.node.volumes.files.layers import Layers
from cumulo.node.volumes.files.making import Making, in_use
from cumulo.node.volumes.files.merging import Merging, named
from cumulo.node.volumes.files.records import Records, SnapshotRecord, VolumeRecord

log = structlog.get_logger(__name__)

_ROUND = 10.0  # seconds between two looks at the daemons
_IDLE = 20.0  # seconds after which our own daemon of a volume ends


class FilePool:
    """A `PoolDriver` on a folder. `run` is the folder of sockets, `fences` the one of fences seen."""

    def __init__(
        self,
        *,
        name: PoolName,
        folder: Folder,
        run: Path,
        address: Address | None = None,
        fences: Path | None = None,
        exporting: type[Exporting] = Exporting,
        making: type[Making] = Making,
    ) -> None:
        self._name = name
        self._folder = folder
        self._records = Records(folder)
        self._layers = Layers(folder)
        self._exporting = exporting(self._records, self._layers, run, address or Address())
        self._merging = Merging(self._records, self._layers, self._exporting)
        self._making = making(self._records, self._layers, self._exporting)
        self._fences = Fences(fences)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._merges: dict[str, asyncio.Task[None]] = {}
        self._rounds: asyncio.Task[None] | None = None
        self._troubles: dict[str, str] = {}  # what was last wrong with volumes' exports

    async def start(self) -> None:
        """Finish what a killed process left half done, and serve the exports that were open."""
        await self._folder.prepare(records.FOLDER, layers.FOLDER)
        await self._records.load()
        for record in list(self._records.known.values()):
            await adoption.finish(self._folder, self._records, record)
        await self._layers.load()
        await self._exporting.end_strangers()
        for volume_id in list(self._records.known):
            await self._attempt(volume_id, self._repair(volume_id))
        await self._sweep()
        self._rounds = asyncio.create_task(self._go_round(), name="volumes")

    async def stop(self) -> None:
        """Hang up; exports stay open."""
        tasks = [*self._merges.values(), *([self._rounds] if self._rounds else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._merges.clear()
        await self._exporting.stop()

    async def report(self) -> PoolReport:
        """Say what the pool has and can."""
        await self._fences.tidy(self._records.known.__contains__)
        room = await self._folder.room()
        allocated = sum(record.size_gib for record in self._records.known.values())
        said = {"protocol": self._exporting.protocol, "thick": self._folder.can_reserve}
        return self._name.report(room, allocated, **said)

    async def create(self, spec: VolumeSpec, *, fence: int = 0) -> None:
        """Make an empty volume."""
        async with self._alone(spec.volume_id), self._fences.passing(spec.volume_id, fence):
            if spec.volume_id not in self._records.known:
                await self._making.make(spec)

    async def create_from_snapshot(self, spec: VolumeSpec, snapshot_id: str, source_id: str) -> None:
        """Make a volume with a snapshot's content."""
        async with self._alone(spec.volume_id):
            if spec.volume_id in self._records.known:
                return
            self._record(source_id)
            with contextlib.ExitStack() as stack:
                async with self._alone(source_id):
                    source = self._record(source_id)
                    snapshot = _snapshot(source, snapshot_id)
                    stack.enter_context(self._layers.holding(snapshot.layer))
                await self._making.make_from(spec, snapshot.layer, source.header, snapshot.size)

    async def clone(self, spec: VolumeSpec, source_id: str) -> None:
        """Make a volume with another's content as it is now."""
        async with self._alone(spec.volume_id):
            if spec.volume_id in self._records.known:
                return
            self._record(source_id)
            with contextlib.ExitStack() as stack:
                async with self._alone(source_id):
                    source = self._record(source_id)
                    check_fits(source.size - source.header, spec.size_gib * GIB)
                    layer = await self._making.cover(source, None)
                    stack.enter_context(self._layers.holding(layer))
                await self._making.make_from(spec, layer, source.header, source.size)

    async def fill(self, spec: VolumeSpec, source: BlockAccess) -> None:
        """Make a volume with the content of a device or image."""
        async with self._alone(spec.volume_id):
            record = self._records.known.get(spec.volume_id)
            if record is not None:
                _check_unused(record)
                await self._exporting.end_own(spec.volume_id)
            check_fits(await images.size_of(source, self._exporting.tls_folder), spec.size_gib * GIB)
            await self._making.make(spec, source)
            await self._sweep()

    async def replace(self, volume_id: str, source_id: str, kept_id: str) -> None:
        """Have a volume be what another one is: its record names the other's layer."""
        async with self._alone(volume_id), self._alone(source_id), self._alone(kept_id):
            record, source = self._record(volume_id), self._records.known.get(source_id)
            if source is None:
                return
            for one in (record, source):
                await self._leave(one)
            if kept_id not in self._records.known:
                await self._records.save(msgspec.structs.replace(record, volume_id=kept_id))
            await self._records.save(msgspec.structs.replace(source, volume_id=volume_id))
            await self._records.remove(source_id)

    async def delete(self, volume_id: str) -> None:
        """Remove a volume and all its bytes."""
        async with self._alone(volume_id):
            record = self._records.known.get(volume_id)
            if record is None or not record.managed:
                return
            await self._leave(record)
            await self._records.remove(volume_id)
            await self._sweep()

    async def extend(self, volume_id: str, size_gib: int) -> None:
        """Grow a volume."""
        async with self._alone(volume_id):
            record = self._record(volume_id)
            size = size_gib * GIB + record.header
            if size <= record.size:
                return
            if record.exports:
                await self._exporting.realise(record)
            if in_use(record):
                await self._exporting.resize(record, size)
            else:
                await self._exporting.end_own(volume_id)
                await self._layers.grow(record.head, size)
            record = msgspec.structs.replace(record, size=size)
            await self._records.save(record)
            await self._exporting.realise(record)

    async def create_snapshot(self, volume_id: str, snapshot_id: str) -> None:
        """Keep the content as it is now."""
        async with self._alone(volume_id):
            record = self._record(volume_id)
            if snapshot_id not in record.snapshots:
                await self._making.cover(record, snapshot_id)

    async def delete_snapshot(self, volume_id: str, snapshot_id: str) -> None:
        """Forget a snapshot."""
        async with self._alone(volume_id):
            record = self._records.known.get(volume_id)
            if record is None or snapshot_id not in record.snapshots:
                return
            if any(export.snapshot == snapshot_id for export in record.exports.values()):
                raise exported(volume_id)
            await self._exporting.end_own(volume_id, snapshot_id)
            snapshots = {key: one for key, one in record.snapshots.items() if key != snapshot_id}
            ports = {key: port for key, port in record.ports.items() if key != snapshot_id}
            await self._records.save(msgspec.structs.replace(record, snapshots=snapshots, ports=ports))
            await self._sweep()
            self._merge_soon(volume_id)

    async def revert(self, volume_id: str, snapshot_id: str) -> None:
        """Bring a volume back to a snapshot; it keeps its size."""
        async with self._alone(volume_id):
            record = self._record(volume_id)
            snapshot = _snapshot(record, snapshot_id)
            _check_unused(record)
            await self._exporting.end_own(volume_id)
            await self._making.put_back(record, snapshot)
            await self._sweep()

    async def open(
        self, volume_id: str, export_id: str, *, read_only: bool = False, snapshot_id: str | None = None
    ) -> BlockAccess:
        """Export a volume or one of its snapshots."""
        async with self._alone(volume_id):
            record = self._record(volume_id)
            if snapshot_id is not None:
                _snapshot(record, snapshot_id)
            if export_id not in record.exports:
                await self._exporting.end_own(volume_id)
                export = self._exporting.new_export(read_only=read_only, snapshot=snapshot_id)
                ports = self._exporting.ports_of(record, snapshot_id)
                exports = {**record.exports, export_id: export}
                record = msgspec.structs.replace(record, exports=exports, ports=ports)
                await self._records.save(record)
            await self._exporting.realise(record)
            return self._exporting.access(record, export_id)

    async def close(self, volume_id: str, export_id: str) -> None:
        """End an export; one that no record tells of any more is seen to its end, too."""
        async with self._alone(volume_id):
            record = self._records.known.get(volume_id)
            if record is None:
                return
            if export_id in record.exports:
                exports = {key: one for key, one in record.exports.items() if key != export_id}
                record = msgspec.structs.replace(record, exports=exports)
                await self._records.save(record)
            await self._exporting.realise(record)
            await self._exporting.give_back_ports(record)
            self._merge_soon(volume_id)

    async def exports(self) -> dict[str, str]:
        """Return the open exports."""
        return {key: name for name, record in self._records.known.items() for key in record.exports}

    async def extents(self, volume_id: str, snapshot_id: str) -> list[Extent]:
        """Return where a snapshot holds data."""
        async with self._alone(volume_id):
            layer = _snapshot(self._record(volume_id), snapshot_id).layer
            return await images.data_extents(self._layers.access(layer))

    async def read(self, volume_id: str, snapshot_id: str, offset: int, length: int) -> bytes:
        """Return a piece of a snapshot."""
        async with self._alone(volume_id):
            record = self._record(volume_id)
            check_piece(offset, length, _snapshot(record, snapshot_id).size)
            client = await self._exporting.own(record, snapshot_id)
            return await client.read(offset, length)

    async def write(self, volume_id: str, offset: int, data: bytes) -> None:
        """Write a piece into a volume that is not exported."""
        async with self._alone(volume_id):
            record = self._record(volume_id)
            _check_unused(record)
            check_piece(offset, len(data), record.size)
            client = await self._exporting.own(record)
            await client.write(offset, data)

    async def stored(self) -> list[StoredVolume]:
        """Return all that lies in the pool."""
        found = [one for record in self._records.known.values() for one in adoption.described(record)]
        return found + await adoption.strangers(self._folder)

    async def adopt(self, spec: VolumeSpec, reference: str) -> int:
        """Take a volume that lies in the pool under the spec's id."""
        async with self._alone(spec.volume_id):
            return await adoption.adopt(self._folder, self._records, self._layers, spec, reference)

    async def adopt_snapshot(self, volume_id: str, snapshot_id: str, reference: str) -> int:
        """Take a snapshot of a managed volume."""
        async with self._alone(volume_id):
            return await adoption.adopt_snapshot(
                self._records, self._record(volume_id), snapshot_id, reference
            )

    async def abandon(self, volume_id: str) -> str:
        """Manage a volume no more; it lies under its id."""
        async with self._alone(volume_id):
            record = self._records.known.get(volume_id)
            if record is None:
                raise gone(volume_id)
            if record.exports:
                raise exported(volume_id)
            await self._exporting.end_own(volume_id)
            await self._records.save(msgspec.structs.replace(record, managed=False))
            return volume_id

    async def abandon_snapshot(self, volume_id: str, snapshot_id: str) -> str:
        """Manage a snapshot no more; it lies under its id."""
        async with self._alone(volume_id):
            record = self._record(volume_id)
            if snapshot_id not in record.snapshots:
                raise snapshot_gone(snapshot_id)
            kept = msgspec.structs.replace(record.snapshots[snapshot_id], managed=False)
            snapshots = record.snapshots | {snapshot_id: kept}
            await self._records.save(msgspec.structs.replace(record, snapshots=snapshots))
            return snapshot_id

    @contextlib.asynccontextmanager
    async def _alone(self, volume_id: str) -> AsyncIterator[None]:
        """Work on a volume alone: no other verb, no merging, no change half done."""
        async with self._lock(volume_id):
            merging = self._merges.pop(volume_id, None)
            if merging is not None:
                merging.cancel()
                await asyncio.wait([merging])
            record = self._records.known.get(volume_id)
            if record is not None and record.switch is not None:
                await self._exporting.finish_switch(record)
            yield

    def _lock(self, volume_id: str) -> asyncio.Lock:
        lock = self._locks.get(volume_id)
        if lock is None:
            lock = self._locks[volume_id] = asyncio.Lock()
        return lock

    def _merge_soon(self, volume_id: str) -> None:
        """Merge a volume's layers until somebody wants to work on it."""
        record = self._records.known.get(volume_id)
        if record is not None and volume_id not in self._merges:
            work = self._merging.merge(record)
            task = asyncio.create_task(work, name=f"merging {volume_id}")
            self._merges[volume_id] = task
            task.add_done_callback(lambda _: self._merges.pop(volume_id, None))

    async def _leave(self, record: VolumeRecord) -> None:
        """Have nothing of ours read a volume whose bytes are to go; refuse when others do, or may go back."""
        if record.snapshots:
            raise has_snapshots(record.volume_id)
        if record.exports:
            raise exported(record.volume_id)
        await self._exporting.end_own(record.volume_id)

    def _record(self, volume_id: str) -> VolumeRecord:
        record = self._records.known.get(volume_id)
        if record is None or not record.managed:
            raise gone(volume_id)
        return record

    async def _repair(self, volume_id: str) -> None:
        """Have a volume's exports as its record says."""
        async with self._alone(volume_id):
            if volume_id in self._records.known:
                await self._exporting.realise(self._records.known[volume_id])

    async def _sweep(self) -> None:
        await self._layers.sweep(named(self._records))

    async def _go_round(self) -> None:
        """Start daemons again that died, and end those of our own that nobody needs."""
        while True:
            await asyncio.sleep(_ROUND)
            await self._attempt("", self._exporting.end_idle(_IDLE))
            for volume_id in [name for name, one in self._records.known.items() if one.exports]:
                if volume_id not in self._merges and not self._lock(volume_id).locked():
                    await self._attempt(volume_id, self._repair(volume_id))

    async def _attempt(self, volume_id: str, work: Awaitable[None]) -> None:
        """Do it; a failure is logged, each reason once, and keeps no other volume from its turn."""
        try:
            await work
        except Exception as error:  # noqa: BLE001  also a full disk must not end the rounds
            reason = str(error) or type(error).__name__
            if self._troubles.get(volume_id) != reason:
                log.warning("volumes.not_served", volume=volume_id, reason=reason)
            self._troubles[volume_id] = reason
        else:
            self._troubles.pop(volume_id, None)


def _check_unused(record: VolumeRecord) -> None:
    if in_use(record):
        raise exported(record.volume_id)


def _snapshot(record: VolumeRecord, snapshot_id: str) -> SnapshotRecord:
    snapshot = record.snapshots.get(snapshot_id)
    if snapshot is None or not snapshot.managed:
        raise snapshot_gone(snapshot_id)
    return snapshot
