"""What is done with RBD images. All of it blocks, and runs in threads.

A volume is the image `volume-ID`, a snapshot the image's `snapshot-ID`, protected. A clone of a volume
hangs on a snapshot `clone-ID` of its source, which goes when the clone or the source goes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cumulo.contracts.volumes import Extent
from cumulo.node.volumes.rbd.cluster import Cluster, bindings

CLONE = "clone-"


class Images:
    """The images of a pool."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    @property
    def _rbd(self) -> Any:
        return bindings("rbd")

    @property
    def _all(self) -> Any:
        return self._rbd.RBD()

    def names(self) -> list[str]:
        """Return the images' names."""
        return list(self._all.list(self._cluster.io))

    def create(self, name: str, size: int) -> None:
        """Make an empty image, in place of what a killed process left under the name."""
        self.remove(name)
        self._all.create(self._cluster.io, name, size, old_format=False)

    def clone(self, source: str, snapshot: str, name: str, size: int) -> None:
        """Make an image on a snapshot, in place of what a killed process left under the name."""
        self.remove(name)
        self.take_snapshot(source, snapshot)
        io = self._cluster.io
        self._all.clone(io, source, snapshot, io, name)
        self.grow(name, size)

    def remove(self, name: str) -> None:
        """Remove an image, the snapshots that clones of it hang on, and the one that it hangs on itself."""
        parent: tuple[str, str] | None = None
        try:
            with self.opened(name) as image:
                parent = self._parent(image)
                for snapshot in [one["name"] for one in image.list_snaps()]:
                    if snapshot.startswith(CLONE):
                        self._remove_snapshot(name, snapshot)
        except self._rbd.ImageNotFound:
            return
        self._all.remove(self._cluster.io, name)
        if parent is not None and parent[1].startswith(CLONE):
            self.remove_snapshot(*parent)

    def rename(self, name: str, new: str) -> None:
        """Give an image another name."""
        self._all.rename(self._cluster.io, name, new)

    def size(self, name: str, snapshot: str | None = None) -> int:
        """Return how many bytes long it is."""
        with self.opened(name, snapshot, read_only=True) as image:
            return int(image.size())

    def grow(self, name: str, size: int) -> None:
        """Have an image be at least so long."""
        with self.opened(name) as image:
            if image.size() < size:
                image.resize(size)

    def clear(self, name: str, size: int) -> None:
        """Have all of an image read as zeroes, and be so long."""
        with self.opened(name) as image:
            image.resize(0)
            image.resize(size)

    def snapshots(self, name: str) -> dict[str, int]:
        """Return an image's snapshots and their sizes in bytes."""
        with self.opened(name, read_only=True) as image:
            return {one["name"]: int(one["size"]) for one in image.list_snaps()}

    def take_snapshot(self, name: str, snapshot: str) -> None:
        """Have a snapshot, protected."""
        with self.opened(name) as image:
            if snapshot not in [one["name"] for one in image.list_snaps()]:
                image.create_snap(snapshot)
            if not image.is_protected_snap(snapshot):
                image.protect_snap(snapshot)

    def remove_snapshot(self, name: str, snapshot: str) -> None:
        """Remove a snapshot; images on it become whole first. None is no error."""
        try:
            self._remove_snapshot(name, snapshot)
        except self._rbd.ImageNotFound:
            return

    def rename_snapshot(self, name: str, snapshot: str, new: str) -> None:
        """Give a snapshot another name."""
        with self.opened(name) as image:
            image.rename_snap(snapshot, new)

    def roll_back(self, name: str, snapshot: str) -> None:
        """Bring an image back to a snapshot; it keeps its size."""
        with self.opened(name) as image:
            size = image.size()
            image.rollback_to_snap(snapshot)
            if image.size() < size:
                image.resize(size)

    def read(self, name: str, snapshot: str, offset: int, length: int) -> bytes:
        """Return a piece of a snapshot."""
        with self.opened(name, snapshot, read_only=True) as image:
            return bytes(image.read(offset, length))

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write a piece; it is durable when this returns."""
        with self.opened(name) as image:
            image.write(data, offset)
            image.flush()

    def extents(self, name: str, snapshot: str) -> list[Extent]:
        """Return where a snapshot holds data, in order, neighbours as one."""
        found: list[Extent] = []

        def take(offset: int, length: int, exists: bool) -> None:
            if not exists:
                return
            if found and found[-1].offset + found[-1].length == offset:
                last = found.pop()
                offset, length = last.offset, last.length + length
            found.append(Extent(offset=offset, length=length))

        with self.opened(name, snapshot, read_only=True) as image:
            image.diff_iterate(0, image.size(), None, take)
        return found

    @contextmanager
    def opened(self, name: str, snapshot: str | None = None, *, read_only: bool = False) -> Iterator[Any]:
        """Give an open image."""
        with self._rbd.Image(self._cluster.io, name, snapshot=snapshot, read_only=read_only) as image:
            yield image

    def _remove_snapshot(self, name: str, snapshot: str) -> None:
        with self.opened(name, snapshot, read_only=True) as image:
            children = [child for _, child in image.list_children()]
        for child in children:
            with self.opened(child) as image:
                image.flatten()
        with self.opened(name) as image:
            if image.is_protected_snap(snapshot):
                image.unprotect_snap(snapshot)
            image.remove_snap(snapshot)

    def _parent(self, image: Any) -> tuple[str, str] | None:
        try:
            _, name, snapshot = image.parent_info()
        except self._rbd.ImageNotFound:
            return None
        return name, snapshot
