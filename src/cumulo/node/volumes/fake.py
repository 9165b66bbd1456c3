"""A pool that remembers volumes in memory: for tests, and where the cloud has no engines.

It passes the same contract suite as the real drivers. It can be told to fail or to be slow:

    fake.fail("create", Temporary("busy"), times=2)
    fake.slow("create", 0.5)
"""

import asyncio
from collections import defaultdict, deque
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec

from cumulo.contracts.volumes import BlockAccess, Extent, PoolReport, StoredVolume, VolumeSpec
from cumulo.core.drivers import Permanent
from cumulo.node.hypervisor.fences import Fences
from cumulo.node.volumes.driver import (
    GIB,
    VolumeGone,
    check_fits,
    check_piece,
    exported,
    gone,
    has_snapshots,
    snapshot_gone,
)
from cumulo.node.volumes.sparse import SparseBytes

_COPIED = 1 << 20  # bytes of a file that `fill` reads at a time


class FakeSnapshot(msgspec.Struct):
    """A snapshot; one that nobody manages keeps its key as its reference."""

    content: SparseBytes
    managed: bool = True


class FakeVolume(msgspec.Struct):
    """A volume, its snapshots and its exports by id."""

    content: SparseBytes
    managed: bool = True
    encrypted: bool = False
    snapshots: dict[str, FakeSnapshot] = {}
    exports: dict[str, BlockAccess] = {}

    @property
    def size_gib(self) -> int:
        """The size as the service knows it."""
        return self.content.size // GIB


