"""Bodies: what clients send."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from cumulo.core.resource import Body, Guarded
from cumulo.services.network import policy
from cumulo.services.network.schema.standard import Described, Id, Name, Owned, Redescribed

Text = str | UnsetType
Flag = bool | UnsetType
Addresses = list[dict[str, str]]


class SegmentBody(Body):
    """A segment of a new network; null as a number is one to be chosen."""

    network_type: str | None = field(name="provider:network_type", default=None)
    physical_network: str | None = field(name="provider:physical_network", default=None)
    segmentation_id: int | None = field(name="provider:segmentation_id", default=None)


class NetworkCreate(Described, kw_only=True):
    """A new network."""

    admin_state_up: bool = True
    mtu: Annotated[int, Meta(ge=0)] | None = None
    dns_domain: str = ""
    port_security_enabled: bool = True
    shared: Annotated[bool, Guarded(policy.CREATE_NETWORK_SHARED)] = False
    external: Annotated[bool, Guarded(policy.CREATE_NETWORK_EXTERNAL)] = field(
        name="router:external", default=False
    )
    is_default: Annotated[bool, Guarded(policy.CREATE_NETWORK_DEFAULT)] = False
    provider_type: Annotated[str, Guarded(policy.CREATE_NETWORK_PROVIDER)] | UnsetType = field(
        name="provider:network_type", default=UNSET
    )
    physical_network: Annotated[str, Guarded(policy.CREATE_NETWORK_PROVIDER)] | UnsetType | None = field(
        name="provider:physical_network", default=UNSET
    )
    segmentation_id: Annotated[int, Guarded(policy.CREATE_NETWORK_PROVIDER)] | UnsetType | None = field(
        name="provider:segmentation_id", default=UNSET
    )
    availability_zone_hints: list[str] = []
    qos_policy_id: Id | UnsetType | None = UNSET
    vlan_transparent: bool | None = None
    qinq: bool | None = None
    segments: Annotated[list[SegmentBody], Guarded(policy.CREATE_NETWORK_SEGMENTS)] | UnsetType = UNSET


class NetworkUpdate(Redescribed):
    """A changed network."""

    qos_policy_id: Id | UnsetType | None = UNSET
    admin_state_up: Flag = UNSET
    mtu: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    dns_domain: str | UnsetType = UNSET
    port_security_enabled: Flag = UNSET
    shared: Annotated[bool, Guarded(policy.UPDATE_NETWORK_SHARED)] | UnsetType = UNSET
    external: Annotated[bool, Guarded(policy.UPDATE_NETWORK_EXTERNAL)] | UnsetType = field(
        name="router:external", default=UNSET
    )
    is_default: Annotated[bool, Guarded(policy.UPDATE_NETWORK_DEFAULT)] | UnsetType = UNSET


class SubnetPoolCreate(Described, kw_only=True):
    """A new subnet pool."""

    prefixes: list[str]
    default_prefixlen: int | UnsetType = UNSET
    min_prefixlen: int | UnsetType = UNSET
    max_prefixlen: int | UnsetType = UNSET
    default_quota: Annotated[int, Meta(ge=0)] | None = None
    address_scope_id: Id | None = None
    shared: Annotated[bool, Guarded(policy.CREATE_POOL_SHARED)] = False
    is_default: Annotated[bool, Guarded(policy.CREATE_POOL_DEFAULT)] = False


class SubnetPoolUpdate(Redescribed):
    """A changed subnet pool."""

    prefixes: list[str] | UnsetType = UNSET
    default_prefixlen: int | UnsetType = UNSET
    min_prefixlen: int | UnsetType = UNSET
    max_prefixlen: int | UnsetType = UNSET
    default_quota: Annotated[int, Meta(ge=0)] | UnsetType | None = UNSET
    address_scope_id: Id | UnsetType | None = UNSET
    is_default: Annotated[bool, Guarded(policy.UPDATE_POOL_DEFAULT)] | UnsetType = UNSET


class PrefixesBody(Body, kw_only=True):
    """Prefixes to add or take away."""

    prefixes: list[str]


class OnboardBody(Body, kw_only=True):
    """The network whose subnets a pool is to adopt."""

    network_id: Id


class SubnetCreate(Described, kw_only=True):
    """A new subnet. `gateway_ip`: absent for the first address, null for none. The CIDR may be a pool's."""

    network_id: Id
    cidr: str | None = None
    subnetpool_id: Id | None = None
    use_default_subnetpool: bool = False
    prefixlen: int | None = None
    ip_version: int
    gateway_ip: str | UnsetType | None = UNSET
    enable_dhcp: bool = True
    allocation_pools: Addresses | UnsetType = UNSET
    dns_nameservers: list[str] = []
    host_routes: Addresses = []
    service_types: list[Name] | UnsetType = UNSET
    ipv6_ra_mode: str | None = None
    ipv6_address_mode: str | None = None
    segment_id: Annotated[Id, Guarded(policy.CREATE_SUBNET_SEGMENT)] | UnsetType | None = UNSET


