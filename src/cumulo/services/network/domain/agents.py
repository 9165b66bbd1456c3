"""Agents: what of hosts an administrator decides, and the zones that hosts are in."""

from typing import Any

import sqlalchemy

from cumulo.core.db import Reader
from cumulo.core.work import Work
from cumulo.services.network.domain.changes import touch
from cumulo.services.network.drivers.specs import Kind
from cumulo.services.network.errors import AgentAlive, AvailabilityZoneNotFound
from cumulo.services.network.model import Agent, Router
from cumulo.services.network.model.hosts import oldest


def alive(agent: Agent) -> bool:
    """Say whether a host gave a sign of life lately."""
    return agent.heartbeat_at > oldest()


async def update(work: Work, agent: Agent, values: dict[str, Any]) -> Agent:
    """Describe an agent, or keep gateways away from its host (`admin_state_up` false)."""
    moved = values.get("admin_state_up", agent.admin_state_up) != agent.admin_state_up
    for name, value in values.items():
        setattr(agent, name, value)
    if values:
        await work.db.save(agent, *values)
    if moved:
        out = Router.c.gateway_network_id.is_not(None)
        rows = await work.db.rows(sqlalchemy.select(Router.c.id).where(out))
        await touch(work, Kind.ROUTER, *(row[0] for row in rows))
    return agent


async def delete(work: Work, agent: Agent) -> None:
    """Forget a host that is gone."""
    if alive(agent):
        raise AgentAlive(id=agent.id)
    await work.db.delete(Agent, Agent.c.id == agent.id)


async def zones(db: Reader) -> dict[str, bool]:
    """Return the zones of all hosts, each with whether a host in it is alive and open to gateways."""
    found: dict[str, bool] = {}
    for agent in await db.all(Agent):
        for zone in agent.zones:
            found[zone] = found.get(zone, False) or (agent.admin_state_up and alive(agent))
    return dict(sorted(found.items()))


async def check_zones(db: Reader, hints: list[str]) -> None:
    """Refuse zones that no host is in."""
    if hints:
        known = await zones(db)
        for hint in hints:
            if hint not in known:
                raise AvailabilityZoneNotFound(id=hint)
