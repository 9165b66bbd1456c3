"""Volumes that tgtd exports over iSCSI."""

import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cumulo.node.volumes.driver import PoolName
from cumulo.node.volumes.files.exporting import Address
from cumulo.node.volumes.files.folder import LocalFolder
from cumulo.node.volumes.files.iscsi import Copying, TargetExporting
from cumulo.node.volumes.files.pool import FilePool
from cumulo.testing.block_device import attached
from cumulo.testing.volumes import Attach, EncryptionContract, VolumePoolContract, a_volume, new_id

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
    pool = a_pool(short_path)
    await pool.start()
    try:
        yield pool
    finally:
        for export, volume in (await pool.exports()).items():
            await pool.close(volume, export)
        await pool.stop()


@pytest.fixture
def attach() -> Attach:
    return attached


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
