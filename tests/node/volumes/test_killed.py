"""What a killed process leaves of a pool of files, and what the next one makes of it."""

import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from cumulo.contracts.volumes import BlockAccess, VolumeSpec
from cumulo.core.drivers import Permanent
from cumulo.node.volumes import nbd
from cumulo.node.volumes.driver import PoolName
from cumulo.node.volumes.files import merging
from cumulo.node.volumes.files.folder import LocalFolder
from cumulo.node.volumes.files.merging import Merging
from cumulo.node.volumes.files.pool import FilePool
from cumulo.node.volumes.files.records import Switch
from cumulo.node.volumes.nbd import NbdClient
from cumulo.testing.block_device import attached
from cumulo.testing.volumes import GIB, MIB, a_volume, content, new_id

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(shutil.which("qemu-storage-daemon") is None, reason="needs QEMU"),
]


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


class DyingFolder(LocalFolder):
    """A folder whose user is killed before its n-th change."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.left = 10**6

    def _count(self) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1

    async def create(self, name: str, content: bytes, *, size: int = 0, reserve: bool = False) -> None:
        self._count()
        await super().create(name, content, size=size, reserve=reserve)

    async def rename(self, name: str, new: str) -> None:
        self._count()
        await super().rename(name, new)

    async def replace(self, name: str, content: bytes) -> None:
        self._count()
        await super().replace(name, content)

    async def remove(self, name: str) -> None:
        self._count()
        await super().remove(name)


class World:
    """A pool that dies and is started again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = DyingFolder(path / "pool")
        self.pool = self._new()

    def _new(self) -> FilePool:
        name = PoolName(host="host1", backend="local", pool="volumes", driver="local")
        return FilePool(name=name, folder=self.folder, run=self.path / "run")

    async def restart(self) -> FilePool:
        """Begin anew, with nothing in memory."""
        await self.pool.stop()
        self.folder = DyingFolder(self.path / "pool")
        self.pool = self._new()
        await self.pool.start()
        return self.pool

    def layers(self) -> list[str]:
        """Return the files of layers."""
        return sorted(file.name for file in (self.path / "pool" / "layers").iterdir())


@pytest.fixture
async def world(short_path: Path) -> AsyncIterator[World]:
    world = World(short_path)
    await world.pool.start()
    try:
        yield world
    finally:
        world.folder.left = 10**6
        for export, volume in (await world.pool.exports()).items():
            await world.pool.close(volume, export)
        await world.pool.stop()


VERBS = {
    "create": lambda pool, new, old, snap: pool.create(new),
    "create_from_snapshot": lambda pool, new, old, snap: pool.create_from_snapshot(new, snap, old),
    "clone": lambda pool, new, old, snap: pool.clone(new, old),
    "create_snapshot": lambda pool, new, old, snap: pool.create_snapshot(old, new.volume_id),
    "delete_snapshot": lambda pool, new, old, snap: pool.delete_snapshot(old, snap),
    "revert": lambda pool, new, old, snap: pool.revert(old, snap),
    "extend": lambda pool, new, old, snap: pool.extend(old, 2),
    "abandon": lambda pool, new, old, snap: pool.abandon(old),
}


REFUSED_WHEN_ATTACHED = {"revert", "abandon"}


@pytest.mark.parametrize(
    ("verb", "attach"),
    [(verb, False) for verb in VERBS] + [(verb, True) for verb in VERBS if verb not in REFUSED_WHEN_ATTACHED],
)
async def test_a_verb_that_was_killed_is_finished_by_the_next_try(world: World, verb: str, attach: bool):
    for changes in range(20):
        old, new, snap, export = a_volume(), a_volume(2), new_id(), new_id()
        pool = await world.restart()
        await pool.create(old)
        await pool.write(old.volume_id, 0, b"before")
        await pool.create_snapshot(old.volume_id, snap)
        await pool.write(old.volume_id, 0, b"after!")
        if attach:
            await pool.open(old.volume_id, export)
        world.folder.left = changes
        try:
            await VERBS[verb](pool, new, old.volume_id, snap)
        except Killed:
            pool = await world.restart()
            await VERBS[verb](pool, new, old.volume_id, snap)
            await check(pool, verb, old, new, snap)
        else:
            assert changes > 0
            return
    pytest.fail("it makes no end of changes")


