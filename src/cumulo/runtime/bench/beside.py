"""Disks given to a guest by hand: what a volume of ours is held against.

`chain` is what block storage is asked to build, started by hand without anything of ours: a raw file that
qemu-storage-daemon exports over NBD on a Unix socket, all flags as QEMU has them. `file` is the same kind of
file which the guest's QEMU opens itself. `fio` brings the program.
"""

import contextlib
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from cumulo.runtime.bench.fio import write_fio_disk
from cumulo.runtime.engines.libvirt import uri
from cumulo.runtime.guests import connected
from cumulo.runtime.state import StateFolder

GIB = 1 << 30
PATIENCE = 30.0  # seconds
_LOOK = 0.05  # seconds between two looks


@contextlib.contextmanager
def given_by_hand(state: StateFolder, server: str) -> Iterator[None]:
    """Have the disks in a running guest, each with its word as serial number."""
    folder = state.path / "by-hand"
    folder.mkdir()
    tools = folder / "fio.raw"
    write_fio_disk(tools, state.path / "cache" / "packages")
    with _exported(_empty(folder / "chain.raw"), folder / "chain.nbd") as socket:
        with connected(uri(state)) as connection:
            domain = connection.lookupByUUIDString(server)
            domain.attachDevice(_chain(socket))
            domain.attachDevice(_file("file", "vdy", _empty(folder / "file.raw")))
            domain.attachDevice(_file("fio", "vdx", tools))
        yield


def _empty(path: Path) -> Path:
    with path.open("wb") as made:
        made.truncate(GIB)
    return path


@contextlib.contextmanager
def _exported(file: Path, socket: Path) -> Iterator[Path]:
    """Have a file exported as anybody would."""
    words: tuple[str, ...] = ("--blockdev", f"driver=file,node-name=file,filename={file}")
    words += ("--blockdev", "driver=raw,node-name=disk,file=file")
    words += ("--nbd-server", f"addr.type=unix,addr.path={socket}")
    words += ("--export", "type=nbd,id=export,node-name=disk,name=chain,writable=on")
    # A session of its own, as ours has: the kernel shares its processors between sessions first.
    daemon = subprocess.Popen(["qemu-storage-daemon", *words], start_new_session=True)  # noqa: S603, S607  our own words
    try:
        give_up = time.monotonic() + PATIENCE
        while not socket.exists():
            if daemon.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError("the storage daemon did not start by hand")
            time.sleep(_LOOK)  # a command polls; no event loop is here
        yield socket
    finally:
        daemon.terminate()
        daemon.wait()


def _chain(socket: Path) -> str:
    source = ET.Element("source", protocol="nbd", name="chain")
    ET.SubElement(source, "host", transport="unix", socket=str(socket))
    return _disk("chain", "vdz", "network", source, cache="none")


def _file(word: str, target: str, path: Path) -> str:
    return _disk(word, target, "file", ET.Element("source", file=str(path)))


def _disk(word: str, target: str, type_: str, source: ET.Element, cache: str = "") -> str:
    """Return a disk; without a word on its cache, as QEMU opens one by itself."""
    disk = ET.Element("disk", type=type_, device="disk")
    driver = ET.SubElement(disk, "driver", name="qemu", type="raw", discard="unmap")
    if cache:
        driver.set("cache", cache)
    disk.append(source)
    ET.SubElement(disk, "target", dev=target, bus="virtio")
    ET.SubElement(disk, "serial").text = word
    return ET.tostring(disk, encoding="unicode")
