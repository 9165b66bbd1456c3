"""Tables of the image service, and the statuses that an image goes through.

queued → saving → active ⇄ deactivated; a failed or killed upload goes back to queued
any → pending_delete: gone for every client, until its bytes are removed and the row with them
"""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from cumulo.core import clock, ids
from cumulo.core.db import BigInteger, Boolean, Index, Integer, Json, Model, String, When, column


class ImageStatus(StrEnum):
    """Where an image is."""

    QUEUED = "queued"
    SAVING = "saving"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    PENDING_DELETE = "pending_delete"


class Visibility(StrEnum):
    """Who sees an image besides its owner."""

    PRIVATE = "private"
    SHARED = "shared"  # its members
    COMMUNITY = "community"  # everybody, but lists leave it out
    PUBLIC = "public"


class MemberStatus(StrEnum):
    """What a project says of an image that was shared with it."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Image(Model, table="image_images"):
    """An image. `owner`: a project's id; sizes in bytes, `min_ram` in MiB, `min_disk` in GiB.

    checksum: MD5, hash_value: SHA-512, both in hexadecimal. upload_id names the upload that may finish the
    image, until upload_until: an upload that stops renewing it has died.
    """

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    owner: str | None = column(String(64), default=None, index=True)
    name: str | None = column(String(255), default=None, index=True)
    status: ImageStatus = column(String(16), default=ImageStatus.QUEUED)
    visibility: Visibility = column(String(16), default=Visibility.SHARED)
    disk_format: str | None = column(String(20), default=None)
    container_format: str | None = column(String(20), default=None)
    size: int | None = column(BigInteger, default=None)
    virtual_size: int | None = column(BigInteger, default=None)
    min_disk: int = column(Integer, default=0)
    min_ram: int = column(Integer, default=0)
    protected: bool = column(Boolean, default=False)
    os_hidden: bool = column(Boolean, default=False)
    checksum: str | None = column(String(32), default=None)
    hash_value: str | None = column(String(128), default=None)
    properties: dict[str, str | None] = column(Json, default_factory=dict)
    upload_id: str | None = column(String(36), default=None)
    upload_until: datetime | None = column(When, default=None)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)
    __extra__ = (Index("visibility", "created_at"), Index("status"))

    TRANSITIONS: ClassVar[dict[ImageStatus, frozenset[ImageStatus]]] = {
        ImageStatus.QUEUED: frozenset({ImageStatus.SAVING, ImageStatus.PENDING_DELETE}),
        ImageStatus.SAVING: frozenset({ImageStatus.ACTIVE, ImageStatus.QUEUED, ImageStatus.PENDING_DELETE}),
        ImageStatus.ACTIVE: frozenset(
            {ImageStatus.ACTIVE, ImageStatus.DEACTIVATED, ImageStatus.PENDING_DELETE}
        ),
        ImageStatus.DEACTIVATED: frozenset(
            {ImageStatus.DEACTIVATED, ImageStatus.ACTIVE, ImageStatus.PENDING_DELETE}
        ),
    }

    @property
    def project_id(self) -> str | None:
        """The owner, under the name that policy rules give it."""
        return self.owner


class ImageTag(Model, table="image_tags"):
    """A word that an image is found by."""

    image_id: str = column(String(36), key=True, references="image_images.id", on_delete="CASCADE")
    value: str = column(String(255), key=True, index=True)


class ImageMember(Model, table="image_members"):
    """A project that a shared image was shown to."""

    image_id: str = column(String(36), key=True, references="image_images.id", on_delete="CASCADE")
    member_id: str = column(String(64), key=True, index=True)
    status: MemberStatus = column(String(16), default=MemberStatus.PENDING)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)

    @property
    def project_id(self) -> str:
        """The member, under the name that policy rules give it."""
        return self.member_id
