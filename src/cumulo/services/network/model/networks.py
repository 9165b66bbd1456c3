"""The tables of networks, subnets and ports."""

from enum import StrEnum
from typing import Any

from cumulo.core.db import BigInteger, Boolean, Index, Integer, Json, Model, String, Unique, column
from cumulo.services.network.model.standard import Named, Standard, Status


class Owner(StrEnum):
    """The `device_owner` of ports that are not for guests."""

    ROUTER_INTERFACE = "network:router_interface"
    ROUTER_GATEWAY = "network:router_gateway"
    FLOATING_IP = "network:floatingip"
    METADATA = "network:distributed"
    DHCP = "network:dhcp"


class Network(Named, table="network_networks"):
    """A layer-2 segment. `external` while an RBAC policy says so of it, for one project or for all."""

    admin_state_up: bool = column(Boolean, default=True)
    status: Status = column(String(16), default=Status.ACTIVE)
    mtu: int = column(Integer)
    external: bool = column(Boolean, default=False)
    is_default: bool = column(Boolean, default=False)
    port_security_enabled: bool = column(Boolean, default=True)
    provider_type: str = column(String(32), default="geneve")
    dns_domain: str = column(String(255), default="")
    physical_network: str | None = column(String(64), default=None)
    segmentation_id: int | None = column(Integer, default=None)
    availability_zone_hints: list[str] = column(Json, default_factory=list)
    qos_policy_id: str | None = column(String(36), default=None, index=True)
    vlan_transparent: bool | None = column(Boolean, default=None)
    qinq: bool | None = column(Boolean, default=None)


class Segment(Standard, table="network_segments"):
    """What a network consists of at layer 2. The one at position 0 is what the network's own columns say."""

    network_id: str = column(String(36), references="network_networks.id", on_delete="CASCADE", index=True)
    name: str | None = column(String(255), default=None)
    network_type: str = column(String(32))
    physical_network: str | None = column(String(64), default=None)
    segmentation_id: int | None = column(Integer, default=None)
    position: int = column(Integer, default=0)
    __extra__ = (Index("physical_network", "segmentation_id"),)


class SegmentRange(Named, table="network_segment_ranges"):
    """VLANs of a physical network that networks get theirs from: everyone's, or one project's."""

    shared: bool = column(Boolean, default=True)
    network_type: str = column(String(32), default="vlan")
    physical_network: str = column(String(64))
    minimum: int = column(Integer)
    maximum: int = column(Integer)


class AddressScope(Named, table="network_address_scopes"):
    """Subnet pools whose prefixes do not overlap: what is routed among them needs no translation."""

    ip_version: int = column(Integer)


class SubnetPool(Named, table="network_subnet_pools"):
    """Prefixes of which subnets are cut, so that no two of them overlap."""

    ip_version: int = column(Integer)
    prefixes: list[str] = column(Json, default_factory=list)
    default_prefixlen: int = column(Integer)
    min_prefixlen: int = column(Integer)
    max_prefixlen: int = column(Integer)
    default_quota: int | None = column(BigInteger, default=None)
    address_scope_id: str | None = column(String(36), default=None, index=True)
    is_default: bool = column(Boolean, default=False)


class Subnet(Named, table="network_subnets"):
    """A network's addresses. Pools are lists of {start, end}, routes of {destination, nexthop}."""

    network_id: str = column(String(36), references="network_networks.id", index=True)
    subnetpool_id: str | None = column(
        String(36), default=None, references="network_subnet_pools.id", index=True
    )
    ip_version: int = column(Integer)
    cidr: str = column(String(64))
    gateway_ip: str | None = column(String(64), default=None)
    enable_dhcp: bool = column(Boolean, default=True)
    ipv6_ra_mode: str | None = column(String(16), default=None)
    ipv6_address_mode: str | None = column(String(16), default=None)
    dns_nameservers: list[str] = column(Json, default_factory=list)
    host_routes: list[dict[str, str]] = column(Json, default_factory=list)
    allocation_pools: list[dict[str, str]] = column(Json, default_factory=list)
    service_types: list[str] = column(Json, default_factory=list)
    segment_id: str | None = column(String(36), default=None, index=True)


EXPECTED = "migrating_to"  # in a port's binding profile, as upstream has it: the host that is to take it over


class Port(Named, table="network_ports"):
    """A card on a network. `made_for` is the server that compute created it for, and takes it along."""

    network_id: str = column(String(36), references="network_networks.id")
    admin_state_up: bool = column(Boolean, default=True)
    status: Status = column(String(16), default=Status.DOWN)
    mac_address: str = column(String(32))
    device_id: str = column(String(255), default="", index=True)
    device_owner: str = column(String(255), default="")
    port_security_enabled: bool = column(Boolean, default=True)
    allowed_address_pairs: list[dict[str, str]] = column(Json, default_factory=list)
    extra_dhcp_opts: list[dict[str, Any]] = column(Json, default_factory=list)
    host: str = column(String(255), default="", index=True)
    qos_policy_id: str | None = column(String(36), default=None, index=True)
    vnic_type: str = column(String(64), default="normal")
    dns_name: str = column(String(255), default="")
    dns_domain: str = column(String(255), default="")
    data_plane_status: str | None = column(String(16), default=None)
    profile: dict[str, Any] = column(Json, default_factory=dict)
    made_for: str | None = column(String(36), default=None)
    position: int = column(Integer, default=0)  # its place among its server's cards
    tag: str | None = column(String(64), default=None)  # the device tag that the server's user gave
    limits: dict[str, dict[str, int | None]] | None = column(Json, default=None)  # of its server's flavor
    __extra__ = (Unique("network_id", "mac_address"),)


class FixedIp(Model, table="network_fixed_ips"):
    """An address of a port. `offset` from the subnet's first is what the search for a free one needs.

    It is None beyond 2**62, where only addresses that somebody chose lie (IPv6).
    """

    subnet_id: str = column(String(36), key=True, references="network_subnets.id")
    address: str = column(String(64), key=True)
    port_id: str = column(String(36), references="network_ports.id", on_delete="CASCADE", index=True)
    network_id: str = column(String(36))
    offset: int | None = column(BigInteger, default=None)
    position: int = column(Integer, default=0)  # its place among its port's addresses
    __extra__ = (Index("subnet_id", "offset"), Index("network_id", "address"))
