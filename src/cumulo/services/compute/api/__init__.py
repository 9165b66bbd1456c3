"""Compute's API: what it declares."""

from cumulo.services.compute.api import (
    aggregates,
    assisted,
    audits,
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
    networks,
    quotas,
    removed,
    schedule,
    security_groups,
    shares,
    usage,
    versions,
    volumes,
)
from cumulo.services.compute.api.dialect import DIALECT

PARTS = (
    versions.routes,
    flavors.flavors,
    keypairs.routes,
    shares.SERVERS,
    insight.routes,
    details.routes,
    hosts.routes,
    images.routes,
    events.routes,
    former.routes,
    aggregates.routes,
    groups.routes,
    migrations.routes,
    assisted.routes,
    audits.routes,
    networks.routes,
    removed.routes,
    schedule.routes,
    quotas.routes,
    security_groups.routes,
    usage.routes,
    volumes.routes,
)

__all__ = ["DIALECT", "PARTS"]
