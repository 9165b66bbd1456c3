"""A file tree: what goes into an initramfs or a file system, in a fixed order.

All of it bears one time, so the order and the bytes depend on nothing but the contents.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import msgspec

from cumulo.runtime.images.tools import EPOCH

ROOT = (0, 0)  # user and group id


class Directory(msgspec.Struct, frozen=True):
    """A folder with its permission bits."""

    mode: int = 0o755
    owner: tuple[int, int] = ROOT


class File(msgspec.Struct, frozen=True):
    """A regular file. `content`: its bytes, or the file on this machine that has them."""

    content: bytes | Path
    mode: int = 0o644
    owner: tuple[int, int] = ROOT
    capability: bytes = b""  # the extended attribute `security.capability`

    def read(self) -> bytes:
        """Return its bytes."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


class Link(msgspec.Struct, frozen=True):
    """A symbolic link."""

    target: str
    owner: tuple[int, int] = ROOT


Node = Directory | File | Link


class Tree:
    """Nodes by path (absolute, without the leading slash); parents come by themselves."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}

    def __iter__(self) -> Iterator[tuple[str, Node]]:
        """Give (path, node) sorted, each folder before what is in it."""
        return iter(sorted(self._nodes.items(), key=lambda item: item[0].split("/")))

    def __contains__(self, path: str) -> bool:
        return path.strip("/") in self._nodes

    def __getitem__(self, path: str) -> Node:
        return self._nodes[path.strip("/")]

    def folder(self, path: str, mode: int = 0o755) -> None:
        """Add a folder, or set the mode of one that came by itself."""
        self.put(path, Directory(mode))

    def file(self, path: str, content: bytes | str, mode: int = 0o644) -> None:
        """Add a file with this content."""
        data = content.encode() if isinstance(content, str) else content
        self.put(path, File(data, mode))

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self.put(path, Link(target))

    def copy(self, source: Path, path: str, mode: int = 0o644) -> None:
        """Add a file with the content of one on this machine (links are followed)."""
        self.file(path, source.read_bytes(), mode)

    def put(self, path: str, node: Node) -> None:
        """Add a node of any kind."""
        name = path.strip("/")
        for parent in PurePosixPath(name).parents:
            if str(parent) != ".":
                self._nodes.setdefault(str(parent), Directory())
        self._nodes[name] = node


def newc(tree: Tree) -> bytes:
    """Write the tree as an initramfs archive.

    The format is cpio's `newc` (kernel: Documentation/driver-api/early-userspace/buffer-format.rst): a header
    of 13 eight-digit hexadecimal numbers after the magic, the name with its NUL, the content, padded to 4.
    """
    parts = []
    for number, (path, node) in enumerate(tree, start=1):
        match node:
            case Directory(mode):
                parts.append(_record(number, path, 0o040000 | mode, b""))
            case File(mode=mode):
                parts.append(_record(number, path, 0o100000 | mode, node.read()))
            case Link(target):
                parts.append(_record(number, path, 0o120777, target.encode()))
    parts.append(_record(0, "TRAILER!!!", 0, b""))
    archive = b"".join(parts)
    return archive + bytes(-len(archive) % 512)


def _record(number: int, path: str, mode: int, content: bytes) -> bytes:
    name = path.encode() + b"\0"
    time = EPOCH if number else 0
    fields = (number, mode, 0, 0, 1, time, len(content), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)
