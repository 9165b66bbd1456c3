"""Compute's API: what it declares."""

from cumulo.services.compute.api import (
    actions,
    aggregates,
    details,
    events,
    flavors,
    groups,
    hosts,
    keypairs,
    migrations,
    quotas,
    security_groups,
    usage,
    versions,
    volumes,
)
from cumulo.services.compute.api.dialect import DIALECT

PARTS = (
    versions.routes,
    flavors.flavors,
    keypairs.routes,
    actions.SERVERS,
    details.routes,
    events.routes,
    hosts.routes,
    aggregates.routes,
    groups.routes,
    migrations.routes,
    quotas.routes,
    security_groups.routes,
    usage.routes,
    volumes.routes,
)

__all__ = ["DIALECT", "PARTS"]
