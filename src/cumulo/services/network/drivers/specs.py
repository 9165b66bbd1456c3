"""What the network service tells a driver: one frozen spec per resource, and the driver's Protocol.

A spec holds all that its resource needs in the data plane, so that `ensure` is the same for the first
time and for repair. Addresses are text, MACs lower case with colons.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol

import msgspec


class Kind(StrEnum):
    """The kinds of resource, in the order in which they can be realised."""

    NETWORK = "network"
    SUBNET = "subnet"
    ADDRESS_GROUP = "address_group"
    SECURITY_GROUP = "security_group"
    PORT = "port"
    ROUTER = "router"
    FLOATING_IP = "floating_ip"
    MIRROR = "mirror"


class NetworkSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A layer-2 network; with `physical_network` it reaches a real one (VLAN tagged or flat).

    further: its other physical segments as (id, physical network, VLAN). transparent: guests' own VLAN tags
    pass; `qinq`: with the network's tag outside theirs (802.1ad).
    """

    kind: ClassVar[Kind] = Kind.NETWORK
    id: str
    name: str
    mtu: int
    physical_network: str | None = None
    vlan: int | None = None
    further: tuple[tuple[str, str, int | None], ...] = ()
    transparent: bool = False
    qinq: bool = False


class SubnetSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses of a network, and what DHCP tells of them.

    `metadata_address` is where guests send their packets for 169.254.169.254. `ra_mode` is IPv6's
    `slaac`, `dhcpv6-stateful` or `dhcpv6-stateless`.
    """

    kind: ClassVar[Kind] = Kind.SUBNET
    id: str
    network_id: str
    version: int
    cidr: str
    mtu: int
    dhcp: bool
    gateway: str | None = None
    dns: tuple[str, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()  # destination, next hop
    metadata_address: str | None = None
    ra_mode: str | None = None
    domain: str = ""  # without a dot at its end


class QosSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for traffic of one direction, seen from the guest; rate in kbit/s, burst in kbit."""

    ingress: bool
    rate: int | None = None
    burst: int | None = None
    dscp: int | None = None


class Use(StrEnum):
    """What is behind a port: a guest's card, or the namespace in which each host serves metadata."""

    GUEST = "guest"
    METADATA = "metadata"


class PortSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A card on a network. `pairs` are further (MAC, address or CIDR) that may be sent from it."""

    kind: ClassVar[Kind] = Kind.PORT
    id: str
    network_id: str
    mac: str
    addresses: tuple[tuple[str, str], ...] = ()  # subnet id, address
    use: Use = Use.GUEST
    enabled: bool = True
    port_security: bool = True
    pairs: tuple[tuple[str, str], ...] = ()
    security_groups: tuple[str, ...] = ()
    dhcp_subnet_v4: str | None = None  # whose DHCP answers serve this port
    dhcp_subnet_v6: str | None = None
    dhcp_options_v4: tuple[tuple[str, str], ...] = ()  # OVN's name, value: besides the subnet's
    dhcp_options_v6: tuple[tuple[str, str], ...] = ()
    host: str = ""
    expected_at: str = ""  # the host that is to take it over
    qos: tuple[QosSpec, ...] = ()
    minimum_kbps: int | None = None  # promised to what it sends on a physical network
    parent: str | None = None  # the port that carries this one
    tag: int | None = None  # the VLAN by which it does
    names: tuple[tuple[str, str], ...] = ()  # a name in DNS, the addresses or the name that it leads to


class RuleSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a security group allows. For ICMP the two numbers are type and code."""

    id: str
    ingress: bool
    version: int
    protocol: str | None = None  # a name as the API has it, or a number
    first: int | None = None
    last: int | None = None
    remote_cidr: str | None = None
    remote_group: str | None = None
    remote_addresses: str | None = None  # the id of an address group


class AddressGroupSpec(msgspec.Struct, frozen=True, kw_only=True):
    """CIDRs of both versions that rules name together."""

    kind: ClassVar[Kind] = Kind.ADDRESS_GROUP
    id: str
    cidrs: tuple[str, ...] = ()


class LogSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What hosts write down of a group: what passes, what is dropped; of all its ports, or of one."""

    id: str
    passed: bool = True
    dropped: bool = True
    port: str | None = None


class SecurityGroupSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A set of rules; its ports may receive and send what they allow, with the answers when `stateful`."""

    kind: ClassVar[Kind] = Kind.SECURITY_GROUP
    id: str
    name: str
    rules: tuple[RuleSpec, ...] = ()
    stateful: bool = True
    logs: tuple[LogSpec, ...] = ()


class InterfaceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A router's port on a network; `networks` are its addresses with prefix (`10.0.0.1/24`)."""

    port_id: str
    network_id: str
    mac: str
    networks: tuple[str, ...]
    mtu: int = 0
    ra_mode: str | None = None


class GatewaySpec(msgspec.Struct, frozen=True, kw_only=True):
    """A router's way out: its port on an external network, next hops, and what it hides by SNAT.

    qos: what holds for what leaves and comes under `snat_address`.
    """

    interface: InterfaceSpec
    next_hops: tuple[str, ...] = ()
    snat_address: str | None = None
    snat_cidrs: tuple[str, ...] = ()
    address: str | None = None
    qos: tuple[QosSpec, ...] = ()


class MeterSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Traffic through gateways that hosts are to count by a mark: with an address of `prefix` outside."""

    mark: int
    ingress: bool
    prefix: str


class RouterSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A router with its ports and routes.

    watched: next hops are probed (BFD), and left out while they do not answer. several: gateways may move to
    other hosts. proxied: IPv6 addresses inside that it answers for outside.
    """

    kind: ClassVar[Kind] = Kind.ROUTER
    id: str
    name: str
    enabled: bool = True
    interfaces: tuple[InterfaceSpec, ...] = ()
    gateway: GatewaySpec | None = None
    further_gateways: tuple[GatewaySpec, ...] = ()
    watched: bool = False
    several: bool = True
    proxied: tuple[str, ...] = ()
    meters: tuple[MeterSpec, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()  # destination, next hop
    barred: tuple[tuple[str, str], ...] = ()  # CIDRs from which, and to which, nothing passes
    zones: tuple[str, ...] = ()  # where its gateway may be; none: anywhere
    avoid: tuple[str, ...] = ()  # hosts by name where its gateway must not be


class ForwardSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Ports of a floating IP, and what each of them leads to: (external port, internal port)."""

    id: str
    protocol: str
    fixed_address: str
    ports: tuple[tuple[int, int], ...]


class FloatingIpSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An external address that stands for an internal one, or whose ports are forwarded.

    `gateway` is the router's port on the external network; `chosen` when it is one of several. With `port_id`
    and `mac` it is translated on the host of that port, and answers there with that MAC. Only what leads
    somewhere is realised.
    """

    kind: ClassVar[Kind] = Kind.FLOATING_IP
    id: str
    router_id: str
    address: str
    fixed_address: str | None = None
    forwards: tuple[ForwardSpec, ...] = ()
    qos: tuple[QosSpec, ...] = ()
    network_id: str = ""
    gateway: str = ""
    chosen: bool = False
    port_id: str | None = None
    mac: str | None = None


class MirrorSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A port whose packets go to `sink`, too: those to it in the tunnel `inward`, those from it in `outward`.

    `tunnel` is `gre` or `erspan`; None: they do not go.
    """

    kind: ClassVar[Kind] = Kind.MIRROR
    id: str
    port_id: str
    tunnel: str
    sink: str
    inward: int | None = None
    outward: int | None = None


Spec = (
    NetworkSpec
    | SubnetSpec
    | PortSpec
    | AddressGroupSpec
    | SecurityGroupSpec
    | RouterSpec
    | FloatingIpSpec
    | MirrorSpec
)


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What may be promised of a bridge to physical networks, in kbit/s; None: nothing that way."""

    bridge: str
    physical_networks: tuple[str, ...] = ()
    egress: int | None = None
    ingress: int | None = None


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """What may be promised of a host's switch.

    packets: thousand packets/s by direction: egress, ingress, or `any` where both are counted together.
    inventory: how placement counts it: allocation_ratio, min_unit, max_unit, reserved, step_size.
    """

    links: tuple[Link, ...] = ()
    packets: dict[str, int] = {}
    inventory: dict[str, float] = {}


class HostState(msgspec.Struct, frozen=True, kw_only=True):
    """A host as the data plane knows it. `seen_at`: when it last did what it was told; None: never."""

    name: str
    host: str
    gateway: bool = False
    zones: tuple[str, ...] = ()
    physical_networks: tuple[str, ...] = ()
    capacity: Capacity = Capacity()
    seen_at: datetime | None = None


class Driver(Protocol):
    """A data plane. Every verb is idempotent.

    Raises `cumulo.core.drivers` errors: Temporary when the engine does not answer, or when what a resource
    stands on (a port's network, say) is not there yet.
    """

    async def ensure(self, spec: Spec) -> None:
        """Make the data plane agree with `spec`, whatever it was."""

    async def remove(self, kind: Kind, id: str) -> None:
        """Remove a resource; what is gone already is no error."""

    async def differences(self, spec: Spec) -> list[str]:
        """Say in words what `ensure` would change; nothing when the data plane agrees with `spec`."""

    async def describe(self) -> set[tuple[Kind, str]]:
        """Return every resource of ours that is there at all, so that orphans can be found."""

    async def up(self, port_ids: Collection[str] | None = None) -> dict[str, bool]:
        """Say of these ports (None: all) whether they are wired on a host; unknown ones are left out."""

    async def hosts(self) -> list[HostState]:
        """Return all hosts, and ask each for a sign of life, which a later call has."""

    def take_changed(self) -> set[str]:
        """Return the ports whose wiring changed since the last call, and forget them."""

    def keep_changed(self, port_ids: Collection[str]) -> None:
        """Return these with the next call: what changed could not be noted."""

    def follow(self, *, ports: Callable[[], None], stale: Callable[[], None]) -> None:
        """Call `ports` when wiring changed, `stale` when all must be compared again."""
