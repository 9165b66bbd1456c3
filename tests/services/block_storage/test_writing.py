"""The images that we write are what QEMU reads, and what our own inspection passes."""

import asyncio
import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from cumulo.contracts.volumes import Extent
from cumulo.services.block_storage.tasks.creation import QEMU_FORMATS
from cumulo.services.block_storage.writing.formats import FORMATS
from cumulo.services.block_storage.writing.runs import tables_of
from cumulo.services.image.inspection import Inspector

KIB, MIB = 1 << 10, 1 << 20
CHECKED = ("qcow2", "vdi", "vhdx", "ploop")  # `qemu-img check` knows these
pytestmark = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="no qemu-img on this machine")

PLACES = [
    (MIB, []),
    (MIB, [(0, MIB)]),
    (100 * MIB, [(5, 3), (65536, 1), (99 * MIB, MIB)]),
    (1100 * MIB, [(0, 70000), (600 * MIB + 7, 3 * MIB), (1100 * MIB - 5, 5)]),
    (MIB + 512, [(MIB, 512)]),
    (5000 * MIB, [(4999 * MIB, 2 * KIB)]),
]


class Device:
    """A sparse file with random content at some places, and what reads it."""

    def __init__(self, path: Path, size: int, places: Sequence[tuple[int, int]]) -> None:
        self.path = path
        self.size = size
        self.extents = [Extent(offset=offset, length=length) for offset, length in places]
        content = random.Random(4)  # noqa: S311  content, not secrets
        with path.open("wb") as file:
            file.truncate(size)
            for offset, length in places:
                file.seek(offset)
                file.write(content.randbytes(length))

    async def read(self, offset: int, length: int) -> bytes:
        """Return a piece."""

        def piece() -> bytes:
            with self.path.open("rb") as file:
                file.seek(offset)
                return file.read(length)

        return await asyncio.to_thread(piece)

    async def write_as(self, form: str, path: Path) -> None:
        """Write it as an image."""
        parts = [part async for part in FORMATS[form].write(self.size, self.extents, self.read)]
        path.write_bytes(b"".join(parts))


@pytest.mark.parametrize(("size", "places"), PLACES)
@pytest.mark.parametrize("form", [name for name in FORMATS if name != "raw"])
async def test_qemu_and_we_read_what_we_write(tmp_path: Path, form: str, size, places):
    device, written = Device(tmp_path / "plain", size, places), tmp_path / "written"
    await device.write_as(form, written)
    name = QEMU_FORMATS.get(form, form)
    if form in CHECKED:
        subprocess.run(["qemu-img", "check", "-q", "-f", name, str(written)], check=True)
    subprocess.run(
        ["qemu-img", "compare", "-q", "-f", "raw", "-F", name, str(device.path), str(written)],
        check=True,
    )
    inspector = Inspector(form, "bare", largest=1 << 40)
    inspector.feed(written.read_bytes())
    with written.open("rb") as file:
        assert inspector.finish(file).virtual_size == size
    assert written.stat().st_size < sum(length for _, length in places) + 5 * MIB + len(places) * 4 * MIB


@pytest.mark.parametrize(("size", "places"), PLACES[:5])
async def test_raw_is_the_device_as_it_is(tmp_path: Path, size, places):
    device, written = Device(tmp_path / "plain", size, places), tmp_path / "written"
    await device.write_as("raw", written)
    assert written.read_bytes() == device.path.read_bytes()


def test_tables_of_units_with_data_are_found_once_and_in_order():
    runs = [(0, 1), (510, 514), (515, 516), (2048, 2049), (5119, 8000)]
    units = {unit for first, end in runs for unit in range(first, end)}
    assert tables_of(runs, 512) == sorted({unit // 512 for unit in units})


@pytest.mark.parametrize("form", ["vdi", "vhd", "vhdx", "ploop"])
async def test_others_go_on_while_the_table_of_a_large_disk_is_made(form: str):
    size = 1 << 40
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    async def read(offset: int, length: int) -> bytes:
        raise AssertionError(f"{length} bytes at {offset}: only the tables are asked for")

    others = asyncio.create_task(tick())
    await asyncio.sleep(0)
    before = ticks
    stream = FORMATS[form].write(size, [Extent(offset=0, length=size)], read)
    assert len(await anext(stream)) >= KIB // 2
    others.cancel()
    assert ticks > before + 3
    await stream.aclose()