class FakePool:
    """A `VolumePool` in memory. `volumes` is open to tests, by id or reference."""

    def __init__(
        self, host: str = "fake", backend: str = "fake", *, total_gib: float = 1000.0, pool: str = "fake"
    ) -> None:
        self.host = host
        self.backend = backend
        self.pool = pool
        self.total_gib = total_gib
        self.volumes: dict[str, FakeVolume] = {}
        self.calls: deque[tuple[str, str]] = deque(maxlen=10_000)  # (verb, volume id), in order
        self._fences = Fences()
        self._failures: dict[str, list[Exception]] = defaultdict(list)
        self._delays: dict[str, float] = {}

    def fail(self, verb: str, error: Exception, *, times: int = 1) -> None:
        """Have the next `times` calls of `verb` raise `error` before they do anything."""
        self._failures[verb].extend([error] * min(times, 10_000))

    def slow(self, verb: str, seconds: float) -> None:
        """Have each call of `verb` take this long from now on."""
        self._delays[verb] = seconds

    def device(self, export_id: str) -> SparseBytes:
        """Return what is behind an export, as who has it attached sees it."""
        for volume in self.volumes.values():
            if export_id in volume.exports:
                key = volume.exports[export_id].path.partition("@")[2]
                return volume.snapshots[key].content if key else volume.content
        raise gone(export_id)

    async def start(self) -> None:
        """Begin to serve: what is exported is found again."""
        for volume in self.volumes.values():
            for access in volume.exports.values():
                _fake_devices[access.path] = self

    async def stop(self) -> None:
        """Stop serving; nothing to give back."""

    async def report(self) -> PoolReport:
        """Say what the pool has and can."""
        await self._enter("report")
        used = sum(volume.size_gib for volume in self.volumes.values())
        return PoolReport(
            host=self.host,
            backend=self.backend,
            pool=self.pool,
            driver="fake",
            protocol="fake",
            total_gib=self.total_gib,
            free_gib=max(0.0, self.total_gib - used),
            allocated_gib=used,
            thick=True,
        )

    async def create(self, spec: VolumeSpec, *, fence: int = 0) -> None:
        """Remember an empty volume."""
        await self._enter("create", spec.volume_id)
        self._fences.pass_through(spec.volume_id, fence)
        self._keep(spec, SparseBytes(0))

    async def create_from_snapshot(self, spec: VolumeSpec, snapshot_id: str, source_id: str) -> None:
        """Remember a volume with a snapshot's content."""
        await self._enter("create_from_snapshot", spec.volume_id)
        if spec.volume_id not in self.volumes:
            self._keep(spec, self._snapshot(source_id, snapshot_id).content)

    async def clone(self, spec: VolumeSpec, source_id: str) -> None:
        """Remember a volume with another's content."""
        await self._enter("clone", spec.volume_id)
        if spec.volume_id not in self.volumes:
            self._keep(spec, self._volume(source_id).content)

    async def fill(self, spec: VolumeSpec, source: BlockAccess) -> None:
        """Remember a volume with the bytes of another fake volume or of a file, undecoded: it has no QEMU."""
        await self._enter("fill", spec.volume_id)
        content = await asyncio.to_thread(self._content_of, source, spec.size_gib * GIB)
        if spec.volume_id in self.volumes and self._volume(spec.volume_id).exports:
            raise exported(spec.volume_id)
        self.volumes.pop(spec.volume_id, None)
        self._keep(spec, content)

    async def replace(self, volume_id: str, source_id: str, kept_id: str) -> None:
        """Remember a volume as another one."""
        await self._enter("replace", volume_id)
        self._volume(volume_id)
        if source_id not in self.volumes:
            return
        for one in (volume_id, source_id):
            self._check_left(one)
        self.volumes[kept_id] = self.volumes[volume_id]
        self.volumes[volume_id] = self.volumes.pop(source_id)

    async def delete(self, volume_id: str) -> None:
        """Forget a volume."""
        await self._enter("delete", volume_id)
        volume = self.volumes.get(volume_id)
        if volume is None or not volume.managed:
            return
        self._check_left(volume_id)
        del self.volumes[volume_id]

    async def extend(self, volume_id: str, size_gib: int) -> None:
        """Grow a volume."""
        await self._enter("extend", volume_id)
        content = self._volume(volume_id).content
        content.size = max(content.size, size_gib * GIB)

    async def create_snapshot(self, volume_id: str, snapshot_id: str) -> None:
        """Keep the content as it is now."""
        await self._enter("create_snapshot", volume_id)
        volume = self._volume(volume_id)
        if snapshot_id not in volume.snapshots:
            volume.snapshots[snapshot_id] = FakeSnapshot(volume.content.copy())

    async def delete_snapshot(self, volume_id: str, snapshot_id: str) -> None:
        """Forget a snapshot."""
        await self._enter("delete_snapshot", volume_id)
        volume = self.volumes.get(volume_id)
        if volume is None or snapshot_id not in volume.snapshots:
            return
        if any(access.path.endswith(f"@{snapshot_id}") for access in volume.exports.values()):
            raise exported(volume_id)
        del volume.snapshots[snapshot_id]

    async def revert(self, volume_id: str, snapshot_id: str) -> None:
        """Bring a volume back to a snapshot; it keeps its size."""
        await self._enter("revert", volume_id)
        volume, snapshot = self._volume(volume_id), self._snapshot(volume_id, snapshot_id)
        if volume.exports:
            raise exported(volume_id)
        volume.content = snapshot.content.copy(volume.content.size)

    async def open(
        self, volume_id: str, export_id: str, *, read_only: bool = False, snapshot_id: str | None = None
    ) -> BlockAccess:
        """Remember an export; nobody listens at it."""
        await self._enter("open", volume_id)
        volume = self._volume(volume_id)
        path = f"/nonexistent/{self.backend}/{volume_id}"
        if snapshot_id is not None:
            self._snapshot(volume_id, snapshot_id)
            path += f"@{snapshot_id}"
        access = BlockAccess(
            protocol="nbd", path=path, name=export_id, read_only=read_only or snapshot_id is not None
        )
        _fake_devices[path] = self
        return volume.exports.setdefault(export_id, access)

    async def close(self, volume_id: str, export_id: str) -> None:
        """Forget an export."""
        await self._enter("close", volume_id)
        if volume_id in self.volumes:
            self.volumes[volume_id].exports.pop(export_id, None)

    async def exports(self) -> dict[str, str]:
        """Return the open exports."""
        await self._enter("exports")
        return {export: name for name, volume in self.volumes.items() for export in volume.exports}

    async def extents(self, volume_id: str, snapshot_id: str) -> list[Extent]:
        """Return where a snapshot holds data."""
        await self._enter("extents", volume_id)
        return self._snapshot(volume_id, snapshot_id).content.extents()

    async def read(self, volume_id: str, snapshot_id: str, offset: int, length: int) -> bytes:
        """Return a piece of a snapshot."""
        await self._enter("read", volume_id)
        content = self._snapshot(volume_id, snapshot_id).content
        check_piece(offset, length, content.size)
        return content.read(offset, length)

    async def write(self, volume_id: str, offset: int, data: bytes) -> None:
        """Write a piece into a volume that is not exported."""
        await self._enter("write", volume_id)
        volume = self._volume(volume_id)
        if volume.exports:
            raise exported(volume_id)
        check_piece(offset, len(data), volume.content.size)
        volume.content.write(offset, data)

    async def stored(self) -> list[StoredVolume]:
        """Return all that is remembered."""
        await self._enter("stored")
        found = []
        for name, volume in self.volumes.items():
            found.append(
                StoredVolume(
                    reference=name,
                    size_gib=volume.size_gib,
                    volume_id=name if volume.managed else None,
                    in_use=bool(volume.exports),
                )
            )
            found += [
                StoredVolume(
                    reference=key,
                    size_gib=snapshot.content.size // GIB,
                    snapshot_id=key if snapshot.managed else None,
                    source=name,
                )
                for key, snapshot in volume.snapshots.items()
            ]
        return found

    async def adopt(self, spec: VolumeSpec, reference: str) -> int:
        """Take a volume under the spec's id."""
        await self._enter("adopt", spec.volume_id)
        if spec.volume_id not in self.volumes:
            if reference not in self.volumes:
                raise gone(reference)
            if self.volumes[reference].managed:
                raise Permanent(f"{reference} is managed already")
            self.volumes[spec.volume_id] = self.volumes.pop(reference)
        self.volumes[spec.volume_id].managed = True
        return self.volumes[spec.volume_id].size_gib

    async def adopt_snapshot(self, volume_id: str, snapshot_id: str, reference: str) -> int:
        """Take a snapshot under an id."""
        await self._enter("adopt_snapshot", volume_id)
        snapshots = self._volume(volume_id).snapshots
        if snapshot_id not in snapshots:
            if reference not in snapshots:
                raise snapshot_gone(reference)
            if snapshots[reference].managed:
                raise Permanent(f"{reference} is managed already")
            snapshots[snapshot_id] = snapshots.pop(reference)
        snapshots[snapshot_id].managed = True
        return snapshots[snapshot_id].content.size // GIB

    async def abandon(self, volume_id: str) -> str:
        """Manage a volume no more."""
        await self._enter("abandon", volume_id)
        if volume_id not in self.volumes:
            raise gone(volume_id)
        if self.volumes[volume_id].exports:
            raise exported(volume_id)
        self.volumes[volume_id].managed = False
        return volume_id

    async def abandon_snapshot(self, volume_id: str, snapshot_id: str) -> str:
        """Manage a snapshot no more."""
        await self._enter("abandon_snapshot", volume_id)
        snapshots = self._volume(volume_id).snapshots
        if snapshot_id not in snapshots:
            raise snapshot_gone(snapshot_id)
        snapshots[snapshot_id].managed = False
        return snapshot_id

    async def _enter(self, verb: str, volume_id: str = "") -> None:
        self.calls.append((verb, volume_id))
        if delay := self._delays.get(verb, 0):
            await asyncio.sleep(delay)
        if self._failures[verb]:
            raise self._failures[verb].pop(0)

    def _keep(self, spec: VolumeSpec, content: SparseBytes) -> None:
        if spec.volume_id not in self.volumes:
            check_fits(content.size, spec.size_gib * GIB)
            kept = content.copy(spec.size_gib * GIB)
            self.volumes[spec.volume_id] = FakeVolume(kept, encrypted=bool(spec.cipher))

    def _volume(self, volume_id: str) -> FakeVolume:
        volume = self.volumes.get(volume_id)
        if volume is None or not volume.managed:
            raise gone(volume_id)
        return volume

    def _check_left(self, volume_id: str) -> None:
        if self.volumes[volume_id].snapshots:
            raise has_snapshots(volume_id)
        if self.volumes[volume_id].exports:
            raise exported(volume_id)

    def _snapshot(self, volume_id: str, snapshot_id: str) -> FakeSnapshot:
        snapshot = self._volume(volume_id).snapshots.get(snapshot_id)
        if snapshot is None or not snapshot.managed:
            raise snapshot_gone(snapshot_id)
        return snapshot

    def _content_of(self, source: BlockAccess, room: int) -> SparseBytes:
        if source.path in _fake_devices:
            content = _fake_devices[source.path].device(source.name)
            check_fits(content.size, room)
            return content
        try:
            file = Path(source.path).open("rb")  # noqa: SIM115  closed below
        except OSError as error:
            raise VolumeGone(f"the source {source.path} cannot be read: {error.strerror}") from error
        with file:
            content = SparseBytes(file.seek(0, 2))
            check_fits(content.size, room)
            for offset in range(0, content.size, _COPIED):
                file.seek(offset)
                content.write(offset, file.read(_COPIED))
        return content


# An export's path → its pool, so that fakes read each other.
_fake_devices: WeakValueDictionary[str, FakePool] = WeakValueDictionary()
