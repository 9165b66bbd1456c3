"""Flavors and keypairs on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import Ctx
from cumulo.core.resource import (
    Body,
    Computed,
    Since,
    Sortable,
    Source,
    View,
    VisibleTo,
    Wire,
)
from cumulo.services.compute import policy
from cumulo.services.compute.model import Flavor, Keypair
from cumulo.services.compute.schema.links import links
from cumulo.services.compute.schema.sorting import SORT_ONLY

MAX = 0x7FFFFFFF
Digits = Annotated[str, Meta(pattern=r"^[0-9]{1,10}$(?!\n)")]  # clients may write numbers as text
Whole = Annotated[int, Meta(ge=0, le=MAX)] | Digits
Positive = Annotated[int, Meta(ge=1, le=MAX)] | Annotated[str, Meta(pattern=r"^0*[1-9][0-9]{0,9}$(?!\n)")]
Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^(?!\s)[^\x00-\x1f]*(?<!\s)$(?!\n)")]
FlavorId = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^(?! )[a-zA-Z0-9. _-]*(?<! )$(?!\n)")]
SpecKey = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9_:. -]+$(?!\n)")]
SpecValue = Annotated[str, Meta(max_length=255)]


Flag = (
    bool | Literal["true", "True", "TRUE", "1", "on", "yes", "false", "False", "FALSE", "0", "off", "no", ""]
)
_YES = frozenset({True, "true", "True", "TRUE", "1", "on", "yes"})


def is_true(flag: Any) -> bool:
    """Read one of the ways in which clients say yes."""
    return flag in _YES


class FlavorBody(Body):
    """A flavor to create."""

    name: Name
    ram: Positive
    vcpus: Positive
    disk: Whole
    id: FlavorId | int | UnsetType | None = UNSET
    swap: Whole | UnsetType = UNSET
    ephemeral: Whole | UnsetType = msgspec.field(default=UNSET, name="OS-FLV-EXT-DATA:ephemeral")
    rxtx_factor: Annotated[float, Meta(gt=0, le=3.40282e38)] | UnsetType = UNSET
    is_public: Flag | UnsetType = msgspec.field(default=UNSET, name="os-flavor-access:is_public")
    description: Annotated[Annotated[str, Meta(max_length=65535)] | None, Since("2.55")] | UnsetType = UNSET


class FlavorChange(Body):
    """What of a flavor may be changed: what is said of it."""

    description: Annotated[str, Meta(max_length=65535)] | None


class Access(Body):
    """A project that may use a flavor, or may no longer."""

    tenant: Annotated[str, Meta(min_length=1)]


class ExtraSpecs(Body):
    """Extra specs to add to a flavor."""

    extra_specs: dict[SpecKey, SpecValue]


class FlavorBrief(View, model=Flavor):
    """A flavor in a list."""

    id: Annotated[str, Sortable]
    name: Annotated[str, Sortable]
    description: Annotated[str | None, Since("2.55")]
    links: Annotated[Any, Computed(lambda row, page: links("flavors", row.id, page))]
    flavorid: Annotated[str, Source("id"), Sortable, SORT_ONLY]
    memory_mb: Annotated[int, Source("memory_mib"), Sortable, SORT_ONLY]
    root_gb: Annotated[int, Source("root_gib"), Sortable, SORT_ONLY]
    vcpu_count: Annotated[int, Source("vcpus"), Wire("vcpus"), Sortable, SORT_ONLY]
    created_at: Annotated[datetime, Sortable, SORT_ONLY]


class FlavorView(View, model=Flavor):
    """A flavor."""

    id: Annotated[str, Sortable]
    name: Annotated[str, Sortable]
    ram: Annotated[int, Source("memory_mib")]
    disk: Annotated[int, Source("root_gib")]
    swap: Annotated[int, Source("swap_mib")]
    ephemeral: Annotated[int, Source("ephemeral_gib"), Wire("OS-FLV-EXT-DATA:ephemeral")]
    disabled: Annotated[bool, Computed(lambda _r, _p: False), Wire("OS-FLV-DISABLED:disabled")]
    vcpus: Annotated[int, Sortable]
    is_public: Annotated[bool, Wire("os-flavor-access:is_public")]
    rxtx_factor: float
    description: Annotated[str | None, Since("2.55")]
    extra_specs: Annotated[dict[str, str], Since("2.61"), VisibleTo(policy.SPECS_LIST)]
    links: Annotated[Any, Computed(lambda row, page: links("flavors", row.id, page))]
    flavorid: Annotated[str, Source("id"), Sortable, SORT_ONLY]
    memory_mb: Annotated[int, Source("memory_mib"), Sortable, SORT_ONLY]
    root_gb: Annotated[int, Source("root_gib"), Sortable, SORT_ONLY]
    created_at: Annotated[datetime, Sortable, SORT_ONLY]


@FlavorView.shim(until="2.74")
def _no_swap_is_empty(shape: dict[str, Any]) -> dict[str, Any]:
    """Before 2.75 a flavor without swap said so with an empty string."""
    shape["swap"] = shape["swap"] or ""
    return shape


KeypairName = Annotated[
    str, Meta(min_length=1, max_length=255, pattern=r"^(?! )[a-zA-Z0-9@._ -]*(?<! )$(?!\n)")
]


class KeypairBody(Body):
    """A keypair to create, or to import when it brings its public key."""

    name: KeypairName
    public_key: Annotated[str, Meta(min_length=1)] | UnsetType = UNSET
    type: Annotated[Literal["ssh", "x509"], Since("2.2")] | UnsetType = UNSET
    user_id: Annotated[Annotated[str, Meta(min_length=1)], Since("2.10")] | UnsetType = UNSET


class KeypairBrief(View, model=Keypair):
    """A keypair in a list."""

    name: str
    public_key: str
    fingerprint: str
    type: Annotated[str, Source("kind"), Since("2.2")]


class KeypairMade(View, model=Keypair):
    """A keypair just made."""

    name: str
    public_key: str
    fingerprint: str
    user_id: str
    type: Annotated[str, Source("kind"), Since("2.2")]


class KeypairView(View, model=Keypair):
    """A keypair."""

    name: str
    public_key: str
    fingerprint: str
    user_id: str
    type: Annotated[str, Source("kind"), Since("2.2")]
    id: Annotated[int, Source("number")]
    created_at: Annotated[Any, Computed(lambda row, _p: f"{row.created_at:%Y-%m-%dT%H:%M:%S.%f}")]
    updated_at: Annotated[None, Computed(lambda _r, _p: None)]
    deleted: Annotated[bool, Computed(lambda _r, _p: False)]
    deleted_at: Annotated[None, Computed(lambda _r, _p: None)]


async def one(view: type[View], ctx: Ctx, row: Any) -> dict[str, Any]:
    """Render one row."""
    document: dict[str, Any] = (await view.render(ctx, [row]))[0]
    return document
