"""What every driver of volume pools must do: the contract suite that the fake and the real ones pass.

A test module subclasses `VolumePoolContract` and gives two fixtures: `pool`, a started driver whose pool is
empty, and `attach`, which makes of a `BlockAccess` a device as whoever has the volume attached sees it.
"""

import asyncio
import os
import uuid
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from cumulo.contracts.volumes import BlockAccess, StoredVolume, VolumeSpec
from cumulo.core.drivers import Gone, Permanent, Unsupported
from cumulo.node.volumes.driver import GIB, LARGEST_PIECE, PoolDriver

MIB = 1 << 20
PASSPHRASE = "correct horse, battery staple"  # noqa: S105  of test volumes; with a comma, as QEMU quotes it


class Device(Protocol):
    """An attached volume. Offsets and lengths in bytes."""

    async def size(self) -> int:
        """Return how long it is."""

    async def read(self, offset: int, length: int) -> bytes:
        """Return a piece."""

    async def write(self, offset: int, data: bytes) -> None:
        """Write a piece."""


Attach = Callable[[BlockAccess], AbstractAsyncContextManager[Device]]


def a_volume(size_gib: int = 1, **more: str) -> VolumeSpec:
    """Return the spec of a new volume."""
    return VolumeSpec(volume_id=str(uuid.uuid4()), size_gib=size_gib, **more)  # type: ignore[arg-type]


def sealed(size_gib: int = 1) -> VolumeSpec:
    """Return the spec of a new encrypted volume."""
    return a_volume(size_gib, cipher="aes-xts-plain64", passphrase=PASSPHRASE)


def unlocked(access: BlockAccess) -> BlockAccess:
    """Return the access by which QEMU opens an encrypted volume, as the service makes it."""
    return msgspec.structs.replace(access, format="luks", passphrase=PASSPHRASE)


def new_id() -> str:
    """Return an id of a snapshot or an export."""
    return str(uuid.uuid4())


async def content(pool: PoolDriver, volume_id: str, offset: int, length: int) -> bytes:
    """Return a piece of a volume as it is now, by way of a snapshot."""
    snapshot = new_id()
    await pool.create_snapshot(volume_id, snapshot)
    try:
        return await pool.read(volume_id, snapshot, offset, length)
    finally:
        await pool.delete_snapshot(volume_id, snapshot)


async def found(pool: PoolDriver, reference: str) -> StoredVolume | None:
    """Return what is stored under a reference."""
    return next((one for one in await pool.stored() if one.reference == reference), None)


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
            pytest.skip("this pool has thin volumes only")
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


