"""Who of the hosts is there: the agents that the API shows follow what OVN knows of its chassis."""

from typing import Any

import msgspec
import sqlalchemy

from cumulo.core import clock
from cumulo.core.drivers import DriverError
from cumulo.core.tasks import ReconcileRun, reconciler
from cumulo.services.network.drivers.specs import Driver, HostState
from cumulo.services.network.model import Agent


@reconciler(every=20.0, name="network.hosts")
async def hosts(run: ReconcileRun) -> None:
    """Note which hosts gave a sign of life."""
    try:
        found = await run.use(Driver).hosts()
    except DriverError:
        return  # the agents grow old, which is what is to be seen then
    for state in found:
        await _note(run, state)


async def _note(run: ReconcileRun, state: HostState) -> None:
    async with run.database.begin() as db:
        row = await db.get(Agent, state.name)
        if row is None:
            at = state.seen_at or clock.now()
            row = Agent(id=state.name, host=state.host, heartbeat_at=at, **_told(state))
            await db.insert(row)
            return
        row.host = state.host
        for name, value in _told(state).items():
            setattr(row, name, value)
        row.heartbeat_at = max(row.heartbeat_at, state.seen_at or row.heartbeat_at)
        await db.save(row, "host", *_told(state), "heartbeat_at")


def _told(state: HostState) -> dict[str, Any]:
    return {
        "gateway": state.gateway,
        "zones": list(state.zones),
        "physical_networks": list(state.physical_networks),
        "capacity": msgspec.to_builtins(state.capacity),
    }


def kept_free() -> sqlalchemy.Select[tuple[str]]:
    """Return the select of the hosts that gateways are kept away from."""
    return sqlalchemy.select(Agent.c.id).where(Agent.c.admin_state_up.is_(False))
