"""What an image's bytes say, read while they arrive and before anything else opens them.

QEMU follows what a disk's header names (backing files, data files), so a header from a stranger could make it
read this machine's files. Here headers are only parsed, in plain Python, from the first blocks of the upload.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from cumulo.core.errors import UnsupportedMedia
from cumulo.services.image.inspection import qcow2
from cumulo.services.image.inspection.signatures import (
    HEAD,
    ContentMismatch,
    Malformed,
    ends_with_vhd_footer,
    recognise,
)

T = TypeVar("T")

INSPECTED = ("raw", "qcow2", "iso")


class ContentRefused(UnsupportedMedia):
    """The image data was refused: {reason}."""


class Inspection(msgspec.Struct, frozen=True):
    """What was found. Sizes in bytes; `virtual_size` is None for what is not looked into."""

    size: int
    virtual_size: int | None


class Inspector:
    """Takes the bytes of one upload in order; `finish` says what they are, or refuses them.

    `feed` raises ContentRefused as soon as the head of the data is known to be wrong. Formats outside
    INSPECTED are kept as they are, and nobody may open them.
    """

    def __init__(self, disk_format: str, container_format: str, *, largest: int) -> None:
        self._format = disk_format if container_format == "bare" else ""
        self._largest = largest
        self._head = bytearray()
        self._tail = b""
        self._size = 0
        self._seen = False

    def feed(self, block: bytes) -> None:
        """Look at the next bytes."""
        self._size += len(block)
        if self._format not in INSPECTED:
            return
        self._tail = (self._tail + block[-512:])[-512:]
        if not self._seen:
            self._head += block[: HEAD - len(self._head)]
            if len(self._head) >= HEAD:
                self._look()

    def finish(self) -> Inspection:
        """Say what the data is, now that all of it was seen."""
        if self._format not in INSPECTED:
            return Inspection(self._size, None)
        if not self._seen:
            self._look()
        return Inspection(self._size, self._refusing(self._virtual_size))

    def _look(self) -> None:
        self._seen = True
        self._refusing(self._check_head)

    def _check_head(self) -> None:
        found = recognise(bytes(self._head))
        if self._format == "qcow2":
            qcow2.check_header(bytes(self._head), largest=self._largest)
        elif self._format == "iso":
            if found != "iso":
                raise ContentMismatch(f"it is declared as iso but looks like {found or 'raw'}")
        elif found not in (None, "iso"):  # an ISO image is a fine raw disk
            raise ContentMismatch(f"it is declared as raw but looks like {found}")

    def _virtual_size(self) -> int:
        if self._format == "qcow2":
            header = qcow2.check_header(bytes(self._head), largest=self._largest)
            qcow2.check_length(header, self._size)
            return header.virtual_size
        if self._format == "raw" and ends_with_vhd_footer(self._tail):
            raise ContentMismatch("it is declared as raw but ends like a vhd")
        return self._size

    def _refusing(self, check: Callable[[], T]) -> T:
        try:
            return check()
        except (ContentMismatch, Malformed) as error:
            raise ContentRefused(reason=str(error)) from error
