"""A device's bytes between a pool and the store: which runs are read, and what becomes zeroes."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cumulo.contracts.volumes import Extent, VolumeSpec
from cumulo.node.volumes.fake import FakePool
from cumulo.services.block_storage.drivers import CHUNK, Archived, Piece, Proof
from cumulo.services.block_storage.tasks.content import LARGEST, Clearing, end_of, read, runs, write

GIB = 1 << 30
spans = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 8)), max_size=8)


def extents_of(found: list[tuple[int, int]]) -> list[Extent]:
    """Return extents in order that do not overlap: gaps and lengths, in half chunks."""
    made, at = [], 0
    for gap, length in found:
        at += gap * CHUNK // 2
        made.append(Extent(offset=at, length=length * CHUNK // 2))
        at += length * CHUNK // 2
    return made


@settings(deadline=None)  # how long it takes is no matter
@given(spans)
def test_runs_cover_every_extent_by_whole_chunks_once(found: list[tuple[int, int]]):
    extents = extents_of(found)
    covered: set[int] = set()
    for offset, length in runs(extents, GIB):
        assert offset % CHUNK == 0
        assert 0 < length <= LARGEST
        chunks = set(range(offset // CHUNK, -(-(offset + length) // CHUNK)))
        assert not covered & chunks
        covered |= chunks
    wanted = {
        chunk
        for one in extents
        for chunk in range(one.offset // CHUNK, -(-(one.offset + one.length) // CHUNK))
    }
    assert covered == wanted


@settings(deadline=None)
@given(spans, spans)
def test_clearing_yields_the_old_runs_but_for_what_is_new(
    old: list[tuple[int, int]], new: list[tuple[int, int]]
):
    before = {at for offset, length in old_runs(old) for at in range(offset, offset + length)}
    after: set[int] = set()
    clearing = Clearing(iter(old_runs(old)))
    cleared: list[tuple[int, int]] = []
    for offset, length in old_runs(new):
        after |= set(range(offset, offset + length))
        cleared += clearing.until(offset, length)
    cleared += clearing.rest()
    assert {at for offset, length in cleared for at in range(offset, offset + length)} == before - after


def old_runs(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    made, at = [], 0
    for gap, length in found:
        at += gap
        made.append((at, length))
        at += length
    return made


def test_a_device_ends_after_its_last_byte_even_when_that_is_beyond_its_size():
    assert end_of([], 1) == GIB
    assert end_of([Extent(offset=GIB, length=100)], 1) == GIB + 100


class OnePiece:
    """A store that holds one piece."""

    def __init__(self, piece: Piece) -> None:
        self.piece = piece

    async def keep(
        self, location: str, pieces: AsyncIterator[Piece], *, base: str | None, size: int
    ) -> Archived:
        """Not asked for here."""
        raise NotImplementedError

    async def content(self, location: str) -> AsyncIterator[Piece]:
        """Yield the piece."""
        yield self.piece

    async def find(self, location: str) -> Archived:
        """Not asked for here."""
        raise NotImplementedError

    async def verify(self, location: str) -> Proof:
        """Not asked for here."""
        raise NotImplementedError

    async def remove(self, location: str) -> None:
        """Not asked for here."""


async def test_the_last_chunk_of_an_odd_device_is_short_and_fits():
    """An encrypted volume's device is longer than the volume by its header, which is no whole chunk."""
    pool = FakePool()
    await pool.create(VolumeSpec(volume_id="v", size_gib=1))
    pool.volumes["v"].content.size += 1000
    pool.volumes["v"].content.write(GIB + 900, b"x" * 100)
    await pool.create_snapshot("v", "s")
    pieces = [piece async for piece in read(pool, "v", "s", 1)]
    assert sum(len(piece.data) for piece in pieces) <= CHUNK
    last = pieces[-1]
    assert last.offset + len(last.data) == GIB + 1000
    await write(pool, "v", OnePiece(last), "x")
    assert pool.volumes["v"].content.read(GIB + 900, 100) == b"x" * 100


async def test_reading_stops_when_the_pool_fails():
    pool = FakePool()
    await pool.create(VolumeSpec(volume_id="v", size_gib=1))
    pool.volumes["v"].content.write(0, b"a" * 3 * LARGEST)
    await pool.create_snapshot("v", "s")
    pool.fail("read", RuntimeError("no"), times=1)
    with pytest.raises(RuntimeError):
        [piece async for piece in read(pool, "v", "s", 1)]
