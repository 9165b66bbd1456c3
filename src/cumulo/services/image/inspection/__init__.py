"""What an image's bytes say, read before anything else opens them.

QEMU follows what a disk's header names (backing files, data files, extents), so a header from a stranger
could make it read this machine's files. Here headers are only parsed, in plain Python: the head while the
data arrives, so that what is plainly wrong is refused early, and the rest once all of it is there.
"""

from collections.abc import Callable, Mapping
from typing import BinaryIO, TypeVar

import msgspec

from cumulo.core.errors import UnsupportedMedia
from cumulo.services.image.inspection import appliances, archives, gpt, ploop, qcow2, vdi, vhd, vhdx, vmdk
from cumulo.services.image.inspection.reading import Content
from cumulo.services.image.inspection.signatures import (
    HEAD,
    ContentMismatch,
    Malformed,
    ends_with_vhd_footer,
    recognise,
)

T = TypeVar("T")

_CHECKS: Mapping[str, Callable[[Content, int], int]] = {
    "qcow2": qcow2.check,
    "vmdk": vmdk.check,
    "vdi": vdi.check,
    "vhd": vhd.check,
    "vhdx": vhdx.check,
    "ploop": ploop.check,
    "gpt": gpt.check,
}
_ARCHIVES: Mapping[str, Callable[[Content], None]] = {
    "ova": appliances.check_ova,
    "ovf": appliances.check_ovf,
    "docker": archives.check_docker,
    "compressed": archives.check_compressed,
}
_DISKS = ("bare", "ami", "ari", "aki")  # containers whose content is the disk itself
_MARKLESS = ("raw", "ami", "ari", "aki")
# What a server's disk can be made from, when it is a plain disk.
BOOTABLE = ("raw", "qcow2", "iso", "vmdk", "vdi", "vhd", "vhdx", "ploop", "gpt")


class ContentRefused(UnsupportedMedia):
    """The image data was refused: {reason}."""


class Inspection(msgspec.Struct, frozen=True):
    """What was found. Sizes in bytes; `virtual_size` is None for what is no disk."""

    size: int
    virtual_size: int | None


class Inspector:
    """Takes the bytes of one upload in order; `finish` says what they are, or refuses them.

    `feed` raises ContentRefused as soon as the head of the data is known to be wrong.
    """

    def __init__(self, disk_format: str, container_format: str, *, largest: int) -> None:
        self._format = disk_format
        self._container = container_format
        self._largest = largest
        self._head = bytearray()
        self._seen = container_format not in _DISKS

    def feed(self, block: bytes) -> None:
        """Look at the next bytes."""
        if not self._seen:
            self._head += block[: HEAD - len(self._head)]
            if len(self._head) >= HEAD:
                self._look()

    def finish(self, file: BinaryIO) -> Inspection:
        """Say what the data is, now that all of it is in `file`. Runs long: call it in a thread."""
        content = Content(file)
        if not self._seen:
            self._head = bytearray(content.up_to(0, HEAD))
            self._look()
        return Inspection(content.size, _refusing(lambda: self._virtual_size(content)))

    def _look(self) -> None:
        self._seen = True
        _refusing(self._check_head)
        self._head.clear()

    def _check_head(self) -> None:
        head = bytes(self._head)
        found = recognise(head)
        if self._format == "qcow2":
            qcow2.check_header(head, largest=self._largest)
        elif self._format == "iso":
            if found != "iso":
                raise ContentMismatch(f"it is declared as iso but looks like {found or 'raw'}")
        elif self._format in _MARKLESS:
            if found not in (None, "iso", "luks"):  # an ISO image, or encrypted bytes, are a fine raw disk
                raise ContentMismatch(f"it is declared as {self._format} but looks like {found}")
        elif found != self._format and self._format not in ("vhd", "gpt"):  # those have no mark at the start
            raise ContentMismatch(f"it is declared as {self._format} but looks like {found or 'raw'}")

    def _virtual_size(self, content: Content) -> int | None:
        if self._container not in _DISKS:
            if self._container in _ARCHIVES:
                _ARCHIVES[self._container](content)
            return None
        if self._format in _CHECKS:
            return _CHECKS[self._format](content, self._largest)
        tail = content.up_to(max(0, content.size - 512), 512)
        if self._format in _MARKLESS and ends_with_vhd_footer(tail):
            raise ContentMismatch(f"it is declared as {self._format} but ends like a vhd")
        if content.size > self._largest:
            raise Malformed(
                f"a virtual size of {content.size} bytes is not allowed (at most {self._largest})"
            )
        return content.size


def _refusing(check: Callable[[], T]) -> T:
    try:
        return check()
    except (ContentMismatch, Malformed) as error:
        raise ContentRefused(reason=str(error)) from error
