"""Pools in memory, images of nothing, and a cloud of block storage alone on them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from cumulo.contracts.compute import Servers
from cumulo.contracts.image import ImageRecord, Images, NewImage
from cumulo.contracts.volumes import (
    BlockAccess,
    Exchange,
    Extent,
    PoolReport,
    StoredVolume,
    VolumePool,
    VolumeSpec,
)
from cumulo.core import ids
from cumulo.core.auth.tokens import Keyring
from cumulo.core.bus import Bus, LocalBus, verbs
from cumulo.core.db import Database, Reader
from cumulo.core.drivers import Gone, Permanent
from cumulo.core.errors import NotFound
from cumulo.core.work import Work
from cumulo.services.block_storage import SERVICE
from cumulo.services.block_storage.backups import open_backups
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.drivers import BackupStore
from cumulo.services.block_storage.keys import VolumeKeys
from cumulo.services.block_storage.tasks import pool_reported
from cumulo.testing.cloud import Cloud

HOST = "node1@local"
POOL = f"{HOST}#pool"
OTHER_HOST = "node1@other"
OTHER_POOL = f"{OTHER_HOST}#pool"
IMAGE = "11111111-1111-4111-8111-111111111111"
GIB = 1 << 30


class FakePool:
    """A pool that remembers sizes, and of content where it came from."""

    def __init__(self, backend: str = "local") -> None:
        self.backend = backend
        self.sockets = "/run" if backend == "local" else f"/run/{backend}"
        self.volumes: dict[str, int] = {}
        self.content: dict[str, str] = {}
        self.sources: dict[str, BlockAccess] = {}  # what volumes were filled from
        self.head = b""  # what each device begins with
        self.specs: dict[str, VolumeSpec] = {}
        self.snapshots: dict[tuple[str, str], str] = {}
        self.exported: dict[str, str] = {}
        self.failing: dict[str, Exception] = {}
        self.waiting: dict[str, asyncio.Event] = {}
        self.total = 1000.0

    async def _begin(self, verb: str) -> None:
        if verb in self.waiting:
            await self.waiting[verb].wait()
        if verb in self.failing:
            raise self.failing[verb]

    def _make(self, spec: VolumeSpec, content: str) -> None:
        self.volumes[spec.volume_id] = spec.size_gib
        self.content[spec.volume_id] = content
        self.specs[spec.volume_id] = spec

    async def report(self) -> PoolReport:
        """Say what the pool has."""
        return PoolReport(
            host="node1",
            backend=self.backend,
            pool="pool",
            driver="fake",
            protocol="nbd",
            total_gib=self.total,
            free_gib=self.total,
        )

    async def create(self, spec: VolumeSpec, *, fence: int = 0) -> None:
        """Make an empty volume."""
        await self._begin("create")
        self._make(spec, "zeroes")

    async def create_from_snapshot(self, spec: VolumeSpec, snapshot_id: str, source_id: str) -> None:
        """Make a volume of a snapshot."""
        await self._begin("create_from_snapshot")
        self._make(spec, self.snapshots[source_id, snapshot_id])

    async def clone(self, spec: VolumeSpec, source_id: str) -> None:
        """Make a volume of a volume."""
        await self._begin("clone")
        self._make(spec, self.content[source_id])

    async def fill(self, spec: VolumeSpec, source: BlockAccess) -> None:
        """Make a volume of something else."""
        await self._begin("fill")
        self.sources[spec.volume_id] = source
        self._make(spec, f"{source.protocol}:{source.path or source.name}")

    async def replace(self, volume_id: str, source_id: str, kept_id: str) -> None:
        """Have a volume be another one."""
        await self._begin("replace")
        if source_id in self.volumes:
            known: Any
            for known in (self.volumes, self.content, self.specs):
                known[kept_id], known[volume_id] = known.get(volume_id), known.pop(source_id, None)

    async def delete(self, volume_id: str) -> None:
        """Remove a volume."""
        await self._begin("delete")
        if any(volume == volume_id for volume, _ in self.snapshots):
            raise Permanent("it has snapshots")
        if volume_id in self.exported.values():
            raise Permanent("it is exported")
        self.volumes.pop(volume_id, None)
        self.content.pop(volume_id, None)

    async def extend(self, volume_id: str, size_gib: int) -> None:
        """Grow a volume."""
        await self._begin("extend")
        if volume_id not in self.volumes:
            raise Gone(f"there is no volume {volume_id}")
        self.volumes[volume_id] = max(size_gib, self.volumes[volume_id])

    async def create_snapshot(self, volume_id: str, snapshot_id: str) -> None:
        """Take a snapshot."""
        await self._begin("create_snapshot")
        self.snapshots[volume_id, snapshot_id] = self.content[volume_id]

    async def delete_snapshot(self, volume_id: str, snapshot_id: str) -> None:
        """Forget a snapshot."""
        await self._begin("delete_snapshot")
        self.snapshots.pop((volume_id, snapshot_id), None)

    async def revert(self, volume_id: str, snapshot_id: str) -> None:
        """Go back to a snapshot."""
        await self._begin("revert")
        self.content[volume_id] = self.snapshots[volume_id, snapshot_id]

    async def open(
        self, volume_id: str, export_id: str, *, read_only: bool = False, snapshot_id: str | None = None
    ) -> BlockAccess:
        """Export a volume."""
        await self._begin("open")
        if volume_id not in self.volumes:
            raise Gone(f"there is no volume {volume_id}")
        self.exported[export_id] = volume_id
        return BlockAccess(
            protocol="nbd",
            path=f"{self.sockets}/{export_id}",
            name=volume_id,
            read_only=read_only,
            secret="hush",
        )

    async def close(self, volume_id: str, export_id: str) -> None:
        """End an export."""
        await self._begin("close")
        self.exported.pop(export_id, None)

    async def exports(self) -> dict[str, str]:
        """Return the exports."""
        return dict(self.exported)

    async def extents(self, volume_id: str, snapshot_id: str) -> list[Extent]:
        """Return where data is."""
        return [Extent(offset=0, length=len(self.head))] if self.head else []

    async def read(self, volume_id: str, snapshot_id: str, offset: int, length: int) -> bytes:
        """Read of a snapshot."""
        return (self.head[offset:] + bytes(length))[:length]

    async def write(self, volume_id: str, offset: int, data: bytes) -> None:
        """Write into a volume."""

    async def stored(self) -> list[StoredVolume]:
        """List all."""
        return [StoredVolume(reference=one, size_gib=size) for one, size in self.volumes.items()]

    async def adopt(self, spec: VolumeSpec, reference: str) -> int:
        """Take a volume."""
        return self.volumes[reference]

    async def adopt_snapshot(self, volume_id: str, snapshot_id: str, reference: str) -> int:
        """Take a snapshot."""
        return self.volumes[volume_id]

    async def abandon(self, volume_id: str) -> str:
        """Let go of a volume."""
        return volume_id

    async def abandon_snapshot(self, volume_id: str, snapshot_id: str) -> str:
        """Let go of a snapshot."""
        return snapshot_id


class FakeImages:
    """One image of 1 GiB."""

    def __init__(self) -> None:
        self.images = {IMAGE: image(IMAGE)}

        self.data: dict[str, bytes] = {}

    async def get(
        self, db: Reader, image_id: str, *, project_id: str | None, is_admin: bool = False
    ) -> ImageRecord:
        """Return an image."""
        if image_id not in self.images:
            raise NotFound(f"No image found with ID {image_id}")
        return self.images[image_id]

    async def create(self, work: Work, new: NewImage) -> str:
        """Record an image."""
        image_id = ids.dashed()
        facts = {"name": new.name, "status": "queued", "disk_format": new.disk_format, "owner": new.owner}
        self.images[image_id] = image(image_id, **facts, properties=new.properties)
        return image_id

    async def fill(self, image_id: str, data: AsyncIterator[bytes]) -> None:
        """Take an image's data: how much it is, and how it begins."""
        if image_id not in self.images:
            raise Gone(f"there is no image {image_id}")
        first, size = b"", 0
        async for part in data:
            first, size = first or part[:4], size + len(part)
        self.data[image_id] = first + size.to_bytes(8)
        self.images[image_id] = msgspec.structs.replace(self.images[image_id], status="active")

    async def discard(self, work: Work, image_id: str) -> None:
        """Forget an image."""
        self.images.pop(image_id, None)
        self.data.pop(image_id, None)


