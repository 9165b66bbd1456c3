"""fio for a guest that has none: Debian's, on a disk of its own with every library that it needs."""

import re
import tempfile
from pathlib import Path

from cumulo.runtime.images import packages
from cumulo.runtime.images.filesystems import write_ext4
from cumulo.runtime.images.tools import run
from cumulo.runtime.images.tree import File, Tree

PROGRAM = "usr/bin/fio"
LOADER = "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
FOLDERS = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/ceph")
LABEL = "fio"
ROOM = 8  # MiB beside the files
_FOUND = re.compile(r"^\s*(\S+) => (/\S+) \(", re.MULTILINE)
_NEITHER = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances", "pre-depends")


def write_fio_disk(target: Path, cache: Path) -> None:
    """Make `target` a disk from which a guest runs `loader --library-path lib fio`; packages lie in `cache`.

    Raises `packages.PackageUnavailable`, `tools.ToolFailed`.
    """
    fetched = packages.fetch(_with_libraries("fio"), cache)
    with tempfile.TemporaryDirectory(prefix="cumulo-fio-", dir=target.parent) as folder:
        material = Path(folder)
        packages.unpack(list(fetched.values()), material)
        tree = Tree()
        tree.copy(material / PROGRAM, "fio", 0o755)
        tree.copy(material / LOADER, "loader", 0o755)
        searched = ":".join(str(material / each) for each in FOLDERS)
        listed = run([material / LOADER, "--library-path", searched, "--list", material / PROGRAM])
        for name, path in _FOUND.findall(listed):
            tree.copy(Path(path), f"lib/{name}", 0o755)
        size = sum(len(node.read()) for _, node in tree if isinstance(node, File))
        write_ext4(tree, target, mib=(size >> 20) + ROOM, label=LABEL)


def _with_libraries(package: str) -> list[str]:
    """Return a package and all libraries that it depends on, also by others."""
    found: dict[str, None] = {}
    nearest = [package]
    while nearest:
        found.update(dict.fromkeys(nearest))
        said = run(["apt-cache", "depends", *(f"--no-{kind}" for kind in _NEITHER), *nearest])
        named = [line.split()[-1] for line in said.splitlines() if line.strip().startswith("Depends:")]
        nearest = [name for name in dict.fromkeys(named) if name.startswith("lib") and name not in found]
    return list(found)
