"""Volume types, and what belongs to them, on the wire."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import KeepingBody
from cumulo.core.resource import Body, Computed, PageContext, Sortable, View, VisibleTo, Wire
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.model import Encryption, QosSpecs, VolumeType
from cumulo.services.block_storage.schema.bodies import Name

TOLD_TO_ALL = ("RESKEY:availability_zones", "multiattach", "replication_enabled")
"""The extra specs that tell a user what a type can do, and nothing of the cloud."""

SpecKey = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9\-_:. ]{1,255}$(?!\n)")]
SpecValue = Annotated[str, Meta(max_length=255)]
Specs = dict[SpecKey, SpecValue]


def told(row: VolumeType, page: PageContext) -> dict[str, str]:
    """Return of a type's extra specs what the caller may see."""
    if page.ctx.may(policy.SPECS_SENSITIVE):
        return row.extra_specs
    return {key: value for key, value in row.extra_specs.items() if key in TOLD_TO_ALL}


class TypeBrief(View, model=VolumeType):
    """A volume type, as its change answers with."""

    id: Annotated[str, Sortable]
    name: Annotated[str, Sortable]
    is_public: Annotated[bool, Sortable]
    description: Annotated[str | None, Sortable]
    extra_specs: Annotated[Any, Computed(told), VisibleTo(policy.TYPE_SPECS)]


class TypeCreated(TypeBrief, model=VolumeType):
    """A volume type, as its creation answers with."""

    public: Annotated[
        Any,
        Computed(lambda row, _page: row.is_public),
        Wire("os-volume-type-access:is_public"),
        VisibleTo(policy.TYPE_ACCESS),
    ]


class TypeView(TypeCreated, model=VolumeType):
    """A volume type."""

    qos_specs_id: Annotated[str | None, VisibleTo(policy.TYPE_QOS)]


class TypeBody(Body):
    """What a new type is."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    description: Name | None = None
    extra_specs: Specs | None = None
    is_public: bool = msgspec.field(name="os-volume-type-access:is_public", default=True)


class TypeChange(Body):
    """What of a type can change. public: what openstacksdk, and so the client, writes for `is_public`."""

    name: Annotated[str, Meta(min_length=1, max_length=255)] | UnsetType | None = UNSET
    description: Name | UnsetType | None = UNSET
    is_public: bool | UnsetType = UNSET
    public: bool | UnsetType = msgspec.field(name="os-volume-type-access:is_public", default=UNSET)


class SpecsBody(Body):
    """Extra specs."""

    extra_specs: Specs


class ProjectBody(Body):
    """A project."""

    project: Annotated[str, Meta(min_length=1, max_length=64)]


class EncryptionBody(Body):
    """How a type's volumes are to be encrypted."""

    provider: Annotated[str, Meta(min_length=1, max_length=255)]
    control_location: str = "front-end"
    cipher: Name | None = None
    key_size: Annotated[int, Meta(ge=0)] | None = None


class EncryptionChange(Body):
    """What of a type's encryption can change."""

    provider: Annotated[str, Meta(min_length=1, max_length=255)] | UnsetType = UNSET
    control_location: str | UnsetType = UNSET
    cipher: Name | UnsetType | None = UNSET
    key_size: Annotated[int, Meta(ge=0)] | UnsetType | None = UNSET


class EncryptionView(View, model=Encryption):
    """How a type's volumes are encrypted."""

    volume_type_id: str
    encryption_id: str
    provider: str
    control_location: str
    cipher: str | None
    key_size: int | None


class DefaultTypeBody(Body):
    """A project's default type."""

    volume_type: Annotated[str, Meta(min_length=1, max_length=255)]


class QosView(View, model=QosSpecs):
    """QoS specs."""

    id: Annotated[str, Sortable]
    name: Annotated[str, Sortable]
    consumer: Annotated[str, Sortable]
    specs: dict[str, str]


class QosBody(KeepingBody):
    """New QoS specs; whatever has no name here is a spec."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    consumer: str = "back-end"


class QosChange(KeepingBody):
    """Specs to set."""

    consumer: str | UnsetType = UNSET


class KeysBody(Body):
    """Keys to remove."""

    keys: list[SpecKey]