async def test_a_volume_that_is_filled_is_whole_after_a_kill(world: World):
    source = world.path / "image.raw"
    source.write_bytes(b"of an image" + bytes(MIB))
    access = BlockAccess(protocol="file", path=str(source), format="raw", read_only=True)
    for changes in range(20):
        spec = a_volume()
        pool = await world.restart()
        world.folder.left = changes
        try:
            await pool.fill(spec, access)
        except Killed:
            pool = await world.restart()
            assert spec.volume_id not in pool._records.known  # so nobody takes half an image for a volume
            await pool.fill(spec, access)
        else:
            assert changes > 0
            return
        assert await content(pool, spec.volume_id, 0, 16) == b"of an image" + bytes(5)
        await pool.delete(spec.volume_id)
        assert world.layers() == []
    pytest.fail("it makes no end of changes")


async def check(pool: FilePool, verb: str, old: VolumeSpec, new: VolumeSpec, snap: str) -> None:
    """See that content is what the verb promises, and nothing else was touched."""
    if verb == "abandon":
        await pool.adopt(old, old.volume_id)
    expected = b"before" if verb == "revert" else b"after!"
    assert await content(pool, old.volume_id, 0, 6) == expected
    if verb != "delete_snapshot":
        assert await pool.read(old.volume_id, snap, 0, 6) == b"before"
    if verb == "create_snapshot":
        assert await pool.read(old.volume_id, new.volume_id, 0, 6) == b"after!"
    made = {"create": bytes(6), "create_from_snapshot": b"before", "clone": b"after!"}
    if verb in made:
        assert await content(pool, new.volume_id, 0, 6) == made[verb]
        assert await content(pool, new.volume_id, 2 * GIB - 6, 6) == bytes(6)


async def test_exports_live_through_a_restart_of_the_pool(world: World):
    spec, export = a_volume(), new_id()
    await world.pool.create(spec)
    access = await world.pool.open(spec.volume_id, export)
    async with attached(access) as device:
        await device.write(0, b"1" * 512)
        pool = await world.restart()
        assert await pool.exports() == {export: spec.volume_id}
        assert await device.read(0, 512) == b"1" * 512
        await pool.create_snapshot(spec.volume_id, new_id())
        await device.write(512, b"2" * 512)
        assert await pool.open(spec.volume_id, export) == access


async def test_a_daemon_that_died_is_started_again_at_its_place(world: World):
    spec, export = a_volume(), new_id()
    await world.pool.create(spec)
    access = await world.pool.open(spec.volume_id, export)
    [pid_file] = (world.path / "run").glob("*.pid")
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    pool = await world.restart()
    async with attached(access) as device:
        await device.write(0, b"1" * 512)
    assert await pool.open(spec.volume_id, export) == access


