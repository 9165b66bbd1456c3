"""Volumes in a Ceph cluster."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cumulo.node.volumes.driver import PoolName
from cumulo.node.volumes.rbd.cluster import Account, Cluster
from cumulo.node.volumes.rbd.pool import EXPORTS, VOLUMES, RbdPool
from cumulo.testing.block_device import attached
from cumulo.testing.ceph import POOL, PROGRAMS, USER, PrivateCeph
from cumulo.testing.volumes import Attach, EncryptionContract, VolumePoolContract

pytestmark = [
    pytest.mark.engines,
    pytest.mark.xdist_group("ceph"),
    pytest.mark.skipif(not all(shutil.which(name) for name in PROGRAMS), reason="needs Ceph"),
]


@pytest.fixture(scope="session")
def ceph() -> Iterator[PrivateCeph]:
    ceph = PrivateCeph(Path(tempfile.mkdtemp(prefix="ceph-")))
    try:
        ceph.start()
        yield ceph
    finally:
        ceph.remove()


@pytest.fixture
async def pool(ceph: PrivateCeph) -> AsyncIterator[RbdPool]:
    cluster = Cluster(POOL, Account(user=USER, conf=str(ceph.conf), keyring=str(ceph.keyring)))
    pool = RbdPool(PoolName(host="host1", backend="ceph", pool=POOL, driver="rbd"), cluster)
    await pool.start()
    try:
        yield pool
    finally:
        await empty(pool, cluster)
        await pool.stop()


async def empty(pool: RbdPool, cluster: Cluster) -> None:
    """Remove all images, those first that hang on others."""
    images = pool._images
    while names := images.names():
        for name in names:
            with images.opened(name) as image:
                if image.list_children():
                    continue
            for snapshot in images.snapshots(name):
                images.remove_snapshot(name, snapshot)
            images.remove(name)
    for table in (VOLUMES, EXPORTS):
        for name in cluster.records(table):
            cluster.forget(table, name)


@pytest.fixture
def attach() -> Attach:
    return attached


class TestRbdPool(VolumePoolContract, EncryptionContract):
    pass
