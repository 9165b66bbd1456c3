import io
import subprocess
import tarfile
from importlib import resources
from pathlib import Path

import pytest

from cumulo.runtime.images.debian import add_settings, read_tar
from cumulo.runtime.images.tree import Directory, File, Link, Tree


def tar(path: Path) -> None:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:

        def add(name: str, kind: bytes, content: bytes = b"", **fields: object) -> None:
            member = tarfile.TarInfo(name)
            member.type, member.size = kind, len(content)
            for field, value in fields.items():
                setattr(member, field, value)
            archive.addfile(member, io.BytesIO(content))

        add("./", tarfile.DIRTYPE, mode=0o755)
        add("./usr/", tarfile.DIRTYPE, mode=0o755)
        add("./usr/tool", tarfile.REGTYPE, b"tool", mode=0o4755)
        add("./usr/same", tarfile.LNKTYPE, linkname="./usr/tool")
        add("./usr/ping", tarfile.REGTYPE, b"p", mode=0o755,
            pax_headers={"SCHILY.xattr.security.capability": "\x01\x02"})  # fmt: skip
        add("./bin", tarfile.SYMTYPE, linkname="usr/bin")
        add("./var/log/", tarfile.DIRTYPE, mode=0o2775, gid=43)
        add("./dev/null", tarfile.CHRTYPE)


def test_a_tar_file_becomes_a_tree(tmp_path: Path):
    tar(tmp_path / "root.tar")
    tree = read_tar(tmp_path / "root.tar", tmp_path / "files")
    tool = tree["usr/tool"]
    assert isinstance(tool, File)
    assert (tool.read(), tool.mode) == (b"tool", 0o4755)
    assert tree["usr/same"] == tool
    assert tree["bin"] == Link("usr/bin")
    assert tree["var/log"] == Directory(0o2775, (0, 43))
    ping = tree["usr/ping"]
    assert isinstance(ping, File)
    assert ping.capability == b"\x01\x02"
    assert "dev/null" not in tree


def test_the_settings_are_in_the_tree():
    tree = Tree()
    add_settings(tree)
    assert {"etc/fstab", "etc/cloud/cloud.cfg.d/90_cumulo.cfg", "boot/efi"} <= {path for path, _ in tree}


@pytest.mark.parametrize("name", ["customize", "copy-kernel"])
def test_the_scripts_are_shell(name: str):
    script = resources.files("cumulo.runtime.images").joinpath("guest", "debian", name).read_bytes()
    subprocess.run(["sh", "-n"], input=script, check=True, capture_output=True)