def image(image_id: str, **changes: Any) -> ImageRecord:
    """Return an image of 1 GiB."""
    facts: dict[str, Any] = {
        "id": image_id,
        "name": "mini",
        "status": "active",
        "visibility": "public",
        "owner": "admin",
        "disk_format": "qcow2",
        "container_format": "bare",
        "size": 1 << 20,
        "virtual_size": GIB,
        "min_disk": 0,
        "min_ram": 0,
        "checksum": "00",
        "digest": "ab",
        "properties": {"hw_disk_bus": "virtio"},
        "path": "/images/mini",
    }
    return ImageRecord(**{**facts, **changes})


class FakeServers:
    """Servers that are told of volumes."""

    def __init__(self) -> None:
        self.told: list[tuple[list[str], str, int]] = []
        self.places: dict[str, BlockAccess] = {}  # where a volume's server works since it was exchanged
        self.copies: set[str] = set()
        self.refusal: Exception | None = None

    async def volume_grown(
        self, work: Work, server_ids: Sequence[str], volume_id: str, size_gib: int
    ) -> None:
        """Remember what was told."""
        self.told.append((list(server_ids), volume_id, size_gib))

    async def exchange_volume(
        self, db: Reader, server_id: str, volume_id: str, access: BlockAccess, *, hold: bool = False
    ) -> Exchange:
        """Have the server work there, with a copy first."""
        if self.refusal is not None:
            raise self.refusal
        if self.places.get(volume_id) == access:
            return Exchange.DONE
        if volume_id not in self.copies:
            self.copies.add(volume_id)
            return Exchange.NONE
        if not hold:
            self.copies.discard(volume_id)
            self.places[volume_id] = access
            return Exchange.DONE
        return Exchange.READY

    async def keep_volume(self, db: Reader, server_id: str, volume_id: str, access: BlockAccess) -> bool:
        """Forget the copy."""
        self.copies.discard(volume_id)
        return self.places.get(volume_id) != access


