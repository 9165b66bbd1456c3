"""Unified limits: how much of a resource a project or a domain may hold, for services to ask."""

from cumulo.core import ids
from cumulo.core.db import Integer, Model, String, Text, column

_ID = String(64)


class RegisteredLimit(Model, table="identity_registered_limits"):
    """The default for a resource of a service, in one region or (None) in all that have none of their own."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    service_id: str = column(_ID, index=True, references="identity_services.id", on_delete="CASCADE")
    region_id: str | None = column(String(255), default=None, references="identity_regions.id")
    resource_name: str = column(String(255))
    default_limit: int = column(Integer)
    description: str | None = column(Text, default=None)


class Limit(Model, table="identity_limits"):
    """What a project or a domain has in place of a registered limit's default."""

    id: str = column(_ID, key=True, default_factory=ids.plain)
    registered_limit_id: str = column(_ID, index=True, references="identity_registered_limits.id")
    project_id: str | None = column(_ID, default=None, index=True)
    domain_id: str | None = column(_ID, default=None, index=True)
    resource_limit: int = column(Integer)
    description: str | None = column(Text, default=None)
