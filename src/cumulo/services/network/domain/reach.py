"""Which of a network's subnets a host reaches, where subnets are on segments."""

from collections.abc import Sequence

from cumulo.core.db import Reader
from cumulo.services.network.domain.segments import PHYSICAL
from cumulo.services.network.errors.segments import HostConnectedToNoSegment
from cumulo.services.network.model import Agent, FixedIp, Port, Segment, Subnet


def segmented(subnets: Sequence[Subnet]) -> bool:
    """Say whether a network's subnets are on segments."""
    return any(subnet.segment_id is not None for subnet in subnets)


async def subnets_for(
    db: Reader, subnets: Sequence[Subnet], host: str, network_id: str, *, ours: bool = False
) -> Sequence[Subnet]:
    """Return the subnets that a port on this host may have addresses of; none yet while it has no host.

    ours: ports of routers and floating IPs are on no host in particular. HostConnectedToNoSegment.
    """
    if ours or not segmented(subnets):
        return subnets
    if not host:
        return ()
    on = await _segments_of(db, host, {subnet.segment_id for subnet in subnets})
    reached = [subnet for subnet in subnets if subnet.segment_id in on]
    if not reached:
        raise HostConnectedToNoSegment(host=host, network_id=network_id)
    return reached


async def _segments_of(db: Reader, host: str, segment_ids: set[str | None]) -> set[str]:
    agents = await db.all(Agent, (Agent.c.host == host) | (Agent.c.id == host))
    physical = {name for agent in agents for name in agent.physical_networks}
    rows = await db.all(Segment, Segment.c.id.in_([id_ for id_ in segment_ids if id_ is not None]))
    return {row.id for row in rows if row.network_type not in PHYSICAL or row.physical_network in physical}


async def refuse_foreign(db: Reader, port: Port, subnets: Sequence[Subnet], host: str) -> None:
    """Refuse a host that does not reach a segment that the port has an address of."""
    if not host or not segmented(subnets):
        return
    held = {ip.subnet_id for ip in await db.all(FixedIp, FixedIp.c.port_id == port.id)}
    mine = [subnet for subnet in subnets if subnet.id in held]
    if mine and len(await subnets_for(db, mine, host, port.network_id)) < len(mine):
        raise HostConnectedToNoSegment(host=host, network_id=port.network_id)
