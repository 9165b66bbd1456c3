"""Guests' own disks, of guests that are off."""

import threading
from pathlib import Path
from typing import Any

import pytest

from cumulo.core.drivers import Permanent
from cumulo.node.hypervisor import fences
from cumulo.node.hypervisor.libvirt import snapshots
from cumulo.node.hypervisor.libvirt.driver import LibvirtHypervisor
from cumulo.node.ports.wiring import NoWiring
from cumulo.node.settings import Place

SERVER = "0b7e3a52-93a4-4f1a-8b0e-6f2a1d9c7e11"


class Off:
    """Domains that are all off."""

    async def stop(self, server_id: str) -> None:
        pass


@pytest.fixture
def hypervisor(tmp_path: Path) -> LibvirtHypervisor:
    made = LibvirtHypervisor("host1", Place(state=tmp_path, instance="abcd"), NoWiring())
    made._domains = Off()  # type: ignore[assignment]
    return made


@pytest.mark.parametrize("root", [True, False], ids=["image", "volume"])
async def test_local_disks_come_back_also_to_a_guest_that_boots_from_a_volume(
    hypervisor: LibvirtHypervisor, tmp_path: Path, root: bool
) -> None:
    folder = tmp_path / "node" / "servers" / SERVER
    folder.mkdir(parents=True)
    own = [folder / name for name in ("ephemeral0.local", *(["disk.qcow2"] if root else []))]
    for file in own:
        file.write_bytes(b"of before")
    await hypervisor.keep_disk(SERVER)
    for file in own:
        file.write_bytes(b"of another flavor")
    await hypervisor.keep_disk(SERVER)  # of a process that was killed: what is kept stays as it was
    await hypervisor.restore_disk(SERVER)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        file.name: b"of before" for file in own
    }


async def test_fences_are_noted_beside_the_work(
    hypervisor: LibvirtHypervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To have a file on disk takes a disk's time, which is nobody else's."""
    noted: list[threading.Thread] = []
    monkeypatch.setattr(fences, "write_atomically", lambda *_: noted.append(threading.current_thread()))
    await hypervisor.release_disk(SERVER, fence=7)
    [thread] = noted
    assert thread is not threading.main_thread()


class Endless:
    """A libvirt whose copy of a disk never ends."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.job = 0
        self.ended = 0

    def lookupByName(self, _: str) -> "Endless":  # noqa: N802  libvirt's name
        return self

    def XMLDesc(self) -> str:  # noqa: N802  libvirt's name
        disk = f"<disk><source file='{self.file}'/><target dev='vda'/></disk>"
        return f"<domain><devices>{disk}</devices></domain>"

    def backupBegin(self, *_: Any) -> None:  # noqa: N802  libvirt's name
        self.job = 1

    def jobInfo(self) -> list[int]:  # noqa: N802  libvirt's name
        return [self.job]

    def abortJob(self) -> None:  # noqa: N802  libvirt's name
        self.job, self.ended = 0, self.ended + 1

    async def run(self, function: Any) -> Any:
        return function(self)

    run_apart = run


async def test_a_copy_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "LONGEST", 0.01)
    libvirtd = Endless(tmp_path / "disk.qcow2")
    with pytest.raises(Permanent, match="not copied within"):
        await snapshots.copy_live(libvirtd, "guest", libvirtd.file, tmp_path / "copy")  # type: ignore[arg-type]
    assert (libvirtd.job, libvirtd.ended) == (0, 1)
