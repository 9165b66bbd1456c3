"""A cloud of block storage whose one pool holds bytes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.services.block_storage.fakes import StorageCloud

from cumulo.contracts.volumes import VolumePool
from cumulo.core.bus import verbs
from cumulo.core.db import Database
from cumulo.node.volumes.fake import FakePool

SERVICE = "node2@bytes"
POOL = f"{SERVICE}#pool"
MIB = 1 << 20


class BytesCloud(StorageCloud):
    """Its pool is the node's own fake, which passes the contract suite of the real ones."""

    disks: FakePool

    def write(self, volume_id: str, offset: int, data: bytes) -> None:
        """Write into a volume, as its guest would."""
        self.disks.volumes[volume_id].content.write(offset, data)

    def read(self, volume_id: str, offset: int, length: int) -> bytes:
        """Read of a volume."""
        return self.disks.volumes[volume_id].content.read(offset, length)

    def whole(self, volume_id: str) -> list[tuple[int, bytes]]:
        """Return all that a volume holds."""
        content = self.disks.volumes[volume_id].content
        return [(one.offset, content.read(one.offset, one.length)) for one in content.extents()]


@asynccontextmanager
async def bytes_cloud(database: Database, folder: Path) -> AsyncIterator[BytesCloud]:
    """Give a cloud with one pool."""
    await database.create_all()
    cloud = BytesCloud(database, folder)
    cloud.disks = FakePool("node2", "bytes", pool="pool")
    pools: dict[str, Any] = {SERVICE: cloud.disks}
    cloud.pools = pools
    await cloud.bus.serve(SERVICE, verbs("pool", VolumePool, cloud.disks))
    async with cloud:
        await cloud.report(SERVICE)
        yield cloud
