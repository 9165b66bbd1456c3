"""Volumes in a folder of this host."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cumulo.node.volumes.driver import PoolName
from cumulo.node.volumes.files.folder import LocalFolder
from cumulo.node.volumes.files.pool import FilePool
from cumulo.testing.block_device import attached
from cumulo.testing.volumes import Attach, EncryptionContract, VolumePoolContract

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(shutil.which("qemu-storage-daemon") is None, reason="needs QEMU"),
]


def a_pool(folder: Path) -> FilePool:
    return FilePool(
        name=PoolName(host="host1", backend="local", pool="volumes", driver="local"),
        folder=LocalFolder(folder / "pool"),
        run=folder / "run",
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


class TestLocalPool(VolumePoolContract, EncryptionContract):
    pass
