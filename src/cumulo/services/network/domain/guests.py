"""What guests and hosts are told of networks: `network_data.json`, and where metadata is served."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy

from cumulo.contracts.metadata import MetadataNetwork
from cumulo.contracts.network import FixedIp as BoundIp
from cumulo.contracts.network import PortBinding
from cumulo.core.db import Reader
from cumulo.services.network.domain import addresses, servers
from cumulo.services.network.model import FixedIp, Network, Owner, Port, Subnet

_V4 = 4


async def metadata_networks(db: Reader, host: str) -> list[MetadataNetwork]:
    """Return the networks with a guest's port on this host, each with its port for metadata."""
    guests = sqlalchemy.select(Port.c.network_id).where(
        Port.c.host == host, Port.c.device_owner.like(f"{servers.OF_COMPUTE}%")
    )
    statement = (
        sqlalchemy.select(
            Port.c.network_id, Port.c.id, Port.c.mac_address, Network.c.mtu, FixedIp.c.address, Subnet.c.cidr
        )
        .join(Network.table, Network.c.id == Port.c.network_id)
        .join(FixedIp.table, FixedIp.c.port_id == Port.c.id)
        .join(Subnet.table, Subnet.c.id == FixedIp.c.subnet_id)
        .where(Port.c.device_owner == Owner.METADATA.value, Port.c.network_id.in_(guests))
        .order_by(Port.c.network_id, FixedIp.c.position)
    )
    found: dict[str, MetadataNetwork] = {}
    for network_id, port_id, mac, mtu, address, cidr in await db.rows(statement):
        before = found[network_id].cidrs if network_id in found else ()
        found[network_id] = MetadataNetwork(
            network_id=network_id,
            port_id=port_id,
            mac=mac,
            cidrs=(*before, f"{address}/{cidr.partition('/')[2]}"),
            mtu=mtu,
        )
    return list(found.values())


async def server_at(db: Reader, network_id: str, address: str) -> str | None:
    """Return the id of the server with this fixed address on this network."""
    statement = (
        sqlalchemy.select(Port.c.device_id)
        .join(FixedIp.table, FixedIp.c.port_id == Port.c.id)
        .where(
            FixedIp.c.network_id == network_id,
            FixedIp.c.address == address,
            Port.c.host != "",  # a client may write any server's id on a port, but binds none
            Port.c.device_owner.like(f"{servers.OF_COMPUTE}%"),
        )
    )
    found = await db.scalar(statement)
    return None if found is None else str(found)


def network_data(bindings: Sequence[PortBinding]) -> dict[str, Any]:
    """Return OpenStack's `network_data.json`: links are cards, networks the addresses on them."""
    links: list[dict[str, Any]] = []
    networks: list[dict[str, Any]] = []
    for binding in bindings:
        link = f"tap{binding.port_id[:11]}"
        links.append(
            {
                "id": link,
                "vif_id": binding.port_id,
                "type": "ovs",
                "mtu": binding.mtu,
                "ethernet_mac_address": binding.mac,
            }
        )
        networks += [_network(binding, link, ip, len(networks) + n) for n, ip in enumerate(binding.fixed_ips)]
    servers_named = dict.fromkeys(dns for b in bindings for ip in b.fixed_ips for dns in ip.dns)
    services = [{"type": "dns", "address": address} for address in servers_named]
    return {"links": links, "networks": networks, "services": services}


def _network(binding: PortBinding, link: str, ip: BoundIp, number: int) -> dict[str, Any]:
    """One address: by DHCP for IPv4, as it is for IPv6."""
    common = {"id": f"network{number}", "link": link, "network_id": binding.network_id}
    if ip.version == _V4:
        return {**common, "type": "ipv4_dhcp"}
    net = addresses.prefix_mask(ip.cidr)
    routes = []
    if ip.gateway is not None:
        routes.append({"network": "::", "netmask": "::", "gateway": ip.gateway})
    return {**common, "type": "ipv6", "ip_address": ip.address, "netmask": net, "routes": routes}
