"""The tables of the network service.

Every API resource has neutron's standard attributes (`Standard`). What the data plane must know of is
noted in `network_realisations`: the API raises `revision`, the reconciler brings `realised` up to it.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from cumulo.core import clock, ids
from cumulo.core.db import (
    BigInteger,
    Boolean,
    Index,
    Integer,
    Json,
    Model,
    String,
    Text,
    Unique,
    When,
    column,
)


class Status(StrEnum):
    """What neutron says of networks, ports, routers and floating IPs."""

    ACTIVE = "ACTIVE"
    DOWN = "DOWN"
    BUILD = "BUILD"
    ERROR = "ERROR"
    NOT_APPLICABLE = "N/A"


class Owner(StrEnum):
    """The `device_owner` of ports that are not for guests."""

    ROUTER_INTERFACE = "network:router_interface"
    ROUTER_GATEWAY = "network:router_gateway"
    FLOATING_IP = "network:floatingip"
    METADATA = "network:distributed"
    DHCP = "network:dhcp"


class Network(Model, table="network_networks"):
    """A layer-2 segment."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(255), index=True)
    name: str = column(String(255), default="")
    description: str = column(String(255), default="")
    admin_state_up: bool = column(Boolean, default=True)
    status: Status = column(String(16), default=Status.ACTIVE)
    mtu: int = column(Integer)
    shared: bool = column(Boolean, default=False)
    external: bool = column(Boolean, default=False)
    is_default: bool = column(Boolean, default=False)
    port_security_enabled: bool = column(Boolean, default=True)
    provider_type: str = column(String(32), default="geneve")
    physical_network: str | None = column(String(64), default=None)
    segmentation_id: int | None = column(Integer, default=None)
    tags: list[str] = column(Json, default_factory=list)
    revision_number: int = column(Integer, default=1)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)


class SubnetPool(Model, table="network_subnet_pools"):
    """Prefixes of which subnets are cut, so that no two of them overlap."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(255), index=True)
    name: str = column(String(255), default="")
    description: str = column(String(255), default="")
    ip_version: int = column(Integer)
    prefixes: list[str] = column(Json, default_factory=list)
    default_prefixlen: int = column(Integer)
    min_prefixlen: int = column(Integer)
    max_prefixlen: int = column(Integer)
    default_quota: int | None = column(BigInteger, default=None)
    shared: bool = column(Boolean, default=False)
    is_default: bool = column(Boolean, default=False)
    tags: list[str] = column(Json, default_factory=list)
    revision_number: int = column(Integer, default=1)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)


class Subnet(Model, table="network_subnets"):
    """A network's addresses. Pools are lists of {start, end}, routes of {destination, nexthop}."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(255), index=True)
    network_id: str = column(String(36), references="network_networks.id", index=True)
    subnetpool_id: str | None = column(
        String(36), default=None, references="network_subnet_pools.id", index=True
    )
    name: str = column(String(255), default="")
    description: str = column(String(255), default="")
    ip_version: int = column(Integer)
    cidr: str = column(String(64))
    gateway_ip: str | None = column(String(64), default=None)
    enable_dhcp: bool = column(Boolean, default=True)
    ipv6_ra_mode: str | None = column(String(16), default=None)
    ipv6_address_mode: str | None = column(String(16), default=None)
    dns_nameservers: list[str] = column(Json, default_factory=list)
    host_routes: list[dict[str, str]] = column(Json, default_factory=list)
    allocation_pools: list[dict[str, str]] = column(Json, default_factory=list)
    tags: list[str] = column(Json, default_factory=list)
    revision_number: int = column(Integer, default=1)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)


