"""Compute's API: what it declares."""

from cumulo.services.compute.api import (
    details,
    flavors,
    hosts,
    keypairs,
    quotas,
    security_groups,
    servers,
    usage,
    versions,
)
from cumulo.services.compute.api.dialect import DIALECT

PARTS = (
    versions.routes,
    flavors.flavors,
    keypairs.routes,
    servers.servers,
    details.routes,
    hosts.routes,
    quotas.routes,
    security_groups.routes,
    usage.routes,
)

__all__ = ["DIALECT", "PARTS"]
