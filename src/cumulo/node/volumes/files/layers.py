"""The layers of a pool: files of which each shows, where nothing was written to it, the one below.

The highest of a volume is written to; the others never change, so that snapshots and clones share them.
"""

import secrets as randomness
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from cumulo.contracts.volumes import BlockAccess
from cumulo.core.drivers import Permanent
from cumulo.node.commands import run
from cumulo.node.volumes import qcow2
from cumulo.node.volumes.files.folder import Folder
from cumulo.node.volumes.images import written
from cumulo.node.volumes.storage_daemon import Layer

FOLDER = "layers"
_HOURS = 12 * 3600.0


class LayerFile(msgspec.Struct, frozen=True):
    """What a layer's file is."""

    format: str  # qcow2, raw
    below: str | None = None


class Layers:
    """All layers of a folder. `held` ones are being worked with, though no record names them yet."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._held: Counter[str] = Counter()
        self.known: dict[str, LayerFile] = {}

    async def load(self) -> None:
        """Look at all files; what a killed process did not finish is removed."""
        self.known = {}
        for file in await self._folder.names(FOLDER):
            name, _, format_ = file.partition(".")
            if format_ == "raw":
                self.known[name] = LayerFile("raw")
            elif format_ == "qcow2":
                self.known[name] = await self._look(name)
            else:
                await self._folder.remove(f"{FOLDER}/{file}")

    async def _look(self, name: str) -> LayerFile:
        start = await self._folder.start_of(f"{FOLDER}/{name}.qcow2", qcow2.HEADER_READ)
        below = qcow2.parse(start).backing
        return LayerFile("qcow2", below.partition(".")[0] if below else None)

    @contextmanager
    def holding(self, *names: str) -> Iterator[None]:
        """Keep layers from being swept meanwhile."""
        self._held.update(names)
        try:
            yield
        finally:
            self._held.subtract(names)

    @staticmethod
    def new_name() -> str:
        """Return a name that no layer has."""
        return randomness.token_hex(12)

    async def make(self, name: str, size: int, *, header: bytes = b"", thick: bool = False) -> None:
        """Make a layer that reads as `header` and then zeroes, with nothing below.

        On a file system of this host it is raw: a file with holes has no tables that a killed daemon
        could take with it. Elsewhere holes are not seen, and only a thick one is.
        """
        if thick or self._folder.can_reserve:
            await self.make_raw(name, size, header=header, reserve=thick)
            return
        await self._folder.create(f"{FOLDER}/.{name}", qcow2.empty(size, content=header))
        await self._folder.rename(f"{FOLDER}/.{name}", f"{FOLDER}/{name}.qcow2")
        self.known[name] = LayerFile("qcow2")

    async def make_raw(self, name: str, size: int, *, header: bytes = b"", reserve: bool = False) -> None:
        """Make a raw layer, of which only what is written takes room unless that is to be set aside."""
        await self._folder.create(f"{FOLDER}/.{name}", header, size=size, reserve=reserve)
        await self._folder.rename(f"{FOLDER}/.{name}", f"{FOLDER}/{name}.raw")
        self.known[name] = LayerFile("raw")

    async def copy(self, name: str, new: str) -> None:
        """Make a raw layer with the content of another of this host, sharing its blocks where that can be."""
        source = self.access(name).path
        beside = self._folder.file(f"{FOLDER}/.{new}")["filename"]
        await run("cp", "--reflink=auto", "--sparse=always", source, beside, seconds=_HOURS)
        await self._folder.flush(f"{FOLDER}/.{new}")
        await self._folder.rename(f"{FOLDER}/.{new}", f"{FOLDER}/{new}.raw")
        self.known[new] = LayerFile("raw")

    async def put_over(self, below: str, name: str, size: int) -> None:
        """Make an empty layer above another."""
        lower = self.known[below]
        content = qcow2.empty(size, backing=(f"{below}.{lower.format}", lower.format))
        await self._folder.create(f"{FOLDER}/.{name}", content)
        await self._folder.rename(f"{FOLDER}/.{name}", f"{FOLDER}/{name}.qcow2")
        self.known[name] = LayerFile("qcow2", below)

    def path(self, name: str) -> str:
        """Return a layer's file."""
        return f"{FOLDER}/{name}.{self.known[name].format}"

    def has_tables(self, name: str) -> bool:
        """Say whether who writes to a layer keeps in memory what says where the bytes are."""
        return self.known[name].format != "raw"

    def chain(self, top: str) -> list[str]:
        """Return a layer and all below it, the lowest last."""
        found: list[str] = []
        name: str | None = top
        while name is not None:
            if name not in self.known or name in found:
                raise Permanent(f"layer {name} is missing", public="a file of the pool is missing")
            found.append(name)
            name = self.known[name].below
        return found

    def opened(self, top: str) -> list[Layer]:
        """Return a chain as a daemon opens it, the lowest first."""
        return [
            Layer(name, self.known[name].format, self._folder.file(self.path(name)))
            for name in reversed(self.chain(top))
        ]

    def access(self, top: str) -> BlockAccess:
        """Return how qemu-img reads a layer that does not change, on this host."""
        return access_to(self._folder.file(self.path(top)), self.known[top].format)

    def target(self, name: str) -> dict[str, object]:
        """Return QEMU's options of a layer to write to."""
        return {"driver": self.known[name].format, "file": self._folder.file(self.path(name))}

    def above(self, name: str) -> list[str]:
        """Return the layers that lie directly on one."""
        return [upper for upper, file in self.known.items() if file.below == name]

    def is_held(self, *names: str) -> bool:
        """Say whether one of them is being worked with."""
        return any(self._held[name] > 0 for name in names)

    async def sweep(self, named: Iterable[str]) -> None:
        """Remove the layers that lie under no named and no held one."""
        wanted: set[str] = set()
        for top in [*named, *(name for name, count in self._held.items() if count > 0)]:
            name: str | None = top
            while name is not None and name in self.known and name not in wanted:
                wanted.add(name)
                name = self.known[name].below
        paths = [self.path(name) for name in self.known if name not in wanted]
        self.known = {name: file for name, file in self.known.items() if name in wanted}
        for path in paths:
            await self._folder.remove(path)

    async def grow(self, name: str, size: int) -> None:
        """Give a layer that nobody has open more bytes."""
        await resize(self._folder, self.path(name), self.known[name].format, size)

    async def flush(self, name: str) -> None:
        """Have a layer on disk."""
        await self._folder.flush(self.path(name))

    async def push_down(self, name: str) -> None:
        """Write what a layer holds into the one below, which only it lies on; the layer itself stays."""
        options = written(self.target(name))
        await run(
            "qemu-img", "commit", "-q", "-d", "-t", "writeback", "--image-opts", options, seconds=_HOURS
        )
        await self.flush(str(self.known[name].below))

    async def pull_up(self, name: str) -> None:
        """Take into a layer what it shows of the one below, and put it on the one below that."""
        lower = self.known[str(self.known[name].below)]
        onto: tuple[str, ...] = ("-b", "")
        if lower.below is not None:
            format_ = self.known[lower.below].format
            onto = ("-b", f"{lower.below}.{format_}", "-F", format_)
        options = written(self.target(name))
        words = ("qemu-img", "rebase", "-q", "-t", "writeback", *onto, "--image-opts", options)
        await run(*words, seconds=_HOURS)
        await self.flush(name)
        self.known[name] = await self._look(name)

    async def pulled_up(self, name: str) -> None:
        """Note that a daemon has taken into a layer what lay below."""
        self.known[name] = await self._look(name)

    async def is_smaller(self, name: str, other: str) -> bool:
        """Say whether a layer takes up no more than another."""
        return await self._folder.used(self.path(name)) <= await self._folder.used(self.path(other))


def access_to(file: dict[str, Any], format_: str) -> BlockAccess:
    """Return how qemu-img reads a file of a folder."""
    if file["driver"] == "nfs":
        hosts = ((file["server"]["host"], 0),)
        return BlockAccess(protocol="nfs", name=file["path"], hosts=hosts, format=format_, read_only=True)
    return BlockAccess(protocol="file", path=file["filename"], format=format_, read_only=True)


async def resize(folder: Folder, file: str, format_: str, size: int) -> None:
    """Give a file that nobody has open room for so many bytes of disk."""
    if format_ == "raw":
        await folder.resize(file, size)
        return
    options = written({"driver": format_, "file": folder.file(file)})
    await run("qemu-img", "resize", "-q", "--image-opts", options, str(size))
