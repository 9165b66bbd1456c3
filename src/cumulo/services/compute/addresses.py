"""What a server's document says of its ports, kept on the server's row: addresses and group names."""

from collections.abc import Sequence
from typing import Any

from cumulo.contracts.network import Ports, ServerAddress
from cumulo.core.db import Transaction
from cumulo.services.compute.model import Server


async def refresh(db: Transaction, ports: Ports, server_ids: Sequence[str]) -> None:
    """Write anew what these servers' documents say of their ports."""
    if not server_ids:
        return
    found = await ports.addresses(db, server_ids)
    groups = await ports.security_groups(db, server_ids)
    for server_id in server_ids:
        names = [{"name": name} for name in groups.get(server_id, ())]
        shown = by_network(found.get(server_id, ()))
        await db.update(Server, Server.c.id == server_id, addresses=shown, security_groups=names)


def by_network(lines: Sequence[ServerAddress]) -> dict[str, list[dict[str, Any]]]:
    """Group addresses by their network's name, in Nova's words."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        shape = {
            "version": line.version,
            "addr": line.address,
            "OS-EXT-IPS:type": line.kind,
            "OS-EXT-IPS-MAC:mac_addr": line.mac,
        }
        grouped.setdefault(line.network_name, []).append(shape)
    return grouped