class ExportsContract:
    """Exports: opened, used, and what may be done meanwhile."""

    async def test_who_attached_reads_and_writes(self, pool: PoolDriver, attach: Attach) -> None:
        """Opening again gives the same access; what was written stays."""
        spec, export = a_volume(), new_id()
        await pool.create(spec)
        await pool.write(spec.volume_id, 0, b"from the pool")
        access = await pool.open(spec.volume_id, export)
        assert await pool.open(spec.volume_id, export) == access
        assert await pool.exports() == {export: spec.volume_id}
        async with attach(access) as device:
            assert await device.size() == GIB
            assert await device.read(0, 13) == b"from the pool"
            await device.write(GIB - 512, b"e" * 512)
        await pool.close(spec.volume_id, export)
        await pool.close(spec.volume_id, export)
        assert await pool.exports() == {}
        assert await content(pool, spec.volume_id, GIB - 512, 512) == b"e" * 512

    async def test_several_exports_show_one_volume(self, pool: PoolDriver, attach: Attach) -> None:
        """As of a volume that several servers have, or one that migrates."""
        spec, one, two = a_volume(), new_id(), new_id()
        await pool.create(spec)
        async with (
            attach(await pool.open(spec.volume_id, one)) as first,
            attach(await pool.open(spec.volume_id, two)) as second,
        ):
            await first.write(MIB, b"s" * 512)
            assert await second.read(MIB, 512) == b"s" * 512
        await pool.close(spec.volume_id, one)
        async with attach(await pool.open(spec.volume_id, two)) as second:
            assert await second.read(MIB, 512) == b"s" * 512
        assert await pool.exports() == {two: spec.volume_id}
        await pool.close(spec.volume_id, two)

    async def test_an_exported_volume_is_protected(self, pool: PoolDriver) -> None:
        """Whoever has it attached would lose it."""
        spec, snapshot, export = a_volume(), new_id(), new_id()
        await pool.create(spec)
        await pool.create_snapshot(spec.volume_id, snapshot)
        await pool.open(spec.volume_id, export)
        with pytest.raises(Permanent):
            await pool.revert(spec.volume_id, snapshot)
        with pytest.raises(Permanent):
            await pool.write(spec.volume_id, 0, b"x")
        with pytest.raises(Permanent):
            await pool.abandon(spec.volume_id)
        await pool.delete_snapshot(spec.volume_id, snapshot)
        with pytest.raises(Permanent):
            await pool.delete(spec.volume_id)
        await pool.close(spec.volume_id, export)
        await pool.delete(spec.volume_id)

    async def test_snapshots_come_and_go_under_who_attached(self, pool: PoolDriver, attach: Attach) -> None:
        """The device keeps its content and stays writable; each snapshot holds its moment."""
        spec, export, first, second = a_volume(), new_id(), new_id(), new_id()
        clone = a_volume()
        await pool.create(spec)
        async with attach(await pool.open(spec.volume_id, export)) as device:
            await device.write(0, b"1" * 512)
            await pool.create_snapshot(spec.volume_id, first)
            await device.write(0, b"2" * 512)
            await pool.create_snapshot(spec.volume_id, second)
            await pool.clone(clone, spec.volume_id)
            await device.write(0, b"3" * 512)
            assert await pool.read(spec.volume_id, first, 0, 512) == b"1" * 512
            await pool.delete_snapshot(spec.volume_id, first)
            assert await pool.read(spec.volume_id, second, 0, 512) == b"2" * 512
            await pool.delete_snapshot(spec.volume_id, second)
            assert await device.read(0, 512) == b"3" * 512
            await device.write(512, b"4" * 512)
        await pool.close(spec.volume_id, export)
        assert await content(pool, spec.volume_id, 0, 1024) == b"3" * 512 + b"4" * 512
        assert await content(pool, clone.volume_id, 0, 1024) == b"2" * 512 + bytes(512)

    async def test_an_exported_volume_grows(self, pool: PoolDriver, attach: Attach) -> None:
        """If the pool says that it can; else it says why not, and nothing changes."""
        spec, export = a_volume(), new_id()
        await pool.create(spec)
        access = await pool.open(spec.volume_id, export)
        if not (await pool.report()).online_extend:
            with pytest.raises(Unsupported):
                await pool.extend(spec.volume_id, 2)
            return
        async with attach(access) as device:
            await device.write(0, b"a" * 512)
            await pool.extend(spec.volume_id, 2)
            assert await device.read(0, 512) == b"a" * 512
        assert await pool.open(spec.volume_id, export) == access
        async with attach(access) as device:
            assert await device.size() == 2 * GIB
            await device.write(2 * GIB - 512, b"z" * 512)
            assert await device.read(0, 512) == b"a" * 512

    async def test_a_snapshot_is_exported_read_only(self, pool: PoolDriver, attach: Attach) -> None:
        """And is not deleted meanwhile."""
        spec, snapshot, export = a_volume(), new_id(), new_id()
        await pool.create(spec)
        await pool.write(spec.volume_id, 0, b"o" * 512)
        await pool.create_snapshot(spec.volume_id, snapshot)
        await pool.write(spec.volume_id, 0, b"n" * 512)
        access = await pool.open(spec.volume_id, export, snapshot_id=snapshot)
        assert access.read_only
        async with attach(access) as device:
            assert await device.read(0, 512) == b"o" * 512
        with pytest.raises(Permanent):
            await pool.delete_snapshot(spec.volume_id, snapshot)
        await pool.close(spec.volume_id, export)
        await pool.delete_snapshot(spec.volume_id, snapshot)
        await pool.delete(spec.volume_id)


class EncryptionContract:
    """LUKS volumes; for drivers of which QEMU opens what they export."""

    async def test_an_encrypted_volume_is_opened_with_its_passphrase(
        self, pool: PoolDriver, attach: Attach
    ) -> None:
        """It is as long as promised, and what lies in the pool is not what was written."""
        spec, export, snapshot, made = sealed(), new_id(), new_id(), sealed(2)
        await pool.create(spec)
        async with attach(unlocked(await pool.open(spec.volume_id, export))) as device:
            assert await device.size() == GIB
            await device.write(0, b"plain text" * 512)
            await pool.create_snapshot(spec.volume_id, snapshot)
        await pool.close(spec.volume_id, export)
        for extent in await pool.extents(spec.volume_id, snapshot):
            for offset in range(extent.offset, extent.offset + extent.length, LARGEST_PIECE):
                length = min(LARGEST_PIECE, extent.offset + extent.length - offset)
                assert b"plain text" not in await pool.read(spec.volume_id, snapshot, offset, length)
        await pool.create_from_snapshot(made, snapshot, spec.volume_id)
        async with attach(unlocked(await pool.open(made.volume_id, export))) as device:
            assert await device.size() == 2 * GIB
            assert await device.read(0, 10) == b"plain text"
        await pool.close(made.volume_id, export)

    async def test_an_encrypted_volume_is_filled_and_grows(
        self, pool: PoolDriver, attach: Attach, tmp_path: Path
    ) -> None:
        """From plain content; what it holds is as long as the volume is."""
        image = tmp_path / "image.raw"
        image.write_bytes(b"image" + bytes(MIB))
        spec, export = sealed(), new_id()
        await pool.fill(spec, BlockAccess(protocol="file", path=str(image)))
        access = unlocked(await pool.open(spec.volume_id, export, read_only=True))
        async with attach(access) as device:
            assert await device.size() == GIB
            assert await device.read(0, 6) == b"image\0"
        await pool.close(spec.volume_id, export)
        await pool.extend(spec.volume_id, 2)
        access = unlocked(await pool.open(spec.volume_id, export, read_only=True))
        async with attach(access) as device:
            assert await device.size() == 2 * GIB
        with pytest.raises(Permanent):
            await pool.fill(a_volume(), access)
        await pool.close(spec.volume_id, export)


class VolumePoolContract(VolumesContract, SnapshotsContract, ExportsContract):
    """The whole suite; subclass as `class TestMyPool(VolumePoolContract)`."""
