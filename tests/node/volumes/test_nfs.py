"""Volumes on an NFS share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.node.volumes.serving import serving

from cumulo.core.drivers import Gone, Temporary
from cumulo.node.volumes.driver import PoolName
from cumulo.node.volumes.files.nfs import NfsFolder
from cumulo.node.volumes.files.pool import FilePool
from cumulo.testing.nfs import EXPORT, MARKS, PrivateNfs
from cumulo.testing.volumes import EncryptionContract, VolumePoolContract

pytestmark = MARKS


@pytest.fixture
def folder(share: PrivateNfs, short_path: Path) -> NfsFolder:
    return NfsFolder(share.address, EXPORT, f"clouds/{short_path.name}")


@pytest.fixture
async def pool(folder: NfsFolder, short_path: Path) -> AsyncIterator[FilePool]:
    name = PoolName(host="host1", backend="nfs", pool="volumes", driver="nfs")
    pool = FilePool(name=name, folder=folder, run=short_path / "run")
    async with serving(pool) as started:
        yield started


class TestNfsPool(VolumePoolContract, EncryptionContract):
    pass


async def test_files_are_whole_on_the_server(folder: NfsFolder, share: PrivateNfs, short_path: Path):
    await folder.prepare("volumes")
    seen = share.folder / "share" / "clouds" / short_path.name
    await folder.replace("volumes/a", b"first")
    await folder.replace("volumes/a", b"second")
    assert (seen / "volumes" / "a").read_bytes() == b"second"
    assert await folder.names("volumes") == ["a"]
    await folder.create("sparse", b"x" + bytes(1 << 20), size=1 << 30)
    assert await folder.size("sparse") == 1 << 30
    assert await folder.used("sparse") < 1 << 20
    assert (await folder.start_of("sparse", 200_000))[:2] == b"x\0"
    await folder.remove("sparse")
    await folder.remove("sparse")
    with pytest.raises(Gone):
        await folder.size("sparse")


async def test_a_share_that_is_not_exported_is_said_to_be_away(share: PrivateNfs):
    with pytest.raises(Temporary):
        await NfsFolder(share.address, "/elsewhere").room()
