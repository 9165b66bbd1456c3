"""What clients send about servers."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cumulo.core.resource import Body, Since, Until
from cumulo.services.compute.schema.catalogue import Flag, Name
from cumulo.services.compute.schema.devices import (
    BlockDevice,
    LegacyBlockDevice,
    NetworkEntry,
    PersonalityFile,
    Tag,
    Uuid,
)

USER_DATA_LIMIT = 65535
Description = Annotated[str, Meta(max_length=255)]
Tags = Annotated[list[Tag], Meta(max_length=50)]
MetaKey = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9-_:. ]{1,255}$(?!\n)")]
MetaValue = Annotated[str, Meta(max_length=255)]
Hostname = Annotated[  # a whole domain name since 2.94
    str, Meta(min_length=2, max_length=255, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]*[a-zA-Z0-9]$(?!\n)")
]
Count = Annotated[int, Meta(ge=1)] | Annotated[str, Meta(pattern=r"^0*[1-9][0-9]{0,5}$(?!\n)")]
DiskConfig = Literal["AUTO", "MANUAL"]


class GroupName(Body):
    """A security group, by name or id."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]


class ServerBody(Body):
    """A server to create."""

    name: Name
    flavor_ref: str | int = msgspec.field(name="flavorRef")
    image_ref: str | UnsetType | None = msgspec.field(default=UNSET, name="imageRef")
    networks: list[NetworkEntry] | Literal["auto", "none"] | UnsetType = UNSET
    key_name: Name | UnsetType = UNSET
    admin_pass: str | UnsetType = msgspec.field(default=UNSET, name="adminPass")
    security_groups: list[GroupName] | UnsetType = UNSET
    user_data: str | UnsetType | None = UNSET
    metadata: dict[MetaKey, MetaValue] | UnsetType = UNSET
    config_drive: Flag | UnsetType | None = UNSET
    min_count: Count | UnsetType = UNSET
    max_count: Count | UnsetType = UNSET
    return_reservation_id: Flag | UnsetType = UNSET
    availability_zone: Annotated[str, Meta(min_length=1, max_length=255)] | UnsetType = UNSET
    disk_config: DiskConfig | UnsetType = msgspec.field(default=UNSET, name="OS-DCF:diskConfig")
    access_ipv4: str | UnsetType = msgspec.field(default=UNSET, name="accessIPv4")
    access_ipv6: str | UnsetType = msgspec.field(default=UNSET, name="accessIPv6")
    block_device_mapping_v2: list[BlockDevice] | UnsetType = UNSET
    block_device_mapping: list[LegacyBlockDevice] | UnsetType = UNSET
    personality: Annotated[list[PersonalityFile], Until("2.56")] | UnsetType = UNSET
    description: Annotated[Description | None, Since("2.19")] | UnsetType = UNSET
    tags: Annotated[Tags, Since("2.52")] | UnsetType = UNSET
    trusted_image_certificates: Annotated[list[str] | None, Since("2.63")] | UnsetType = UNSET
    host: Annotated[str, Since("2.74")] | UnsetType = UNSET
    hypervisor_hostname: Annotated[str, Since("2.74")] | UnsetType = UNSET
    hostname: Annotated[Hostname, Since("2.90")] | UnsetType = UNSET


class ServerChange(Body):
    """What of a server may be updated."""

    name: Name | UnsetType = UNSET
    disk_config: DiskConfig | UnsetType = msgspec.field(default=UNSET, name="OS-DCF:diskConfig")
    access_ipv4: str | UnsetType = msgspec.field(default=UNSET, name="accessIPv4")
    access_ipv6: str | UnsetType = msgspec.field(default=UNSET, name="accessIPv6")
    description: Annotated[Description | None, Since("2.19")] | UnsetType = UNSET
    hostname: Annotated[Hostname, Since("2.90")] | UnsetType = UNSET
    requested_zone: Annotated[str | None, Since("2.104")] | UnsetType = msgspec.field(
        default=UNSET, name="pinned_availability_zone"
    )


class RebootBody(Body):
    """How to reboot."""

    type: Literal["SOFT", "HARD", "soft", "hard", "Soft", "Hard"]


class LockBody(Body):
    """Why a server is locked."""

    locked_reason: Annotated[str, Meta(min_length=1, max_length=255)] | UnsetType = UNSET


