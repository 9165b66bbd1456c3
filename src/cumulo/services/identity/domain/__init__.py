"""Identity's decisions and invariants."""

from cumulo.services.identity.domain.founding import CatalogEntry, Founding, bootstrap

__all__ = ["CatalogEntry", "Founding", "bootstrap"]