@pytest.mark.parametrize("layered", [False, True], ids=["plain", "layered"])
async def test_a_killed_daemon_takes_nothing_with_it_that_it_acknowledged(
    world: World, layered: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(nbd, "_FUA", 0)  # as guests write: our own client asks for each piece to be on disk
    spec, export = a_volume(), new_id()
    pool = world.pool
    await pool.create(spec)
    access = await pool.open(spec.volume_id, export)
    places = [number * 7 * MIB for number in range(40)]
    if layered:
        await pool.create_snapshot(spec.volume_id, new_id())
    client = await NbdClient.connect(Path(access.path), access.name)
    for number, place in enumerate(places):
        await client.write(place, bytes([65 + number]) * 512)  # and no flush
    [pid_file] = (world.path / "run").glob("*.pid")
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    await client.close()
    pool = await world.restart()
    await pool.close(spec.volume_id, export)
    for number, place in enumerate(places):
        assert await content(pool, spec.volume_id, place, 512) == bytes([65 + number]) * 512


async def test_a_snapshot_that_was_begun_is_finished_though_its_daemon_died(world: World):
    spec, export, snapshot = a_volume(), new_id(), new_id()
    pool = world.pool
    await pool.create(spec)
    await pool.write(spec.volume_id, 0, b"kept")
    await pool.open(spec.volume_id, export)
    record = pool._records.known[spec.volume_id]
    name = pool._layers.new_name()
    await pool._layers.put_over(record.head, name, record.size)
    switch = Switch(head=name, snapshot=snapshot)
    await pool._records.save(msgspec.structs.replace(record, switch=switch))
    [pid_file] = (world.path / "run").glob("*.pid")
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    pool = await world.restart()
    assert await pool.read(spec.volume_id, snapshot, 0, 4) == b"kept"
    await pool.close(spec.volume_id, export)
    assert await content(pool, spec.volume_id, 0, 4) == b"kept"


async def test_layers_that_nobody_needs_are_merged(world: World):
    spec = a_volume()
    pool = world.pool
    await pool.create(spec)
    for number in range(4):
        await pool.write(spec.volume_id, number * MIB, bytes([65 + number]) * 512)
        snapshot = new_id()
        await pool.create_snapshot(spec.volume_id, snapshot)
        await pool.delete_snapshot(spec.volume_id, snapshot)
        for task in list(pool._merges.values()):
            await task
    assert len(world.layers()) == 1
    for number in range(4):
        assert await content(pool, spec.volume_id, number * MIB, 512) == bytes([65 + number]) * 512


async def test_layers_are_merged_under_who_attached_when_they_are_many(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(merging, "ONLINE_LIMIT", 3)
    spec, export, kept = a_volume(), new_id(), new_id()
    pool = world.pool
    await pool.create(spec)
    await pool.write(spec.volume_id, 50 * MIB, b"k" * 512)
    await pool.create_snapshot(spec.volume_id, kept)
    async with attached(await pool.open(spec.volume_id, export)) as device:
        for number in range(5):
            await device.write(number * MIB, bytes([65 + number]) * 512)
            snapshot = new_id()
            await pool.create_snapshot(spec.volume_id, snapshot)
            await pool.delete_snapshot(spec.volume_id, snapshot)
            for task in list(pool._merges.values()):
                await task
        assert len(world.layers()) <= 5
        for number in range(5):
            assert await device.read(number * MIB, 512) == bytes([65 + number]) * 512
    pool = await world.restart()
    assert await pool.read(spec.volume_id, kept, 50 * MIB, 512) == b"k" * 512
    assert await pool.read(spec.volume_id, kept, 0, 512) == bytes(512)


async def test_what_merging_cannot_do_now_is_left_for_later(world: World, monkeypatch: pytest.MonkeyPatch):
    async def refuse(*_: object) -> None:
        raise Permanent("no")

    monkeypatch.setattr(Merging, "_offline", refuse)
    spec, snapshot = a_volume(), new_id()
    await world.pool.create(spec)
    await world.pool.create_snapshot(spec.volume_id, snapshot)
    await world.pool.delete_snapshot(spec.volume_id, snapshot)
    for task in list(world.pool._merges.values()):
        await task
    assert len(world.layers()) == 2
    assert await content(world.pool, spec.volume_id, 0, 1) == b"\0"


async def test_a_file_that_somebody_put_into_the_pool_is_taken(world: World):
    file = world.path / "pool" / "disk.raw"
    file.write_bytes(b"theirs")
    os.truncate(file, GIB + 512)
    (world.path / "pool" / "linked").symlink_to("/etc/passwd")
    assert [(one.reference, one.size_gib) for one in await world.pool.stored()] == [("disk.raw", 2)]
    spec = a_volume()
    for changes in range(10):
        world.folder.left = changes
        try:
            assert await world.pool.adopt(spec, "disk.raw") == 2
            break
        except Killed:
            await world.restart()
    assert changes > 1
    world.folder.left = 10**6
    assert await content(world.pool, spec.volume_id, 0, 6) == b"theirs"
    assert not file.exists()
