"""Compute's API: what it declares."""

from cumulo.services.compute.api import (
    aggregates,
    details,
    events,
    flavors,
    former,
    groups,
    hosts,
    images,
    insight,
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
    insight.servers,
    insight.routes,
    details.routes,
    hosts.routes,
    images.routes,
    events.routes,
    former.routes,
    aggregates.routes,
    groups.routes,
    migrations.routes,
    quotas.routes,
    security_groups.routes,
    usage.routes,
    volumes.routes,
)

__all__ = ["DIALECT", "PARTS"]
