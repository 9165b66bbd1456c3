"""Tables of the image service, and the statuses that an image goes through.

queued → saving → active ⇄ deactivated; a failed or killed upload goes back to queued
queued → uploading → importing → active; queued → importing for what is fetched; a failed import: queued
any → pending_delete: gone for every client, until its bytes are removed and the row with them
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from cumulo.core import clock, ids
from cumulo.core.db import BigInteger, Boolean, Index, Integer, Json, Model, String, Text, When, column


class ImageStatus(StrEnum):
    """Where an image is."""

    QUEUED = "queued"
    SAVING = "saving"
    UPLOADING = "uploading"  # on its way to the staging area, or there
    IMPORTING = "importing"
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

    checksum: MD5, hash_value: of one of `config.ALGORITHMS`, both in hexadecimal. upload_id names the upload
    that may finish the image, until upload_until: an upload that stops renewing it has died. staged: bytes
    in the staging area, which the upload `upload_id` brought there.
    importing_to, failed_import: names of stores, divided by commas; None before the first import.
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
    staged: int | None = column(BigInteger, default=None)
    importing_to: str | None = column(String(1024), default=None)
    failed_import: str | None = column(String(1024), default=None)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)
    __extra__ = (Index("visibility", "created_at"), Index("status"), Index("hash_value"))

    TRANSITIONS: ClassVar[dict[ImageStatus, frozenset[ImageStatus]]] = {
        ImageStatus.QUEUED: frozenset(
            {
                ImageStatus.SAVING,
                ImageStatus.UPLOADING,
                ImageStatus.IMPORTING,
                ImageStatus.PENDING_DELETE,
            }
        ),
        ImageStatus.SAVING: frozenset({ImageStatus.ACTIVE, ImageStatus.QUEUED, ImageStatus.PENDING_DELETE}),
        ImageStatus.UPLOADING: frozenset(
            {ImageStatus.IMPORTING, ImageStatus.QUEUED, ImageStatus.PENDING_DELETE}
        ),
        ImageStatus.IMPORTING: frozenset(
            {ImageStatus.ACTIVE, ImageStatus.QUEUED, ImageStatus.PENDING_DELETE}
        ),
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


def data_name(image_id: str, attempt: str) -> str:
    """Return how an image's bytes are named in a store, those of one attempt to bring them in."""
    return f"{image_id}.{attempt}"


def image_of(name: str) -> str:
    """Return the image whose bytes have a name; once they had the image's id for a name."""
    return name.partition(".")[0]


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


class ImageLocation(Model, table="image_locations"):
    """A store that has an image's bytes, by the name `data`; `leaving`: they are about to be removed there.

    Each try to bring bytes in gives them a name of their own: which try's are the image's, this row says.
    """

    image_id: str = column(String(36), key=True, references="image_images.id", on_delete="CASCADE")
    store: str = column(String(64), key=True)
    data: str = column(String(128))
    leaving: bool = column(Boolean, default=False)


class TaskStatus(StrEnum):
    """How far a task is."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCESS = "success"
    FAILURE = "failure"


class ImageTask(Model, table="image_tasks"):
    """Long work on an image, as Glance's tasks API shows it; a saga does it."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    type: str = column(String(32))
    status: TaskStatus = column(String(16), default=TaskStatus.PENDING)
    owner: str | None = column(String(64), default=None, index=True)
    image_id: str | None = column(String(36), default=None, index=True)
    user_id: str | None = column(String(64), default=None)
    request_id: str | None = column(String(64), default=None)
    input: dict[str, Any] = column(Json, default_factory=dict)
    result: dict[str, Any] | None = column(Json, default=None)
    message: str = column(Text, default="")
    expires_at: datetime | None = column(When, default=None)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)

    @property
    def project_id(self) -> str | None:
        """The owner, under the name that policy rules give it."""
        return self.owner


class CacheState(StrEnum):
    """Whether a copy is in the cache yet."""

    QUEUED = "queued"
    CACHED = "cached"


class CachedImage(Model, table="image_cached"):
    """An image whose bytes the cache has, or is to fetch. `size` in bytes."""

    image_id: str = column(String(36), key=True)
    state: CacheState = column(String(16), default=CacheState.QUEUED)
    size: int = column(BigInteger, default=0)
    hits: int = column(Integer, default=0)
    accessed_at: datetime | None = column(When, default=None)
    modified_at: datetime = column(When, default_factory=clock.now)


class Namespace(Model, table="image_metadef_namespaces"):
    """A namespace of metadata definitions: what properties resources may have, for people to choose from."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    namespace: str = column(String(80), unique=True)
    display_name: str | None = column(String(80), default=None)
    description: str | None = column(Text, default=None)
    visibility: Visibility = column(String(16), default=Visibility.PRIVATE)
    protected: bool = column(Boolean, default=False)
    owner: str | None = column(String(64), default=None, index=True)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)

    @property
    def project_id(self) -> str | None:
        """The owner, under the name that policy rules give it."""
        return self.owner


class Kind(StrEnum):
    """What a namespace holds."""

    OBJECT = "object"
    PROPERTY = "property"
    TAG = "tag"
    ASSOCIATION = "association"  # a type of resources that the namespace is for


class Definition(Model, table="image_metadef_definitions"):
    """One thing that a namespace defines. `body`: what its kind has besides a name."""

    namespace_id: str = column(
        String(36), key=True, references="image_metadef_namespaces.id", on_delete="CASCADE"
    )
    kind: Kind = column(String(16), key=True)
    name: str = column(String(255), key=True)
    body: dict[str, Any] = column(Json, default_factory=dict)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)
    __extra__ = (Index("kind", "name"),)
