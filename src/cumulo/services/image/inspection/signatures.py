"""The marks by which disk formats are known."""

# As much of the beginning as any check of a head needs: the largest qcow2 cluster, with header extensions.
HEAD = 2 * 1024 * 1024

_AT_START = {
    b"QFI\xfb": "qcow2",
    b"QED\0": "qed",
    b"KDMV": "vmdk",
    b"COWD": "vmdk",
    b"# Disk DescriptorFile": "vmdk",
    b"vhdxfile": "vhdx",
    b"conectix": "vhd",
    b"LUKS\xba\xbe": "luks",
    b"WithoutFreeSpace": "ploop",
    b"WithouFreSpacExt": "ploop",
}
_VDI_AT, _VDI = 0x40, bytes.fromhex("7f10dabe")
_ISO_AT, _ISO = 0x8001, b"CD001"
_TAR_AT, _TAR = 257, b"ustar"
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"PK\x03\x04")


class ContentMismatch(Exception):
    """The bytes are of another format than was declared."""


class Malformed(Exception):
    """The header is broken, or asks for what is not allowed."""


def recognise(head: bytes) -> str | None:
    """Return the format whose mark the data bears; None for data without one, which is raw."""
    for mark, name in _AT_START.items():
        if head.startswith(mark):
            return name
    if head[_VDI_AT : _VDI_AT + 4] == _VDI:
        return "vdi"
    if head[_ISO_AT : _ISO_AT + 5] == _ISO:
        return "iso"
    return None


def is_tar(head: bytes) -> bool:
    """Say whether this begins like a tar archive."""
    return head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR


def is_compressed(head: bytes) -> bool:
    """Say whether this begins like gzip, bzip2, xz, zstd or zip."""
    return head.startswith(_COMPRESSED)


def ends_with_vhd_footer(tail: bytes) -> bool:
    """Say whether the last 512 bytes are a VHD's footer: a fixed VHD has its only mark there."""
    return tail.startswith(b"conectix")