class ResetStateBody(Body):
    """The state to set."""

    state: Literal["active", "error"]


class CreateImageBody(Body):
    """An image to make of a server."""

    name: Name
    metadata: dict[MetaKey, MetaValue] | UnsetType = UNSET


class ConsoleOutputBody(Body):
    """How much of the console's output: the last `length` lines, all when absent or -1."""

    length: int | str | UnsetType | None = UNSET


class VncBody(Body):
    """The console of the old action."""

    type: Literal["novnc", "xvpvnc"]


class RemoteConsoleBody(Body):
    """A console to open."""

    protocol: Literal["vnc", "spice", "rdp", "serial", "mks"]
    type: Literal["novnc", "xvpvnc", "spice-html5", "rdp-html5", "serial", "webmks", "spice-direct"]


class MetadataBody(Body):
    """Metadata of a server, whole or items to add."""

    metadata: dict[MetaKey, MetaValue]


class MetaBody(Body):
    """One item of a server's metadata."""

    meta: Annotated[dict[MetaKey, MetaValue], Meta(min_length=1, max_length=1)]


class TagsBody(Body):
    """All tags of a server."""

    tags: Tags


class RebuildBody(Body):
    """A server to make anew."""

    image_ref: str = msgspec.field(name="imageRef")
    admin_pass: str | UnsetType = msgspec.field(default=UNSET, name="adminPass")
    name: Name | UnsetType = UNSET
    metadata: dict[MetaKey, MetaValue] | UnsetType = UNSET
    preserve_ephemeral: Flag | UnsetType = UNSET
    disk_config: DiskConfig | UnsetType = msgspec.field(default=UNSET, name="OS-DCF:diskConfig")
    access_ipv4: str | UnsetType = msgspec.field(default=UNSET, name="accessIPv4")
    access_ipv6: str | UnsetType = msgspec.field(default=UNSET, name="accessIPv6")
    personality: Annotated[list[PersonalityFile], Until("2.56")] | UnsetType = UNSET
    description: Annotated[Description | None, Since("2.19")] | UnsetType = UNSET
    key_name: Annotated[Name | None, Since("2.54")] | UnsetType = UNSET
    user_data: Annotated[str | None, Since("2.57")] | UnsetType = UNSET
    trusted_image_certificates: Annotated[list[str] | None, Since("2.63")] | UnsetType = UNSET
    hostname: Annotated[Hostname, Since("2.90")] | UnsetType = UNSET


class ResizeBody(Body):
    """The flavor that a server is to have."""

    flavor_ref: str | int = msgspec.field(name="flavorRef")
    disk_config: DiskConfig | UnsetType = msgspec.field(default=UNSET, name="OS-DCF:diskConfig")


class MigrateBody(Body):
    """Where a server is to go (2.56); nowhere in particular."""

    host: Annotated[Annotated[str, Meta(min_length=1, max_length=255)] | None, Since("2.56")] | UnsetType = (
        UNSET
    )


class LiveMigrateBody(Body):
    """Where a running server is to go, None: the scheduler's choice; and whether its own disks go along."""

    host: Annotated[str, Meta(min_length=1, max_length=255)] | None
    block_migration: Flag | Literal["auto"]
    disk_over_commit: Annotated[Flag, Until("2.24")] | UnsetType = UNSET
    force: Annotated[Flag, Since("2.30"), Until("2.67")] | UnsetType = UNSET


class EvacuateBody(Body):
    """Where a server is to be made anew whose host is lost."""

    host: Annotated[str, Meta(min_length=1, max_length=255)] | UnsetType = UNSET
    admin_pass: str | UnsetType = msgspec.field(default=UNSET, name="adminPass")
    on_shared_storage: Annotated[Flag, Until("2.13")] | UnsetType = msgspec.field(
        default=UNSET, name="onSharedStorage"
    )
    force: Annotated[Flag, Since("2.29"), Until("2.67")] | UnsetType = UNSET


class ForceCompleteBody(Body):
    """That a migration is to be complete soon."""

    force_complete: None


class RescueBody(Body):
    """What to rescue a server by."""

    admin_pass: str | UnsetType = msgspec.field(default=UNSET, name="adminPass")
    image_ref: str | UnsetType = msgspec.field(default=UNSET, name="rescue_image_ref")


