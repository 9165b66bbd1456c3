"""What clients ask a new server to have: networks, disks, files."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from cumulo.core.resource import Body
from cumulo.services.compute.schema.catalogue import Flag

Tag = Annotated[str, Meta(min_length=1, max_length=60, pattern=r"^[^,/]*$(?!\n)")]
Uuid = Annotated[
    str,
    Meta(pattern=r"^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$(?!\n)"),
]


class NetworkEntry(Body):
    """One of the networks to put a server on."""

    uuid: Uuid | UnsetType = UNSET
    port: Uuid | UnsetType | None = UNSET
    fixed_ip: str | UnsetType = UNSET
    tag: Tag | UnsetType = UNSET  # in the versions that `schema.tags` says


class BlockDevice(Body):
    """A disk of the new server, in the second form of the mapping."""

    source_type: Literal["image", "volume", "snapshot", "blank"]
    destination_type: Literal["local", "volume"] | UnsetType = UNSET
    uuid: str | UnsetType = UNSET
    boot_index: int | str | UnsetType | None = UNSET
    delete_on_termination: Flag | UnsetType = UNSET
    volume_size: int | str | UnsetType | None = UNSET
    guest_format: str | UnsetType | None = UNSET
    device_name: str | UnsetType | None = UNSET
    device_type: str | UnsetType | None = UNSET
    disk_bus: str | UnsetType | None = UNSET
    tag: Tag | UnsetType = UNSET  # in the versions that `schema.tags` says
    volume_type: str | UnsetType | None = UNSET  # since 2.67


class LegacyBlockDevice(Body):
    """A disk of the new server, in the first form of the mapping."""

    volume_id: str | UnsetType | None = UNSET
    snapshot_id: str | UnsetType | None = UNSET
    volume_size: int | str | UnsetType | None = UNSET
    device_name: str | UnsetType | None = UNSET
    virtual_name: str | UnsetType | None = UNSET
    no_device: Any = UNSET
    delete_on_termination: Flag | UnsetType = UNSET


class PersonalityFile(Body):
    """A file to put into a server, its content in base 64."""

    path: Annotated[str, Meta(min_length=1)]
    contents: str