class SubnetUpdate(Redescribed):
    """A changed subnet."""

    gateway_ip: str | UnsetType | None = UNSET
    enable_dhcp: Flag = UNSET
    allocation_pools: Addresses | UnsetType = UNSET
    dns_nameservers: list[str] | UnsetType = UNSET
    host_routes: Addresses | UnsetType = UNSET
    service_types: list[Name] | UnsetType = UNSET
    segment_id: Annotated[Id, Guarded(policy.UPDATE_SUBNET_SEGMENT)] | UnsetType | None = UNSET


class FixedIpBody(Body):
    """One entry of `fixed_ips`."""

    subnet_id: Id | None = None
    ip_address: str | None = None


class DhcpOptionBody(Body):
    """An answer of DHCP for one port. A value of null takes it away."""

    opt_name: Annotated[str, Meta(min_length=1, max_length=64)]
    opt_value: Name | None = None
    ip_version: int = 4


class PortCreate(Described, kw_only=True):
    """A new port."""

    network_id: Id
    admin_state_up: bool = True
    mac_address: str | UnsetType = UNSET
    fixed_ips: list[FixedIpBody] | UnsetType = UNSET
    security_groups: list[Id] | UnsetType | None = UNSET
    device_id: Name = ""
    device_owner: Name = ""
    allowed_address_pairs: list[dict[str, str]] = []
    port_security_enabled: Flag = UNSET
    extra_dhcp_opts: list[DhcpOptionBody] | None = None
    qos_policy_id: Id | None = None
    dns_name: str = ""
    dns_domain: str = ""
    tags: list[Annotated[str, Meta(max_length=255)]] = []
    vnic_type: str = field(name="binding:vnic_type", default="normal")
    host: Annotated[str, Guarded(policy.CREATE_PORT_HOST)] | UnsetType = field(
        name="binding:host_id", default=UNSET
    )
    profile: Annotated[dict[str, Any], Guarded(policy.CREATE_PORT_PROFILE)] | UnsetType = field(
        name="binding:profile", default=UNSET
    )


class PortUpdate(Redescribed):
    """A changed port."""

    admin_state_up: Flag = UNSET
    mac_address: Annotated[str, Guarded(policy.UPDATE_PORT_MAC)] | UnsetType | None = UNSET
    fixed_ips: list[FixedIpBody] | UnsetType = UNSET
    security_groups: list[Id] | UnsetType | None = UNSET
    device_id: Name | UnsetType = UNSET
    device_owner: Name | UnsetType = UNSET
    allowed_address_pairs: list[dict[str, str]] | UnsetType = UNSET
    port_security_enabled: Flag = UNSET
    extra_dhcp_opts: list[DhcpOptionBody] | UnsetType | None = UNSET
    qos_policy_id: Id | UnsetType | None = UNSET
    dns_name: str | UnsetType = UNSET
    dns_domain: str | UnsetType = UNSET
    data_plane_status: (
        Annotated[Literal["ACTIVE", "DOWN"], Guarded(policy.UPDATE_PORT_DATA_PLANE)] | UnsetType | None
    ) = UNSET
    vnic_type: str | UnsetType = field(name="binding:vnic_type", default=UNSET)
    host: Annotated[str, Guarded(policy.UPDATE_PORT_HOST)] | UnsetType | None = field(
        name="binding:host_id", default=UNSET
    )
    profile: Annotated[dict[str, Any], Guarded(policy.UPDATE_PORT_PROFILE)] | UnsetType | None = field(
        name="binding:profile", default=UNSET
    )


