"""Which guests may write while their memory is copied, and what makes an emulated one such."""

import xml.etree.ElementTree as ET

import pytest
from tests.node.hypervisor.libvirt.test_domain import domain

from cumulo.contracts.hardware import Cell, Hardware
from cumulo.node.hypervisor.libvirt.domain import Machine
from cumulo.node.hypervisor.libvirt.followed import NAMESPACE, is_followed

DEBIAN = 7_002_022  # QEMU of Debian 12
PAGES = 64 * 4096  # bytes that QEMU looks at at once


def words(guest: ET.Element) -> list[str]:
    return [str(arg.get("value")) for arg in guest.iterfind(f"{{{NAMESPACE}}}commandline/{{{NAMESPACE}}}arg")]


def test_an_emulated_guests_memory_is_looked_at_page_by_page() -> None:
    """It is no multiple of what QEMU looks at at once, and the machine is as large as its block."""
    said = words(domain())
    size = said[said.index("-m") + 1]
    assert size.endswith("k")
    assert int(size[:-1]) * 1024 % PAGES
    assert said[said.index("-object") + 1] == f"memory-backend-ram,id=followed,size={size}"
    assert said[said.index("-machine") + 1] == "memory-backend=followed"
    assert is_followed(domain(), DEBIAN)


def test_kvm_follows_a_guest_by_itself() -> None:
    """Its machine is told nothing."""
    guest = domain(Machine(kvm=True))
    assert words(guest) == []
    assert is_followed(guest, DEBIAN)


@pytest.mark.parametrize(
    "hardware", [Hardware(page_kib=2048), Hardware(cells=(Cell((0,), 128),)), Hardware(secure_boot=True)]
)
def test_memory_that_is_laid_out_otherwise_is_followed_by_newer_versions_alone(hardware: Hardware) -> None:
    """Huge pages and NUMA nodes have blocks of their own; firmware with secure boot lies at memory's end."""
    guest = domain(hardware=hardware)
    assert words(guest) == []
    assert not is_followed(guest, DEBIAN)
    assert is_followed(guest, 9_000_000)
