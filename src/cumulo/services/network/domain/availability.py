"""How many addresses networks have, and how many of them are taken."""

import ipaddress
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy

from cumulo.core.db import Reader
from cumulo.services.network.model import FixedIp, Network, Subnet


async def of_networks(db: Reader, *where: Any, versions: Sequence[int] = (4, 6)) -> list[dict[str, Any]]:
    """Return neutron's `network_ip_availability` of each network: its pools' size, and what ports hold."""
    networks = await db.all(Network, *where, order_by=[Network.c.created_at, Network.c.id])
    ids = [network.id for network in networks]
    mine = (Subnet.c.network_id.in_(ids), Subnet.c.ip_version.in_(list(versions)))
    subnets: dict[str, list[Subnet]] = defaultdict(list)
    for subnet in await db.all(Subnet, *mine, order_by=[Subnet.c.created_at, Subnet.c.id]) if ids else []:
        subnets[subnet.network_id].append(subnet)
    used = await _used(db, ids)
    return [_shown(network, subnets[network.id], used) for network in networks]


async def _used(db: Reader, network_ids: Sequence[str]) -> Counter[str]:
    count = sqlalchemy.func.count()
    statement = (
        sqlalchemy.select(FixedIp.c.subnet_id, count)
        .where(FixedIp.c.network_id.in_(list(network_ids)))
        .group_by(FixedIp.c.subnet_id)
    )
    return Counter({row[0]: int(row[1]) for row in await db.rows(statement)})


def _shown(network: Network, subnets: Sequence[Subnet], used: Counter[str]) -> dict[str, Any]:
    lines = [
        {
            "subnet_id": subnet.id,
            "subnet_name": subnet.name,
            "cidr": subnet.cidr,
            "ip_version": subnet.ip_version,
            "total_ips": sum(map(_size, subnet.allocation_pools)),
            "used_ips": used[subnet.id],
        }
        for subnet in subnets
    ]
    return {
        "network_id": network.id,
        "network_name": network.name,
        "tenant_id": network.project_id,
        "project_id": network.project_id,
        "total_ips": sum(int(str(line["total_ips"])) for line in lines),
        "used_ips": sum(used[subnet.id] for subnet in subnets),
        "subnet_ip_availability": lines,
    }


def _size(pool: dict[str, str]) -> int:
    return int(ipaddress.ip_address(pool["end"])) - int(ipaddress.ip_address(pool["start"])) + 1
