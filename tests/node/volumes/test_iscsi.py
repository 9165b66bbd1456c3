"""Volumes that tgtd exports over iSCSI."""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.node.volumes.serving import serving

from cumulo.contracts.volumes import BlockAccess
from cumulo.core.drivers import Temporary
from cumulo.node.volumes.driver import PoolName
from cumulo.node.volumes.files.exporting import Address
from cumulo.node.volumes.files.folder import LocalFolder
from cumulo.node.volumes.files.iscsi import Copying, TargetExporting
from cumulo.node.volumes.files.pool import FilePool
from cumulo.node.volumes.files.tgt import TargetDaemon
from cumulo.node.volumes.images import options_of, secrets, written
from cumulo.node.volumes.qmp import Monitor
from cumulo.testing.block_device import attached
from cumulo.testing.volumes import GIB, EncryptionContract, VolumePoolContract, a_volume, new_id

pytestmark = [
    pytest.mark.engines,
    pytest.mark.xdist_group("iscsi"),
    pytest.mark.skipif(shutil.which("tgtd") is None, reason="needs tgt"),
]


def a_pool(folder: Path) -> FilePool:
    first = 20000 + os.getpid() % 1000 * 10
    return FilePool(
        name=PoolName(host="host1", backend="iscsi", pool="volumes", driver="iscsi"),
        folder=LocalFolder(folder / "pool"),
        run=folder / "run",
        address=Address("127.0.0.1", (first, first + 9)),
        exporting=TargetExporting,
        making=Copying,
    )


@pytest.fixture
async def pool(short_path: Path) -> AsyncIterator[FilePool]:
    async with serving(a_pool(short_path)) as started:
        yield started


class TestIscsiPool(VolumePoolContract, EncryptionContract):
    pass


async def test_a_target_lives_on_and_one_that_was_frozen_is_woken(pool: FilePool, short_path: Path):
    spec, export = a_volume(), new_id()
    await pool.create(spec)
    access = await pool.open(spec.volume_id, export)
    [pid_file] = (short_path / "run").glob("*.tgtpid")
    async with attached(access) as device:
        await device.write(0, b"1" * 512)
        os.kill(int(pid_file.read_text()), signal.SIGSTOP)
        await pool.stop()
        again = a_pool(short_path)
        await again.start()
        assert await device.read(0, 512) == b"1" * 512
        await again.stop()
    assert access.secret not in repr(access)
    assert access.secret.encode() not in Path(f"/proc/{pid_file.read_text().strip()}/cmdline").read_bytes()


async def test_a_daemon_whose_port_is_taken_listens_nowhere_else(short_path: Path):
    daemon = TargetDaemon(short_path, "volume")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(Temporary, match="is taken"):
            await daemon.start("127.0.0.1", other.getsockname()[1])
    assert not daemon.pid()
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if runs(path, daemon)]


def runs(path: Path, daemon: TargetDaemon) -> bool:
    """Say whether a process belongs to a daemon."""
    with suppress(OSError):
        return str(daemon.pid_file).encode() in path.read_bytes()
    return False


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


async def test_an_extension_that_was_killed_is_finished_under_who_is_attached(
    pool: FilePool, short_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def die(*_: object) -> None:
        raise Killed

    spec, export = a_volume(), new_id()
    await pool.create(spec)
    access = await pool.open(spec.volume_id, export)
    async with attached(access) as device:
        await device.write(0, b"1" * 512)
        monkeypatch.setattr(LocalFolder, "resize", die)
        with pytest.raises(Killed):  # its tgtd has ended already
            await pool.extend(spec.volume_id, 2)
        monkeypatch.undo()
        await pool.stop()
        again = a_pool(short_path)
        await again.start()
        assert await device.read(0, 512) == b"1" * 512
        await again.extend(spec.volume_id, 2)
        assert await device.read(0, 512) == b"1" * 512
    async with attached(access) as device:
        assert await device.size() == 2 * GIB
    await again.close(spec.volume_id, export)
    await again.stop()


@asynccontextmanager
async def qemu_with(access: BlockAccess, folder: Path) -> AsyncIterator[Monitor]:
    """A QEMU that has a volume as its node `disk`, seen through its monitor."""
    socket = folder / "monitor"
    with secrets() as kept:
        options = {**options_of(access, kept), "node-name": "disk"}
        process = await asyncio.create_subprocess_exec(
            *("qemu-storage-daemon", *kept.words),
            *("--blockdev", written(options)),
            *("--chardev", f"socket,id=monitor,path={socket},server=on,wait=off"),
            *("--monitor", "chardev=monitor"),
            pass_fds=kept.descriptors,
        )
        try:
            while not await asyncio.to_thread(socket.exists):
                assert process.returncode is None, "QEMU does not open the volume"
                await asyncio.sleep(0.02)
            monitor = await Monitor.connect(socket)
            yield monitor
            monitor.close()
        finally:
            process.kill()
            await process.wait()


async def test_a_guests_qemu_sees_the_new_size_when_it_is_told_to_look(pool: FilePool, short_path: Path):
    spec, export = a_volume(), new_id()
    await pool.create(spec)
    async with qemu_with(await pool.open(spec.volume_id, export), short_path) as qemu:
        await pool.extend(spec.volume_id, 2)
        await qemu.ask("block_resize", node_name="disk", size=2 * GIB)
        nodes = {node["node-name"]: node for node in await qemu.ask("query-named-block-nodes", flat=True)}
        assert nodes["disk"]["image"]["virtual-size"] == 2 * GIB
