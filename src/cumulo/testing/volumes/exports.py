"""Exports: opened, used, and what may be done meanwhile."""

from pathlib import Path

import msgspec
import pytest

from cumulo.contracts.volumes import BlockAccess
from cumulo.core.drivers import Permanent
from cumulo.node.volumes.driver import GIB, LARGEST_PIECE, PoolDriver
from cumulo.services.block_storage.image_keys import HEADER, length
from cumulo.testing.volumes.specs import MIB, Attach, a_volume, content, new_id, sealed, unlocked

OTHER_WORDS = "of another volume"


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
        """Who attached it keeps it; who attaches it then sees the new size."""
        spec, export = a_volume(), new_id()
        await pool.create(spec)
        access = await pool.open(spec.volume_id, export)
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

    async def test_a_file_of_an_encrypted_volumes_bytes_fills_another(
        self, pool: PoolDriver, attach: Attach, tmp_path: Path
    ) -> None:
        """As an image of it holds them: the length follows from the header, and holes may be left out."""
        spec, export, snapshot = sealed(), new_id(), new_id()
        await pool.create(spec)
        async with attach(unlocked(await pool.open(spec.volume_id, export))) as device:
            await device.write(0, b"plain text" * 512)
            await device.write(GIB - 5120, b"last words" * 512)
        await pool.close(spec.volume_id, export)
        await pool.create_snapshot(spec.volume_id, snapshot)
        image = tmp_path / "image.raw"
        head = await pool.read(spec.volume_id, snapshot, 0, HEADER)
        with image.open("wb") as file:
            for extent in await pool.extents(spec.volume_id, snapshot):
                for offset in range(extent.offset, extent.offset + extent.length, LARGEST_PIECE):
                    size = min(LARGEST_PIECE, extent.offset + extent.length - offset)
                    file.seek(offset)
                    file.write(await pool.read(spec.volume_id, snapshot, offset, size))
            file.truncate(length(head, 1))
        made = msgspec.structs.replace(sealed(), passphrase=OTHER_WORDS)
        await pool.fill(made, unlocked(BlockAccess(protocol="file", path=str(image), read_only=True)))
        access = unlocked(await pool.open(made.volume_id, export, read_only=True))
        async with attach(msgspec.structs.replace(access, passphrase=OTHER_WORDS)) as device:
            assert await device.size() == GIB
            assert await device.read(0, 10) == b"plain text"
            assert await device.read(GIB - 10, 10) == b"last words"
        await pool.close(made.volume_id, export)

    @pytest.mark.parametrize("encrypts", [True, False])
    async def test_a_volume_becomes_what_was_filled_from_it(
        self, pool: PoolDriver, attach: Attach, encrypts: bool
    ) -> None:
        """As when its encryption changes. Told again, nothing is left to do; an exported one stays."""
        plain, secret, export, kept = a_volume(), sealed(), new_id(), new_id()
        spec, new = (plain, secret) if encrypts else (secret, plain)
        await pool.create(spec)
        access = await pool.open(spec.volume_id, export)
        access = access if encrypts else unlocked(access)
        async with attach(access) as device:
            await device.write(MIB, b"plain text" * 512)
        await pool.fill(new, access)
        with pytest.raises(Permanent):
            await pool.replace(spec.volume_id, new.volume_id, kept)
        await pool.close(spec.volume_id, export)
        for _ in range(2):
            await pool.replace(spec.volume_id, new.volume_id, kept)
        assert {one.volume_id for one in await pool.stored()} == {spec.volume_id, kept}
        access = await pool.open(spec.volume_id, export)
        async with attach(unlocked(access) if encrypts else access) as device:
            assert await device.size() == GIB
            assert await device.read(MIB, 10) == b"plain text"
        await pool.close(spec.volume_id, export)
        await pool.delete(kept)
        await pool.extend(spec.volume_id, 2)
        await pool.delete(spec.volume_id)
        assert await pool.stored() == []

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
