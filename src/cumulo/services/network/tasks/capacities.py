"""What may be promised of hosts' networks, kept in placement below each compute host.

The tree is upstream's: below the host one provider for what its switch does, and below that one for each
bridge to physical networks. A host that compute does not know yet gets its tree by a later look.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from cumulo.contracts.placement import Child, Inventory, Placement
from cumulo.core.errors import Bug
from cumulo.core.tasks import ReconcileRun, reconciler
from cumulo.services.network.demands import BANDWIDTH, PACKETS, physical_network_trait, vnic_trait
from cumulo.services.network.drivers.specs import Capacity, Link
from cumulo.services.network.model import Agent

MARK = "OVN Controller agent"
_VNICS = frozenset({vnic_trait("normal")})


@reconciler(every=20.0, name="network.capacities")
async def capacities(run: ReconcileRun) -> None:
    """Have placement know what may be promised of each host's network."""
    try:
        placement = run.use(Placement)
    except (KeyError, Bug):
        return  # the service runs alone
    async with run.database.read() as db:
        agents = await db.all(Agent, order_by=[Agent.c.heartbeat_at])
        known = await placement.below(db, MARK)
    wanted = {agent.host: children(agent) for agent in agents}  # of two of a host, the one seen last
    for host in sorted(known.keys() | wanted.keys()):
        named = {child.name: child for child in wanted.get(host, ())}
        if named != known.get(host, {}):
            async with run.database.begin() as db:
                await placement.keep_below(db, host, MARK, list(named.values()))


def children(agent: Agent) -> list[Child]:
    """Return the providers below an agent's host: the switch, and its bridges."""
    capacity = msgspec.convert(agent.capacity, Capacity)
    if not capacity.links and not capacity.packets:
        return []
    top = f"{agent.host}:{MARK}"
    packets = {PACKETS[way]: _inventory(rate, {}) for way, rate in capacity.packets.items()}
    switch = Child(name=top, inventories=packets, traits=_VNICS)
    return [switch, *(_bridge(top, link, capacity.inventory) for link in capacity.links)]


def _bridge(top: str, link: Link, counted: Mapping[str, float]) -> Child:
    rates = {"egress": link.egress, "ingress": link.ingress}
    return Child(
        name=f"{top}:{link.bridge}",
        parent=top,
        inventories={BANDWIDTH[way]: _inventory(rate, counted) for way, rate in rates.items() if rate},
        traits=_VNICS | {physical_network_trait(name) for name in link.physical_networks},
    )


def _inventory(total: int, counted: Mapping[str, float]) -> Inventory:
    facts: dict[str, Any] = {"max_unit": total, **counted}
    facts["max_unit"] = min(int(facts["max_unit"]), total)
    return Inventory(total=total, **facts)
