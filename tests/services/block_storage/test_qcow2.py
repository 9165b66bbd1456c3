"""The QCOW2 that we write is what QEMU reads."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from cumulo.contracts.volumes import Extent
from cumulo.services.block_storage import qcow2

MIB = 1 << 20
pytestmark = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="no qemu-img on this machine")


@pytest.mark.parametrize(
    ("size", "places"),
    [
        (MIB, []),
        (MIB, [(0, MIB)]),
        (100 * MIB, [(5, 3), (65536, 1), (99 * MIB, MIB)]),
        (1100 * MIB, [(0, 70000), (600 * MIB + 7, 3 * MIB), (1100 * MIB - 5, 5)]),
        (MIB + 512, [(MIB, 512)]),
    ],
)
async def test_qemu_reads_what_we_write(tmp_path: Path, size, places):
    content = random.Random(4)  # noqa: S311  content, not secrets
    plain, written = tmp_path / "plain.raw", tmp_path / "written.qcow2"
    with plain.open("wb") as file:
        file.truncate(size)
        for offset, length in places:
            file.seek(offset)
            file.write(content.randbytes(length))
    source = plain.open("rb")

    async def read(offset: int, length: int) -> bytes:
        source.seek(offset)
        return source.read(length)

    extents = [Extent(offset=offset, length=length) for offset, length in places]
    with source, written.open("wb") as file:
        async for part in qcow2.qcow2(size, extents, read):
            file.write(part)
        again = b"".join([part async for part in qcow2.raw(size, extents, read)])
    assert again == plain.read_bytes()
    subprocess.run(["qemu-img", "check", "-q", str(written)], check=True)
    compared = ["qemu-img", "compare", "-q", "-f", "raw", "-F", "qcow2", str(plain), str(written)]
    subprocess.run(compared, check=True)
    assert written.stat().st_size < sum(length for _, length in places) + 40 * 65536
