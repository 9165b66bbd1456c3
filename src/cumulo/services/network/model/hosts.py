"""The table of what runs on hosts for the network."""

from datetime import datetime, timedelta
from typing import Any

from cumulo.core import clock
from cumulo.core.db import Boolean, Json, Model, String, When, column


class Agent(Model, table="network_agents"):
    """A host's ovn-controller, as it was last seen. `id` is its chassis' name.

    `admin_state_up` false keeps routers' gateways away from the host. `capacity` is what may be promised of
    its network: the driver's `Capacity` as plain JSON.
    """

    id: str = column(String(255), key=True)
    host: str = column(String(255))
    gateway: bool = column(Boolean, default=False)
    zones: list[str] = column(Json, default_factory=list)
    physical_networks: list[str] = column(Json, default_factory=list)
    capacity: dict[str, Any] = column(Json, default_factory=dict)
    description: str = column(String(255), default="")
    admin_state_up: bool = column(Boolean, default=True)
    created_at: datetime = column(When, default_factory=clock.now)
    started_at: datetime = column(When, default_factory=clock.now)
    heartbeat_at: datetime = column(When, default_factory=clock.now)


ALIVE_FOR = timedelta(seconds=75)  # neutron's agent_down_time


def oldest() -> datetime:
    """Return the instant before which a host's sign of life is too old."""
    return clock.now() - ALIVE_FOR
