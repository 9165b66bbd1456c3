"""What every resource of neutron's has: its standard attributes."""

from datetime import datetime
from enum import StrEnum

from cumulo.core import clock, ids
from cumulo.core.db import Integer, Json, Model, String, When, column


class Status(StrEnum):
    """What neutron says of networks, ports, routers and floating IPs."""

    ACTIVE = "ACTIVE"
    DOWN = "DOWN"
    BUILD = "BUILD"
    ERROR = "ERROR"
    NOT_APPLICABLE = "N/A"


class Standard(Model):
    """The attributes of every resource of the API."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(255), index=True)
    description: str = column(String(255), default="")
    revision_number: int = column(Integer, default=1)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)


class Tagged(Standard):
    """A resource that users put words on."""

    tags: list[str] = column(Json, default_factory=list)


class Named(Tagged):
    """A resource with a name."""

    name: str = column(String(255), default="")
