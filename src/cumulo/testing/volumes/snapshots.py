"""Snapshots: kept, read, copied from, gone back to and removed."""

from itertools import pairwise

import pytest

from cumulo.core.drivers import Gone, Permanent
from cumulo.node.volumes.driver import GIB, PoolDriver
from cumulo.testing.volumes.specs import MIB, a_volume, content, found, new_id


class SnapshotsContract:
    """Snapshots: kept, read, copied from, gone back to and removed."""

    async def test_a_snapshot_keeps_the_content(self, pool: PoolDriver) -> None:
        """Whatever is written later; taken twice, it is the first that counts."""
        spec, first, second = a_volume(), new_id(), new_id()
        await pool.create(spec)
        await pool.write(spec.volume_id, MIB, b"one")
        await pool.create_snapshot(spec.volume_id, first)
        await pool.write(spec.volume_id, MIB, b"two")
        await pool.create_snapshot(spec.volume_id, first)
        await pool.create_snapshot(spec.volume_id, second)
        await pool.write(spec.volume_id, MIB, b"six")
        assert await pool.read(spec.volume_id, first, MIB, 3) == b"one"
        assert await pool.read(spec.volume_id, second, MIB, 3) == b"two"
        await pool.delete_snapshot(spec.volume_id, first)
        await pool.delete_snapshot(spec.volume_id, first)
        assert await pool.read(spec.volume_id, second, MIB, 3) == b"two"
        assert await content(pool, spec.volume_id, MIB, 3) == b"six"
        with pytest.raises(Gone):
            await pool.read(spec.volume_id, first, MIB, 3)

    async def test_a_volume_with_snapshots_is_not_deleted(self, pool: PoolDriver) -> None:
        """They would go with it."""
        spec, snapshot = a_volume(), new_id()
        await pool.create(spec)
        await pool.create_snapshot(spec.volume_id, snapshot)
        with pytest.raises(Permanent):
            await pool.delete(spec.volume_id)
        await pool.delete_snapshot(spec.volume_id, snapshot)
        await pool.delete(spec.volume_id)

    async def test_a_volume_made_from_a_snapshot_outlives_it(self, pool: PoolDriver) -> None:
        """The snapshot and the volume it was taken of may go."""
        source, made, snapshot = a_volume(), a_volume(2), new_id()
        await pool.create(source)
        await pool.write(source.volume_id, 0, b"then")
        await pool.create_snapshot(source.volume_id, snapshot)
        await pool.write(source.volume_id, 0, b"now!")
        await pool.create_from_snapshot(made, snapshot, source.volume_id)
        await pool.create_from_snapshot(made, snapshot, source.volume_id)
        await pool.write(made.volume_id, GIB, b"grown")
        await pool.delete_snapshot(source.volume_id, snapshot)
        await pool.delete(source.volume_id)
        assert await content(pool, made.volume_id, 0, 4) == b"then"
        assert await content(pool, made.volume_id, GIB, 5) == b"grown"
        with pytest.raises(Gone):
            await pool.create_from_snapshot(a_volume(2), snapshot, source.volume_id)

    async def test_a_volume_goes_back_to_a_snapshot(self, pool: PoolDriver) -> None:
        """As often as one likes; the other snapshots stay."""
        spec, first, second = a_volume(), new_id(), new_id()
        await pool.create(spec)
        await pool.write(spec.volume_id, 0, b"one")
        await pool.create_snapshot(spec.volume_id, first)
        await pool.write(spec.volume_id, 0, b"two")
        await pool.create_snapshot(spec.volume_id, second)
        await pool.revert(spec.volume_id, first)
        await pool.revert(spec.volume_id, first)
        assert await content(pool, spec.volume_id, 0, 3) == b"one"
        assert await pool.read(spec.volume_id, second, 0, 3) == b"two"
        await pool.revert(spec.volume_id, second)
        assert await content(pool, spec.volume_id, 0, 3) == b"two"

    async def test_extents_say_where_a_snapshot_holds_data(self, pool: PoolDriver) -> None:
        """All that is not zero lies in one, in order; most of an empty volume lies in none."""
        spec, snapshot = a_volume(), new_id()
        await pool.create(spec)
        await pool.write(spec.volume_id, 100 * MIB, b"x" * 512)
        await pool.write(spec.volume_id, GIB - 512, b"y" * 512)
        await pool.create_snapshot(spec.volume_id, snapshot)
        await pool.write(spec.volume_id, 300 * MIB, b"z" * 512)
        extents = await pool.extents(spec.volume_id, snapshot)
        for wanted in (100 * MIB, GIB - 512):
            assert any(e.offset <= wanted and wanted + 512 <= e.offset + e.length for e in extents)
        assert extents == sorted(extents, key=lambda extent: extent.offset)
        assert all(a.offset + a.length <= b.offset for a, b in pairwise(extents))
        assert not any(e.offset <= 300 * MIB < e.offset + e.length for e in extents)
        assert sum(extent.length for extent in extents) < 64 * MIB

    async def test_what_others_left_in_the_pool_is_adopted(self, pool: PoolDriver) -> None:
        """A volume and a snapshot that were abandoned lie there under references, with their content."""
        spec, snapshot = a_volume(2), new_id()
        await pool.create(spec)
        await pool.write(spec.volume_id, 0, b"old")
        await pool.create_snapshot(spec.volume_id, snapshot)
        await pool.write(spec.volume_id, 0, b"new")
        lost = await pool.abandon_snapshot(spec.volume_id, snapshot)
        assert await pool.abandon_snapshot(spec.volume_id, snapshot) == lost
        stored = await found(pool, lost)
        assert stored is not None
        assert stored.snapshot_id is None
        again = new_id()
        assert await pool.adopt_snapshot(spec.volume_id, again, lost) == 2
        assert await pool.adopt_snapshot(spec.volume_id, again, lost) == 2
        assert await pool.read(spec.volume_id, again, 0, 3) == b"old"
        await pool.delete_snapshot(spec.volume_id, again)
        reference = await pool.abandon(spec.volume_id)
        assert await pool.abandon(spec.volume_id) == reference
        stored = await found(pool, reference)
        assert stored is not None
        assert (stored.volume_id, stored.size_gib) == (None, 2)
        with pytest.raises(Gone):
            await pool.extend(spec.volume_id, 3)
        taken = a_volume(2)
        assert await pool.adopt(taken, reference) == 2
        assert await pool.adopt(taken, reference) == 2
        assert await content(pool, taken.volume_id, 0, 3) == b"new"
        with pytest.raises(Gone):
            await pool.adopt(a_volume(), "nothing-of-that-name")
