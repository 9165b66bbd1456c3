"""What a server's ports are promised of their host's network: claimed with its own, carried by moves."""

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
    """Return what a server's ports ask of placement: while it is built, those that it is to be given."""
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
