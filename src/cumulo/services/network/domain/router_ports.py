"""What a router's ports hold of networks' addresses."""

from collections.abc import Sequence

from cumulo.core.db import Reader
from cumulo.services.network.domain import addresses
from cumulo.services.network.errors import BadRequest, NetworkNotFound
from cumulo.services.network.model import FixedIp, Network, Owner, Port, Router, Subnet


async def held_by(db: Reader, port_ids: Sequence[str]) -> list[tuple[FixedIp, Subnet]]:
    """Return the addresses of these ports, each with its subnet."""
    held = await db.all(FixedIp, FixedIp.c.port_id.in_(list(port_ids))) if port_ids else []
    ids = {ip.subnet_id for ip in held}
    subnets = {s.id: s for s in await db.all(Subnet, Subnet.c.id.in_(ids))} if ids else {}
    return [(ip, subnets[ip.subnet_id]) for ip in held]


async def network_of(db: Reader, network_id: str) -> Network:
    """Return a network. NetworkNotFound."""
    network = await db.get(Network, network_id)
    if network is None:
        raise NetworkNotFound(id=network_id)
    return network


async def refuse_overlap(
    db: Reader, router: Router, subnets: Sequence[Subnet], *, besides: str | None = None
) -> None:
    """Refuse a subnet that the router has already, or that overlaps with one of its others.

    besides: a network to which the router may have several ways out.
    """
    existing = await db.all(Port, Port.c.device_id == router.id)
    ways = {p.id for p in existing if p.device_owner == Owner.ROUTER_GATEWAY and p.network_id == besides}
    for _, other in await held_by(db, [port.id for port in existing if port.id not in ways]):
        for subnet in subnets:
            if other.id == subnet.id:
                reason = f"router {router.id} already has a port on subnet {subnet.id}"
                raise BadRequest(resource="router", reason=reason)
            mine, theirs = addresses.net(subnet), addresses.net(other)
            if mine.version == theirs.version and mine.overlaps(theirs):
                reason = f"CIDR {subnet.cidr} overlaps with {other.cidr} of subnet {other.id}"
                raise BadRequest(resource="router", reason=reason)