class GatewayBody(Body):
    """A router's way out. Empty, or without a network: none."""

    network_id: Id | None = None
    enable_snat: Flag = UNSET
    external_fixed_ips: list[FixedIpBody] | UnsetType = UNSET
    qos_policy_id: Id | UnsetType | None = UNSET


class GatewaysBody(Body, kw_only=True):
    """Ways out to add, to change or to take away."""

    external_gateways: list[GatewayBody] | dict[str, None]  # the official client says {} for none


class RouterCreate(Described, kw_only=True):
    """A new router."""

    admin_state_up: bool = True
    external_gateway_info: GatewayBody | None = None
    distributed: Annotated[bool, Guarded(policy.CREATE_ROUTER_DISTRIBUTED)] | UnsetType = UNSET
    ha: Annotated[bool, Guarded(policy.CREATE_ROUTER_HA)] | UnsetType = UNSET
    enable_default_route_ecmp: Annotated[bool, Guarded(policy.CREATE_ROUTER_ECMP)] | UnsetType = UNSET
    enable_default_route_bfd: Annotated[bool, Guarded(policy.CREATE_ROUTER_BFD)] | UnsetType = UNSET
    enable_ndp_proxy: Annotated[bool, Guarded(policy.CREATE_ROUTER_NDP)] | UnsetType = UNSET
    flavor_id: Id | UnsetType | None = UNSET
    availability_zone_hints: list[str] = []


class RouterUpdate(Redescribed):
    """A changed router."""

    admin_state_up: Flag = UNSET
    external_gateway_info: GatewayBody | UnsetType | None = UNSET
    routes: Addresses | UnsetType | None = UNSET
    distributed: Annotated[bool, Guarded(policy.UPDATE_ROUTER_DISTRIBUTED)] | UnsetType = UNSET
    ha: Annotated[bool, Guarded(policy.UPDATE_ROUTER_HA)] | UnsetType = UNSET
    enable_default_route_ecmp: Annotated[bool, Guarded(policy.UPDATE_ROUTER_ECMP)] | UnsetType = UNSET
    enable_default_route_bfd: Annotated[bool, Guarded(policy.UPDATE_ROUTER_BFD)] | UnsetType = UNSET
    enable_ndp_proxy: Annotated[bool, Guarded(policy.UPDATE_ROUTER_NDP)] | UnsetType = UNSET


class RouterInterface(Body):
    """Which subnet or port a router is connected to."""

    subnet_id: Id | None = None
    port_id: Id | None = None


class RouterRoutes(Body, kw_only=True):
    """Routes to add or take away."""

    routes: Addresses


class FloatingIpCreate(Owned, kw_only=True):
    """A new floating IP."""

    floating_network_id: Id
    description: Name = ""
    port_id: Id | None = None
    fixed_ip_address: str | None = None
    subnet_id: Id | None = None
    qos_policy_id: Id | None = None
    dns_name: str = ""
    dns_domain: str = ""
    floating_ip_address: Annotated[str, Guarded(policy.CREATE_FIP_ADDRESS)] | UnsetType = UNSET
    distributed: Annotated[bool, Guarded(policy.CREATE_FIP_DISTRIBUTED)] | UnsetType | None = UNSET


class FloatingIpUpdate(Body):
    """A changed floating IP. `port_id` null leads it nowhere; `distributed` null: as its router is."""

    distributed: Annotated[bool, Guarded(policy.UPDATE_FIP_DISTRIBUTED)] | UnsetType | None = UNSET

    description: Name | UnsetType = UNSET
    qos_policy_id: Id | UnsetType | None = UNSET
    port_id: Id | UnsetType | None = UNSET
    fixed_ip_address: str | UnsetType | None = UNSET


class SecurityGroupCreate(Described, kw_only=True):
    """A new security group."""

    stateful: Flag = UNSET


class SecurityGroupUpdate(Redescribed):
    """A changed security group."""

    stateful: Flag = UNSET


class RuleCreate(Owned, kw_only=True):
    """A new rule of a security group."""

    security_group_id: Id
    direction: str
    ethertype: str | None = "IPv4"
    protocol: str | int | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None  # no Id: what is none names no group, 404
    remote_address_group_id: Id | None = None
    description: Name = ""


class TagsBody(msgspec.Struct, forbid_unknown_fields=True):
    """All tags of a resource."""

    tags: list[Annotated[str, Meta(max_length=255)]]
