"""A pool of RBD images. What the service asked for and what is exported stands in two tables in the pool.

An image counts as a volume once its record stands there; one without is what a killed process left, or
somebody else's.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar
from weakref import WeakValueDictionary

import msgspec

from cumulo.contracts.volumes import BlockAccess, Extent, PoolReport, StoredVolume, VolumeSpec
from cumulo.core.drivers import Permanent, Unsupported
from cumulo.node.hypervisor.fences import Fences
from cumulo.node.volumes import images as qemu
from cumulo.node.volumes import luks
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
from cumulo.node.volumes.rbd.cluster import Cluster
from cumulo.node.volumes.rbd.images import CLONE, Images

R = TypeVar("R")
VOLUMES, EXPORTS = "cumulo.volumes", "cumulo.exports"
_VOLUME, _SNAPSHOT, _LEFT = "volume-", "snapshot-", "unmanaged-"


class Volume(msgspec.Struct):
    """A volume's record: how many bytes lie before its content, and the GiB that it was promised."""

    header: int = 0
    size_gib: int = 0
    managed: bool = True


class Export(msgspec.Struct):
    """An export's record."""

    volume_id: str
    read_only: bool = False
    snapshot: str | None = None


class RbdPool:
    """A `PoolDriver` on a pool of a Ceph cluster. `fences` is the folder of fences seen."""

    def __init__(self, name: PoolName, cluster: Cluster, fences: Path | None = None) -> None:
        self._name = name
        self._fences = Fences(fences)
        self._cluster = cluster
        self._images = Images(cluster)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def start(self) -> None:
        """Connect."""
        await self._cluster.connect()

    async def stop(self) -> None:
        """Disconnect; guests have connections of their own."""
        await self._cluster.close()

    async def report(self) -> PoolReport:
        """Say what the pool has and can."""
        room = await self._cluster.work(self._cluster.room)
        volumes = await self._volumes()
        await self._fences.tidy(volumes.__contains__)
        allocated = sum(volume.size_gib for volume in volumes.values())
        return self._name.report(room, allocated, protocol="rbd")

    async def create(self, spec: VolumeSpec, *, fence: int = 0) -> None:
        """Make an empty volume."""
        async with self._making(spec) as wanted, self._fences.passing(spec.volume_id, fence):
            if wanted:
                await self._make(spec)

    async def create_from_snapshot(self, spec: VolumeSpec, snapshot_id: str, source_id: str) -> None:
        """Make a volume on a snapshot."""
        async with self._making(spec) as wanted:
            if wanted:
                await self._make_from(spec, source_id, _SNAPSHOT + snapshot_id)

    async def clone(self, spec: VolumeSpec, source_id: str) -> None:
        """Make a volume on another's content as it is now."""
        async with self._making(spec) as wanted:
            if wanted:
                await self._make_from(spec, source_id, CLONE + spec.volume_id)

    async def fill(self, spec: VolumeSpec, source: BlockAccess) -> None:
        """Make a volume with the content of a device or image."""
        async with self._alone(spec.volume_id):
            if await self._is_exported(spec.volume_id):
                raise exported(spec.volume_id)
            check_fits(await qemu.size_of(source), spec.size_gib * GIB)
            header = await self._make(spec, whole=False)
            access = self._access(_VOLUME + spec.volume_id)
            await qemu.copy(source, qemu.Target(lambda kept: qemu.options_of(access, kept), True), spec)
            await self._keep(spec, header)

    async def replace(self, volume_id: str, source_id: str, kept_id: str) -> None:
        """Have a volume be what another one is: their images change names."""
        async with self._alone(volume_id), self._alone(source_id), self._alone(kept_id):
            record, source = await self._volume(volume_id), await self._known(source_id)
            if source is None:
                return
            for one in (volume_id, source_id):
                await self._is_there_to_go(one)
            if await self._known(kept_id) is None:
                await self._record(kept_id, record)
            for old, new in ((volume_id, kept_id), (source_id, volume_id)):
                names = await self._do(self._images.names)
                if _VOLUME + old in names and _VOLUME + new not in names:
                    await self._do(self._images.rename, _VOLUME + old, _VOLUME + new)
            await self._record(volume_id, source)
            await self._do(self._cluster.forget, VOLUMES, source_id)

    async def delete(self, volume_id: str) -> None:
        """Remove a volume and all its bytes."""
        async with self._alone(volume_id):
            if await self._is_there_to_go(volume_id):
                await self._do(self._images.remove, _VOLUME + volume_id)
            await self._do(self._cluster.forget, VOLUMES, volume_id)

    async def extend(self, volume_id: str, size_gib: int) -> None:
        """Grow a volume; QEMU notices by itself."""
        async with self._alone(volume_id):
            volume = await self._volume(volume_id)
            await self._do(self._images.grow, _VOLUME + volume_id, size_gib * GIB + volume.header)
            if size_gib > volume.size_gib:
                await self._record(volume_id, msgspec.structs.replace(volume, size_gib=size_gib))

    async def create_snapshot(self, volume_id: str, snapshot_id: str) -> None:
        """Keep the content as it is now."""
        async with self._alone(volume_id):
            await self._volume(volume_id)
            await self._do(self._images.take_snapshot, _VOLUME + volume_id, _SNAPSHOT + snapshot_id)

    async def delete_snapshot(self, volume_id: str, snapshot_id: str) -> None:
        """Forget a snapshot; volumes on it become whole first."""
        async with self._alone(volume_id):
            exports = (await self._exports()).values()
            if any(one.volume_id == volume_id and one.snapshot == snapshot_id for one in exports):
                raise exported(volume_id)
            await self._do(self._images.remove_snapshot, _VOLUME + volume_id, _SNAPSHOT + snapshot_id)

    async def revert(self, volume_id: str, snapshot_id: str) -> None:
        """Bring a volume back to a snapshot; it keeps its size."""
        async with self._alone(volume_id):
            await self._snapshot(volume_id, snapshot_id)
            if await self._is_exported(volume_id):
                raise exported(volume_id)
            await self._do(self._images.roll_back, _VOLUME + volume_id, _SNAPSHOT + snapshot_id)

    async def open(
        self, volume_id: str, export_id: str, *, read_only: bool = False, snapshot_id: str | None = None
    ) -> BlockAccess:
        """Note an export; QEMU reaches the cluster by itself."""
        async with self._alone(volume_id):
            await self._volume(volume_id)
            if snapshot_id is not None:
                await self._snapshot(volume_id, snapshot_id)
            export = (await self._exports()).get(export_id)
            if export is None:
                export = Export(volume_id, read_only or snapshot_id is not None, snapshot_id)
                await self._do(self._cluster.record, EXPORTS, export_id, msgspec.json.encode(export))
            name = _VOLUME + volume_id + (f"@{_SNAPSHOT}{export.snapshot}" if export.snapshot else "")
            return self._access(name, read_only=export.read_only)

    async def close(self, volume_id: str, export_id: str) -> None:
        """Forget an export."""
        async with self._alone(volume_id):
            if export_id in await self._exports():
                await self._do(self._cluster.forget, EXPORTS, export_id)

    async def exports(self) -> dict[str, str]:
        """Return the open exports."""
        return {name: export.volume_id for name, export in (await self._exports()).items()}

    async def extents(self, volume_id: str, snapshot_id: str) -> list[Extent]:
        """Return where a snapshot holds data."""
        await self._snapshot(volume_id, snapshot_id)
        return await self._do(self._images.extents, _VOLUME + volume_id, _SNAPSHOT + snapshot_id)

    async def read(self, volume_id: str, snapshot_id: str, offset: int, length: int) -> bytes:
        """Return a piece of a snapshot."""
        check_piece(offset, length, await self._snapshot(volume_id, snapshot_id))
        name = _VOLUME + volume_id
        return await self._do(self._images.read, name, _SNAPSHOT + snapshot_id, offset, length)

    async def write(self, volume_id: str, offset: int, data: bytes) -> None:
        """Write a piece into a volume that is not exported."""
        async with self._alone(volume_id):
            volume = await self._volume(volume_id)
            if await self._is_exported(volume_id):
                raise exported(volume_id)
            check_piece(offset, len(data), volume.size_gib * GIB + volume.header)
            await self._do(self._images.write, _VOLUME + volume_id, offset, data)

    async def stored(self) -> list[StoredVolume]:
        """Return all images of the pool, and their snapshots."""
        records = await self._volumes()
        used = {export.volume_id for export in (await self._exports()).values()}
        found = []
        for name in await self._do(self._images.names):
            volume_id = name.removeprefix(_VOLUME)
            record = records.get(volume_id)
            managed = name.startswith(_VOLUME) and record is not None
            header = record.header if record is not None else 0
            size = await self._do(self._images.size, name)
            found.append(
                StoredVolume(
                    reference=volume_id if managed else name,
                    size_gib=(size - header) // GIB,
                    volume_id=volume_id if managed else None,
                    in_use=volume_id in used,
                )
            )
            for snapshot, length in (await self._do(self._images.snapshots, name)).items():
                if not snapshot.startswith(CLONE):
                    found.append(_stored_snapshot(found[-1], snapshot, (length - header) // GIB))
        return found

    async def adopt(self, spec: VolumeSpec, reference: str) -> int:
        """Take an image that lies in the pool; its name becomes the volume's."""
        async with self._alone(spec.volume_id):
            name, names = _VOLUME + spec.volume_id, await self._do(self._images.names)
            if name not in names:
                if reference not in names:
                    raise gone(reference)
                other = reference.removeprefix(_VOLUME)
                if other != reference and await self._known(other) is not None:
                    raise Permanent(f"{reference} is managed already")
                if spec.cipher and not reference.startswith(_LEFT):
                    raise Unsupported("an encrypted volume of others' cannot be taken")
                await self._do(self._images.rename, reference, name)
            left = await self._known(reference) or Volume()
            size = -(-(await self._do(self._images.size, name) - left.header) // GIB)
            await self._do(self._images.grow, name, size * GIB + left.header)
            await self._record(spec.volume_id, Volume(left.header, size))
            await self._do(self._cluster.forget, VOLUMES, reference)
            return size

    async def adopt_snapshot(self, volume_id: str, snapshot_id: str, reference: str) -> int:
        """Take a snapshot of a managed volume; its name becomes ours."""
        async with self._alone(volume_id):
            volume, name = await self._volume(volume_id), _VOLUME + volume_id
            known = await self._do(self._images.snapshots, name)
            if _SNAPSHOT + snapshot_id not in known:
                if reference not in known:
                    raise snapshot_gone(reference)
                await self._do(self._images.rename_snapshot, name, reference, _SNAPSHOT + snapshot_id)
            await self._do(self._images.take_snapshot, name, _SNAPSHOT + snapshot_id)
            return (await self._snapshot(volume_id, snapshot_id) - volume.header) // GIB

    async def abandon(self, volume_id: str) -> str:
        """Manage a volume no more; its image is renamed."""
        async with self._alone(volume_id):
            left = _LEFT + volume_id
            if left not in await self._do(self._images.names):
                volume = await self._volume(volume_id)
                if await self._is_exported(volume_id):
                    raise exported(volume_id)
                await self._record(left, msgspec.structs.replace(volume, managed=False))
                await self._do(self._images.rename, _VOLUME + volume_id, left)
            await self._do(self._cluster.forget, VOLUMES, volume_id)
            return left

    async def abandon_snapshot(self, volume_id: str, snapshot_id: str) -> str:
        """Manage a snapshot no more; it is renamed."""
        async with self._alone(volume_id):
            await self._volume(volume_id)
            left = _LEFT + snapshot_id
            if left not in await self._do(self._images.snapshots, _VOLUME + volume_id):
                await self._snapshot(volume_id, snapshot_id)
                name = _VOLUME + volume_id
                await self._do(self._images.rename_snapshot, name, _SNAPSHOT + snapshot_id, left)
            return left

    @contextlib.asynccontextmanager
    async def _alone(self, volume_id: str) -> AsyncIterator[None]:
        lock = self._locks.get(volume_id)
        if lock is None:
            lock = self._locks[volume_id] = asyncio.Lock()
        async with lock:
            yield

    @contextlib.asynccontextmanager
    async def _making(self, spec: VolumeSpec) -> AsyncIterator[bool]:
        """Work on a new volume alone; say whether it is still to be made."""
        async with self._alone(spec.volume_id):
            yield await self._known(spec.volume_id) is None

    async def _make(self, spec: VolumeSpec, *, whole: bool = True) -> int:
        """Make an empty volume or empty one; return the length of its header. `whole`: it is done then."""
        if spec.provisioning == "thick":
            raise Unsupported("in a Ceph cluster no room can be set aside: its volumes are thin")
        header = await asyncio.to_thread(luks.header, spec)
        name, size = _VOLUME + spec.volume_id, spec.size_gib * GIB + len(header)
        known = await self._known(spec.volume_id) is not None
        await self._do(self._images.clear if known else self._images.create, name, size)
        if header:
            await self._do(self._images.write, name, 0, header)
        if whole:
            await self._keep(spec, len(header))
        return len(header)

    async def _make_from(self, spec: VolumeSpec, source_id: str, snapshot: str) -> None:
        source, name = await self._volume(source_id), _VOLUME + source_id
        length = source.size_gib * GIB + source.header
        if not snapshot.startswith(CLONE):
            length = await self._snapshot(source_id, snapshot.removeprefix(_SNAPSHOT))
        check_fits(length - source.header, spec.size_gib * GIB)
        size = spec.size_gib * GIB + source.header
        async with self._alone(source_id):
            await self._do(self._images.clone, name, snapshot, _VOLUME + spec.volume_id, size)
        await self._keep(spec, source.header)

    async def _keep(self, spec: VolumeSpec, header: int) -> None:
        await self._record(spec.volume_id, Volume(header, spec.size_gib))

    async def _record(self, name: str, volume: Volume) -> None:
        await self._do(self._cluster.record, VOLUMES, name, msgspec.json.encode(volume))

    async def _volumes(self) -> dict[str, Volume]:
        found = await self._do(self._cluster.records, VOLUMES)
        return {name: msgspec.json.decode(text, type=Volume) for name, text in found.items()}

    async def _known(self, name: str) -> Volume | None:
        """Return a volume's record."""
        text = await self._do(self._cluster.one_record, VOLUMES, name)
        return None if text is None else msgspec.json.decode(text, type=Volume)

    async def _volume(self, volume_id: str) -> Volume:
        volume = await self._known(volume_id)
        if volume is None or not volume.managed:
            raise gone(volume_id)
        return volume

    async def _snapshot(self, volume_id: str, snapshot_id: str) -> int:
        """Return how many bytes a snapshot is long."""
        await self._volume(volume_id)
        known = await self._do(self._images.snapshots, _VOLUME + volume_id)
        if _SNAPSHOT + snapshot_id not in known:
            raise snapshot_gone(snapshot_id)
        return known[_SNAPSHOT + snapshot_id]

    async def _exports(self) -> dict[str, Export]:
        found = await self._do(self._cluster.records, EXPORTS)
        return {name: msgspec.json.decode(text, type=Export) for name, text in found.items()}

    async def _is_there_to_go(self, volume_id: str) -> bool:
        """Say whether a volume has an image; refuse when others read its bytes, or may go back to them."""
        name = _VOLUME + volume_id
        if name not in await self._do(self._images.names):
            return False
        if any(not one.startswith(CLONE) for one in await self._do(self._images.snapshots, name)):
            raise has_snapshots(volume_id)
        if await self._is_exported(volume_id):
            raise exported(volume_id)
        return True

    async def _is_exported(self, volume_id: str) -> bool:
        exports = (await self._exports()).values()
        return any(one.volume_id == volume_id and one.snapshot is None for one in exports)

    def _access(self, name: str, *, read_only: bool = False) -> BlockAccess:
        cluster = self._cluster
        return BlockAccess(
            protocol="rbd",
            name=f"{cluster.pool}/{name}",
            hosts=cluster.monitors,
            user=cluster.account.user,
            secret=cluster.key,
            read_only=read_only,
        )

    async def _do(self, work: Callable[..., R], *arguments: object) -> R:
        return await self._cluster.work(lambda: work(*arguments))


def _stored_snapshot(volume: StoredVolume, name: str, size_gib: int) -> StoredVolume:
    ours = name.startswith(_SNAPSHOT)
    reference = name.removeprefix(_SNAPSHOT)
    return StoredVolume(
        reference=reference,
        size_gib=size_gib,
        snapshot_id=reference if ours else None,
        source=volume.reference,
    )