class Port(Model, table="network_ports"):
    """A card on a network. `made_for` is the server that compute created it for, and takes it along."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(255), index=True)
    network_id: str = column(String(36), references="network_networks.id")
    name: str = column(String(255), default="")
    description: str = column(String(255), default="")
    admin_state_up: bool = column(Boolean, default=True)
    status: Status = column(String(16), default=Status.DOWN)
    mac_address: str = column(String(32))
    device_id: str = column(String(255), default="", index=True)
    device_owner: str = column(String(255), default="")
    port_security_enabled: bool = column(Boolean, default=True)
    allowed_address_pairs: list[dict[str, str]] = column(Json, default_factory=list)
    extra_dhcp_opts: list[dict[str, Any]] = column(Json, default_factory=list)
    host: str = column(String(255), default="", index=True)
    vnic_type: str = column(String(64), default="normal")
    profile: dict[str, Any] = column(Json, default_factory=dict)
    made_for: str | None = column(String(36), default=None)
    position: int = column(Integer, default=0)  # its place among its server's cards
    tag: str | None = column(String(64), default=None)  # the device tag that the server's user gave
    tags: list[str] = column(Json, default_factory=list)
    revision_number: int = column(Integer, default=1)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)
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


class SecurityGroup(Model, table="network_security_groups"):
    """A set of rules. Each project has one that is its default, made at first use."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(255), index=True)
    name: str = column(String(255), default="")
    description: str = column(String(255), default="")
    is_default: bool = column(Boolean, default=False)
    tags: list[str] = column(Json, default_factory=list)
    revision_number: int = column(Integer, default=1)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)
    __extra__ = (
        Index(
            "project_id",
            name="uq_network_security_groups_default",
            unique=True,
            where="is_default",
        ),
    )


class SecurityGroupRule(Model, table="network_security_group_rules"):
    """What a security group allows."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(255), index=True)
    security_group_id: str = column(
        String(36), references="network_security_groups.id", on_delete="CASCADE", index=True
    )
    direction: str = column(String(16))
    ethertype: str = column(String(8), default="IPv4")
    protocol: str | None = column(String(40), default=None)
    port_range_min: int | None = column(Integer, default=None)
    port_range_max: int | None = column(Integer, default=None)
    remote_ip_prefix: str | None = column(String(64), default=None)
    remote_group_id: str | None = column(
        String(36), default=None, references="network_security_groups.id", on_delete="CASCADE"
    )
    description: str = column(String(255), default="")
    revision_number: int = column(Integer, default=1)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)


class PortSecurityGroup(Model, table="network_port_security_groups"):
    """A port is in a security group."""

    port_id: str = column(String(36), key=True, references="network_ports.id", on_delete="CASCADE")
    security_group_id: str = column(String(36), key=True, references="network_security_groups.id", index=True)


class Router(Model, table="network_routers"):
    """A router. Its interfaces and gateway are ports whose `device_id` it is."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(255), index=True)
    name: str = column(String(255), default="")
    description: str = column(String(255), default="")
    admin_state_up: bool = column(Boolean, default=True)
    status: Status = column(String(16), default=Status.ACTIVE)
    gateway_network_id: str | None = column(String(36), default=None, references="network_networks.id")
    gateway_port_id: str | None = column(String(36), default=None, references="network_ports.id")
    enable_snat: bool = column(Boolean, default=True)
    routes: list[dict[str, str]] = column(Json, default_factory=list)
    tags: list[str] = column(Json, default_factory=list)
    revision_number: int = column(Integer, default=1)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)


class FloatingIp(Model, table="network_floating_ips"):
    """An external address. It is held by a port of its own (`holder_port_id`) on the external network."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(255), index=True)
    description: str = column(String(255), default="")
    status: Status = column(String(16), default=Status.DOWN)
    floating_network_id: str = column(String(36), references="network_networks.id")
    floating_ip_address: str = column(String(64), index=True)
    holder_port_id: str = column(String(36), references="network_ports.id")
    port_id: str | None = column(String(36), default=None, references="network_ports.id", index=True)
    fixed_ip_address: str | None = column(String(64), default=None)
    router_id: str | None = column(String(36), default=None, references="network_routers.id", index=True)
    tags: list[str] = column(Json, default_factory=list)
    revision_number: int = column(Integer, default=1)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)
    __extra__ = (Unique("port_id", "fixed_ip_address"),)


class Realisation(Model, table="network_realisations"):
    """How far the data plane is with one resource. Gone once a deleted resource is removed there."""

    kind: str = column(String(16), key=True)
    id: str = column(String(36), key=True)
    revision: int = column(BigInteger, default=1)
    realised: int = column(BigInteger, default=0)
    attempts: int = column(Integer, default=0)
    retry_at: datetime = column(When, default_factory=clock.now)
    error: str = column(Text, default="")
    __extra__ = (Index("kind", "id", name="ix_network_unrealised", where="realised < revision"),)
