"""Compute's API: what it declares."""

from cumulo.services.compute.api import (
    details,
    flavors,
    hosts,
    keypairs,
    quotas,
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
    usage.routes,
)

__all__ = ["DIALECT", "PARTS"]
