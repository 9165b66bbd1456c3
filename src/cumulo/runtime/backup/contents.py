"""Which files of a state folder are the control plane's, and how large what is left out is."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from cumulo.runtime.hosts.folder import FOLDER, hosts_of
from cumulo.runtime.state import StateFolder

FILES = (
    "config.toml",
    "admin-password",
    "demo-password",
    "policy.yaml",
    "first-contents",
    "external-network",
    "instance",
    "host",
    "underlay",
)
KEYS = ("token-keys", "credential-keys", "server-keys", "volume-keys")
IMAGES = "images"
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
DATA = rf"{_UUID}(?:\.{_UUID}(?:\.\d{{1,20}})?)?"
"""An image's data, as a pattern: its id, and since 0335 the try that brought it."""
OF_HOST = ("config.toml", "instance", "host", "number", "underlay")
_LEFT_OUT = {
    "images": "images' data",
    "volumes": "volumes",
    "backups": "backups of volumes",
    "node": "servers' disks",
}
_GIB = 1 << 30


def files(state: StateFolder) -> Iterator[str]:
    """Yield the paths, in the state folder, of all but the database and images' data."""
    for name in FILES:
        if (state.path / name).is_file():
            yield name
    for folder in KEYS:
        yield from sorted(f"{folder}/{key.name}" for key in (state.path / folder).glob("*.key"))
    for host in hosts_of(state):
        for name in OF_HOST:
            if (host.path / name).is_file():
                yield f"{FOLDER}/{host.path.name}/{name}"


def images(state: StateFolder) -> Iterator[str]:
    """Yield the paths, in the state folder, of images' data."""
    for file in sorted((state.path / IMAGES).glob("*")):
        if re.fullmatch(DATA, file.name) and file.is_file():
            yield f"{IMAGES}/{file.name}"


def left_out(state: StateFolder, *, with_images: bool) -> list[str]:
    """Return in words what a backup does not hold, and what of it there is."""
    found = {name: _size(state.path / name) for name in _LEFT_OUT if not (with_images and name == IMAGES)}
    return [
        f"{_LEFT_OUT[name]} ({size / _GIB:.1f} GiB in {state.path / name})"
        for name, size in found.items()
        if size
    ]


def _size(folder: Path) -> int:
    """Return how many bytes the files of a folder take on the disk."""
    taken = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                taken += Path(place, name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue
    return taken
