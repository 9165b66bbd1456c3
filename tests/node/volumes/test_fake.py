"""The pool that remembers volumes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cumulo.contracts.volumes import BlockAccess
from cumulo.core.drivers import Temporary
from cumulo.node.volumes.fake import FakePool
from cumulo.node.volumes.sparse import SparseBytes
from cumulo.testing.volumes import GIB, Attach, Device, VolumePoolContract, a_volume


class FakeDevice:
    def __init__(self, content: SparseBytes) -> None:
        self._content = content

    async def size(self) -> int:
        return self._content.size

    async def read(self, offset: int, length: int) -> bytes:
        return self._content.read(offset, length)

    async def write(self, offset: int, data: bytes) -> None:
        self._content.write(offset, data)


@pytest.fixture
def pool() -> FakePool:
    return FakePool()


class TestFakePool(VolumePoolContract):
    @pytest.fixture
    def attach(self, pool: FakePool) -> Attach:
        @asynccontextmanager
        async def attached(access: BlockAccess) -> AsyncIterator[Device]:
            yield FakeDevice(pool.device(access.name))

        return attached


async def test_it_fails_as_often_as_it_was_told(pool: FakePool):
    pool.fail("create", Temporary("busy"), times=2)
    spec = a_volume()
    for _ in range(2):
        with pytest.raises(Temporary):
            await pool.create(spec)
    await pool.create(spec)
    assert list(pool.calls) == [("create", spec.volume_id)] * 3


async def test_one_fake_fills_from_another(pool: FakePool):
    other = FakePool(backend="other")
    source, target = a_volume(), a_volume()
    await other.create(source)
    await other.write(source.volume_id, 7, b"seven")
    await pool.fill(target, await other.open(source.volume_id, "e"))
    assert pool.volumes[target.volume_id].content.read(7, 5) == b"seven"


def test_sparse_bytes_cross_blocks_and_forget_zeroes():
    content = SparseBytes(GIB)
    content.write(65530, b"0123456789")
    assert content.read(65528, 14) == b"\0\x000123456789\0\0"
    assert [(e.offset, e.length) for e in content.extents()] == [(0, 131072)]
    content.write(65530, bytes(10))
    assert content.extents() == []
