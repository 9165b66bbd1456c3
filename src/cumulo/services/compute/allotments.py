"""What is claimed beside a server's own size and carried by moves: its flavor's groups, its ports' wishes."""

from collections.abc import Sequence

from cumulo.contracts.network import Ports
from cumulo.contracts.placement import Demand
from cumulo.core.errors import Invalid
from cumulo.core.http import Ctx
from cumulo.core.work import Work
from cumulo.services.compute import guests
from cumulo.services.compute.model import Server, VmState


class PortPromised(Invalid):
    """A server with a port whose QoS policy promises something can be created since microversion 2.72."""


SINCE = (2, 72)
"""The microversion whose clients know that ports can ask for something."""


async def demanded(work: Work, server: Server) -> Sequence[Demand]:
    """Return what a server's flavor wants in groups, and what its ports ask of placement.

    Its ports are those that it is to be given while it is built.
    """
    return (*guests.groups_of(server), *await _of_ports(work, server))


async def _of_ports(work: Work, server: Server) -> Sequence[Demand]:
    ports = work.use(Ports)
    if server.vm_state is not VmState.BUILDING:
        return await ports.demands(work.db, server_id=server.id)
    given = ports_given(server)
    return await ports.demands(work.db, port_ids=given) if given else ()


def ports_given(server: Server) -> list[str]:
    """Return the ports that a server's creation named."""
    return [each.port_id for each in guests.asked_of(server).networks if each.port_id is not None]


async def check(ctx: Ctx, port_ids: Sequence[str]) -> None:
    """Refuse ports that ask for something where the client's version knows of no such ports. PortPromised."""
    if not port_ids or ctx.version is None or ctx.version >= SINCE:
        return
    if await ctx.use(Ports).demands(ctx.db, port_ids=port_ids):
        raise PortPromised
