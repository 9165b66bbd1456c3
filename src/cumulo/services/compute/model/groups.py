"""Host aggregates and server groups: what a scheduler is told of hosts and of servers."""

from datetime import datetime

from cumulo.core import clock, ids
from cumulo.core.db import Integer, Json, Model, String, Unique, When, column


class Aggregate(Model, table="compute_aggregates"):
    """Hosts that have something in common, told by metadata; `availability_zone` in it makes them a zone."""

    id: int = column(Integer, key=True)
    uuid: str = column(String(36), default_factory=ids.dashed)
    name: str = column(String(255))
    metadata: dict[str, str] = column(Json, default_factory=dict)
    hosts: list[str] = column(Json, default_factory=list)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)
    __extra__ = (Unique("name", name="uq_compute_aggregates_name"),)


class ServerGroup(Model, table="compute_server_groups"):
    """Servers of a project that are to be on one host, or each on another.

    policy: affinity, anti-affinity, soft-affinity, soft-anti-affinity. most_on_host: for anti-affinity, how
    many of the servers one host may have. Which servers are in it, their own rows say.
    """

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(64), index=True)
    user_id: str = column(String(64))
    name: str = column(String(255))
    policy: str = column(String(32))
    most_on_host: int | None = column(Integer, default=None)
    created_at: datetime = column(When, default_factory=clock.now)