class StorageCloud(Cloud):
    """Block storage, with two pools of one host."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.bus = LocalBus()
        self.pools = {HOST: FakePool("local"), OTHER_HOST: FakePool("other")}
        self.pool = self.pools[HOST]
        self.images, self.servers = FakeImages(), FakeServers()
        bindings: dict[type, Any] = {
            Bus: self.bus,
            Images: self.images,
            Servers: self.servers,
            BlockStorageSettings: BlockStorageSettings(),
        }
        bindings[Keyring] = Keyring(folder / "token-keys")
        bindings[VolumeKeys] = VolumeKeys(bindings.__getitem__)
        bindings[BackupStore] = open_backups(bindings.__getitem__)
        super().__init__([SERVICE], database, bindings)

    async def report(self, *hosts: str) -> None:
        """Have pools report themselves; all of them when none is named."""
        for host in hosts or self.pools:
            async with self.tasks.work() as work:
                await pool_reported(work, await self.pools[host].report())


@asynccontextmanager
async def storage_cloud(database: Database, folder: Path) -> AsyncIterator[StorageCloud]:
    """Give a cloud with one pool that has reported; the other one keeps silent."""
    await database.create_all()
    cloud = StorageCloud(database, folder)
    for host, pool in cloud.pools.items():
        await cloud.bus.serve(host, verbs("pool", VolumePool, pool))
    async with cloud:
        await cloud.report(HOST)
        yield cloud


async def make_volume(
    cloud: StorageCloud, client: httpx.AsyncClient | None = None, **values: Any
) -> dict[str, Any]:
    """Create a volume and wait until nothing works on it; return it as it is then."""
    client = client or cloud.member("p1")
    answer = await client.post("/volume/v3/volumes", json={"volume": {"size": 1, **values}})
    assert answer.status_code == 202, answer.text
    await cloud.settle()
    return dict((await client.get(f"/volume/v3/volumes/{answer.json()['volume']['id']}")).json()["volume"])
