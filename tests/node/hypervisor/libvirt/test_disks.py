import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cumulo.contracts.hypervisor import DiskSpec
from cumulo.core.drivers import Permanent
from cumulo.node.commands import run
from cumulo.node.hypervisor.libvirt import disks

pytestmark = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="needs qemu-img")

GIB = 1 << 30


async def an_image(folder: Path, *words: str, size: str = "2M", format_: str = "qcow2") -> DiskSpec:
    path = folder / f"image.{format_}"
    await run("qemu-img", "create", "-q", "-f", format_, *words, str(path), size)
    return DiskSpec(image_id="i", image_path=str(path), image_format=format_, image_digest="ab" * 64)


@pytest.fixture
def bases(tmp_path: Path) -> disks.Bases:
    return disks.Bases(tmp_path / "bases")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "server"
    folder.mkdir()
    return folder


async def test_a_base_is_made_once_and_named_by_its_hash(tmp_path: Path, bases: disks.Bases):
    disk = await an_image(tmp_path)
    paths = await asyncio.gather(*(bases.ensure(disk) for _ in range(5)))
    assert {path.name for path in paths} == {"ab" * 32 + ".qcow2"}
    assert [file.name for file in (tmp_path / "bases").iterdir()] == [paths[0].name]
    Path(disk.image_path or "").unlink()
    assert await bases.ensure(disk) == paths[0]


async def test_an_image_that_names_another_file_is_refused(tmp_path: Path, bases: disks.Bases):
    (tmp_path / "secret").write_bytes(bytes(1 << 20))
    disk = await an_image(tmp_path, "-b", str(tmp_path / "secret"), "-F", "raw")
    with pytest.raises(Permanent, match="another file"):
        await bases.ensure(disk)
    outside = tmp_path / "outside"
    disk = await an_image(tmp_path, "-o", f"data_file={outside}")
    with pytest.raises(Permanent, match="another file"):
        await bases.ensure(disk)
    assert not list((tmp_path / "bases").glob("*"))


async def test_an_image_that_is_not_what_it_claims_is_refused(tmp_path: Path, bases: disks.Bases):
    disk = await an_image(tmp_path, format_="raw")
    with pytest.raises(Permanent):
        await bases.ensure(msgspec.structs.replace(disk, image_format="qcow2"))
    with pytest.raises(Permanent):
        await bases.ensure(msgspec.structs.replace(disk, image_format="vmdk"))


@pytest.mark.parametrize("kind", disks.CONVERTED)
async def test_what_qemu_only_reads_is_converted(tmp_path: Path, bases: disks.Bases, folder: Path, kind: str):
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 8192)
    path = tmp_path / f"image,{kind}"
    made = f"file:{path}"
    await run("qemu-img", "convert", "-f", "raw", "-O", disks.CONVERTED[kind], str(source), made)
    disk = DiskSpec(image_id="i", image_path=str(path), image_format=kind, image_digest="ab" * 64)
    base = await bases.ensure(disk)
    assert base.name == "ab" * 32 + ".qcow2"
    assert (await disks.inspect(base, "qcow2")).format == "qcow2"
    overlay = await disks.ensure_overlay(folder, disk, base)
    back = tmp_path / "back"
    await run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(overlay), str(back))
    assert back.read_bytes().startswith(source.read_bytes())


async def test_a_format_that_nobody_boots_is_named(tmp_path: Path, bases: disks.Bases):
    disk = await an_image(tmp_path, format_="raw")
    with pytest.raises(Permanent, match="format ami cannot"):
        await bases.ensure(msgspec.structs.replace(disk, image_format="ami"))


async def test_a_lost_image_is_said_to_be_lost(tmp_path: Path, bases: disks.Bases):
    disk = DiskSpec(image_id="i", image_path=str(tmp_path / "none"), image_digest="cd" * 64)
    with pytest.raises(Permanent, match="no file"):
        await bases.ensure(disk)


async def test_what_a_killed_process_left_of_the_same_base_goes(tmp_path: Path, bases: disks.Bases):
    disk = await an_image(tmp_path, format_="raw")
    path = await bases.ensure(disk)
    path.rename(path.with_name(f".{path.name}.0badcafe"))
    (path.parent / ".another.raw.0badcafe").touch()
    await bases.ensure(disk)
    assert {file.name for file in path.parent.iterdir()} == {path.name, ".another.raw.0badcafe"}


async def test_an_overlay_has_the_flavors_size(tmp_path: Path, bases: disks.Bases, folder: Path):
    disk = msgspec.structs.replace(await an_image(tmp_path), size_gib=3)
    path = await disks.ensure_overlay(folder, disk, await bases.under(folder, disk))
    info = await disks.inspect(path, "qcow2")
    assert info.virtual_size == 3 * GIB
    assert info.backing_filename == str(tmp_path / "bases" / f"{'ab' * 32}.qcow2")
    assert (await disks.ensure_overlay(folder, disk, None)) == path


async def test_size_zero_is_the_images_size(tmp_path: Path, bases: disks.Bases, folder: Path):
    disk = await an_image(tmp_path)
    path = await disks.ensure_overlay(folder, disk, await bases.under(folder, disk))
    assert (await disks.inspect(path, "qcow2")).virtual_size == 2 << 20


async def test_a_flavor_that_is_too_small_is_refused(tmp_path: Path, bases: disks.Bases, folder: Path):
    disk = msgspec.structs.replace(await an_image(tmp_path, size="2G"), size_gib=1)
    with pytest.raises(Permanent, match="the flavor gives 1 GiB"):
        await disks.ensure_overlay(folder, disk, await bases.under(folder, disk))


async def test_a_server_without_an_image_gets_an_empty_disk(folder: Path, bases: disks.Bases):
    disk = DiskSpec(size_gib=1)
    assert await bases.under(folder, disk) is None
    path = await disks.ensure_overlay(folder, disk, None)
    assert (await disks.inspect(path, "qcow2")).virtual_size == GIB


async def test_only_bases_that_nobody_uses_are_forgotten(tmp_path: Path, bases: disks.Bases, folder: Path):
    disk = await an_image(tmp_path)
    used = await bases.under(folder, disk)
    await disks.ensure_overlay(folder, disk, used)
    unused = await bases.ensure(msgspec.structs.replace(disk, image_digest="ef" * 64))
    assert await bases.forget_unused(tmp_path, before=0) == []
    assert await bases.forget_unused(tmp_path, before=unused.stat().st_mtime + 1) == [unused.name]
    assert used is not None
    assert used.exists()


async def test_a_base_that_is_asked_for_while_old_ones_go_stays(
    tmp_path: Path, bases: disks.Bases, monkeypatch: pytest.MonkeyPatch
):
    base = await bases.ensure(await an_image(tmp_path))
    os.utime(base, (0, 0))
    look = disks.Bases._old

    def slowly(*arguments: Any) -> list[Path]:
        found = look(*arguments)
        assert found == [base]
        os.utime(base)
        return found

    monkeypatch.setattr(disks.Bases, "_old", slowly)
    assert await bases.forget_unused(tmp_path, before=1000) == []
    assert base.exists()
