import shutil
from pathlib import Path

import pytest

from cumulo.core.drivers import Permanent
from cumulo.node import config_drive
from cumulo.node.commands import run

needs_iso = pytest.mark.skipif(
    not (shutil.which("genisoimage") or shutil.which("xorriso")), reason="no ISO 9660 writer"
)


@needs_iso
async def test_the_image_is_labelled_and_holds_long_names(tmp_path: Path):
    drive = tmp_path / "config.iso"
    await config_drive.write(drive, {"openstack/latest/meta_data.json": b'{"a": 1}'})
    content = drive.read_bytes()
    assert content[0x8001:0x8006] == b"CD001"
    assert content[0x8028:0x8048].strip() == b"config-2"
    assert b'{"a": 1}' in content
    listing = await run("isoinfo", "-R", "-f", "-i", str(drive))
    assert "/openstack/latest/meta_data.json" in listing
    assert [file.name for file in tmp_path.iterdir()] == ["config.iso"]


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "a/../../b", ""])
async def test_paths_stay_inside_the_drive(tmp_path: Path, name: str):
    with pytest.raises(Permanent):
        await config_drive.write(tmp_path / "config.iso", {name: b"x"})
    assert not list(tmp_path.iterdir())


async def test_a_drive_has_a_largest_size(tmp_path: Path):
    with pytest.raises(Permanent, match="at most"):
        await config_drive.write(tmp_path / "c.iso", {"a": bytes(config_drive.LARGEST + 1)})


@needs_iso
async def test_what_a_killed_process_left_of_a_drive_goes(tmp_path: Path):
    (tmp_path / ".config-killed" / "tree").mkdir(parents=True)
    (tmp_path / ".config-killed" / "tree" / "secret").write_text("password")
    await config_drive.write(tmp_path / "config.iso", {"a": b"x"})
    assert [file.name for file in tmp_path.iterdir()] == ["config.iso"]
