"""The tables of kinds of router that administrators offer."""

from datetime import datetime

from cumulo.core import clock, ids
from cumulo.core.db import Boolean, Model, String, Text, When, column


class Flavor(Model, table="network_flavors"):
    """A kind of router. What one of it is like, its profiles say."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    name: str = column(String(255), default="")
    description: str = column(String(1024), default="")
    service_type: str = column(String(36))
    enabled: bool = column(Boolean, default=True)
    created_at: datetime = column(When, default_factory=clock.now)


class ServiceProfile(Model, table="network_service_profiles"):
    """How a flavor is made. `metainfo` is JSON: what routers of it are like."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    description: str = column(String(1024), default="")
    driver: str = column(String(1024), default="")
    metainfo: str = column(Text, default="")
    enabled: bool = column(Boolean, default=True)
    created_at: datetime = column(When, default_factory=clock.now)


class FlavorProfile(Model, table="network_flavor_profiles"):
    """A flavor has a profile."""

    flavor_id: str = column(String(36), key=True, references="network_flavors.id", on_delete="CASCADE")
    profile_id: str = column(String(36), key=True, references="network_service_profiles.id", index=True)
