"""The image service's settings, section `[image]`."""

from typing import ClassVar

from cumulo.core.config import Section


class ImageSettings(Section, frozen=True):
    """What an operator may choose.

    size_limit: bytes of data that one image may have; virtual_size_limit: bytes of the disk that it may
    describe. upload_silence: seconds after which an upload that says nothing counts as dead.
    """

    section: ClassVar[str] = "image"
    size_limit: int = 1 << 40
    virtual_size_limit: int = 16 << 40
    upload_silence: float = 30.0
    tag_limit: int = 128
    property_limit: int = 128
    member_limit: int = 128
