"""Placement's HTTP: API 1.0 to 1.39."""

from cumulo.services.placement.api import allocations, candidates, inventories, names, providers
from cumulo.services.placement.api.dialect import DIALECT

PARTS = (
    providers.versions,
    inventories.PROVIDERS,
    names.routes,
    allocations.routes,
    candidates.routes,
)

__all__ = ["DIALECT", "PARTS"]
