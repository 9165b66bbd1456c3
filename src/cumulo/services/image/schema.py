"""Images on the wire: flat objects in which an image's own properties stand beside the fixed attributes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import Ctx
from cumulo.core.resource import Body, Computed, Filterable, Sortable, Source, Spread, View
from cumulo.services.image.errors import AttributeInvalid
from cumulo.services.image.model import Image, ImageMember, ImageTag, MemberStatus, Visibility

DISK_FORMATS = (
    "ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop", "gpt",
)  # fmt: skip
CONTAINER_FORMATS = ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")
DiskFormat = Annotated[str, Meta(pattern=f"^({'|'.join(DISK_FORMATS)})$")]
ContainerFormat = Annotated[str, Meta(pattern=f"^({'|'.join(CONTAINER_FORMATS)})$")]
Text = Annotated[str, Meta(max_length=255)]
Number = Annotated[int, Meta(ge=0, le=2**31 - 1)]
ImageId = Annotated[str, Meta(pattern="^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]

READ_ONLY = frozenset(
    {
        "status", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value", "created_at",
        "updated_at", "self", "file", "schema", "direct_url", "stores",
    }
)  # fmt: skip
RESERVED = frozenset({"deleted", "deleted_at", "is_public", "properties"})
RESERVED_PREFIX = "os_glance"


class ImageAttributes(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The attributes that a client may set; types and lengths are checked while decoding."""

    id: ImageId | UnsetType = UNSET
    name: Text | UnsetType | None = UNSET
    owner: Text | UnsetType | None = UNSET
    visibility: Visibility | UnsetType = UNSET
    disk_format: DiskFormat | UnsetType | None = UNSET
    container_format: ContainerFormat | UnsetType | None = UNSET
    min_disk: Number | UnsetType = UNSET
    min_ram: Number | UnsetType = UNSET
    protected: bool | UnsetType = UNSET
    os_hidden: bool | UnsetType = UNSET
    tags: list[Text] | UnsetType = UNSET

    def given(self) -> dict[str, Any]:
        """Return those that were sent."""
        pairs = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: value for name, value in pairs if value is not UNSET}


ATTRIBUTES = frozenset(ImageAttributes.__struct_fields__)


def check_attributes(values: dict[str, Any]) -> dict[str, Any]:
    """Return fixed attributes in their types. Raises AttributeInvalid naming the one that is wrong."""
    try:
        return msgspec.convert(values, ImageAttributes).given()
    except msgspec.ValidationError as error:
        raise AttributeInvalid(reason=str(error)) from error


def check_property(name: str, value: Any) -> str | None:
    """Return one of an image's own properties. Raises AttributeInvalid."""
    if not name or len(name) > 255:  # noqa: PLR2004  as all names
        raise AttributeInvalid(reason="a property's name has 1 to 255 characters")
    if value is not None and not isinstance(value, str):
        raise AttributeInvalid(reason=f"{value!r} is not of type 'string' - at `$.{name}`")
    return value


def _own(row: Image, page: Any) -> dict[str, str | None]:
    del page
    return row.properties


def _algorithm(row: Image, page: Any) -> str | None:
    del page
    return "sha512" if row.hash_value else None


def _self(row: Image, page: Any) -> str:
    del page
    return f"/v2/images/{row.id}"


def _file(row: Image, page: Any) -> str:
    del page
    return f"/v2/images/{row.id}/file"


class ImageView(View, model=Image):
    """An image as clients see it."""

    rest: Annotated[Any, Spread(_own)]
    id: Annotated[str, Filterable, Sortable]
    name: Annotated[str | None, Filterable, Sortable]
    status: Annotated[str, Filterable, Sortable]
    visibility: Annotated[str, Sortable]
    owner: Annotated[str | None, Filterable, Sortable]
    disk_format: Annotated[str | None, Filterable, Sortable]
    container_format: Annotated[str | None, Filterable, Sortable]
    size: Annotated[int | None, Filterable, Sortable]
    virtual_size: Annotated[int | None, Filterable, Sortable]
    min_disk: Annotated[int, Filterable, Sortable]
    min_ram: Annotated[int, Filterable, Sortable]
    protected: Annotated[bool, Filterable]
    os_hidden: Annotated[bool, Sortable]
    checksum: Annotated[str | None, Filterable]
    os_hash_algo: Annotated[str | None, Computed(_algorithm)]
    os_hash_value: Annotated[str | None, Source("hash_value"), Filterable]
    created_at: Annotated[datetime, Sortable]
    updated_at: Annotated[datetime, Sortable]
    tags: Annotated[list[str], Computed(lambda row, page: page.extra.get(row.id, []))]
    self: Annotated[str, Computed(_self)]
    file: Annotated[str, Computed(_file)]
    schema: Annotated[str, Computed(lambda row, page: "/v2/schemas/image")]  # noqa: ARG005  the shape of the others

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Image]) -> dict[str, list[str]]:
        """Fetch the tags of the page's images."""
        found: dict[str, list[str]] = {}
        wanted = ImageTag.c.image_id.in_([row.id for row in rows])
        for tag in await ctx.db.all(ImageTag, wanted, order_by=[ImageTag.c.value]):
            found.setdefault(tag.image_id, []).append(tag.value)
        return found


class MemberView(View, model=ImageMember):
    """A project that an image is shared with."""

    member_id: str
    image_id: str
    status: str
    created_at: datetime
    updated_at: datetime
    schema: Annotated[str, Computed(lambda row, page: "/v2/schemas/member")]  # noqa: ARG005  as above


class MemberCreate(Body):
    """The project to share with."""

    member: Annotated[str, Meta(min_length=1, max_length=64)]


class MemberUpdate(Body):
    """What the project says of the image."""

    status: MemberStatus
