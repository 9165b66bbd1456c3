"""The tables of routers and floating IPs."""

from datetime import datetime

from cumulo.core import clock
from cumulo.core.db import Boolean, Integer, Json, Model, String, Unique, When, column
from cumulo.services.network.model.standard import Named, Standard, Status, Tagged


class Router(Named, table="network_routers"):
    """A router. Its interfaces and gateways are ports whose `device_id` it is.

    `distributed`: floating IPs are translated on their guest's host, not on the gateway's. `ha`: the gateway
    has other hosts to move to.
    """

    admin_state_up: bool = column(Boolean, default=True)
    status: Status = column(String(16), default=Status.ACTIVE)
    gateway_network_id: str | None = column(String(36), default=None, references="network_networks.id")
    gateway_port_id: str | None = column(String(36), default=None, references="network_ports.id")
    enable_snat: bool = column(Boolean, default=True)
    qos_policy_id: str | None = column(String(36), default=None, index=True)
    enable_default_route_ecmp: bool = column(Boolean, default=False)
    enable_default_route_bfd: bool = column(Boolean, default=False)
    enable_ndp_proxy: bool = column(Boolean, default=False)
    distributed: bool = column(Boolean, default=False)
    ha: bool = column(Boolean, default=True)
    flavor_id: str | None = column(String(36), default=None, index=True)
    routes: list[dict[str, str]] = column(Json, default_factory=list)
    availability_zone_hints: list[str] = column(Json, default_factory=list)


class RouterGateway(Model, table="network_router_gateways"):
    """A way out of a router besides its first one, which the router's own columns name."""

    port_id: str = column(String(36), key=True, references="network_ports.id", on_delete="CASCADE")
    router_id: str = column(String(36), references="network_routers.id", on_delete="CASCADE", index=True)
    network_id: str = column(String(36), references="network_networks.id", index=True)
    created_at: datetime = column(When, default_factory=clock.now)


class NdpProxy(Standard, table="network_ndp_proxies"):
    """An IPv6 address behind a router that the router answers for outside."""

    name: str = column(String(255), default="")
    router_id: str = column(String(36), references="network_routers.id", index=True)
    port_id: str = column(String(36), references="network_ports.id", index=True)
    ip_address: str = column(String(64))
    __extra__ = (Unique("router_id", "ip_address"),)


class FloatingIp(Tagged, table="network_floating_ips"):
    """An external address. It is held by a port of its own (`holder_port_id`) on the external network."""

    status: Status = column(String(16), default=Status.DOWN)
    floating_network_id: str = column(String(36), references="network_networks.id")
    floating_ip_address: str = column(String(64), index=True)
    holder_port_id: str = column(String(36), references="network_ports.id")
    port_id: str | None = column(String(36), default=None, references="network_ports.id", index=True)
    fixed_ip_address: str | None = column(String(64), default=None)
    router_id: str | None = column(String(36), default=None, references="network_routers.id", index=True)
    qos_policy_id: str | None = column(String(36), default=None, index=True)
    dns_name: str = column(String(255), default="")
    dns_domain: str = column(String(255), default="")
    distributed: bool | None = column(Boolean, default=None)  # None: as its router is
    __extra__ = (Unique("port_id", "fixed_ip_address"),)


class PortForwarding(Standard, table="network_port_forwardings"):
    """Ports of a floating IP that lead to a port's address. Ranges are inclusive and of one length.

    The internal range may also be one port, to which all external ones lead.
    """

    floatingip_id: str = column(String(36), references="network_floating_ips.id", index=True)
    internal_port_id: str = column(String(36), references="network_ports.id", index=True)
    internal_ip_address: str = column(String(64))
    protocol: str = column(String(8))
    external_first: int = column(Integer)
    external_last: int = column(Integer)
    internal_first: int = column(Integer)
    internal_last: int = column(Integer)
