"""Volumes in a folder of this host."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.node.volumes.serving import serving

from cumulo.node.volumes.driver import PoolName
from cumulo.node.volumes.files.folder import LocalFolder
from cumulo.node.volumes.files.pool import FilePool
from cumulo.testing.volumes import EncryptionContract, VolumePoolContract

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
    async with serving(a_pool(short_path)) as started:
        yield started


class TestLocalPool(VolumePoolContract, EncryptionContract):
    pass
