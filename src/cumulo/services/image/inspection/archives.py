"""Containers that are archives: an OVA must be a tar whose first member is the OVF descriptor."""

from cumulo.services.image.inspection.reading import Content
from cumulo.services.image.inspection.signatures import ContentMismatch, is_compressed, is_tar

_NAME = 100  # bytes of a member's name in a tar header
_BLOCK = 512


def check_ova(content: Content) -> None:
    """Refuse what is no appliance. ContentMismatch."""
    head = content.up_to(0, _BLOCK)
    if not is_tar(head) or not head[:_NAME].rstrip(b"\0").lower().endswith(b".ovf"):
        raise ContentMismatch("it is declared as ova but is no tar archive that begins with an .ovf file")


def check_docker(content: Content) -> None:
    """Refuse what is no archive of a container's layers. ContentMismatch."""
    head = content.up_to(0, _BLOCK)
    if not (is_tar(head) or is_compressed(head)):
        raise ContentMismatch("it is declared as docker but is no tar archive")


def check_compressed(content: Content) -> None:
    """Refuse what is not compressed. ContentMismatch."""
    if not is_compressed(content.up_to(0, _BLOCK)):
        raise ContentMismatch("it is declared as compressed but is not")
