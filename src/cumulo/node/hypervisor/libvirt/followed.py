"""Memory of emulated guests of which QEMU notices every change while it is copied.

QEMU's emulation before 9.0 forgets to watch a page again after it fetched the page's mark in the fast way,
64 pages at once; what the guest goes on writing there is not sent, and a busy guest crashes where it arrives.
It goes that way only through a block of memory that is a multiple of 64 pages. libvirt rounds a guest's
memory to such a one; so QEMU is told directly of a block that is two pages shorter.
"""

import xml.etree.ElementTree as ET

NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"  # libvirt.org/drvqemu
BLOCK = "followed"
SHORTER = 8  # KiB; the memory of a machine is a multiple of that
SOUND = 9_000_000
"""The version of QEMU, as libvirt counts, since which the fast way is right."""


def follow(domain: ET.Element, memory_mib: int) -> None:
    """Have QEMU give the guest such a block, unless libvirt lays its memory out otherwise.

    The last word in QEMU's command line holds. Not for guests with secure boot: the firmware looks for its
    own memory below the end, as a multiple of 64 KiB, and finds none.
    """
    if domain.find("memoryBacking") is not None:
        return
    ET.register_namespace("qemu", NAMESPACE)
    size = memory_mib * 1024 - SHORTER
    commandline = ET.SubElement(domain, f"{{{NAMESPACE}}}commandline")
    for words in (
        ("-object", f"memory-backend-ram,id={BLOCK},size={size}k"),
        ("-machine", f"memory-backend={BLOCK}"),
        ("-m", f"{size}k"),
    ):
        for word in words:
            ET.SubElement(commandline, f"{{{NAMESPACE}}}arg", value=word)


def is_followed(domain: ET.Element, qemu: int) -> bool:
    """Say whether a guest may be copied while it writes. `qemu`: the version, as libvirt counts."""
    if domain.get("type") != "qemu" or qemu >= SOUND:
        return True
    words = [arg.get("value") for arg in domain.iterfind(f"{{{NAMESPACE}}}commandline/{{{NAMESPACE}}}arg")]
    return f"memory-backend={BLOCK}" in words
