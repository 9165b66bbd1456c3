"""What ports are promised of their host's network, and which providers in placement keep it.

Compute claims what ports ask for with the server's own. Which provider serves a group of it stands in the
port's binding profile, as upstream has it.

What a server was not promised when it got the port it is not promised later: only groups that are served
follow their policy. Upstream's OVS driver does so, too.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

import sqlalchemy

from cumulo.contracts.placement import Demand, Placement
from cumulo.core.db import Reader
from cumulo.core.errors import Conflict
from cumulo.core.work import Work
from cumulo.services.network import demands
from cumulo.services.network.demands import ALLOCATION, KINDS, NOBODYS, RATE, Promise, group_id, served
from cumulo.services.network.domain.changes import change
from cumulo.services.network.errors import NetworkPromises, QosPlacementAllocationConflict
from cumulo.services.network.model import Network, Port, QosRule


async def asked(db: Reader, *where: Any) -> dict[str, list[Demand]]:
    """Return what ports ask of placement, by port, for those that ask for anything: one query."""
    c, rule = Port.c, QosRule.c
    own = c.device_owner.not_like(f"{NOBODYS}%")
    policy = sqlalchemy.func.coalesce(
        c.qos_policy_id, sqlalchemy.case((own, Network.c.qos_policy_id), else_=None)
    )
    columns = (c.id, c.vnic_type, Network.c.physical_network, rule.kind, rule.direction)
    statement = (
        sqlalchemy.select(*columns, sqlalchemy.func.coalesce(rule.min_kbps, rule.min_kpps, 0))
        .join(Network.table, Network.c.id == c.network_id)
        .join(QosRule.table, rule.policy_id == policy)
        .where(rule.kind.in_(KINDS), *where)
    )
    found: dict[tuple[str, str, str | None], list[Promise]] = {}
    for port_id, vnic, network, *promise in await db.rows(statement):
        found.setdefault((port_id, vnic, network), []).append((promise[0], promise[1], promise[2]))
    return {key[0]: wanted for key, promises in found.items() if (wanted := demands.asked(*key, promises))}


async def refuse(db: Reader, network: Network) -> None:
    """Refuse to make a server's port on a network that promises: there is no port yet to ask for it."""
    if network.qos_policy_id is None:
        return
    rules = await db.all(QosRule, QosRule.c.policy_id == network.qos_policy_id, QosRule.c.kind.in_(KINDS))
    if any(rule.kind == RATE or network.physical_network for rule in rules):
        raise NetworkPromises(id=network.id)


async def claim(work: Work, port: Port) -> None:
    """Claim what a port asks for that came to a server. QosPlacementAllocationConflict."""
    wanted = (await asked(work.db, Port.c.id == port.id)).get(port.id)
    if wanted:
        try:
            await work.use(Placement).extend(work, port.device_id, port.host, wanted)
        except Conflict as error:
            raise QosPlacementAllocationConflict(id=port.id, reason=error.message) from error
        await _show(work, port, await work.use(Placement).served(work.db, port.device_id))


async def _show(work: Work, port: Port, providers: Any) -> None:
    """Have a port's profile say who of these serves it."""
    mine = {id_: providers[id_] for kind in KINDS if (id_ := group_id(port.id, kind)) in providers}
    if mine != served(port):
        kept = {name: value for name, value in port.profile.items() if name != ALLOCATION}
        await change(work.db, port, {"profile": kept | ({ALLOCATION: mine} if mine else {})})


async def follow(work: Work, ports: Sequence[Port]) -> None:
    """Have what is claimed for ports be what they ask for now. QosPlacementAllocationConflict."""
    held = [port for port in ports if port.host and served(port)]
    if not held:
        return
    asks = await asked(work.db, Port.c.id.in_([port.id for port in held]))
    for port in held:
        amounts = {one.id: one.resources for one in asks.get(port.id, ())}
        wanted = {id_: amounts.get(id_, {}) for id_ in served(port)}
        placement = work.use(Placement)
        try:
            await placement.adjust(work, port.device_id, wanted)
        except Conflict as error:
            raise QosPlacementAllocationConflict(id=port.id, reason=error.message) from error
        await _show(work, port, {id_: who for id_, who in served(port).items() if wanted[id_]})


async def let_go(work: Work, port: Port) -> None:
    """Give back what was claimed for a port that leaves its server, or goes."""
    if port.device_id and served(port):
        await work.use(Placement).adjust(work, port.device_id, {id_: {} for id_ in served(port)})


async def settle(work: Work, server_id: str, ports: Sequence[Port]) -> None:
    """Have a server's ports say who serves them by the claim it has now, and that claim be what they ask for.

    A claim that was aside during a move may be older than a change of a policy, or than a port's leaving.
    """
    placement = work.use(Placement)
    providers = await placement.served(work.db, server_id)
    if providers:
        asks = await asked(work.db, Port.c.id.in_([port.id for port in ports]))
        amounts = {one.id: one.resources for each in asks.values() for one in each}
        with contextlib.suppress(Conflict):  # then it keeps what it has: the promise of before
            async with work.db.savepoint():
                await placement.adjust(work, server_id, {id_: amounts.get(id_, {}) for id_ in providers})
        providers = await placement.served(work.db, server_id)
    for port in ports:
        await _show(work, port, providers)
