"""Writing file systems into plain files, without mounting them."""

import os
import tempfile
from pathlib import Path

from cumulo.runtime.images.tools import EPOCH, ToolFailed, run
from cumulo.runtime.images.tree import Directory, File, Link, Node, Tree

# Any fixed number does; equal builds need an equal one.
_UUID = "6d696e69-0000-4000-8000-63756d756c6f"
_FEATURES = (
    "has_journal,ext_attr,resize_inode,dir_index,filetype,extent,flex_bg,sparse_super,large_file,huge_file,"
    "dir_nlink,extra_isize"
)


def write_ext4(
    tree: Tree, target: Path, *, mib: int, label: str, inodes: int = 2048, journal_mib: int = 4
) -> None:
    """Make `target` an ext4 file system of `mib` MiB that holds the tree.

    `mke2fs -d` would copy the inode change times and the folder order of this machine, which differ from
    build to build; debugfs, told the present by E2FSPROGS_FAKE_TIME, writes the same bytes each time.
    """
    with tempfile.TemporaryDirectory(prefix="cumulo-ext4-", dir=target.parent) as scratch:
        config = Path(scratch, "mke2fs.conf")  # not this machine's defaults
        config.write_text("[defaults]\n")
        with target.open("wb") as file:
            file.truncate(mib << 20)
        extended = f"hash_seed={_UUID},lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0"
        features = ["-O", f"none,{_FEATURES}", "-E", extended, "-J", f"size={journal_mib}"]
        sizes = ["-b", "4096", "-I", "256", "-N", str(inodes), "-m", "0"]
        run(
            ["mke2fs", "-q", "-F", "-t", "ext4", *features, *sizes, "-L", label, "-U", _UUID, target],
            environment={"MKE2FS_CONFIG": str(config)},
        )
        script = Path(scratch, "script")
        lines = [
            line for number, (path, node) in enumerate(tree) for line in _add(number, path, node, scratch)
        ]
        script.write_text("\n".join(lines) + "\n")
        said = run(["debugfs", "-w", "-f", script, target])
    troubles = [line for line in said.splitlines() if not line.startswith(("debugfs:", "Allocated"))]
    if troubles:
        raise ToolFailed(f"debugfs said {troubles[0]!r}")


def _add(number: int, path: str, node: Node, scratch: str) -> list[str]:
    """Return debugfs's commands that make a node. `scratch`: a folder for contents, named by `number`."""
    match node:
        case Directory(mode):
            lines = [f"mkdir /{path}", f"set_inode_field /{path} mode 0{0o040000 | mode:o}"]
        case File(content, mode):
            source = content if isinstance(content, Path) else _spool(Path(scratch, str(number)), content)
            lines = [f"write {source} /{path}", f"set_inode_field /{path} mode 0{0o100000 | mode:o}"]
            if node.capability:
                attribute = _spool(Path(scratch, f"{number}.capability"), node.capability)
                lines.append(f"ea_set -f {attribute} /{path} security.capability")
        case Link(target):
            lines = [f"symlink /{path} {target}"]
    for field, value in zip(("uid", "gid"), node.owner, strict=True):
        if value:
            lines.append(f"set_inode_field /{path} {field} {value}")
    return lines


def _spool(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def write_fat(tree: Tree, target: Path, *, mib: int, label: str, serial: int) -> None:
    """Make `target` a FAT file system of `mib` MiB with the tree's files, by mtools."""
    with target.open("wb") as file:
        file.truncate(mib << 20)
    geometry = ["-T", str(mib * 2048), "-h", "16", "-s", "63", "-H", "2048"]
    run(["mformat", "-i", target, "-v", label, "-N", f"{serial:08x}", *geometry, "::"])
    with tempfile.TemporaryDirectory(prefix="cumulo-fat-") as scratch:
        for number, (path, node) in enumerate(tree):
            match node:
                case Directory():
                    run(["mmd", "-i", target, f"::/{path}"])
                case File():
                    source = _spool(Path(scratch, str(number)), node.read())
                    os.utime(source, (EPOCH, EPOCH))
                    run(["mcopy", "-m", "-i", target, source, f"::/{path}"])
                case Link():
                    raise ValueError(f"FAT has no links ({path})")