class UnshelveBody(Body):
    """Where a shelved server is to go: a zone (2.77), or a host (2.91)."""

    availability_zone: Annotated[str | None, Since("2.77")] | UnsetType = UNSET
    host: Annotated[str, Since("2.91")] | UnsetType = UNSET


class BackupBody(Body):
    """A backup to make, of a kind (daily, weekly), of which `rotation` are kept."""

    name: Name
    backup_type: str
    rotation: Annotated[int, Meta(ge=0)] | Annotated[str, Meta(pattern=r"^[0-9]{1,9}$(?!\n)")]
    metadata: dict[MetaKey, MetaValue] | UnsetType = UNSET


class PasswordBody(Body):
    """A new password."""

    admin_pass: str = msgspec.field(name="adminPass")


class FixedIp(Body):
    """An address that a new port is to have."""

    ip_address: str


class InterfaceBody(Body):
    """A port to give to a server, or the network to make one on."""

    net_id: Uuid | UnsetType = UNSET
    port_id: Uuid | UnsetType = UNSET
    fixed_ips: Annotated[list[FixedIp], Meta(min_length=1, max_length=1)] | UnsetType = UNSET
    tag: Annotated[Tag, Since("2.49")] | UnsetType = UNSET


class AddFixedIpBody(Body):
    """The network to take one more address of (until 2.43)."""

    network_id: Annotated[str, Meta(min_length=1, max_length=36)] = msgspec.field(name="networkId")


class RemoveFixedIpBody(Body):
    """The address to take away (until 2.43)."""

    address: str


class FloatingIpBody(Body):
    """The floating address to lead to a server, and to which of its own (until 2.43)."""

    address: str
    fixed_address: str | UnsetType = UNSET


ZoneName = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^(?!\s)[^:\x00-\x1f]*(?<!\s)$(?!\n)")]
HostName = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9-._]*$(?!\n)")]
Policy = Literal["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]


class GroupBody(Body):
    """A server group: until 2.63 with a list of one policy."""

    name: Name
    policies: Annotated[list[Policy], Meta(min_length=1, max_length=1), Until("2.63")] | UnsetType = UNSET
    policy: Annotated[Policy, Since("2.64")] | UnsetType = UNSET
    rules: Annotated[dict[Literal["max_server_per_host"], Count], Since("2.64")] | UnsetType = UNSET


class AggregateBody(Body):
    """A host aggregate to create."""

    name: Name
    zone: ZoneName | UnsetType | None = msgspec.field(default=UNSET, name="availability_zone")


class AggregateChange(Body):
    """What of a host aggregate may change."""

    name: Name | UnsetType = UNSET
    zone: ZoneName | UnsetType = msgspec.field(default=UNSET, name="availability_zone")


class AggregateHost(Body):
    """A host that comes into an aggregate, or goes."""

    host: HostName


class AggregateMetadata(Body):
    """What an aggregate says of its hosts; null takes away."""

    metadata: dict[MetaKey, MetaValue | None]


class CachedImage(Body):
    """An image to have ready."""

    id: Uuid


class CachedImages(Body):
    """Images to have ready on an aggregate's hosts."""

    cache: Annotated[list[CachedImage], Meta(min_length=1)]


class HostChange(Body):
    """What of a host may change (until 2.42)."""

    status: Literal["enable", "disable", "Enable", "Disable", "ENABLE", "DISABLE"] | UnsetType = UNSET
    maintenance_mode: Literal["enable", "disable", "Enable", "Disable", "ENABLE", "DISABLE"] | UnsetType = (
        UNSET
    )


class ServiceChange(Body):
    """What of a compute service may be updated (2.53)."""

    status: Literal["enabled", "disabled"] | UnsetType = UNSET
    disabled_reason: Annotated[str, Meta(min_length=1, max_length=255)] | UnsetType = UNSET
    forced_down: Flag | UnsetType = UNSET


class ServiceVerbBody(Body):
    """Which service the old verbs act on, and why."""

    host: str
    binary: str
    disabled_reason: Annotated[str, Meta(min_length=1, max_length=255)] | UnsetType = UNSET
    forced_down: Flag | UnsetType = UNSET
