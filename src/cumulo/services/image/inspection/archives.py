"""Containers that nothing here opens, looked at by how they begin."""

from cumulo.services.image.inspection.reading import Content
from cumulo.services.image.inspection.signatures import ContentMismatch, is_compressed, is_tar

_BLOCK = 512


def check_docker(content: Content) -> None:
    """Refuse what is no archive of a container's layers. ContentMismatch."""
    head = content.up_to(0, _BLOCK)
    if not (is_tar(head) or is_compressed(head)):
        raise ContentMismatch("it is declared as docker but is no tar archive")


def check_compressed(content: Content) -> None:
    """Refuse what is not compressed. ContentMismatch."""
    if not is_compressed(content.up_to(0, _BLOCK)):
        raise ContentMismatch("it is declared as compressed but is not")
