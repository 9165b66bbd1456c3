"""Placement's HTTP: API 1.0 to 1.39."""

from cumulo.services.placement.api import aggregates, allocations, candidates, names, providers
from cumulo.services.placement.api.dialect import DIALECT

PARTS = (
    providers.versions,
    aggregates.providers,
    aggregates.routes,
    names.routes,
    allocations.routes,
    candidates.routes,
)

__all__ = ["DIALECT", "PARTS"]
