"""Volumes: made, filled, grown, copied and removed."""

import asyncio
import os
from pathlib import Path

import pytest

from cumulo.contracts.volumes import BlockAccess
from cumulo.core.drivers import Gone, Permanent, Unsupported
from cumulo.node.volumes.driver import GIB, LARGEST_PIECE, PoolDriver
from cumulo.testing.volumes.specs import MIB, a_volume, content, found, new_id


class VolumesContract:
    """Volumes: made, filled, grown, copied and removed."""

    async def test_report_says_what_the_pool_has(self, pool: PoolDriver) -> None:
        """A pool without room could never be chosen."""
        report = await pool.report()
        assert report.backend
        assert report.pool
        assert report.total_gib >= report.free_gib > 0
        assert report.allocated_gib == 0
        await pool.create(a_volume(3))
        assert (await pool.report()).allocated_gib == 3

    @pytest.mark.parametrize("provisioning", ["thin", "thick"])
    async def test_a_new_volume_reads_zeroes(self, pool: PoolDriver, provisioning: str) -> None:
        """Also where another volume's bytes lay, which was deleted."""
        if provisioning == "thick" and not (await pool.report()).thick:
            with pytest.raises(Unsupported):
                await pool.create(a_volume(provisioning=provisioning))
            return
        old = a_volume(provisioning=provisioning)
        await pool.create(old)
        await pool.write(old.volume_id, GIB - MIB, b"secret" * 1000)
        await pool.delete(old.volume_id)
        new = a_volume(provisioning=provisioning)
        await pool.create(new)
        assert await content(pool, new.volume_id, GIB - MIB, MIB) == bytes(MIB)
        assert await content(pool, new.volume_id, 0, MIB) == bytes(MIB)

    async def test_creating_and_deleting_may_be_repeated(self, pool: PoolDriver) -> None:
        """A second `create` leaves the content; a second `delete` finds nothing to do."""
        spec = a_volume()
        await pool.create(spec)
        await pool.write(spec.volume_id, 0, b"kept")
        await pool.create(spec)
        assert await content(pool, spec.volume_id, 0, 4) == b"kept"
        await pool.delete(spec.volume_id)
        await pool.delete(spec.volume_id)
        assert await pool.stored() == []

    async def test_a_late_worker_does_not_bring_a_volume_back(self, pool: PoolDriver) -> None:
        """One whose task another has taken over since."""
        spec = a_volume()
        await pool.create(spec, fence=2)
        await pool.delete(spec.volume_id)
        with pytest.raises(Permanent):
            await pool.create(spec, fence=1)
        assert await pool.stored() == []

    async def test_what_needs_a_volume_says_that_it_is_gone(self, pool: PoolDriver) -> None:
        """The service tells Gone from failures."""
        unknown = new_id()
        with pytest.raises(Gone):
            await pool.extend(unknown, 2)
        with pytest.raises(Gone):
            await pool.create_snapshot(unknown, new_id())
        with pytest.raises(Gone):
            await pool.open(unknown, new_id())
        with pytest.raises(Gone):
            await pool.clone(a_volume(), unknown)
        with pytest.raises(Gone):
            await pool.write(unknown, 0, b"x")
        await pool.close(unknown, new_id())
        await pool.delete_snapshot(unknown, new_id())

    async def test_a_volume_grows_and_never_shrinks(self, pool: PoolDriver) -> None:
        """What was there stays, what is new is zero."""
        spec = a_volume()
        await pool.create(spec)
        await pool.write(spec.volume_id, GIB - 4, b"last")
        await pool.extend(spec.volume_id, 2)
        await pool.extend(spec.volume_id, 2)
        await pool.extend(spec.volume_id, 1)
        assert await content(pool, spec.volume_id, GIB - 4, 8) == b"last" + bytes(4)
        assert await content(pool, spec.volume_id, 2 * GIB - MIB, MIB) == bytes(MIB)
        stored = await found(pool, spec.volume_id)
        assert stored is not None
        assert stored.size_gib == 2

    async def test_pieces_are_limited(self, pool: PoolDriver) -> None:
        """No piece beyond the end, none larger than 8 MiB."""
        spec, snapshot = a_volume(), new_id()
        await pool.create(spec)
        await pool.create_snapshot(spec.volume_id, snapshot)
        with pytest.raises(Permanent):
            await pool.write(spec.volume_id, GIB - 2, b"long")
        with pytest.raises(Permanent):
            await pool.read(spec.volume_id, snapshot, GIB - 2, 4)
        with pytest.raises(Permanent):
            await pool.read(spec.volume_id, snapshot, 0, LARGEST_PIECE + 1)

    async def test_a_clone_is_independent(self, pool: PoolDriver) -> None:
        """Neither sees what is written to the other later, and either may go first."""
        source, clone = a_volume(), a_volume(2)
        await pool.create(source)
        await pool.write(source.volume_id, MIB, b"both")
        await pool.clone(clone, source.volume_id)
        await pool.clone(clone, source.volume_id)
        await pool.write(source.volume_id, MIB, b"ours")
        await pool.write(clone.volume_id, 2 * MIB, b"new")
        assert await content(pool, clone.volume_id, MIB, 4) == b"both"
        assert await content(pool, clone.volume_id, GIB, MIB) == bytes(MIB)
        assert await content(pool, source.volume_id, 2 * MIB, 3) == bytes(3)
        await pool.delete(source.volume_id)
        assert await content(pool, clone.volume_id, MIB, 4) == b"both"

    async def test_fill_takes_a_file_and_replaces_what_was_there(
        self, pool: PoolDriver, tmp_path: Path
    ) -> None:
        """As from an image; a file that is longer than the volume is refused."""
        spec = a_volume()
        await pool.create(spec)
        await pool.write(spec.volume_id, 10 * MIB, b"old")
        image = tmp_path / "image.raw"
        image.write_bytes(b"image" + bytes(MIB))
        source = BlockAccess(protocol="file", path=str(image))
        await pool.fill(spec, source)
        await pool.fill(spec, source)
        assert await content(pool, spec.volume_id, 0, 6) == b"image\0"
        assert await content(pool, spec.volume_id, 10 * MIB, 3) == bytes(3)
        os.truncate(image, GIB + 512)
        with pytest.raises(Permanent):
            await pool.fill(a_volume(), source)
        assert len(await pool.stored()) == 1

    async def test_fill_takes_another_volume(self, pool: PoolDriver) -> None:
        """As when a volume moves to another pool."""
        source, target, export = a_volume(), a_volume(), new_id()
        await pool.create(source)
        await pool.write(source.volume_id, 5 * MIB, b"moved")
        access = await pool.open(source.volume_id, export, read_only=True)
        await pool.fill(target, access)
        await pool.close(source.volume_id, export)
        assert await content(pool, target.volume_id, 5 * MIB, 5) == b"moved"

    async def test_many_volumes_at_once(self, pool: PoolDriver) -> None:
        """Verbs on different volumes do not disturb each other."""
        specs = [a_volume() for _ in range(8)]
        await asyncio.gather(*(pool.create(spec) for spec in specs))
        assert {one.volume_id for one in await pool.stored()} == {spec.volume_id for spec in specs}
        await asyncio.gather(*(pool.delete(spec.volume_id) for spec in specs))
        assert await pool.stored() == []

    async def test_a_volume_that_became_another_is_what_it_was_again(self, pool: PoolDriver) -> None:
        """And what it became is there under its own id."""
        spec, new, kept = a_volume(), a_volume(), new_id()
        for one in (spec, new):
            await pool.create(one)
            await pool.write(one.volume_id, 0, one.volume_id.encode())
        await pool.replace(spec.volume_id, kept, new.volume_id)  # nothing had been done
        await pool.replace(spec.volume_id, new.volume_id, kept)
        assert await content(pool, spec.volume_id, 0, 36) == new.volume_id.encode()
        for _ in range(2):
            await pool.replace(spec.volume_id, kept, new.volume_id)
        assert {one.volume_id for one in await pool.stored()} == {spec.volume_id, new.volume_id}
        for one in (spec, new):
            assert await content(pool, one.volume_id, 0, 36) == one.volume_id.encode()
