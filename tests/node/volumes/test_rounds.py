"""The rounds in which a pool looks after the daemons of its volumes, whatever becomes of one of them."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cumulo.core.drivers import Permanent, Temporary
from cumulo.node.volumes.driver import PoolName
from cumulo.node.volumes.files import pool as files
from cumulo.node.volumes.files.exporting import Address, Exporting
from cumulo.node.volumes.files.folder import LocalFolder
from cumulo.node.volumes.files.pool import FilePool
from cumulo.node.volumes.files.records import VolumeRecord
from cumulo.testing.volumes import a_volume, new_id


class Daemons(Exporting):
    """Daemons that are only noted. `broken`: a volume whose daemon cannot be started, and why."""

    broken: tuple[str, Exception] | None = None

    async def realise(self, record: VolumeRecord) -> None:
        served.put_nowait(record.volume_id)
        if self.broken is not None and self.broken[0] == record.volume_id:
            raise self.broken[1]

    async def end_strangers(self) -> None:
        pass


served: asyncio.Queue[str] = asyncio.Queue()


def a_pool(folder: Path, **options: Any) -> FilePool:
    name = PoolName(host="host1", backend="local", pool="volumes", driver="local")
    where = LocalFolder(folder / "pool")
    return FilePool(name=name, folder=where, run=folder / "run", exporting=Daemons, **options)


@pytest.fixture
async def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FilePool]:
    monkeypatch.setattr(files, "_ROUND", 0)
    monkeypatch.setattr(Daemons, "broken", None)
    monkeypatch.setattr(__name__ + ".served", asyncio.Queue())
    pool = a_pool(tmp_path)
    await pool.start()
    yield pool
    await pool.stop()


async def rounds(number: int) -> list[str]:
    """Return which volumes were looked after in a number of looks."""
    return [await served.get() for _ in range(number)]


@pytest.mark.parametrize("error", [Permanent("its layer is missing"), OSError(28, "No space left on device")])
async def test_a_volume_that_cannot_be_served_keeps_no_other_from_its_turn(
    pool: FilePool, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    first, second = sorted((a_volume(), a_volume()), key=lambda spec: spec.volume_id)
    for spec in (first, second):
        await pool.create(spec)
        await pool.open(spec.volume_id, new_id())
    monkeypatch.setattr(Daemons, "broken", (first.volume_id, error))
    while not served.empty():
        served.get_nowait()
    async with asyncio.timeout(20):
        assert set(await rounds(8)) == {first.volume_id, second.volume_id}


async def test_what_a_killed_process_left_of_a_record_goes(pool: FilePool, tmp_path: Path) -> None:
    await pool.stop()
    left = tmp_path / "pool" / "volumes" / ".some.json.x1"
    left.write_text('{"password": "secret"}')
    await pool.start()
    assert not left.exists()


async def test_fences_of_volumes_that_are_gone_go(tmp_path: Path) -> None:
    pool = a_pool(tmp_path, fences=tmp_path / "fences")
    await pool.start()
    kept, gone = a_volume(), a_volume()
    for spec in (kept, gone):
        await pool.create(spec, fence=3)
        os.utime(tmp_path / "fences" / spec.volume_id, (0, 0))
    await pool.delete(gone.volume_id)
    await pool.report()
    await pool.stop()
    assert [file.name for file in (tmp_path / "fences").iterdir()] == [kept.volume_id]


async def test_a_port_is_given_back_with_its_last_export(tmp_path: Path) -> None:
    pool = a_pool(tmp_path, address=Address("127.0.0.1", (20000, 20001)))
    await pool.start()
    for _ in range(3):  # more volumes than ports, one after another
        spec, snapshot, exports = a_volume(), new_id(), (new_id(), new_id(), new_id())
        await pool.create(spec)
        await pool.create_snapshot(spec.volume_id, snapshot)
        first = await pool.open(spec.volume_id, exports[0])
        assert await pool.open(spec.volume_id, exports[1], snapshot_id=snapshot) != first
        assert (await pool.open(spec.volume_id, exports[2])).hosts == first.hosts
        await pool.close(spec.volume_id, exports[0])
        assert (await pool.open(spec.volume_id, exports[2])).hosts == first.hosts
        for export in exports[1:]:
            await pool.close(spec.volume_id, export)
    await pool.stop()


async def test_an_export_whose_end_was_cut_short_ends_when_that_is_asked_for_again(
    pool: FilePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, export = a_volume(), new_id()
    await pool.create(spec)
    await pool.open(spec.volume_id, export)
    monkeypatch.setattr(Daemons, "broken", (spec.volume_id, Temporary("the daemon does not answer")))
    with pytest.raises(Temporary):
        await pool.close(spec.volume_id, export)
    monkeypatch.setattr(Daemons, "broken", None)
    while not served.empty():
        served.get_nowait()
    await pool.close(spec.volume_id, export)
    assert served.get_nowait() == spec.volume_id
