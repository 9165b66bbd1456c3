import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cumulo.node.hypervisor.lxc.console import append
from cumulo.node.hypervisor.lxc.unpack import BadArchive, Unpacking

FIRST = 1 << 28
Entry = tuple[str, bytes, str | bytes]  # name, kind, link or content


@pytest.fixture
def unpack(tmp_path: Path) -> Callable[..., Path]:
    """Unpack an archive of these entries; return the folder."""

    def do(*entries: Entry, limit: int = 1000, owner: int = 0) -> Path:
        archive, target = tmp_path / "a.tar", tmp_path / "root"
        with tarfile.open(archive, "w") as made:
            for name, kind, what in entries:
                entry = tarfile.TarInfo(name)
                entry.type, entry.mode, entry.uid = kind, 0o4755, owner
                content = what if isinstance(what, bytes) else b""
                entry.linkname = what if isinstance(what, str) else ""
                entry.size = len(content)
                made.addfile(entry, io.BytesIO(content))
        target.mkdir()
        Unpacking(target, limit, FIRST).all(archive)
        return target

    return do


def test_files_folders_and_links_belong_to_the_container(unpack):
    root = unpack(
        ("/bin", tarfile.DIRTYPE, b""),
        ("./bin/sh", tarfile.REGTYPE, b"shell"),
        ("bin/ash", tarfile.LNKTYPE, "bin/sh"),
        ("bin/dash", tarfile.SYMTYPE, "/bin/sh"),
        ("deep/er/file", tarfile.REGTYPE, b"x"),
        owner=7,
    )
    assert (root / "bin/ash").read_bytes() == b"shell"
    assert (root / "bin/dash").readlink() == Path("/bin/sh")
    for path in (root / "bin", root / "bin/sh", root / "bin/dash", root / "deep/er/file"):
        assert os.lstat(path).st_uid == FIRST + 7
    assert os.lstat(root / "deep").st_uid == FIRST


def test_devices_are_left_out(unpack):
    root = unpack(
        ("dev/sda", tarfile.BLKTYPE, b""), ("pipe", tarfile.FIFOTYPE, b""), ("a", tarfile.REGTYPE, b"")
    )
    assert not (root / "dev/sda").exists()
    assert not (root / "pipe").exists()
    assert (root / "a").exists()


@pytest.mark.parametrize(
    "entries",
    [
        [("../out", tarfile.REGTYPE, b"x")],
        [("a/../../out", tarfile.REGTYPE, b"x")],
        [("way", tarfile.SYMTYPE, ".."), ("way/out", tarfile.REGTYPE, b"x")],
        [("way", tarfile.SYMTYPE, "/etc"), ("way/passwd", tarfile.REGTYPE, b"x")],
        [("way", tarfile.SYMTYPE, ".."), ("link", tarfile.LNKTYPE, "way/a.tar")],
        [("link", tarfile.LNKTYPE, "../a.tar")],
        [("link", tarfile.LNKTYPE, "nothing")],
        [("way", tarfile.SYMTYPE, ".."), ("way", tarfile.DIRTYPE, b"")],
        [("dir/file", tarfile.REGTYPE, b"x"), ("dir", tarfile.REGTYPE, b"x")],
        [("big", tarfile.REGTYPE, b"x" * 1001)],
    ],
)
def test_nothing_is_written_elsewhere(unpack, entries, tmp_path: Path):
    with pytest.raises(BadArchive):
        unpack(*entries)
    assert {path.name for path in tmp_path.iterdir()} == {"a.tar", "root"}


def test_a_file_takes_a_links_place_and_not_its_goals(unpack, tmp_path: Path):
    root = unpack(("file", tarfile.SYMTYPE, "../a.tar"), ("file", tarfile.REGTYPE, b"mine"))
    assert not (root / "file").is_symlink()
    assert (root / "file").read_bytes() == b"mine"
    assert tarfile.is_tarfile(tmp_path / "a.tar")


def test_an_owner_outside_of_the_container_is_refused(unpack):
    with pytest.raises(BadArchive, match="owner"):
        unpack(("a", tarfile.REGTYPE, b""), owner=70000)


def test_a_console_log_keeps_its_newest_half(tmp_path: Path):
    file = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)
    for number in range(10):
        append(file, str(number).encode() * 30, largest=100)
    os.close(file)
    kept = (tmp_path / "log").read_bytes()
    assert len(kept) <= 100
    assert kept.endswith(b"8" * 30 + b"9" * 30)
