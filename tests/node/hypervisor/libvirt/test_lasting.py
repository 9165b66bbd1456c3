"""Disks that wait for their exports: the marks by which those are known in QEMU."""

from typing import Any

import pytest

from cumulo.node.hypervisor.libvirt import lasting

DISK = """<disk><source protocol='nbd' name='e' index='{index}'><host transport='unix' socket='/s'/></source>
<target dev='vdb' bus='virtio'/></disk>"""


class Qemu:
    """A QEMU that has one disk, number 4, and the mark of one that its guest was slow to let go."""

    def __init__(self) -> None:
        self.nodes = {"libvirt-4-format", "libvirt-4-storage", "lasting-3"}

    def XMLDesc(self) -> str:  # noqa: N802  libvirt's name
        return f"<domain><devices>{DISK.format(index=4)}</devices></domain>"

    def ask(self, _: Any, command: str, **arguments: Any) -> Any:
        if command == "query-named-block-nodes":
            return [{"node-name": name, "drv": "raw", "ro": False} for name in sorted(self.nodes)]
        if command == "blockdev-add":
            self.nodes.add(arguments["node-name"])
        if command == "blockdev-del":
            self.nodes.remove(arguments["node-name"])
        return None


def test_marks_of_disks_that_are_gone_go(monkeypatch: pytest.MonkeyPatch) -> None:
    qemu = Qemu()
    monkeypatch.setattr(lasting, "ask", qemu.ask)
    for _ in range(2):
        lasting.make_lasting(qemu)
        assert qemu.nodes == {"libvirt-4-format", "libvirt-4-storage", "lasting-4"}
