import json
import subprocess
from pathlib import Path

import pytest

from cumulo.core.drivers import Permanent
from cumulo.services.image.drivers.conversion import QEMU_NAMES, Bounds, convert, forget

BOUNDS = Bounds(memory=1 << 28, seconds=60, virtual_size=4 << 20)
DATA = bytes(range(256)) * 4096


def made(folder: Path, kind: str) -> Path:
    source, path = folder / "source", folder / f"odd,name.{kind}"
    source.write_bytes(DATA.ljust(4 << 20, b"\0"))
    command = ["qemu-img", "convert", "-f", "raw", "-O", QEMU_NAMES[kind], str(source), f"file:{path}"]
    subprocess.run(command, check=True)
    return path


@pytest.mark.parametrize("kind", ["raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx", "ploop"])
async def test_every_format_becomes_a_qcow2_of_the_same_disk(tmp_path: Path, kind: str):
    target = tmp_path / "target"
    await convert(made(tmp_path, kind), kind, target, "qcow2", BOUNDS)
    info = json.loads(subprocess.check_output(["qemu-img", "info", "--output=json", str(target)]))
    assert info["format"] == "qcow2"
    back = tmp_path / "back"
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(target), str(back)], check=True)
    assert back.read_bytes().startswith(DATA)
    assert not list(tmp_path.glob("*.partial"))


async def test_a_bomb_stops_at_the_length_it_was_said_to_have(tmp_path: Path):
    source = tmp_path / "source"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(source), "300M"], check=True)
    filled = ["qemu-io", "-c", "write -z -u 0 1M", "-c", "write -P 7 0 200M", "-f", "qcow2", str(source)]
    subprocess.run(filled, check=True, stdout=subprocess.DEVNULL)
    tiny = Bounds(memory=1 << 30, seconds=60, virtual_size=1 << 20)
    with pytest.raises(Permanent) as caught:
        await convert(source, "qcow2", tmp_path / "target", "raw", tiny)
    assert caught.value.public == "the image could not be converted"
    assert not list(tmp_path.glob("target*"))


async def test_too_little_memory_is_a_failure_not_a_crash(tmp_path: Path):
    with pytest.raises(Permanent):
        await convert(made(tmp_path, "raw"), "raw", tmp_path / "t", "qcow2", Bounds(1 << 20, 60, 4 << 20))


async def test_what_a_killed_conversion_left_is_forgotten(tmp_path: Path):
    target = tmp_path / "target"
    (tmp_path / "target.partial").write_bytes(b"half")
    forget(target)
    forget(target)
    assert not list(tmp_path.glob("*"))


async def test_what_a_disk_says_lies_below_it_is_not_opened(tmp_path: Path):
    secret, source, target, back = (tmp_path / name for name in ("secret", "source", "target", "back"))
    secret.write_bytes(b"secret" * 1000)
    words = ("-b", str(secret), "-F", "raw", str(source), "4M")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *words], check=True)
    await convert(source, "qcow2", target, "qcow2", BOUNDS)
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(target), str(back)], check=True)
    assert back.read_bytes() == bytes(4 << 20)
