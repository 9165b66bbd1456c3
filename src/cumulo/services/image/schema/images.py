"""Images on the wire: flat objects in which an image's own properties stand beside the fixed attributes."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import Ctx, OpenBody
from cumulo.core.resource import Body, Computed, Filterable, Sortable, Source, Spread, View
from cumulo.services.image.drivers import algorithm_of
from cumulo.services.image.drivers.stores import Stores
from cumulo.services.image.errors import AttributeInvalid
from cumulo.services.image.model import (
    Image,
    ImageLocation,
    ImageMember,
    ImageTag,
    ImageTask,
    MemberStatus,
    Visibility,
)
from cumulo.services.image.protection import readable

DISK_FORMATS = (
    "ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop", "gpt",
)  # fmt: skip
CONTAINER_FORMATS = ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")
DiskFormat = Annotated[str, Meta(pattern=rf"^({'|'.join(DISK_FORMATS)})$(?!\n)")]
ContainerFormat = Annotated[str, Meta(pattern=rf"^({'|'.join(CONTAINER_FORMATS)})$(?!\n)")]
Text = Annotated[str, Meta(max_length=255)]
Number = Annotated[int, Meta(ge=0, le=2**31 - 1)]
ImageId = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$(?!\n)")]

READ_ONLY = frozenset(
    {
        "status", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value", "created_at",
        "updated_at", "self", "file", "schema", "direct_url", "stores",
    }
)  # fmt: skip
IMPORTING_TO, FAILED_IMPORT = "os_glance_importing_to_stores", "os_glance_failed_import"
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


class Around(msgspec.Struct):
    """What the rows of a page do not hold themselves: tags and stores by image, and who may read what."""

    tags: dict[str, list[str]]
    stores: dict[str, list[str]]
    reads: Callable[[str], bool] | None


def _own(row: Image, page: Any) -> dict[str, str | None]:
    """Return an image's own properties that the caller may see, and how its import is going."""
    own, reads = row.properties, page.extra.reads
    if reads is not None:
        own = {name: value for name, value in own.items() if reads(name)}
    if row.importing_to is None and row.failed_import is None:
        return own
    return own | {IMPORTING_TO: row.importing_to or "", FAILED_IMPORT: row.failed_import or ""}


def _stores(row: Image, page: Any) -> dict[str, str]:
    found = page.extra.stores.get(row.id)
    return {"stores": ",".join(found)} if found else {}


def _algorithm(row: Image, page: Any) -> str | None:
    del page
    return algorithm_of(row.hash_value) if row.hash_value else None


def _self(row: Image, page: Any) -> str:
    del page
    return f"/v2/images/{row.id}"


def _file(row: Image, page: Any) -> str:
    del page
    return f"/v2/images/{row.id}/file"


class ImageView(View, model=Image):
    """An image as clients see it."""

    rest: Annotated[Any, Spread(_own)]
    places: Annotated[Any, Spread(_stores)]
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
    tags: Annotated[list[str], Computed(lambda row, page: page.extra.tags.get(row.id, []))]
    self: Annotated[str, Computed(_self)]
    file: Annotated[str, Computed(_file)]
    schema: Annotated[str, Computed(lambda row, page: "/v2/schemas/image")]  # noqa: ARG005  the shape of the others

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Image]) -> Around:
        """Fetch the tags and stores of the page's images."""
        around = Around({}, {}, readable(ctx))
        ids = [row.id for row in rows]
        for tag in await ctx.db.among(ImageTag, "image_id", ids, "value"):
            around.tags.setdefault(tag.image_id, []).append(tag.value)
        for place in await ctx.db.among(ImageLocation, "image_id", ids):
            if not place.leaving:
                around.stores.setdefault(place.image_id, []).append(place.store)
        stores = ctx.use(Stores)
        around.stores = {image_id: stores.ordered(names) for image_id, names in around.stores.items()}
        return around


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


class MemberUpdate(OpenBody):
    """What the project says of the image. The official client sends the member's id with it."""

    status: MemberStatus


class ImportMethod(OpenBody):
    """How the data comes. uri: of web-download; glance_*: of glance-download."""

    name: str
    uri: str = ""
    glance_region: str = ""
    glance_image_id: str = ""
    glance_service_interface: str = "public"


class ImportRequest(OpenBody):
    """Import an image's data into one store, several or all."""

    method: ImportMethod
    stores: tuple[str, ...] = ()
    all_stores: bool = False
    all_stores_must_succeed: bool | UnsetType = UNSET

    @property
    def all_or_none(self) -> bool:
        """Whether it is a failure when one store has failed; yes, unless said otherwise."""
        return self.all_stores_must_succeed is not False


class ValidationData(Body):
    """What the data must be; empty, as clients send it that know nothing, it says nothing."""

    os_hash_algo: str = ""
    os_hash_value: str = ""


class LocationAdd(Body):
    """A URL that leads to an image's data."""

    url: Annotated[str, Meta(max_length=2048)]
    validation_data: ValidationData | None = None


class TaskCreate(Body):
    """Work to do. The only type is `import`: create an image and fill it from the web."""

    type: str
    input: dict[str, Any] = {}


class TaskBrief(View, model=ImageTask):
    """A task in a list."""

    id: Annotated[str, Sortable]
    type: Annotated[str, Filterable, Sortable]
    status: Annotated[str, Filterable, Sortable]
    owner: Annotated[str | None, Source("owner")]
    expires_at: Annotated[datetime | None, Sortable]
    created_at: Annotated[datetime, Sortable]
    updated_at: Annotated[datetime, Sortable]
    self: Annotated[str, Computed(lambda row, page: f"/v2/tasks/{row.id}")]  # noqa: ARG005  as above
    schema: Annotated[str, Computed(lambda row, page: "/v2/schemas/task")]  # noqa: ARG005  as above


class TaskView(TaskBrief, model=ImageTask):
    """A task with all that is known of it."""

    image_id: str | None
    user_id: str | None
    request_id: str | None
    input: Any
    result: Any
    message: str
