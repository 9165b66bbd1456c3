"""Volumes in a Ceph cluster."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

import pytest

from cumulo.node.volumes.driver import PoolName
from cumulo.node.volumes.rbd.cluster import Account, Cluster
from cumulo.node.volumes.rbd.pool import EXPORTS, VOLUMES, RbdPool
from cumulo.testing.ceph import MARKS, POOL, USER, PrivateCeph
from cumulo.testing.volumes import EncryptionContract, VolumePoolContract, a_volume, content, new_id

R = TypeVar("R")

pytestmark = MARKS


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


class TestRbdPool(VolumePoolContract, EncryptionContract):
    pass


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


VERBS = {
    "create": lambda pool, new, old, snap: pool.create(new),
    "create_from_snapshot": lambda pool, new, old, snap: pool.create_from_snapshot(new, snap, old),
    "clone": lambda pool, new, old, snap: pool.clone(new, old),
    "create_snapshot": lambda pool, new, old, snap: pool.create_snapshot(old, new.volume_id),
    "delete_snapshot": lambda pool, new, old, snap: pool.delete_snapshot(old, snap),
    "abandon": lambda pool, new, old, snap: pool.abandon(old),
}


@pytest.mark.parametrize("verb", [*VERBS])
async def test_a_verb_that_was_killed_is_finished_by_the_next_try(pool: RbdPool, verb: str):
    work = Cluster.work
    for calls in range(30):
        old, new, snap = a_volume(), a_volume(2), new_id()
        await pool.create(old)
        await pool.write(old.volume_id, 0, b"before")
        await pool.create_snapshot(old.volume_id, snap)
        await pool.write(old.volume_id, 0, b"after!")
        left = iter(range(calls))

        async def dying(cluster: Cluster, what: Callable[[], R], left: Iterator[int] = left) -> R:
            if next(left, None) is None:
                raise Killed
            return await work(cluster, what)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Cluster, "work", dying)
            try:
                await VERBS[verb](pool, new, old.volume_id, snap)
            except Killed:
                was_killed = True
            else:
                was_killed = False
        await VERBS[verb](pool, new, old.volume_id, snap)
        if verb == "abandon":
            await pool.adopt(old, f"unmanaged-{old.volume_id}")
        assert await content(pool, old.volume_id, 0, 6) == b"after!"
        made = {"create": bytes(6), "create_from_snapshot": b"before", "clone": b"after!"}
        if verb in made:
            assert await content(pool, new.volume_id, 0, 6) == made[verb]
        if not was_killed:
            assert calls > 1
            return
    pytest.fail("it makes no end of calls")
